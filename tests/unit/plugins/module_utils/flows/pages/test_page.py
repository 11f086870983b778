"""The page about the catalogue: up to date, and with examples that work."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.autolabs.platform.plugins.module_utils.flows.catalogue.reading import read_catalogue
from ansible_collections.autolabs.platform.plugins.module_utils.flows.pages import page

DOCS = Path(__file__).parents[6] / "docs"
EXAMPLES = re.findall("```yaml\n(.*?)```", page.INTRODUCTION, re.DOTALL)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where page and picture were made anew."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / page.ROWS).write_text((DOCS / page.ROWS).read_text())
    page.write(folder)
    return folder


@pytest.mark.parametrize("name", [page.PAGE, page.PICTURE])
def test_what_is_committed_is_what_the_catalogue_gives(name: str, made: Path) -> None:
    stale = (made / name).read_text() != (DOCS / name).read_text()
    assert not stale, f"docs/{name} is not up to date; run: PYTHONPATH=.collections {page.COMMAND}"


def test_the_example_of_a_sites_own_file_adds_changes_and_removes(tmp_path: Path) -> None:
    file = tmp_path / "flows.yml"
    file.write_text(EXAMPLES[1])
    built_in, changed = read_catalogue(), read_catalogue([file], yaml.safe_load(EXAMPLES[0])["flows_networks"])
    assert changed.flows.keys() - built_in.flows.keys() == {"office-metrics"}
    assert built_in.flows.keys() - changed.flows.keys() == {"gitlab-ssh"}
    assert changed.flows["gitlab-web"].sources == ("developers",)
    assert changed.flows["gitlab-web"].why == built_in.flows["gitlab-web"].why
    assert changed.flows["gitlab-web"].published_at == "gitlab"


def test_the_example_of_a_site_with_nginx_gives_the_api_server_to_the_controller(tmp_path: Path) -> None:
    file = tmp_path / "flows.yml"
    file.write_text(EXAMPLES[2])
    changed = read_catalogue([file])
    assert changed.flows["ingress-api-server"].sources == ("ingress",)
    assert changed.endpoints["ingress"].labels == (("app.kubernetes.io/name", "ingress-nginx"),)


def test_the_example_of_an_inventory_names_networks_and_features_of_the_catalogue(tmp_path: Path) -> None:
    file = tmp_path / "flows.yml"
    file.write_text(EXAMPLES[1])
    catalogue, inventory = read_catalogue([file]), yaml.safe_load(EXAMPLES[0])
    networks = {entry.network for entry in catalogue.endpoints.values()}
    assert inventory["flows_networks"].keys() <= networks
    assert set(inventory["flows_features"]) <= {flow.feature for flow in catalogue.flows.values()}


def test_every_link_of_the_page_leads_somewhere() -> None:
    text = (DOCS / page.PAGE).read_text()
    links = set(re.findall(r"\]\(#([^)]+)\)", text))
    assert links and links == set(re.findall(r'<a id="([^"]+)">', text))


def test_a_row_shows_its_flows_its_mistakes_and_what_stays_closed() -> None:
    rows = {
        "mistakes": {"wide": {"title": "Too wide", "wrong": "All of it", "instead": "Less"}},
        "documents": [
            {
                "document": "000",
                "title": "Flows",
                "sections": [
                    {
                        "section": "one",
                        "title": "1. One",
                        "rows": [
                            {"says": "A | b", "flows": ["web", "dns"], "mistake": "wide", "instead": "So"},
                            {"says": "C", "closed": [["lab-instances", "database"]]},
                            {"says": "D", "left_out": "Later"},
                        ],
                    }
                ],
            }
        ],
    }
    lines = page.flows_page(read_catalogue(), rows).splitlines()
    assert r"| A \| b | `web`, `dns` | [Too wide](#mistake-wide). So |" in lines
    assert "| C |   | Closed: Lab instances → Database |" in lines
    assert "| D |   | No flow: Later |" in lines
    assert '| <a id="mistake-wide"></a>Too wide | All of it | Less |' in lines
    assert "Referred to as `000 one`." in lines


def test_the_command_names_this_module() -> None:
    assert page.COMMAND.split() == ["python", "-m", page.__name__, DOCS.name]
