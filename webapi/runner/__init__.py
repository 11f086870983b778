"""The process of one run; the only place that starts Ansible."""
