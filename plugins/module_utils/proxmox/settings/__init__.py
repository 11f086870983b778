"""What Proxmox VE is to have besides VMs (pools, roles, users, storages, networks, backup jobs), as data."""
