"""The flows of a lab: what a student's instance may reach, and who may reach it."""

from __future__ import annotations

from collections.abc import Iterable

from ansible_collections.autolabs.platform.plugins.module_utils.flows.flow import Addresses, Flow, Pods
from ansible_collections.autolabs.platform.plugins.module_utils.net.addresses import everywhere_but, internet
from ansible_collections.autolabs.platform.plugins.module_utils.net.ports import Ports

CLUSTER_DNS = Pods("kube-system", (("k8s-app", "kube-dns"),))
DNS = (Ports(53, "UDP"), Ports(53, "TCP"))
WEB = (Ports(80), Ports(443))


def lab_flows(
    instances: Pods,
    *,
    access_ports: Iterable[int],
    with_internet: bool,
    pod_networks: Iterable[str],
    cluster_networks: Iterable[str],
) -> list[Flow]:
    """The flows of all instances of a class; what is not here is closed, also from one instance to another.

    instances: the pods of the class.
    access_ports: the container ports by which students come in from outside the cluster.
    pod_networks: where no student comes from; a pod never reaches another lab's pod.
    cluster_networks: pod, service and node ranges, which are never the internet.
    """
    outside = Addresses(everywhere_but(pod_networks))
    flows = []
    ports = tuple(Ports(number) for number in sorted(set(access_ports)))
    if ports:
        flows.append(Flow("lab-access", outside, instances, ports, "students reach their instance by its node port"))
    flows.append(Flow("lab-dns", instances, CLUSTER_DNS, DNS, "names are looked up by cluster DNS alone"))
    if with_internet:
        public = Addresses(internet(cluster_networks))
        flows.append(Flow("lab-internet", instances, public, WEB, "the lab asks for the internet: web only"))
    return flows
