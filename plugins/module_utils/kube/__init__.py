"""The Kubernetes session: bulk apply, list, watch."""
