"""Objects of the Kubernetes API, from a cluster or from files, as the cluster that the prover knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput, Problem
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import AddressError
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import LAST, PROTOCOLS
from ansible_collections.autolabs.platform.plugins.module_utils.reach.cluster import (
    Cluster,
    ContainerPort,
    Endpoint,
    Node,
    Pod,
    Service,
    ServicePort,
)
from ansible_collections.autolabs.platform.plugins.module_utils.reach.policies.lines import span

Manifest = Mapping[str, Any]

KINDS = {
    "Namespace": "v1",
    "Pod": "v1",
    "Node": "v1",
    "Service": "v1",
    "NetworkPolicy": "networking.k8s.io/v1",
    "EndpointSlice": "discovery.k8s.io/v1",
}
WORKLOADS = {
    "Deployment": ("apps/v1", ("spec", "template")),
    "StatefulSet": ("apps/v1", ("spec", "template")),
    "DaemonSet": ("apps/v1", ("spec", "template")),
    "ReplicaSet": ("apps/v1", ("spec", "template")),
    "ReplicationController": ("v1", ("spec", "template")),
    "Job": ("batch/v1", ("spec", "template")),
    "CronJob": ("batch/v1", ("spec", "jobTemplate", "spec", "template")),
}
"""Kinds that make Pods, and where their template is."""
EVERY_ADDRESS = ("0.0.0.0", "::")
SLICE_LABEL = "kubernetes.io/service-name"
"""By which an EndpointSlice says whose it is (KEP-752)."""
TUNNEL_ANNOTATIONS = ("projectcalico.org/IPv4VXLANTunnelAddr", "projectcalico.org/IPv6VXLANTunnelAddr") + (
    "projectcalico.org/IPv4IPIPTunnelAddr",
)
"""Where Calico writes the addresses of a machine's tunnel devices."""


def cluster(objects: Iterable[Manifest]) -> Cluster:
    """Read objects, and Lists of them; those of other kinds say nothing about who reaches whom.

    Where there is no Pod, as in a folder of manifests, each workload stands for one Pod of its name, whose address is
    not known. Raises InvalidInput with every mistake; each names the object (`NetworkPolicy labs/x`) and its field.
    """
    by_kind: dict[str, list[Manifest]] = {kind: [] for kind in (*KINDS, *WORKLOADS)}
    problems: list[Problem] = []
    for entry in _unpacked(objects, problems):
        by_kind[entry["kind"]].append(entry)
    reader = _Reader(problems, by_kind["EndpointSlice"])
    pods = [pod for entry in by_kind["Pod"] if (pod := reader.read(entry, reader.pod))]
    if not by_kind["Pod"]:
        workloads = [entry for kind in WORKLOADS for entry in by_kind[kind]]
        pods = _distinct([pod for entry in workloads if (pod := reader.read(entry, reader.workload))])
    found = Cluster(
        dict(one for entry in by_kind["Namespace"] if (one := reader.read(entry, reader.namespace))),
        tuple(pods),
        tuple(by_kind["NetworkPolicy"]),
        tuple(one for entry in by_kind["Service"] if (one := reader.read(entry, reader.service))),
        tuple(one for entry in by_kind["Node"] if (one := reader.read(entry, reader.node))),
    )
    try:
        _rules = found.rules
    except InvalidInput as error:
        problems += error.problems
    if problems:
        raise InvalidInput(problems)
    return found


def _unpacked(objects: Iterable[Any], problems: list[Problem]) -> Iterator[Manifest]:
    for number, entry in enumerate(objects):
        if entry is None:
            continue  # an empty document of a file
        if not isinstance(entry, Mapping) or not isinstance(entry.get("kind"), str):
            problems.append(Problem(f"object {number + 1}", 0, "", "is no object of Kubernetes: it has no kind"))
            continue
        kind, version = entry["kind"], entry.get("apiVersion")
        if kind.endswith("List") and isinstance(entry.get("items"), list | tuple):
            # Those that the API lists have neither kind nor version of their own.
            inherited = {"kind": kind.removesuffix("List"), "apiVersion": version} if kind != "List" else {}
            items = entry["items"]
            yield from _unpacked((_item(one, inherited) for one in items), problems)
        elif version == KINDS.get(kind, WORKLOADS.get(kind, ("",))[0]):
            name = _metadata(entry).get("name")
            if not name or not isinstance(name, str):
                problems.append(Problem(f"{kind} {number + 1}", 0, "metadata.name", "an object has a name"))
                continue
            yield entry


def _item(item: Any, inherited: Manifest) -> Any:
    if item is None:
        return {}  # An empty document of a file is nothing; an empty item of a List is a mistake.
    return {**inherited, **item} if isinstance(item, Mapping) else item


class _Reader:
    """Reads one object after another, and collects what is wrong in them."""

    def __init__(self, problems: list[Problem], slices: list[Manifest]) -> None:
        self._problems, self._slices = problems, slices
        self._title = ""

    def read(self, entry: Manifest, reading: Callable[[Manifest], Any]) -> Any:
        """What `reading` makes of an object; None where it counts for nothing, or is wrong."""
        metadata = _metadata(entry)
        cluster_wide = entry["kind"] in ("Node", "Namespace")
        place = metadata["name"] if cluster_wide else f"{_namespace(metadata)}/{metadata['name']}"
        self._title = f"{entry['kind']} {place}"
        wrong = [name for name in ("spec", "status") if not isinstance(entry.get(name) or {}, Mapping)]
        for name in wrong:
            self._report(name, "must be a mapping")
        try:
            return None if wrong else reading(entry)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            self._report("", f"cannot be read: {type(error).__name__}: {error}")
            return None

    def namespace(self, entry: Manifest) -> tuple[str, Mapping[str, str]]:
        """The name and the labels of a namespace."""
        metadata = _metadata(entry)
        return metadata["name"], self._labels(metadata)

    def pod(self, entry: Manifest) -> Pod | None:
        """A Pod; None for one that has ended, which has no address any more."""
        metadata, spec, status = _metadata(entry), entry.get("spec") or {}, entry.get("status") or {}
        if status.get("phase") in ("Succeeded", "Failed"):
            return None
        host_network = bool(spec.get("hostNetwork"))
        addresses = [one.get("ip") for one in status.get("podIPs") or ()] or [status.get("podIP")]
        return Pod(
            _namespace(metadata),
            metadata["name"],
            self._labels(metadata),
            self._addresses("status.podIPs", addresses),
            self._container_ports(spec),
            self._text("spec.nodeName", spec.get("nodeName")),
            host_network,
        )

    def workload(self, entry: Manifest) -> Pod | None:
        """The one Pod that stands for those of a workload; None for one that another object made."""
        metadata = _metadata(entry)
        if metadata.get("ownerReferences"):
            return None
        template: Any = entry
        for part in WORKLOADS[entry["kind"]][1]:
            template = template.get(part) or {}
        spec = template.get("spec") or {}
        return Pod(
            _namespace(metadata),
            metadata["name"],
            self._labels(template.get("metadata") or {}, "spec.template.metadata"),
            ports=self._container_ports(spec),
            host_network=bool(spec.get("hostNetwork")),
        )

    def node(self, entry: Manifest) -> Node:
        """A machine, by the addresses that packets carry."""
        metadata = _metadata(entry)
        addresses = [
            one.get("address")
            for one in (entry.get("status") or {}).get("addresses") or ()
            if one.get("type") in ("InternalIP", "ExternalIP")
        ]
        annotations = metadata.get("annotations") or {}
        tunnels = [annotations.get(name) for name in TUNNEL_ANNOTATIONS]
        return Node(
            metadata["name"],
            self._addresses("status.addresses", addresses),
            self._addresses("metadata.annotations", tunnels),
        )

    def service(self, entry: Manifest) -> Service | None:
        """A Service; None for one that is another name of something outside."""
        metadata, spec = _metadata(entry), entry.get("spec") or {}
        selector = spec.get("selector") or {}
        if spec.get("type") == "ExternalName":
            return None
        given = spec.get("clusterIPs") or [spec.get("clusterIP")]
        return Service(
            _namespace(metadata),
            metadata["name"],
            self._texts("spec.selector", selector),
            tuple(self._service_ports(spec)),
            self._addresses("spec.clusterIPs", [one for one in given if one != "None"]),
            spec.get("externalTrafficPolicy") == "Local",
            spec.get("internalTrafficPolicy") == "Local",
            None if selector or not self._slices else tuple(self._endpoints(metadata)),
            self._external(entry),
        )

    def _external(self, entry: Manifest) -> tuple[str, ...]:
        balancer = (entry.get("status") or {}).get("loadBalancer") or {}
        # A load balancer with `ipMode: Proxy` sends to node ports instead (KEP-1860).
        balanced = [one.get("ip") for one in balancer.get("ingress") or () if one.get("ipMode") != "Proxy"]
        return (
            *self._addresses("spec.externalIPs", (entry.get("spec") or {}).get("externalIPs") or ()),
            *self._addresses("status.loadBalancer.ingress", balanced),
        )

    def _endpoints(self, service: Manifest) -> Iterator[Endpoint]:
        for entry in self._slices:
            metadata = _metadata(entry)
            labels = metadata.get("labels") or {}
            owner = labels.get(SLICE_LABEL) if isinstance(labels, Mapping) else None
            if (_namespace(metadata), owner) != (_namespace(service), service["name"]):
                continue
            every = [address for one in entry.get("endpoints") or () for address in one.get("addresses") or ()]
            for port in entry.get("ports") or ():
                number = self._number("spec.ports of its EndpointSlice", port.get("port"))
                for address in self._addresses("addresses of its EndpointSlice", every):
                    name = self._text("EndpointSlice.ports.name", port.get("name"))
                    yield Endpoint(address, number, self._protocol("EndpointSlice", port), name)

    def _service_ports(self, spec: Manifest) -> Iterator[ServicePort]:
        for number, port in enumerate(spec.get("ports") or ()):
            field = f"spec.ports[{number}]"
            own = self._number(f"{field}.port", port.get("port"))
            target = port.get("targetPort") or own
            node_port = port.get("nodePort") or 0
            yield ServicePort(
                own,
                target if isinstance(target, str) else self._number(f"{field}.targetPort", target),
                self._protocol(field, port),
                node_port and self._number(f"{field}.nodePort", node_port),
                self._text(f"{field}.name", port.get("name")),
            )

    def _container_ports(self, spec: Manifest) -> tuple[ContainerPort, ...]:
        # An init container that restarts always is a sidecar, and runs beside the others (KEP-753).
        sidecars = [one for one in spec.get("initContainers") or () if one.get("restartPolicy") == "Always"]
        found = []
        for container in (*(spec.get("containers") or ()), *sidecars):
            for number, port in enumerate(container.get("ports") or ()):
                field = f"spec.containers[{container.get('name', '')}].ports[{number}]"
                own = self._number(f"{field}.containerPort", port.get("containerPort"))
                name = self._text(f"{field}.name", port.get("name"))
                at = 0 if spec.get("hostNetwork") else port.get("hostPort") or 0
                if not name and not at:
                    continue
                address = "" if port.get("hostIP") in EVERY_ADDRESS else port.get("hostIP") or ""
                found.append(
                    ContainerPort(
                        name,
                        own,
                        self._protocol(field, port),
                        at and self._number(f"{field}.hostPort", at),
                        next(iter(self._addresses(f"{field}.hostIP", [address])), ""),
                    )
                )
        return tuple(found)

    def _addresses(self, field: str, given: Iterable[Any]) -> tuple[str, ...]:
        found = []
        for address in given:
            if not address:
                continue
            if not isinstance(address, str):
                self._report(field, f"{address!r} is no address such as 10.0.0.7")
                continue
            try:
                span(address)
            except AddressError as error:
                self._report(field, str(error))
                continue
            found.append(address)
        return tuple(found)

    def _number(self, field: str, value: Any) -> int:
        if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LAST:
            return value
        self._report(field, f"{value!r} is not a port within 1 to {LAST}")
        return 1

    def _protocol(self, field: str, port: Manifest) -> str:
        protocol = port.get("protocol") or "TCP"
        if protocol not in PROTOCOLS:
            self._report(f"{field}.protocol", f"{protocol!r} is none of {', '.join(PROTOCOLS)}")
        return str(protocol)

    def _labels(self, metadata: Any, field: str = "metadata") -> Mapping[str, str]:
        if not isinstance(metadata, Mapping):
            self._report(field, "must be a mapping")
            return {}
        return self._texts(f"{field}.labels", metadata.get("labels") or {})

    def _texts(self, field: str, given: Any) -> dict[str, str]:
        if not isinstance(given, Mapping):
            self._report(field, "must be a mapping of labels to their values")
            return {}
        wrong = [name for name, value in given.items() if not (isinstance(name, str) and isinstance(value, str))]
        for name in wrong:
            self._report(f"{field}.{name}", f"the value {given[name]!r} must be text; put it in quotes")
        return {name: value for name, value in given.items() if name not in wrong}

    def _text(self, field: str, value: Any) -> str:
        if value and not isinstance(value, str):
            self._report(field, f"{value!r} must be text")
        return value if isinstance(value, str) else ""

    def _report(self, field: str, message: str) -> None:
        self._problems.append(Problem(self._title, 0, field, message))


def _distinct(pods: list[Pod]) -> list[Pod]:
    """Workloads of different kinds may share a name; the later ones are counted."""
    taken: dict[str, int] = {}
    found = []
    for pod in pods:
        count = taken[pod.key] = taken.get(pod.key, 0) + 1
        name = pod.name if count == 1 else f"{pod.name}-{count}"
        found.append(Pod(pod.namespace, name, pod.labels, ports=pod.ports, host_network=pod.host_network))
    return found


def _metadata(entry: Manifest) -> Manifest:
    metadata = entry.get("metadata")
    return metadata if isinstance(metadata, Mapping) else {}


def _namespace(metadata: Manifest) -> str:
    return str(metadata.get("namespace") or "default")
