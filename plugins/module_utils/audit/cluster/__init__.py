"""The cluster's NetworkPolicies held against the catalogue."""
