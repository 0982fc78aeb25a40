"""Fields of the users' own, where people are shown and told of."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.activity import USER, Trait
from peoplesync.domain.records.record import Record
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions, Segment
from peoplesync.use_cases.public_json import present
from peoplesync.use_cases.queries.browse import Browser, NotFound
from peoplesync.use_cases.queries.explain import explain_person
from peoplesync.use_cases.read_models.find import Finder
from tests.support.builders.defined import TIER
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.streams import FakeBus, Stage, StreamedPeople
from tests.support.fakes.world import CONNECTED, FakeConnections, World

RENEWAL = replace(TIER, key="renewal", title="Renewal", type="instant", source="customer.metadata.renewal")
SEATS = replace(TIER, key="seats", title="Seats", type="number", source="customer.metadata.seats")
OWN = (*FIELDS, RENEWAL, SEATS)


class Defined(FakeConnections):
    """With fields of its own; a later version of them is `disabled`."""

    fields = OWN

    def definitions(self, connection: Any) -> Definitions:
        return Definitions(1, (*PREDEFINED, Segment("soon", "Soon", SOON)), self.fields)


SOON = {"field": "renewal", "in_next": "30d"}


@pytest.fixture
def here() -> Stage:
    people = StreamedPeople()
    stage = Stage(World(NOW, people=people, connections=Defined()), people, FakeBus(), Defined())
    shown = customer(email="team-03@example.com", metadata={"renewal": "2026-03-10", "seats": "a few"})
    stage.world.apply(event("customer.created", shown, created=NOW - 60))
    return stage


def somebody(here: Stage) -> Person:
    (person,) = here.people.people.values()
    return person


def test_a_person_is_shown_with_them(here: Stage) -> None:
    shown = present(somebody(here), OWN)

    assert (shown["fields"]["renewal"], shown["fields"]["seats"]) == ("2026-03-10T00:00:00Z", None)
    assert list(shown["fields"])[-2:] == ["renewal", "seats"]
    assert shown["segments"] == ["soon", "syncing_with_stripe"]


def test_disabled_ones_are_not_shown(here: Stage) -> None:
    shown = present(somebody(here), [replace(one, enabled=one.key != "renewal") for one in OWN])

    assert "renewal" not in shown["fields"]
    assert "seats" in shown["fields"]


def test_they_are_explained_with_where_they_come_from(here: Stage) -> None:
    told = explain_person(somebody(here), [Segment("soon", "Soon", SOON)], NOW, OWN)

    assert told["segments"][0]["value"] == "2026-03-10T00:00:00Z"
    renewal = next(one for one in told["fields"] if one["key"] == "renewal")
    assert (renewal["source"], renewal["object"]) == ("customer.metadata.renewal", "cus_1")
    assert told["errors"] == {"seats": '"a few" is not a number'}


def test_instants_among_them_go_out_as_iso_8601(here: Stage) -> None:
    here.publish()
    (created,) = here.bus.of("Person Created")
    assert created["fields"]["renewal"] == "2026-03-10T00:00:00Z"

    here.world.now = NOW + 10
    later = customer(email="team-03@example.com", metadata={"renewal": "2026-04-10"})
    here.world.apply(event("customer.updated", later, previous={}, created=NOW))
    here.publish()
    (updated,) = here.bus.of("Person Updated")
    changed = {"old": "2026-03-10T00:00:00Z", "new": "2026-04-10T00:00:00Z"}
    assert updated["changes"]["renewal"] == changed


def test_the_last_value_of_a_field_that_was_disabled_goes_out_as_it_was(here: Stage) -> None:
    here.publish()
    without = tuple(replace(one, enabled=one.key != "renewal") for one in OWN)
    for connections in (here.world.connections, here.connections):
        vars(connections)["fields"] = without
    here.world.now = NOW + 10
    again = customer(email="team-03@example.com", name="Anew", metadata={"renewal": "2026-03-10"})
    here.world.apply(event("customer.updated", again, previous={}, created=NOW))

    here.publish()

    (updated,) = here.bus.of("Person Updated")
    assert updated["changes"]["renewal"] == {"old": "2026-03-10T00:00:00Z", "new": None}


class OneUser:
    """Somebody whom the app knows and Stripe does not."""

    person_told = Person(
        "per_1",
        NOW,
        email="user-1@example.com",
        records={f"{USER}u/1": Record(f"{USER}u/1", NOW, traits={"email": Trait(NOW, "user-1@example.com")})},
    )

    def person_of(self, epoch: Any, identity: str) -> Person | None:
        return self.person_told if identity == f"{USER}u/1" else None

    def find(self, epoch: Any, sought: str, most: int, after: str = "") -> list[tuple[str, str]]:
        return []

    def of_ids(self, epoch: Any, ids: Any) -> list[Person]:
        return []

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(name)


def test_a_user_of_the_app_is_found_and_shown_by_the_apps_id() -> None:
    class Catalogue:
        def fields_of(self, connection: Any) -> Any:
            return FIELDS

        def __getattr__(self, name: str) -> Any:
            raise AssertionError(name)

    people: Any = OneUser()
    browser = Browser(CONNECTED, people, Catalogue(), Finder(people, people), lambda: None, lambda path: None)

    shown = browser.person("user:u/1")

    assert (shown["customers"], shown["users"], shown["email"]) == ([], ["u/1"], "user-1@example.com")
    with pytest.raises(NotFound, match="no person matches user:u/2"):
        browser.person("user:u/2")
