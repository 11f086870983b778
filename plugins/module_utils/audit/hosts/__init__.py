"""The packet filters of machines and of Proxmox held against the catalogue."""
