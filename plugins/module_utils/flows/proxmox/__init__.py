"""The flows as the firewall of Proxmox VE."""
