"""Test hosts: systemd-nspawn machines with ssh, each in its network's namespace, each with cgroups of its own."""
