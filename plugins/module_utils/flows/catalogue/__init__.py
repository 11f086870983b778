"""The flow catalogue: the built-in file, what a site lays over it, and every mistake in them."""
