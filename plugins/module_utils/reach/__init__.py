"""What a set of rules lets through, proved and explained; it knows nothing of the catalogue."""
