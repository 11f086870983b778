"""Whether a class has room, in numbers."""
