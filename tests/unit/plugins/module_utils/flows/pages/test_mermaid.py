"""The catalogue for Mermaid: a frame a zone, one arrow a pair, and nothing that Mermaid would read as its language."""

from __future__ import annotations

import re

from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import (
    parse_catalogue,
    read_catalogue,
)
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages.mermaid import mermaid

SMALL = """
zones:
  outside: {title: 'The "outside" <world> #1'}
  end: {title: Machines, network: machines}
  empty: {title: Nobody}
endpoints:
  everyone: {title: Everyone, zone: outside, everyone: true}
  end: {title: Web & more, zone: end, hosts: web}
flows:
  pages: {from: everyone, to: end, ports: [tcp/443], why: Pages}
  mail: {from: everyone, to: end, ports: [tcp/25, udp/443, tcp/443], why: Mail, when: {feature: mail}}
  talk: {from: end, to: end, ports: [vrrp], why: Talk, when: {phase: prod}}
"""
EXPECTED = """\
flowchart LR
  subgraph zone_outside["The #quot;outside#quot; #lt;world#gt; #35;1"]
    at_everyone["Everyone"]
  end
  subgraph zone_end["Machines"]
    at_end["Web #amp; more"]
  end
  at_everyone -->|"TCP 25, 443; UDP 443"| at_end
  at_end -.->|"VRRP"| at_end
"""
ARROW = re.compile(r'  (\w+) -(?:-|\.-)>\|"([^"]+)"\| (\w+)')


def test_zones_are_frames_and_flows_of_a_pair_are_one_arrow_with_all_ports() -> None:
    assert mermaid(parse_catalogue({"small.yml": SMALL})) == EXPECTED


def test_a_published_flow_is_told_by_the_ports_that_people_use() -> None:
    assert 'at_everyone -->|"TCP 80, 443"| at_ingress' in mermaid(read_catalogue())


def test_the_built_in_catalogue_has_each_pair_once_between_nodes_that_are_there() -> None:
    catalogue, text = read_catalogue(), mermaid(read_catalogue())
    arrows = [match for line in text.splitlines() if (match := ARROW.fullmatch(line))]
    pairs = [(arrow[1], arrow[3]) for arrow in arrows]
    nodes = re.findall(r'^    (\w+)\["[^"]+"\]$', text, re.MULTILINE)
    assert len(pairs) == len(set(pairs)) == text.count(">|")
    assert len(nodes) == len(set(nodes)) == len(catalogue.endpoints)
    assert {name for pair in pairs for name in pair} <= set(nodes)
    assert len(pairs) < 500, "Mermaid draws 500 arrows at most"
