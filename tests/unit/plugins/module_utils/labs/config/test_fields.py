"""The tables of fields: complete, without contradictions, and with examples that are right."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.document import Mapping, read_document
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.documents.shapes import (
    Either,
    Field,
    Findings,
    ListOf,
    MapOf,
    Place,
    Record,
    Shape,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.fields import LAB, X_LAB

FOLDER = Path(__file__).parents[6] / "docs/labs"
PAGES = ["README.md", "README.ru.md"]

# The fields of the Compose specification (compose-spec.json), by the table that stands for them here. What lies below
# a refused field is refused with it.
COMPOSE = {
    "": "configs include models name networks secrets services version volumes",
    "services": """
        annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
        cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
        depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname entrypoint env_file
        environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc
        isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit
        models network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop
        privileged profiles provider pull_policy pull_refresh_after read_only restart runtime scale secrets security_opt
        shm_size stdin_open stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user
        userns_mode uts volumes volumes_from working_dir""",
    "services.ports": "app_protocol host_ip mode name protocol published target",
    "services.volumes": "bind consistency image read_only source target tmpfs type volume",
    "services.configs": "gid mode source target uid",
    "services.secrets": "gid mode source target uid",
    "services.depends_on": "condition required restart",
    "services.healthcheck": "disable interval retries start_interval start_period test timeout",
    "services.deploy": """
        endpoint_mode labels mode placement replicas resources restart_policy rollback_config update_config""",
    "services.deploy.resources": "limits reservations",
    "services.deploy.resources.limits": "cpus memory pids",
    "services.deploy.resources.reservations": "cpus devices generic_resources memory",
    "volumes": "driver driver_opts external labels name",
    "configs": "content environment external file labels name template_driver",
    "secrets": "driver driver_opts environment external file labels name template_driver",
}
# Limits and reservations share one table here, and so do configs and secrets; `content` of a secret is ours.
SHARED = {
    "services.deploy.resources.limits": {"devices", "generic_resources"},
    "services.deploy.resources.reservations": {"pids"},
    "configs": {"driver", "driver_opts"},
    "secrets": {"content"},
}
OURS = {"": {"x-lab"}}


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


@pytest.mark.parametrize("name", COMPOSE)
def test_every_field_of_the_compose_specification_is_honoured_or_refused_with_a_reason(name: str) -> None:
    (table,) = [table for place, table in RECORDS if place == name]
    more = SHARED.get(name, set()) | OURS.get(name, set())
    assert {*table.fields, *table.refused} == {*COMPOSE[name].split(), *more}


def test_every_table_outside_x_lab_is_one_of_the_specification() -> None:
    assert {name for name, _table in RECORDS if not name.startswith("x-lab")} == COMPOSE.keys()
    assert sum(len(fields.split()) for fields in COMPOSE.values()) >= 160


@pytest.mark.parametrize(("name", "table"), RECORDS, ids=lambda value: value if isinstance(value, str) else "")
def test_no_field_is_both_honoured_and_refused(name: str, table: Record) -> None:
    assert not table.fields.keys() & table.refused.keys()


@pytest.mark.parametrize(("name", "key", "field"), FIELDS, ids=[name for name, _, _ in FIELDS])
def test_the_example_of_a_field_is_right(name: str, key: str, field: Field) -> None:
    document, problems = read_document(f"{key}: {field.example}", "example")
    findings = Findings("example", problems)
    findings.read(field.shape, document.entries[key], Place(1, key))
    findings.settle()


REFUSALS = [(name, table, key) for name, table in RECORDS for key in table.refused]


@pytest.mark.parametrize(("name", "table", "key"), REFUSALS, ids=[f"{name}.{key}" for name, _, key in REFUSALS])
def test_a_refused_field_says_why_and_what_to_do(name: str, table: Record, key: str) -> None:
    refusal = table.refused[key]
    for written in ("[x]", "{x: y}", "x"):
        findings = Findings("f")
        table.read(Mapping(1, {key: read_document(f"a: {written}", "f")[0].entries["a"]}), Place(1), findings)
        with pytest.raises(InvalidInput) as refused:
            findings.settle()
        assert f"{key}: {refusal.reason}; {refusal.way_out}" in str(refused.value)


@pytest.mark.parametrize(("name", "table", "key"), REFUSALS, ids=[f"{name}.{key}" for name, _, key in REFUSALS])
def test_what_asks_for_nothing_else_than_happens_anyway_may_stay(name: str, table: Record, key: str) -> None:
    for written in ("", *table.refused[key].harmless):
        findings = Findings("f")
        table.read(Mapping(1, {key: read_document(f"a: {written}", "f")[0].entries["a"]}), Place(1), findings)
        try:
            findings.settle()
        except InvalidInput as refused:
            assert not [problem for problem in refused.problems if problem.field == key]


@pytest.mark.parametrize(("name", "table"), RECORDS, ids=[name for name, _ in RECORDS])
def test_a_misspelt_field_brings_the_right_one_to_mind(name: str, table: Record) -> None:
    for key in [*table.fields, *table.refused]:
        wrong = f"{key}q" if key != "x-lab" else "xlab"
        findings = Findings("f")
        table.read(Mapping(1, {wrong: read_document("a: x", "f")[0].entries["a"]}), Place(1), findings)
        with pytest.raises(InvalidInput, match=f"{wrong}: unknown field; did you mean `"):
            findings.settle()


ON_THE_PAGE = sorted(
    {key for name, table in RECORDS for key in table.fields if name != "x-lab.title"} | {*X_LAB.fields}
)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("key", ON_THE_PAGE)
def test_the_page_for_teachers_explains_the_field(key: str, page: str) -> None:
    assert f"`{key}`" in (FOLDER / page).read_text(encoding="utf-8")


def test_both_languages_of_the_page_have_the_same_parts() -> None:
    english, russian = ((FOLDER / page).read_text(encoding="utf-8") for page in PAGES)
    for part in (r"^#+", r"^\| (?:`.+?`|\[.+?\]\(.+?\))", r"^```\w*"):
        assert re.findall(part, english, re.MULTILINE) == re.findall(part, russian, re.MULTILINE)
