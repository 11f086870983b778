"""From data to the Kubernetes objects of a class."""
