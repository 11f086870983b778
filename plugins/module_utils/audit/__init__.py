"""The catalogue held against what was rendered of it and what is in force."""
