"""The flows as ufw's rules on one host, and how they come into force there."""
