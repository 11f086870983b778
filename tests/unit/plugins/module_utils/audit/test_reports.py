"""Reports: whole files, texts of others never markup, and every kind counted."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.files import NAMES, reports, write
from ansible_collections.autolabs.platform.plugins.module_utils.audit.report.page import page
from ansible_collections.autolabs.platform.plugins.module_utils.audit.result import Audit, Source
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import InvalidInput
from ansible_collections.autolabs.platform.plugins.modules import flows_audit as documented
from unit.plugins.module_utils.audit.small_site import audited, converged


@pytest.fixture(scope="module")
def bad() -> Audit:
    """A site with one rule too many, whose name is markup."""
    live = converged()
    live["ufw"]["database-vm"] += "3306/tcp ALLOW IN Anywhere # </script><b>@verdict@|x\n"
    return audited(live)


def test_all_reports_are_written_and_replaced_as_a_whole(bad: Audit, tmp_path: Path) -> None:
    folder = tmp_path / "new" / "flows"
    first = write(bad, str(folder))
    assert write(bad, str(folder)) == first
    assert sorted(os.listdir(folder)) == sorted(NAMES.values())
    assert {Path(path).read_text(encoding="utf-8") for path in first.values()} == set(reports(bad).values())
    assert all(os.stat(path).st_mode & 0o777 == 0o644 for path in first.values())


def test_a_folder_that_cannot_be_is_a_mistake_that_says_so(bad: Audit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidInput, match="reports cannot be written to"):
        write(bad, str(tmp_path / "file"))


def test_the_page_needs_no_network_and_takes_no_text_for_markup(bad: Audit) -> None:
    text = page(bad)
    assert "default-src 'none'" in text and not re.search(r"(?:src|href)=|url\(|@import", text)
    assert text.count("</script>") == 2 and "<b>@verdict" not in text and "&lt;b&gt;@verdict@" in text
    assert not re.search(r"@(?:title|tiles|matrix|data|style)@", text)


def test_the_page_has_a_cell_for_each_pair(bad: Audit) -> None:
    text = page(bad)
    assert text.count("data-cell=") - text.count('class="show"') == len(bad.endpoints) ** 2
    assert 'class="c differs" data-cell="everyone&gt;database"' in text
    embedded = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert len(embedded["matrix"]) == len(bad.endpoints) ** 2


def test_prometheus_has_every_kind_and_when(bad: Audit) -> None:
    lines = reports(bad)["prometheus"].splitlines()
    assert 'autolabs_flows_findings{kind="extra"} 1' in lines and 'autolabs_flows_findings{kind="missing"} 0' in lines
    assert 'autolabs_flows_source_asked{source="cluster"} 1' in lines
    assert "autolabs_flows_last_audit_timestamp_seconds 1700000000" in lines
    names = [line.split("{")[0].split(" ")[0] for line in lines if not line.startswith("#")]
    assert set(names) == {line.split()[2] for line in lines if line.startswith("# TYPE")}


def test_the_markdown_has_findings_and_what_is_allowed(bad: Audit) -> None:
    text = reports(bad)["markdown"]
    assert "| extra | firewall of database-vm |" in text and "\\|x" in text
    assert "| + | Platform | RabbitMQ | tcp/5672 | platform-rabbitmq |" in text


def test_the_json_is_what_the_module_documents(bad: Audit) -> None:
    found = json.loads(reports(bad)["json"])
    returned: dict[str, Any] = yaml.safe_load(documented.RETURN)
    about = " ".join(returned["reports"]["description"])
    assert found["schema"] == 1 and all(f"C({field})" in about for field in found)
    assert found["findings"][0].keys() == returned["findings"]["contains"].keys()


@pytest.mark.parametrize(
    ("sources", "sentence"),
    [
        ((Source("cluster", True),), "The site is as the catalogue says"),
        ((Source("cluster", True), Source("Proxmox", False)), "What was asked is as the catalogue says; Proxmox could"),
        ((Source("cluster", False),), "Nothing could be asked, so nothing is known"),
    ],
)
def test_the_sentence_never_says_more_than_is_known(sources: tuple[Source, ...], sentence: str) -> None:
    assert Audit(0, "x", sources=sources).sentence().startswith(sentence)
    assert "<h1" in page(Audit(0, "x", sources=sources))
