"""A stand-in for Proxmox VE 8.4: its API over HTTPS, for the paths that this project uses."""
