"""The flows as NetworkPolicies of Kubernetes."""
