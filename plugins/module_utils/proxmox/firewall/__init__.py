"""The firewall of Proxmox VE as it should be, held against what is there, and brought to it in a safe order."""
