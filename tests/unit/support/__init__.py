"""What several unit tests need: sample classes, and an API server in memory."""
