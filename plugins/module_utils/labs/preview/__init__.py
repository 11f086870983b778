"""What a lab will be, without a cluster."""
