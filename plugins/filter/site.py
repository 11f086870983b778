# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The site as its inventory says it: one description, what is wrong with it, and the VMs that it has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.site.model import (
    CLUSTER,
    CONTROL_PLANE,
    NO_GROUPS,
    WORKER,
)
from ansible_collections.autolabs.platform.plugins.module_utils.site.reading import read_site
from ansible_collections.autolabs.platform.plugins.module_utils.site.vms import absent, compose_vms

CONTROLLER = "localhost"
OF_HOSTS = ("ansible_host", "proxmox_vm", "proxmox_node", "proxmox_node_capacity")
OF_CLUSTER = (
    "kubeadm_pod_subnet",
    "kubeadm_service_subnet",
    "kubeadm_control_plane_endpoint",
    "kubeadm_control_plane_group",
    "kubeadm_worker_group",
    "kubeadm_control_plane_schedulable",
)
STATES = ("", "absent")


def site_described(
    groups: Mapping[str, Iterable[str]], hostvars: Mapping[str, Any], variables: Mapping[str, Any]
) -> dict[str, Any]:
    """A site as one dictionary of the variables that people write; see site_described.yml."""
    of_hosts: dict[str, list[str]] = {str(host): [] for host in groups.get("all", ())}
    for group, hosts in groups.items():
        for host in hosts:
            of_hosts.setdefault(str(host), []).extend([] if group in NO_GROUPS else [str(group)])
    of_hosts.pop(CONTROLLER, None)
    described = {str(name): _plain(value) for name, value in variables.items()}
    cluster = [hostvars[host] for host in _cluster(of_hosts)]
    for name in OF_CLUSTER:
        described[name] = next((_plain(found[name]) for found in cluster if name in found), described.get(name))
    hosts_described: dict[str, Any] = {}
    for host, own in of_hosts.items():
        found = hostvars[host]
        hosts_described[host] = {"groups": own, **{name: _plain(found[name]) for name in OF_HOSTS if name in found}}
    return {**_given(described), "hosts": hosts_described}


def site_problems(described: Any) -> list[str]:
    """A sentence for each mistake in a site; see site_problems.yml."""
    try:
        read_site(_plain(described))
    except InvalidInput as error:
        return [str(problem) for problem in error.problems]
    return []


def site_vms(described: Any, state: str = "") -> list[dict[str, Any]]:
    """The VMs of a site as proxmox_vm takes them; see site_vms.yml."""
    if state not in STATES:
        raise AnsibleFilterError(f"site_vms: state is {state!r}; it is absent, or left out")
    plain = _plain(described)
    problems = site_problems(plain)
    if problems:
        raise AnsibleFilterError("\n".join(problems))
    vms = compose_vms(plain)
    return absent(vms) if state else list(vms.values())


def _given(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Without what is empty, at the top and in the template: an inventory leaves room for what its owner fills in."""
    template = variables.get("proxmox_vms_template")
    found = {**variables, **({"proxmox_vms_template": _filled(template)} if isinstance(template, dict) else {})}
    return _filled(found)


def _filled(variables: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in variables.items() if value not in ("", None)}


def _cluster(of_hosts: Mapping[str, list[str]]) -> list[str]:
    """The machines whose variables speak of the cluster, control planes first."""
    return [host for group in (CONTROL_PLANE, WORKER, CLUSTER) for host, own in of_hosts.items() if group in own]


def _plain(value: Any) -> Any:
    """A copy without what Ansible's own containers and texts carry along."""
    if isinstance(value, Mapping):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    # What Ansible read from a file is of a kind of its own.
    return next((kind(value) for kind in (bool, int, float, str) if isinstance(value, kind)), value)


class FilterModule:
    """What the collection adds to templates."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"site_described": site_described, "site_problems": site_problems, "site_vms": site_vms}
