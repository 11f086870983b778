"""The page about the catalogue, `docs/flows.md`, and the picture beside it; COMMAND makes them anew."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.model import Catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.diagram.drawing import flow_diagram
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages.mermaid import mermaid
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages.table import (
    code,
    endpoint_table,
    escaped,
    flow_table,
    markdown_table,
)

COMMAND = "python -m ansible_collections.autolabs.platform.plugins.module_utils.flows.pages.page docs"
ROWS, PAGE, PICTURE = "flows-rows.yml", "flows.md", "flows.svg"

ROW_COLUMNS = ("The document says", "Flows", "What stands instead, and why")
MISTAKE_COLUMNS = ("Mistake", "What is wrong with it", "What stands instead")

INTRODUCTION = """\
# Who may reach whom

Every firewall of a site is made of one list: the flow catalogue,
`plugins/module_utils/flows/catalogue/catalogue.yml`. A *flow* says who may reach whom, on which ports, and why. What no
flow names is closed. Nobody writes a rule by hand: ufw on the machines, the Proxmox firewall, the NetworkPolicies of
the cluster, this page and its picture are all made of the list, so they say the same. Each rule carries the name of its
flow, so that a rule that looks odd, or a packet that does not arrive, leads to a line here.

An *endpoint* is who talks or is talked to: machines of an inventory group, programs in the cluster (Pods), addresses
that the site names, the internet, everyone. A *zone* is where endpoints live. What a site does not have, a machine, a
named network, a feature, it has no rules for: the flow is absent.

![Zones, endpoints and flows](flows.svg)

## Change it for a site

Leave the built-in list as it is, so that updates reach you, and lay a file of your own over it. In the inventory:

```yaml
# group_vars/all/flows.yml
flows_files: ["{{ inventory_dir }}/flows.yml"]
flows_networks:                    # the addresses behind endpoints that are no machine of the inventory
  admin: [192.168.10.0/24]
  developers: [10.20.0.0/16]
  office_monitoring: [10.30.0.5/32]
flows_features: [monitoring]       # what of the optional parts this site has
```

The file has the same three maps as the built-in list. A new name adds an entry. A known name changes it: fields that
are given take the place of the built-in ones, the others stay. `null` removes it.

```yaml
# flows.yml, beside the inventory
endpoints:
  office-monitoring: {title: Monitoring of the office, zone: outside, network: office_monitoring}

flows:
  office-metrics:                  # added
    from: office-monitoring
    to: [database, k8s]
    ports: [tcp/9100]
    why: The office watches the machines, too
    when: {feature: monitoring}
  gitlab-web:                      # changed: for developers only; and GitLab runs in containers on this site
    from: developers
    published: {at: gitlab, ports: [tcp/80, tcp/443]}
  gitlab-ssh: null                 # removed
```

Then look before you leap: `ansible-playbook site.yml --check --diff` shows each rule that would come or go. Mistakes
(a misspelt endpoint, an address that is none, zones that overlap) are all told at once, with file and line, and nothing
is changed. On the machines new rules must prove themselves: if Ansible cannot get in again within a minute, the machine
returns to the old ones by itself.

Some things to know:

- `published` is for what a machine passes on, to a Pod or to a container: `ports` of the flow are those that the
  program listens on, `published` those of the machine that people see. Without it, a rule for the machine itself never
  meets the packets.
- 30000 to 32767 of the Kubernetes machines are open to everyone, since that is how students reach their labs. Nothing
  that is not for everyone may be published there.
- What machines send is not filtered; what Pods send is. Flows outwards from machines are written down for the firewalls
  around the site.
- Answers belong to the connection that asked, and need no flow. Loopback is always open, and so is ICMP to machines.
- Labs reach cluster DNS, and the web if the lab asks for it: nothing of the site, and no other lab.
- Where `kubeadm_control_plane_endpoint` is an address that no control plane has, a balancer's or a virtual one, it is
  the network `api_endpoint`. Where it is a name, name the network yourself. Its port is 6443; where it is another one,
  change `ports` of the flows `api-endpoint` and `monitoring-api-endpoint`.
- Only labs run in `labs`, `labs-baseline` and `labs-privileged`: each endpoint there is `per_lab`.

The endpoint `ingress` is Envoy. With `ingress_controller: nginx` one program does what Envoy and Contour share, and
listens on 80 and 443 itself, so it is the one that asks the API server. Such a site lays this over the list:

```yaml
endpoints:
  ingress:
    title: Ingress (NGINX)
    pods: {namespace: ingress, labels: {app.kubernetes.io/name: ingress-nginx}}
flows:
  web: {ports: [tcp/80, tcp/443]}
  ingress-api-server: {from: ingress}
  metrics-ingress: {ports: [tcp/10254]}
  ingress-webhook:                 # the API server has routes checked before it takes them
    from: k8s-control-plane
    to: ingress
    ports: [tcp/8443]
    why: Routes are checked before they are taken
```

## The flows

Read a line as a sentence: *From* may reach *To* on *Ports*, for the sake of *Why*. *Ports* are those on which the
destination itself listens; *Published* are those of the machine by which one comes in. A *Condition* names a feature or
phase of the site without which the line does not count. *Reference* names the document and its section (as listed
below), or says that the flow is ours and why. The lines are grouped by where they lead.
"""

ENDPOINTS = """\
## The endpoints

How each is called in the flows, and what it is on a site.
"""

MERMAID = """\
## The flows as text for Mermaid

An arrow for each pair of endpoints, dotted where it depends on a feature.
"""

DOCUMENTS = """\
## The source documents, row by row

What the documents say of the network, and what became of it. *Closed* is what stays closed: no flow is between the two.
"""

MISTAKES = """\
## Mistakes that were corrected

Where the documents are wrong or contradict each other, and what stands instead.
"""


def flows_page(catalogue: Catalogue, rows: Mapping[str, Any]) -> str:
    """The page, as Markdown.

    rows: what the source documents say: `mistakes` by name (title, wrong, instead), and `documents` with sections with
        rows (says; flows, mistake, instead, closed, left_out).
    """
    parts = [
        f"<!-- Made by `{COMMAND}`; change the catalogue or {ROWS}, not this page. -->\n",
        INTRODUCTION,
        flow_table(catalogue),
        ENDPOINTS,
        endpoint_table(catalogue),
        MERMAID,
        f"```mermaid\n{mermaid(catalogue)}```\n",
        DOCUMENTS,
        *_documents(catalogue, rows),
        MISTAKES,
        markdown_table(MISTAKE_COLUMNS, _mistakes(rows["mistakes"])),
    ]
    return "\n".join(parts)


def write(folder: Path) -> None:
    """Make the page and its picture of the built-in catalogue and of the rows that lie in `folder`."""
    catalogue = read_catalogue()
    rows = yaml.safe_load((folder / ROWS).read_text(encoding="utf-8"))
    (folder / PAGE).write_text(flows_page(catalogue, rows), encoding="utf-8")
    (folder / PICTURE).write_text(flow_diagram(catalogue), encoding="utf-8")


def _documents(catalogue: Catalogue, rows: Mapping[str, Any]) -> Iterator[str]:
    for document in rows["documents"]:
        yield f"### Document {document['document']}: {escaped(document['title'])}\n"
        for section in document["sections"]:
            title, name = escaped(section["title"]), f"{document['document']} {section['section']}"
            cells = (_row(catalogue, row, rows["mistakes"]) for row in section["rows"])
            yield f"#### {title}\n\nReferred to as {code(name)}.\n\n{markdown_table(ROW_COLUMNS, cells)}"


def _row(catalogue: Catalogue, row: Mapping[str, Any], mistakes: Mapping[str, Any]) -> tuple[str, ...]:
    notes = [f"[{escaped(mistakes[name]['title'])}](#mistake-{name})" for name in named_mistakes(row)]
    notes += [_line(row["instead"])] if "instead" in row else []
    notes += [f"Closed: {_closed(catalogue, row['closed'])}"] if "closed" in row else []
    notes += [f"No flow: {_line(row['left_out'])}"] if "left_out" in row else []
    return escaped(row["says"]), ", ".join(map(code, row.get("flows", ()))), ". ".join(notes)


def named_mistakes(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The mistakes that a row names: none, one, or several."""
    found = row.get("mistake", ())
    return (found,) if isinstance(found, str) else tuple(found)


def _closed(catalogue: Catalogue, pairs: Iterable[Iterable[str]]) -> str:
    return "; ".join(" → ".join(escaped(catalogue.endpoints[name].title) for name in pair) for pair in pairs)


def _mistakes(mistakes: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    for name, entry in mistakes.items():
        anchor = f'<a id="mistake-{name}"></a>'
        yield f"{anchor}{escaped(entry['title'])}", _line(entry["wrong"]), _line(entry["instead"])


def _line(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    write(Path(sys.argv[1]))
