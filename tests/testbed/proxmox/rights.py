"""What a change of a VM asks for: known options, right values, privileges (qemu-server, PVE/API2/Qemu.pm)."""

from __future__ import annotations

import re
import subprocess
from urllib.parse import unquote

from . import options, properties
from .errors import ApiError, wrong_parameter
from .routing import Call


def check_known(settings: dict[str, str]) -> None:
    """Refuse options that there are not, where no schema did so before."""
    from .schema import UNDEFINED

    if unknown := {name: UNDEFINED for name in settings if not options.exists(name)}:
        raise ApiError("Parameter verification failed.", 400, unknown)


def check_values(settings: dict[str, str]) -> None:
    """Refuse what is wrong beyond the types."""
    for option, value in settings.items():
        if option == "sshkeys":
            keys = [line for line in unquote(value).split("\n") if line.strip() and not line.startswith("#")]
            if any(not re.search(r"(ssh-|ecdsa-|sk-)\S+\s+\S+", key) for key in keys):
                raise ApiError("SSH public key validation error")
        if option in options.BOOLEANS and value.lower() not in ("0", "1", "on", "off", "yes", "no", "true", "false"):
            raise wrong_parameter(option, f"type check ('boolean') failed - got '{value}'")
        if option in options.INTEGERS and not re.fullmatch(r"\d+", value):
            raise wrong_parameter(option, f"type check ('integer') failed - got '{value}'")


def check_vm(call: Call, *names: str, pool: str | None = None, vmid: int | None = None) -> None:
    """Privileges on the VM, or on the pool that it is made into."""
    call.engine.access.check_vm(call.who, vmid or call.vmid, pool, names)


def check_privileges(call: Call, vmid: int, pool: str | None, names: list[str]) -> None:
    """`$check_vm_modify_config_perm`."""
    if call.who.root:
        return
    for option in names:
        asked = options.privileges(option)
        if asked is None:
            raise ApiError(f"only root can set '{option}' config")
        if asked:
            call.engine.access.check_vm(call.who, vmid, pool, asked, any_of=True)
        if option == "startup":
            call.engine.access.check(call.who, "/", ["Sys.Modify"])
        if re.fullmatch(r"serial\d+", option):
            call.engine.access.check_vm(call.who, vmid, pool, ["VM.Config.HWType"])


def check_drive(call: Call, value: str, pool: str | None = None, vmid: int | None = None) -> None:
    """What a drive of this kind asks for (`$check_drive_perms`)."""
    drive = properties.parse_drive(value)
    if properties.is_cloudinit(drive):
        check_vm(call, "VM.Config.Cloudinit", "VM.Config.CDROM", pool=pool, vmid=vmid)
    else:
        names = "VM.Config.CDROM" if properties.is_cdrom(drive) else "VM.Config.Disk"
        check_vm(call, names, pool=pool, vmid=vmid)


def check_bridges(call: Call, settings: dict[str, str]) -> None:
    """SDN.Use on each bridge, of the VLAN where one is given (`check_bridge_access`)."""
    for option, value in settings.items():
        if not (option.startswith("net") and option[3:].isdigit()):
            continue
        net = properties.parse_net(value)
        bridge = net.get("bridge")
        if bridge:
            path = f"/sdn/zones/localnetwork/{bridge}"
            if net.get("tag"):
                tagged = f"{path}/{net['tag']}"
                if call.engine.access.allows(call.who, tagged, ["SDN.Use"]):
                    continue
                path = tagged
            call.engine.access.check(call.who, path, ["SDN.Use"])


def encrypted(password: str) -> str:
    """A password as cloud-init gets it; one that is encrypted already stays (`encrypt_pw`)."""
    if re.match(r"\$(?:[156]|2[ay])(\$.+){2}", password):
        return password
    words = ["openssl", "passwd", "-5", "-stdin"]
    return subprocess.run(words, input=password, capture_output=True, text=True, check=True, timeout=30).stdout.strip()
