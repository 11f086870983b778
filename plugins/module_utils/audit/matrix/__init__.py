"""Who reaches whom among the catalogue's endpoints, and why."""
