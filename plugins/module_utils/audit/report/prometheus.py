"""An audit in Prometheus' text format, for the textfile collector of node_exporter."""

from __future__ import annotations

from ansible_collections.autolabs.platform.plugins.module_utils.audit.finding import KINDS
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import Audit


def prometheus(audit: Audit) -> str:
    """The metrics; every kind is there, also with none found, so that an alert can tell nothing from not asked."""
    counts = audit.counts
    lines = _metric("autolabs_flows_findings", "Differences between the flow catalogue and what is in force, by kind.")
    lines += [f'autolabs_flows_findings{{kind="{kind}"}} {counts[kind]}' for kind in KINDS]
    lines += _metric("autolabs_flows_source_asked", "Whether the last audit could ask a source, 1 or 0.")
    lines += [f'autolabs_flows_source_asked{{source="{_label(one.name)}"}} {int(one.asked)}' for one in audit.sources]
    lines += _metric("autolabs_flows_last_audit_timestamp_seconds", "When the flows were last audited.")
    lines.append(f"autolabs_flows_last_audit_timestamp_seconds {audit.time}")
    return "\n".join(lines) + "\n"


def _metric(name: str, about: str) -> list[str]:
    return [f"# HELP {name} {about}", f"# TYPE {name} gauge"]


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
