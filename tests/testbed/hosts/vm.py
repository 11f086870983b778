"""The files that make a host a VM of the stand-in for Proxmox: cloud-init gives it name, users and network.

cloud-init is Debian's own. Its data lies where a NoCloud drive's would be copied to: a folder on the VM's disk,
written anew before each boot, as PVE writes the drive.
"""

from __future__ import annotations

from pathlib import Path

SEED = Path("var/lib/cloud/seed/nocloud")
RESOLVER = "../run/systemd/resolve/stub-resolv.conf"
# In /var, where this machine reaches it as a file of the host's folder.
AGENT = Path("var/lib/autolabs-testbed/agent")
AGENT_SOCKET = "socket"
ROOT_KEYS = Path("etc/ssh/autolabs-testbed-root")
AGENT_UNIT = "qemu-guest-agent.service"
ENABLED = {AGENT_UNIT: "multi-user.target", "systemd-resolved.service": "multi-user.target"}

# The agent speaks on a socket in place of a virtual serial port, and runs where the VM's configuration gave it one.
UNIT = f"""\
[Unit]
Description=QEMU guest agent
ConditionPathIsDirectory=/{AGENT}

[Service]
ExecStart=/usr/sbin/qemu-ga --method=unix-listen --path=/{AGENT / AGENT_SOCKET}
Restart=always

[Install]
WantedBy=multi-user.target
"""

SSHD = f"Match User root\nAuthorizedKeysFile /{ROOT_KEYS} .ssh/authorized_keys\nMatch all\n"

# Modules that serve a cloud's own needs, or a disk's, are left out: each costs a part of a second.
SETTINGS = """\
# The only data are those of the seed folder; no device is searched.
datasource_list: [NoCloud]
datasource: {NoCloud: {fs_label: null}}
# The host key stays over changes of the data, since the test bed pins it.
ssh_deletekeys: false
ssh_genkeytypes: [ed25519]
# The disk's own sources lead to this machine's mirrors.
apt: {preserve_sources_list: true}
system_info: {network: {renderers: [networkd]}}
cloud_init_modules:
  - bootcmd
  - write-files
  - set_hostname
  - update_hostname
  - update_etc_hosts
  - ca-certs
  - users-groups
  - ssh
cloud_config_modules:
  - set-passwords
  - apt-configure
  - ntp
  - timezone
  - runcmd
cloud_final_modules:
  - package-update-upgrade-install
  - write-files-deferred
  - scripts-vendor
  - scripts-per-once
  - scripts-per-boot
  - scripts-per-instance
  - scripts-user
  - final-message
  - power-state-change
"""


def files() -> dict[Path, str]:
    """Every such file: its path below the root, and its text."""
    return {
        Path("etc/cloud/cloud.cfg.d/99-testbed.cfg"): SETTINGS,
        Path("etc/ssh/sshd_config.d/testbed-root.conf"): SSHD,
        Path("etc/systemd/system") / AGENT_UNIT: UNIT,
    }
