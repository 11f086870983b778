"""The seats of a group: everybody keeps theirs, and nobody gets another one's."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.autolabs.platform.plugins.module_utils.labs.model import Access
from ansible_collections.autolabs.platform.plugins.module_utils.labs.objects.seats import (
    MOST_SEATS,
    SEATS_ANNOTATION,
    Seat,
    annotated,
    annotation,
    as_in,
    seats,
    seats_in,
    without_closed,
)
from unit.support.classes import GROUPS, class_of

SSH = Access("ssh", "linux", 2222)


def written(text: str) -> dict[str, Any]:
    """A live Service."""
    return {"metadata": {"annotations": {SEATS_ANNOTATION: text}}}


def pod(**ports: int) -> dict[str, Any]:
    containers = [
        {"env": [{"name": "AUTOLABS_STUDENT_ID", "value": who}, {"name": "AUTOLABS_SSH_PORT", "value": str(port)}]}
        for who, port in ports.items()
    ]
    return {"spec": {"containers": containers}}


def found(members: str, service: Any = None, live_pod: Any = None) -> str:
    """Seats as `anna=2222`, and `(anna=2222)` for a closed one."""
    (instance,) = class_of(*(f"{name}/7" for name in members.split()), lab=GROUPS).instances
    texts = [(f"{seat.student}={seat.port}", seat.open) for seat in seats(instance, SSH, service, live_pod)]
    return " ".join(text if is_open else f"({text})" for text, is_open in texts)


@pytest.mark.parametrize(
    ("case", "members", "service", "live_pod", "expected"),
    [
        ("a new group, in the order of the roster", "bob anna", None, None, "bob=2222 anna=2223"),
        ("all stay", "anna bob", written("anna=2222,bob=2223"), pod(anna=2222, bob=2223), "anna=2222 bob=2223"),
        ("the roster's order does not matter", "bob anna", written("anna=2222,bob=2223"), None, "anna=2222 bob=2223"),
        ("one leaves", "bob", written("anna=2222,bob=2223"), pod(anna=2222, bob=2223), "(anna=2222) bob=2223"),
        ("the one who left returns", "bob anna", written("bob=2223"), pod(anna=2222, bob=2223), "anna=2222 bob=2223"),
        ("a new one gets no seat that was another's", "bob clara", written("bob=2223"), pod(anna=2222, bob=2223),
            "(anna=2222) bob=2223 clara=2224"),
        ("a seat is kept while the instance is stopped", "bob", written("anna=2222,bob=2223"), None, "bob=2223"),
        ("a new Pod has free ports again", "bob clara", written("bob=2223"), None, "clara=2222 bob=2223"),
        ("without a Service the Pod tells", "anna bob", None, pod(bob=2222, anna=2223), "bob=2222 anna=2223"),
        ("somebody broke the annotation", "anna bob", written("anna=x,,bob=2222=3,=,anna"), None,
            "anna=2222 bob=2223"),
        ("one port for two", "anna bob", written("anna=2222,bob=2222"), None, "anna=2222 bob=2223"),
        ("the lab has other ports now", "anna", written("anna=3000"), pod(anna=3000), "anna=2222 (anna=3000)"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)  # fmt: skip
def test_who_sits_where(case: str, members: str, service: Any, live_pod: Any, expected: str) -> None:
    assert found(members, service, live_pod) == expected


def test_a_full_group_has_a_seat_for_each_even_where_everybody_changed() -> None:
    before = pod(**{f"a{number}": 2222 + number for number in range(MOST_SEATS)})
    now = found(" ".join(f"b{number}" for number in range(MOST_SEATS)), None, before).split()
    assert {int(seat.split("=")[1]) for seat in now if seat.startswith("b")} == set(range(2222, 2222 + MOST_SEATS))


def test_the_annotation_tells_the_open_ones_and_is_read_back() -> None:
    text = annotation([Seat("anna", 2222), Seat("bob", 2223, open=False), Seat("clara", 2224)])
    assert text == {SEATS_ANNOTATION: "anna=2222,clara=2224"}
    assert annotated({"metadata": {"annotations": text}}) == {"anna": 2222, "clara": 2224}
    assert annotated(None) == annotated({"metadata": {}}) == {}


def test_a_pod_that_stays_has_its_own_seats_and_a_new_one_the_open_ones() -> None:
    all_seats = (Seat("anna", 2222, open=False), Seat("bob", 2223), Seat("clara", 2224))
    assert as_in(pod(anna=2222, bob=2223), all_seats) == all_seats[:2]
    assert without_closed(all_seats) == all_seats[1:]


def test_a_container_that_is_no_seat_is_none() -> None:
    assert seats_in({"spec": {"containers": [{"name": "web"}, {"env": [{"name": "AUTOLABS_SSH_PORT"}]}]}}) == ()
    assert seats_in(None) == ()
