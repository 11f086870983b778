"""What people write, read safely: texts, YAML with the line of every value, and all mistakes at once."""
