"""What NetworkPolicies let through among all endpoints at once."""
