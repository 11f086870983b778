"""The flows of a lab: what a student's instance may reach, and who may reach it."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Addresses, Flow, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import everywhere_but, internet
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

LAB_NAMESPACES = {"restricted": "labs", "baseline": "labs-baseline", "privileged": "labs-privileged"}
"""Where the instances of labs of each security level run, and nothing else does."""

CLUSTER_DNS = Pods("kube-system", (("k8s-app", "kube-dns"),))
DNS = (Ports(53, "UDP"), Ports(53, "TCP"))
WEB = (Ports(80), Ports(443))


def lab_flows(
    instances: Pods,
    *,
    access: Iterable[Ports],
    with_internet: bool,
    pod_networks: Iterable[str],
    cluster_networks: Iterable[str],
) -> list[Flow]:
    """The flows of all instances of a class; what is not here is closed, also from one instance to another.

    instances: the pods of the class.
    access: the container ports by which students come in to every one of these pods.
    pod_networks: where no student comes from; a pod never reaches another lab's pod.
    cluster_networks: pod, service and node ranges, which are never the internet.
    """
    flows = access_flows(instances, access, pod_networks)
    flows.append(Flow("lab-dns", instances, CLUSTER_DNS, DNS, "names are looked up by cluster DNS alone"))
    if with_internet:
        public = Addresses(internet(cluster_networks))
        flows.append(Flow("lab-internet", instances, public, WEB, "the lab asks for the internet: web only"))
    return flows


def access_flows(pods: Pods, access: Iterable[Ports], pod_networks: Iterable[str]) -> list[Flow]:
    """How students come in to `pods` from outside of the cluster; nothing where no port is open to them."""
    ports = tuple(sorted(set(access)))
    outside = Addresses(everywhere_but(pod_networks))
    return [Flow("lab-access", outside, pods, ports, "students reach their instance by its node port")] if ports else []


def instance_flows(pods: Pods) -> list[Flow]:
    """What the components of one instance do among themselves, `pods` being all of them.

    On every port: in a Compose file services reach each other also where no port is declared.
    """
    return [Flow("lab-components", pods, pods, (), "the components of an instance are each other's only neighbours")]
