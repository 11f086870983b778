"""The options of a VM's configuration: types, and the privilege that each asks for (qemu-server, PVE/API2/Qemu.pm)."""

from __future__ import annotations

import re

BOOLEANS = set(
    "acpi autostart ciupgrade freeze keephugepages kvm localtime numa onboot protection reboot tablet tdf"
    " template".split()
)
INTEGERS = set("balloon cores cpuunits migrate_speed shares smp sockets vcpus".split())
NUMBERS = {"cpulimit", "migrate_downtime"}
CLOUD_INIT = set("cicustom cipassword citype ciupgrade ciuser nameserver searchdomain sshkeys".split())
OTHERS = set(
    "affinity agent amd-sev arch args audio0 bios boot bootdisk cdrom cpu description hookscript hotplug hugepages"
    " ivshmem keyboard lock machine memory meta name ostype rng0 scsihw smbios1 spice_enhancements startdate startup"
    " tags vga vmgenid vmstatestorage watchdog efidisk0 tpmstate0".split()
)
INDEXED = {
    "net": 32,
    "scsi": 31,
    "virtio": 16,
    "ide": 4,
    "sata": 6,
    "unused": 256,
    "ipconfig": 32,
    "serial": 4,
    "usb": 14,
    "hostpci": 16,
    "numa": 8,
    "parallel": 3,
    "virtiofs": 10,
}
GROUPS = {
    "VM.Config.CPU": "cores cpu cpulimit cpuunits numa smp sockets vcpus affinity hugepages keephugepages",
    "VM.Config.Memory": "memory balloon shares",
    "VM.Config.HWType": "acpi hotplug kvm machine scsihw smbios1 tablet vga watchdog audio0 vmgenid",
    "VM.Config.Options": "agent autostart bios description keyboard localtime migrate_downtime migrate_speed name"
    " onboot ostype protection reboot startdate startup tdf template tags hookscript spice_enhancements",
    "VM.PowerMgmt": "freeze",
    "VM.Config.Disk": "boot bootdisk vmstatestorage",
}
PRIVILEGE = {option: privilege for privilege, words in GROUPS.items() for option in words.split()}


def exists(option: str) -> bool:
    """Whether there is such an option."""
    if option in BOOLEANS | INTEGERS | NUMBERS | OTHERS | CLOUD_INIT:
        return True
    found = re.fullmatch(r"([a-z]+)(\d+)", option)
    return bool(found and str(int(found[2])) == found[2] and int(found[2]) < INDEXED.get(found[1], 0))


def privileges(option: str) -> tuple[str, ...] | None:
    """Any of which a change of the option asks for; none: checked by its value; None: root alone may."""
    if re.fullmatch(r"(unused|serial|usb|scsi|virtio|ide|sata)\d+|efidisk0|tpmstate0|cdrom|rng0", option):
        return ()
    if re.fullmatch(r"(net|ipconfig)\d+", option):
        return ("VM.Config.Network",)
    if re.fullmatch(r"numa\d+", option):
        return ("VM.Config.CPU",)
    if option in CLOUD_INIT:
        return ("VM.Config.Cloudinit", "VM.Config.Network")
    return (PRIVILEGE[option],) if option in PRIVILEGE else None


def is_live(option: str) -> bool:
    """Whether a change of a running VM is written at once, as it means nothing to it (`$fast_plug_option`)."""
    fast = "description hookscript lock migrate_downtime migrate_speed name onboot protection shares startup tags"
    return option in {*fast.split(), "vmstatestorage"} | CLOUD_INIT or option.startswith("ipconfig")
