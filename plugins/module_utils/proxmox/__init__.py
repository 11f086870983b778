"""Proxmox VE: a VM as it should be, as it is, the difference, and what brings one to the other."""
