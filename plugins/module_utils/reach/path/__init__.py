"""One question through every firewall on the way."""
