"""What the packet filters of machines and of the hypervisor let in."""
