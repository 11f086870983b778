"""The tables of fields: complete, without contradictions, and with examples that are right."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.document import Mapping, read_document
from ansible_collections.autolabs.platform.plugins.module_utils.labs.fields import LAB, SERVICE, X_LAB
from ansible_collections.autolabs.platform.plugins.module_utils.labs.shapes import (
    Either,
    Field,
    Findings,
    ListOf,
    MapOf,
    Place,
    Record,
    Shape,
)

PAGE = Path(__file__).parents[5] / "docs/labs/README.md"

# Fields of a service in the Compose specification (compose-spec.json, definitions.service).
COMPOSE_SERVICE = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name cpu_count
cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec depends_on deploy
develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file environment expose extends
external_links extra_hosts gpus group_add healthcheck hostname image init ipc isolation label_file labels links logging
mac_address mem_limit mem_reservation mem_swappiness memswap_limit models network_mode networks oom_kill_disable
oom_score_adj pid pids_limit platform ports post_start pre_stop privileged profiles provider pull_policy
pull_refresh_after read_only restart runtime scale secrets security_opt shm_size stdin_open stop_grace_period
stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes volumes_from working_dir
"""


def records(shape: Shape | None, name: str) -> Iterator[tuple[str, Record]]:
    """All tables of fields below a shape, with where they are."""
    if isinstance(shape, Record):
        yield name, shape
        for key, field in shape.fields.items():
            yield from records(field.shape, f"{name}.{key}".lstrip("."))
    elif isinstance(shape, ListOf | MapOf):
        yield from records(shape.item, name)
    elif isinstance(shape, Either):
        for part in (shape.single, shape.several, shape.fields):
            yield from records(part, name)


RECORDS = list(records(LAB, ""))
FIELDS = [(f"{name}.{key}".lstrip("."), key, field) for name, table in RECORDS for key, field in table.fields.items()]


def test_every_compose_field_of_a_service_is_honoured_or_refused_with_a_reason() -> None:
    assert set(COMPOSE_SERVICE.split()) == {*SERVICE.fields, *SERVICE.refused}


@pytest.mark.parametrize(("name", "table"), RECORDS, ids=lambda value: value if isinstance(value, str) else "")
def test_no_field_is_both_honoured_and_refused(name: str, table: Record) -> None:
    assert not table.fields.keys() & table.refused.keys()


@pytest.mark.parametrize(("name", "key", "field"), FIELDS, ids=[name for name, _, _ in FIELDS])
def test_the_example_of_a_field_is_right(name: str, key: str, field: Field) -> None:
    document, problems = read_document(f"{key}: {field.example}", "example")
    findings = Findings("example", problems)
    findings.read(field.shape, document.entries[key], Place(1, key))
    findings.settle()


@pytest.mark.parametrize("key", [*SERVICE.refused])
def test_a_refused_field_says_why_and_what_to_do(key: str) -> None:
    refusal = SERVICE.refused[key]
    findings = Findings("f")
    SERVICE.read(Mapping(1, {key: read_document("a: [x]", "f")[0].entries["a"]}), Place(1), findings)
    with pytest.raises(Exception, match=key) as refused:
        findings.settle()
    assert f"{refusal.reason}; {refusal.way_out}" in str(refused.value)


@pytest.mark.parametrize("key", [*SERVICE.fields, *X_LAB.fields, *LAB.fields])
def test_the_page_for_teachers_explains_the_field(key: str) -> None:
    assert f"`{key}`" in PAGE.read_text(encoding="utf-8")
