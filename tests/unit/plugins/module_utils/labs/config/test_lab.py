"""A lab file becomes a lab."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs.config.lab import parse_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import (
    Access,
    Component,
    FileMount,
    Healthcheck,
    Lab,
    Mount,
    Port,
    Resources,
    Text,
)
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[6]
EXAMPLES = sorted((ROOT / "docs/labs").glob("*.yml"))
IMAGE = "registry.example.org/labs/linux:1"
SHELL_X = ("/bin/sh", "-c", "x")


def lab(service: str = "", block: str = "access: ssh", rest: str = "") -> Lab:
    """The lab of a file with one service `lab`, to which `service` adds a line, and `rest` one at the top."""
    return parse_lab(f"name: a-lab\nservices:\n  lab:\n    image: {IMAGE}\n    {service}\nx-lab: {{{block}}}\n{rest}\n")


def component(service: str, rest: str = "") -> Component:
    return lab(service, rest=rest).components[0]


def test_the_least_that_a_lab_needs() -> None:
    assert lab() == Lab(
        id="a-lab",
        title=Text(en="a-lab"),
        text=Text(),
        components=(Component("lab", IMAGE),),
        access=(Access("ssh", "lab", 2222),),
    )


def test_every_field_of_a_lab() -> None:
    text = (ROOT / "tests/data/labs/good/everything.yml").read_text(encoding="utf-8")
    assert parse_lab(text) == Lab(
        id="123",
        title=Text("Everything", "Всё"),
        text=Text("One text for both languages."),
        components=(
            Component(
                name="web",
                image="registry.example.org:5000/labs/web_app:v1.2",
                entrypoint=("/start.sh", "--name", "two words"),
                command=("serve", "8080", '{{ lookup("pipe", "id") }}'),
                environment={
                    "LEVEL": "easy",
                    "PORT": "8080",
                    "RATIO": "1.10",
                    "EMPTY": "",
                    "PRICE": "5$",
                    "DEBUG": "true",
                },
                ports=(Port(8080), Port(53, "UDP"), Port(22), Port(9000, "UDP"), Port(3000)),
                mounts=(Mount("home", "/home"), Mount("data", "/srv/data", True), Mount("data", "/mnt", True)),
                tmpfs=("/tmp", "/run"),
                configs=(FileMount("motd", "/motd"), FileMount("motd", "/etc/motd", 0o440)),
                secrets=(FileMount("flag", "/run/secrets/flag"), FileMount("flag", "/run/secrets/other")),
                healthcheck=Healthcheck(("/bin/sh", "-c", "curl -f localhost:8080"), 90, 5, 5, 20),
                resources=Resources(250, 1500, 512 << 20, 3 << 29),
                user=1000,
                group=1001,
                working_dir="/srv/app",
                read_only=True,
            ),
        ),
        access=(Access("http", "web", 8080), Access("vnc", "web", 22)),
        deployment_mode="per_group",
        internet=True,
        security_level="baseline",
        volume_size=2 << 30,
        lifetime=36 * 3600,
        configs={"motd": "Costs 5$.\n"},
        secrets={"flag": "f1ag"},
    )


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_of_the_documentation_is_a_lab_in_two_languages(path: Path) -> None:
    found = parse_lab(path.read_text(encoding="utf-8"), file=path.name)
    assert found.id == path.stem
    assert all((found.title.en, found.title.ru, found.text.en, found.text.ru))


def test_the_documented_labs_are_there() -> None:
    assert {"linux-basics", "sql-injection", "network-pentest", "network-analysis"} <= {path.stem for path in EXAMPLES}


def test_the_page_for_teachers_lists_the_documented_labs() -> None:
    page = (ROOT / "docs/labs/README.md").read_text(encoding="utf-8")
    assert {path.stem for path in EXAMPLES} == set(re.findall(r"^\| \[(.+?)\]\(\1\.yml\) \|", page, re.MULTILINE))


def test_only_a_lab_that_mounts_a_volume_has_one() -> None:
    assert lab("volumes: [home:/home]", rest="volumes: {home: }").volume_size == 5 << 30
    assert lab(rest="volumes: {home: }").volume_size is None


@pytest.mark.parametrize(
    ("service", "field", "value"),
    [
        ("command: sh -c 'echo $$HOME'", "command", ("sh", "-c", "echo $HOME")),
        ("command: [sleep, 3600]", "command", ("sleep", "3600")),
        ("command:", "command", None),
        ("environment: [A=1, B=, C=a=b]", "environment", {"A": "1", "B": "", "C": "a=b"}),
        ("healthcheck: {test: [CMD, pgrep, sshd]}", "healthcheck", Healthcheck(("pgrep", "sshd"))),
        ("healthcheck: {test: [CMD-SHELL, exit 0]}", "healthcheck", Healthcheck(("/bin/sh", "-c", "exit 0"))),
        ("healthcheck: {test: x, start_interval: 2s}", "healthcheck", Healthcheck(SHELL_X, start_interval=2)),
        ("healthcheck: {test: [NONE]}", "healthcheck", None),
        ("healthcheck: {disable: true}", "healthcheck", None),
        ("mem_limit: 8192kb", "resources", Resources(memory_limit=8 << 20)),
        ("mem_limit: 512M", "resources", Resources(memory_limit=512 << 20)),
        ("mem_limit: 512Mi", "resources", Resources(memory_limit=512 << 20)),
        ("mem_reservation: 1g", "resources", Resources(memory_request=1 << 30)),
        ("cpus: .5", "resources", Resources(cpu_limit=500)),
        ("cpus: 2", "resources", Resources(cpu_limit=2000)),
        ("user: 1000", "user", 1000),
        ("tmpfs: /tmp", "tmpfs", ("/tmp",)),
        ("read_only: no", "read_only", False),
        ("restart: always", "image", IMAGE),
        ("network_mode: bridge", "image", IMAGE),
        ("build:", "image", IMAGE),
    ],
)
def test_a_field_of_a_service(service: str, field: str, value: object) -> None:
    assert getattr(component(service), field) == value


@pytest.mark.parametrize(
    "image",
    [
        "debian:12",
        "library/debian:bookworm-20250101",
        "localhost:5000/a/b/c:1",
        "registry.example.org/labs/web__app:v1.2-rc.1",
        "debian@sha256:" + "0" * 64,
        "registry.example.org/labs/linux:1@sha256:" + "f" * 64,
    ],
)
def test_an_image_with_a_fixed_version(image: str) -> None:
    text = f"name: a\nservices:\n  lab:\n    image: {image}\nx-lab: {{access: ssh}}\n"
    assert parse_lab(text).components[0].image == image


@pytest.mark.parametrize(
    "image",
    ["a" * 300 + ":1", "a//b:1", "a:1:2", "-a:1", "a:1@sha256:00", "a b:1", "a:" + "1" * 129, "::", "a-" * 9000],
)
def test_what_is_no_image(image: str) -> None:
    with pytest.raises(InvalidInput, match="is not the name of an image"):
        parse_lab(f"name: a\nservices:\n  lab:\n    image: '{image}'\nx-lab: {{access: ssh}}\n")


@pytest.mark.parametrize(
    ("written", "seconds"),
    [("4h", 14400), ("90m", 5400), ("2d", 172800), ("1d12h", 129600), ("1w", 604800), ("60s", 60)],
)
def test_a_lifetime(written: str, seconds: int) -> None:
    assert lab(block=f"access: ssh, lifetime: {written}").lifetime == seconds


@pytest.mark.parametrize("written", ["4", "4 h", "h", "1m2h", "1m1m", "-1h", "0s", "366d", "9999999999h", "1.5h"])
def test_what_is_no_lifetime(written: str) -> None:
    with pytest.raises(InvalidInput, match=r"x-lab\.lifetime"):
        lab(block=f"access: ssh, lifetime: {written}")


@pytest.mark.parametrize("written", ["true", "True", "yes", "on", "'true'"])
def test_internet_is_on_by_any_word_of_yaml_for_it(written: str) -> None:
    assert lab(block=f"access: ssh, internet: {written}").internet is True


@pytest.mark.parametrize("mode", ["0440", "0o440", "'0440'"])
def test_permissions_are_octal_however_they_are_written(mode: str) -> None:
    found = component(f"configs: [{{source: a, target: /a, mode: {mode}}}]", rest="configs: {a: {content: x}}")
    assert found.configs == (FileMount("a", "/a", 0o440),)


SEVERAL = f"""
name: shop
services:
  web:
    image: {IMAGE}
    depends_on: {{db: {{condition: service_healthy}}}}
  db:
    image: {IMAGE}
    healthcheck: {{test: pg_isready}}
x-lab:
  access: ACCESS
"""


def test_a_lab_may_have_several_services() -> None:
    found = parse_lab(SEVERAL.replace("ACCESS", "{type: http, component: web}"))
    assert [component.name for component in found.components] == ["web", "db"]
    assert found.components[0].depends_on == {"db": "service_healthy"}
    assert found.access == (Access("http", "web", 8080),)


def test_each_way_in_says_to_which_of_several_services() -> None:
    with pytest.raises(InvalidInput, match="does not say to which of the services"):
        parse_lab(SEVERAL.replace("ACCESS", "http"))


def test_only_a_service_with_a_healthcheck_becomes_healthy() -> None:
    with pytest.raises(InvalidInput, match="'db' has no healthcheck"):
        parse_lab(
            SEVERAL.replace("ACCESS", "{type: http, component: web}").replace("test: pg_isready", "disable: true")
        )


def test_a_group_may_reach_one_service_by_ssh_and_another_by_the_browser() -> None:
    access = "[{type: ssh, component: web}, {type: http, component: db}]\n  deployment_mode: per_group"
    assert parse_lab(SEVERAL.replace("ACCESS", access)).access == (
        Access("ssh", "web", 2222),
        Access("http", "db", 8080),
    )


@pytest.mark.parametrize(("restart", "retried"), [("", False), ("restart: 'no'", False), ("restart: on-failure", True)])
def test_a_service_whose_end_another_one_waits_for_runs_once(restart: str, retried: bool) -> None:
    found = parse_lab(
        f"name: a\nservices:\n"
        f"  lab:\n    image: {IMAGE}\n    depends_on: {{setup: {{condition: service_completed_successfully}}}}\n"
        f"  setup:\n    image: {IMAGE}\n    {restart}\n"
        "x-lab: {access: {type: ssh, component: lab}}\n"
    )
    assert [found.runs_once(component.name) for component in found.components] == [False, True]
    assert [component.retried for component in found.components] == [False, retried]


@pytest.mark.parametrize("name", ["db_data", "App.conf", "1"])
def test_volumes_configs_and_secrets_have_the_names_that_compose_allows(name: str) -> None:
    found = component(f"volumes: ['{name}:/srv']", rest=f"volumes: {{'{name}': }}")
    assert found.mounts == (Mount(name, "/srv"),)
    found = component(f"configs: ['{name}']", rest=f"configs: {{'{name}': {{content: x}}}}")
    assert found.configs == (FileMount(name, f"/{name}"),)


LINES = (ROOT / "tests/data/labs/good/everything.yml").read_text(encoding="utf-8").splitlines()
ODD = ["", "x", "-1", "[]", "{}", "[[]]", "[{}]", "{a: }", "{a: {a: b}}", "null", "true", "'$x'", "'::::'", "[null, 1]"]


@given(st.integers(0, len(LINES) - 1), st.sampled_from(ODD))
def test_a_field_may_hold_anything_and_the_parser_has_an_answer(number: int, value: str) -> None:
    field, colon, _ = LINES[number].partition(":")
    lines = [*LINES[:number], f"{field}{colon} {value}", *LINES[number + 1 :]]
    try:
        parse_lab("\n".join(lines))
    except InvalidInput as refused:
        assert refused.problems


@pytest.mark.parametrize(
    ("block", "text"),
    [
        ("title: Linux", Text("Linux")),
        ("title: {ru: Линукс}", Text("", "Линукс")),
        ("title: {en: Linux, ru: Линукс}", Text("Linux", "Линукс")),
        ("title:", Text("a-lab")),
    ],
)
def test_a_title_in_one_language_or_two(block: str, text: Text) -> None:
    assert lab(block=f"access: ssh, {block}").title == text


def test_a_problem_reads_as_a_sentence_with_its_place_and_an_example() -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_lab(f"name: a\nservices:\n  lab:\n    image: {IMAGE}\nx-lab: {{access: telnet}}\n", file="my.yml")
    assert str(refused.value) == (
        "my.yml:5: x-lab.access: is 'telnet', which is none of ssh, http, vnc (for example: ssh)"
    )
