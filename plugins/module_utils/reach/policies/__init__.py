"""What NetworkPolicies say to one connection, and why."""
