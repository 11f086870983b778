"""A small site for tests: two machines of a cluster, a database VM, a lab, and every firewall between them."""

from __future__ import annotations

from typing import Any

STUDENT, BACKEND = "labs/lab-1-student-anna", "platform/backend-0"
ADDRESSES = {"database-vm": ["192.168.100.20"]}
STATUS = "Status: active\nDefault: deny (incoming), allow (outgoing), disabled (routed)\n\n{rules}"
HEADING = "To                         Action      From\n--                         ------      ----\n"
PUBLISHED = """\
*mangle
:autolabs-published - [0:0]
:autolabs-forwarded - [0:0]
-A autolabs-published -p tcp -m multiport --dports 30000:32767 -m comment --comment lab-access -j RETURN
-A autolabs-published -j CONNMARK --set-xmark 0x800000/0x800000
-A autolabs-forwarded -m conntrack --ctstate NEW -m connmark --mark 0x800000/0x800000 -j DROP
COMMIT
*filter
:INPUT DROP [0:0]
-A INPUT -s {other} -p udp -m udp --dport 4789 -m comment --comment node-vxlan -j ACCEPT
-A INPUT -s 10.244.0.0/16 -p tcp -m tcp --dport 6443 -m comment --comment worker-api-server -j ACCEPT
COMMIT
"""


def ufw() -> dict[str, Any]:
    """What the machines say of their own firewalls."""
    rule = "5432/tcp                   ALLOW IN    192.168.100.0/24           # worker-postgresql\n"
    return {
        "k8s-1": PUBLISHED.format(other="192.168.100.41/32"),
        "k8s-2": PUBLISHED.format(other="192.168.100.31/32"),
        "database-vm": STATUS.format(rules=HEADING + rule),
    }


def proxmox() -> dict[str, Any]:
    """The firewall of Proxmox: the database is for the second machine alone, and 30000 to 30999 are open there."""

    def accept(**fields: Any) -> dict[str, Any]:
        return {"type": "in", "action": "ACCEPT", "enable": 1, **fields}

    return {
        "options": {"enable": 1},
        "vms": {
            "k8s-2": {
                "vmid": 141,
                "options": {"enable": 1},
                "rules": [
                    accept(proto="tcp", dport="30000:30999", comment="lab-access"),
                    accept(proto="udp", dport="4789", source="192.168.100.31", comment="node-vxlan"),
                ],
            },
            "database-vm": {
                "vmid": 120,
                "options": {"enable": 1},
                "rules": [accept(proto="tcp", dport="5432", source="192.168.100.41", comment="worker-postgresql")],
            },
        },
    }


def manifests(*, placed: bool = True, traffic: str = "Local") -> list[dict[str, Any]]:
    """The cluster: the student's instance on k8s-2 behind node port 30022, a backend on k8s-1, a policy for the lab."""
    ports = [{"name": "ssh", "port": 22, "targetPort": 2222, "nodePort": 30022}]
    ingress = {"from": [{"ipBlock": {"cidr": "0.0.0.0/0", "except": ["10.244.0.0/16"]}}], "ports": [{"port": 2222}]}
    egress = {"to": [{"ipBlock": {"cidr": "192.168.100.20/32"}}], "ports": [{"port": 5432}, {"port": 22}]}
    return [
        _object("Node", "k8s-1", status={"addresses": [{"type": "InternalIP", "address": "192.168.100.31"}]}),
        _object("Node", "k8s-2", status={"addresses": [{"type": "InternalIP", "address": "192.168.100.41"}]}),
        _pod("labs", "lab-1-student-anna", "lab", "10.244.1.5", "k8s-2" if placed else ""),
        _pod("platform", "backend-0", "backend", "10.244.0.9", "k8s-1" if placed else ""),
        _object(
            "Service",
            "lab-1-student-anna",
            "labs",
            spec={"type": "NodePort", "externalTrafficPolicy": traffic, "selector": {"app": "lab"}, "ports": ports},
        ),
        {
            **_object("NetworkPolicy", "lab-1", "labs"),
            "apiVersion": "networking.k8s.io/v1",
            "spec": {
                "podSelector": {},
                "policyTypes": ["Ingress", "Egress"],
                "ingress": [ingress],
                "egress": [egress],
            },
        },
    ]


def _object(kind: str, name: str, namespace: str = "", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **fields}


def _pod(namespace: str, name: str, app: str, address: str, node: str) -> dict[str, Any]:
    found = _object("Pod", name, namespace, spec={"nodeName": node, "containers": [{"name": "main"}]})
    found["metadata"]["labels"] = {"app": app}
    status = {"phase": "Running", "podIP": address, "podIPs": [{"ip": address}]} if node else {"phase": "Pending"}
    return {**found, "status": status}
