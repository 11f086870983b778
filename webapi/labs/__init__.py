"""The labs that teachers have stored."""
