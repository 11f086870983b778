"""VMs as files of Terraform and OpenTofu, and states of them as hosts. Pure."""
