"""What a teacher and an admin read after a check."""

from __future__ import annotations

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.documents.problems import Problem
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.check import Checked, check_lab
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.check_tables import (
    ClassSize,
    sentence,
    tables,
)
from ansible_collections.autolabs.platform.plugins.module_utils.labs.preview.price import SITE_LIMITS

SHOP = """
name: shop
services:
  web: {image: "r.example/web:1", mem_limit: 256m}
  db: {image: "r.example/db:1", volumes: [data:/data]}
volumes: {data: }
x-lab:
  title: A shop
  access: {type: http, component: web}
  volume: 1Gi
"""
TEAM = """
name: team
services: {linux: {image: "r.example/linux:1"}}
x-lab: {access: ssh, deployment_mode: per_group, internet: true}
"""
BAD = Checked("labs/bad.yml", (Problem("labs/bad.yml", 3, "name", "is wrong"), Problem("labs/bad.yml", 4, "", "too")))


def checked(text: str, file: str) -> Checked:
    return check_lab(text, f"labs/{file}", limits=SITE_LIMITS)


def test_everything_stands_in_its_table() -> None:
    text = tables([BAD, checked(SHOP, "shop.yml"), checked(TEAM, "team.yml")])
    assert [line.rstrip() for line in text.splitlines()] == EXPECTED.strip().splitlines()


EXPECTED = """
LABS: 3 labs, 1 of them with 2 mistakes

file      lab   title   an instance for  ways in      components  internet  security    check
--------  ----  ------  ---------------  -----------  ----------  --------  ----------  ----------
bad.yml   -     -       -                -            -           -         -           2 mistakes
shop.yml  shop  A shop  each student     http to web  web, db     no        restricted  good
team.yml  team  team    each group       ssh          linux       yes       restricted  good

PRICE of an instance, and of a class

lab   for                       pods  CPU reserved  CPU at most  memory reserved  memory at most  volume  node ports
----  ------------------------  ----  ------------  -----------  ---------------  --------------  ------  ----------
shop  each student              2     1 core        1 core       768 Mi           768 Mi          1 Gi    1
      30 students               60    30 cores      30 cores     22.5 Gi          22.5 Gi         30 Gi   30
team  each group, one member    1     0.5 cores     0.5 cores    512 Mi           512 Mi          -       1
      each further member       -     0.5 cores     0.5 cores    512 Mi           512 Mi          -       1
      30 students in 10 groups  10    15 cores      15 cores     15 Gi            15 Gi           -       30

OBJECTS

lab   of            Pod  Service  PersistentVolumeClaim  Secret  NetworkPolicy
----  ------------  ---  -------  ---------------------  ------  -------------
shop  each student  2    2        1                      1       1
      the class     -    -        -                      -       2
team  each group    1    1        -                      1       -
      the class     -    -        -                      -       1

FLOWS: all else is closed

lab   from             to                               ports           why
----  ---------------  -------------------------------  --------------  --------------------------------------------------------------
shop  students         web                              TCP 8080        students reach their instance by its node port
      every component  components of the same instance  every port      the components of an instance are each other's only neighbours
      every component  cluster DNS                      UDP 53, TCP 53  names are looked up by cluster DNS alone
team  students         linux                            TCP 2222-2253   students reach their instance by its node port
      linux            cluster DNS                      UDP 53, TCP 53  names are looked up by cluster DNS alone
      linux            internet                         TCP 80, 443     the lab asks for the internet: web only

MISTAKES

labs/bad.yml:3: name: is wrong
labs/bad.yml:4: too
"""  # noqa: E501


def test_labs_that_are_all_bad_leave_the_list_and_the_mistakes() -> None:
    assert [line for line in tables([BAD]).splitlines() if line.isupper() or ":" in line[:9]] == [
        "LABS: 1 lab, 1 of them with 2 mistakes",
        "MISTAKES",
    ]


def test_what_has_no_limit_is_told_so() -> None:
    assert "no limit" in tables([check_lab(SHOP)])
    assert "no limit" not in tables([checked(SHOP, "shop.yml")])


def test_a_long_title_is_cut() -> None:
    text = tables([check_lab(SHOP.replace("A shop", "A shop " * 9))])
    assert "  A shop A shop A shop A shop A shop A sh…  " in text


@pytest.mark.parametrize(
    ("of", "told"),
    [
        ([], "0 labs, no mistake"),
        ([checked(SHOP, "a.yml")], "1 lab, no mistake"),
        ([checked(SHOP, "a.yml"), BAD, BAD], "3 labs, 2 of them with 4 mistakes"),
        ([Checked("a.yml", BAD.problems[:1])], "1 lab, 1 of them with 1 mistake"),
    ],
)
def test_the_sentence_counts_labs_and_mistakes(of: list[Checked], told: str) -> None:
    assert sentence(of) == told


@pytest.mark.parametrize(
    ("size", "sizes", "words"),
    [
        (ClassSize(), [3] * 10, "30 students in 10 groups"),
        (ClassSize(7, 3), [3, 3, 1], "7 students in 3 groups"),
        (ClassSize(1, 5), [1], "1 student in 1 group"),
    ],
)
def test_a_class_is_put_into_groups(size: ClassSize, sizes: list[int], words: str) -> None:
    lab = checked(TEAM, "team.yml").lab
    assert lab and size.sizes(lab) == sizes
    assert size.words(lab) == words
