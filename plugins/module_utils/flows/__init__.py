"""Who may reach whom, on which port, and why; and one renderer per firewall."""
