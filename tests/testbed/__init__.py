"""Test hosts, and the mirror of vendor files and images that they install from."""
