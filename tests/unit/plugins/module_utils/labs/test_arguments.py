"""Arguments of the lab modules become a class, a limit or settings, or every mistake at once."""

from __future__ import annotations

import datetime
import errno
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.module_utils.labs import arguments
from ansible_collections.autolabs.platform.plugins.module_utils.labs.settings import Settings

LAB = "name: linux-basics\nservices:\n  linux:\n    image: registry.example/linux:1\nx-lab:\n  access: ssh\n"
ROSTER = "id,name,group\nanna,Анна,7\nboris,Борис,\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a lab and a roster that are right."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lab.yml").write_text(LAB, encoding="utf-8")
    (tmp_path / "roster.csv").write_text(ROSTER, encoding="utf-8")
    return tmp_path


def given(**values: Any) -> dict[str, Any]:
    """Arguments as Ansible gives them: each is there, by its default where it was not written."""
    defaults = {name: option.get("default") for name, option in arguments.LAB_CLASS.items()}
    assert values.keys() <= defaults.keys()
    return defaults | {"lab": "lab.yml"} | values


def mistakes(**values: Any) -> list[str]:
    with pytest.raises(InvalidInput) as refused:
        arguments.lab_class(given(**values))
    return [str(problem) for problem in refused.value.problems]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    "who",
    [{"roster": "roster.csv"}, {"students": [{"id": "anna", "name": "Анна", "group": 7}, {"id": "boris"}]}],
    ids=["a file", "a list"],
)
def test_lab_and_roster_become_a_class(who: dict[str, Any]) -> None:
    made = arguments.lab_class(given(class_id="2", course_id="sec", **who))
    assert (made.lab.id, made.id, made.course) == ("linux-basics", "2", "sec")
    assert [instance.owner for instance in made.instances] == ["anna", "boris"]


def test_mistakes_of_lab_and_roster_are_told_together(folder: Path) -> None:
    (folder / "lab.yml").write_text(LAB.replace("image", "imagine"), encoding="utf-8")
    (folder / "roster.csv").write_text("id\nanna\nAnna\n", encoding="utf-8")
    found = mistakes(roster="roster.csv")
    assert {text.split(":")[0] for text in found} == {"lab.yml", "roster.csv"}


@pytest.mark.parametrize("name", ["lab", "roster"])
@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda path: path.unlink(), "cannot be read: No such file or directory"),
        (lambda path: (path.unlink(), path.mkdir()), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes("id\nиванов\n".encode("cp1251")), "the file is not in UTF-8"),
    ],
    ids=["missing", "a folder", "cp1251"],
)
def test_a_file_that_cannot_be_used_is_one_mistake_that_names_it(
    folder: Path, name: str, prepare: Any, message: str
) -> None:
    file = {"lab": "lab.yml", "roster": "roster.csv"}[name]
    prepare(folder / file)
    (found,) = mistakes(roster="roster.csv")
    assert found.startswith(f"{file}:") and message in found


@pytest.mark.usefixtures("folder")
def test_a_file_that_may_not_be_read_is_one_mistake_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> bytes:
        # Root, who may run the tests, reads every file.
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert mistakes(students=["anna"]) == ["lab.yml: cannot be read: Permission denied"]


def test_an_unreadable_file_is_told_with_the_mistakes_of_the_other(folder: Path) -> None:
    (folder / "lab.yml").unlink()
    (folder / "roster.csv").write_text("id\n--\n", encoding="utf-8")
    assert [text.split(":")[0] for text in mistakes(roster="roster.csv")] == ["lab.yml", "roster.csv"]


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("values", "lab_id"),
    [({}, "linux-basics"), ({"lab": None, "lab_id": "other"}, "other")],
)
def test_the_labs_id_is_given_or_in_its_file(values: dict[str, Any], lab_id: str) -> None:
    assert arguments.lab_id(given(**values)) == lab_id


@pytest.mark.parametrize("lab_id", ["", "a,b", "a=b", "A", "../x"])
def test_an_id_that_no_lab_can_have_is_refused_before_the_cluster_is_asked(lab_id: str) -> None:
    with pytest.raises(InvalidInput, match="lab_id"):
        arguments.lab_id(given(lab_id=lab_id))


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("values", "owners"),
    [
        ({}, set()),
        ({"students": ["anna"]}, {("student_id", "anna")}),
        ({"roster": "roster.csv"}, {("student_id", "anna"), ("group_id", "7"), ("student_id", "boris")}),
    ],
)
def test_who_is_listed_limits_what_is_ended(values: dict[str, Any], owners: set[tuple[str, str]]) -> None:
    assert arguments.owners(given(**values)) == owners


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("values", "message"),
    [({"students": []}, "the roster has no students"), ({"roster": ""}, "the path of the roster is empty")],
)
@pytest.mark.parametrize("read", [arguments.owners, arguments.lab_class])
def test_a_list_that_came_out_empty_is_a_mistake_and_not_the_whole_class(
    read: Any, values: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidInput, match=message):
        read(given(**values))


@pytest.mark.parametrize("class_id", ["", "a,b", "1=1", "student-1"])
def test_an_id_that_no_class_can_have_is_refused_before_the_cluster_is_asked(class_id: str) -> None:
    assert arguments.class_id(given(class_id="2")) == "2"
    with pytest.raises(InvalidInput, match="class_id"):
        arguments.class_id(given(class_id=class_id))


def test_a_date_among_the_students_is_the_text_that_was_written() -> None:
    day = datetime.date(2026, 1, 2)
    plain = arguments.plain(given(students=[day, {"id": day}]))
    assert plain["students"] == ["2026-01-02", {"id": "2026-01-02"}]
    with pytest.raises(InvalidInput, match="keys of a map must be text"):
        arguments.plain(given(students=[{day: "anna"}]))


def test_the_sites_values_are_taken_over() -> None:
    values = {
        "access_host": "labs.example.org",
        "image_pull_secret": "registry",
        "storage_class": "fast",
        "pod_networks": ["10.1.0.0/16"],
        "cluster_networks": ["10.1.0.0/16", "2001:db8::/32"],
    }
    assert arguments.settings(given(**values)) == Settings(
        access_host="labs.example.org",
        image_pull_secret="registry",
        storage_class="fast",
        pod_networks=("10.1.0.0/16",),
        cluster_networks=("10.1.0.0/16", "2001:db8::/32"),
    )
    assert arguments.settings(given()) == Settings()


def test_ranges_that_are_none_are_told_together() -> None:
    with pytest.raises(InvalidInput) as refused:
        arguments.settings(given(pod_networks=["10.1.0.1/16"], cluster_networks=["pods"]))
    assert [problem.field for problem in refused.value.problems] == ["pod_networks", "cluster_networks"]


@pytest.mark.parametrize(("name", "value"), [("timeout", 0), ("failure_threshold", -1)])
def test_numbers_that_mean_nothing_are_refused(name: str, value: int) -> None:
    given = {option: spec.get("default") for option, spec in arguments.LAB_CLASS.items()}
    with pytest.raises(InvalidInput, match=f"{name}: {value} is less than"):
        arguments.options(given | {name: value}, check_mode=False)


def test_options_of_a_run() -> None:
    given = {option: spec.get("default") for option, spec in arguments.LAB_CLASS.items()}
    options = arguments.options(given | {"wait": False, "admit": "partial"}, check_mode=True)
    assert (options.check_mode, options.wait, options.admit, options.failure_threshold) == (True, False, "partial", 3)
    assert options.timeout == 300


def test_a_file_gives_the_options_that_people_typed(tmp_path: Path) -> None:
    file = tmp_path / "options.json"
    file.write_text('{"class_id": "2", "recreate": true, "students": ["{{ anna }}"]}', encoding="utf-8")
    task = {"lab": "lab.yml", "options_file": str(file)}
    options = {"class_id": "2", "recreate": True, "students": ["{{ anna }}"]}
    assert arguments.with_options_file(task) == task | options
    assert arguments.with_options_file({"lab": "lab.yml"}) == {"lab": "lab.yml"}


@pytest.mark.parametrize(
    ("text", "task", "message"),
    [
        ("{", {}, "options.json: is not JSON"),
        ("[]", {}, "options.json: holds no object of options"),
        (
            '{"kubeconfig": "/etc/shadow"}',
            {},
            "options.json: kubeconfig: is no option of a run; there are admit",
        ),
        ('{"class_id": "2"}', {"class_id": "3"}, "options.json: class_id: is given to the task as well; keep one"),
        (None, {}, "options.json: cannot be read: No such file"),
    ],
)
def test_an_options_file_that_cannot_be_used(
    folder: Path, text: str | None, task: dict[str, Any], message: str
) -> None:
    if text is not None:
        (folder / "options.json").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        arguments.with_options_file(task | {"options_file": "options.json"})
    assert message in str(refused.value)
