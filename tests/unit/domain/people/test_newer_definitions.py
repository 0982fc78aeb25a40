"""Nobody keeps what older definitions made of them, whatever is being written while they change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.ports import Unavailable
from tests.support.builders.app_users import (
    defining,
    definitions,
    identified,
    looked_at,
    only,
    person_of,
    told_by_app,
    tracked,
)
from tests.support.builders.stripe import NOW, customer, event, product, subscription
from tests.support.fakes.batches import counts_of, told_of
from tests.support.fakes.world import World

WITH_EMAIL = Segment("with_email", "With e-mail", {"has": "email"})
TIER = Field("tier", "Tier", "Custom", "text", "customer.metadata.tier")
FAMILY = Field("family", "Family", "Custom", "text", "product.metadata.family")


@pytest.fixture
def world() -> World:
    return defining()


@pytest.mark.parametrize(
    "again",
    [told_of(customer()), told_of(customer(name="Older"), NOW - 999), told_of(customer(name="New"), NOW)],
)
def test_any_change_of_a_person_holds_them_against_newer_definitions(
    world: World, again: dict[str, Any]
) -> None:
    world.apply(told_of(customer()))
    definitions(world).define(TIER, WITH_EMAIL)

    report = world.apply(again)

    assert counts_of(report) == {"applied": 1}
    person = person_of(world, "customer:cus_1")
    assert person.definitions_version == 2
    assert "with_email" in person.segments


def rises_in_the_next_write(world: World, *added: Segment | Field) -> None:
    """Somebody changes the definitions while a write set is being written."""

    def rise() -> None:
        world.people.before_write = lambda: None
        definitions(world).define(*added)

    world.people.before_write = rise


def test_who_becomes_a_person_while_the_definitions_change_is_folded_again(world: World) -> None:
    """The job that walks through everybody may have passed before they were in the index."""
    rises_in_the_next_write(world, WITH_EMAIL)

    report = world.apply(told_of(customer()))

    person = person_of(world, "customer:cus_1")
    assert (person.definitions_version, "with_email" in person.segments) == (2, True)
    assert counts_of(report) == {"applied": 1, "races": 1}


def test_a_user_who_is_identified_while_the_definitions_change_is_folded_again(world: World) -> None:
    told_by_app(world, tracked())
    rises_in_the_next_write(world, WITH_EMAIL)

    report = told_by_app(world, identified(email="a@example.com"), tracked(name="Other"))

    assert (only(world).definitions_version, "with_email" in only(world).segments) == (2, True)
    assert counts_of(report) == {"applied": 2, "races": 2, "entries": 1}
    assert only(world).records["user:42"].events["tracked:Other"].count == 1


def test_whoever_was_in_the_index_before_is_left_to_the_job(world: World) -> None:
    world.apply(told_of(customer()))
    rises_in_the_next_write(world, WITH_EMAIL)

    report = world.apply(told_of(customer(name="New"), NOW))

    assert counts_of(report) == {"applied": 1}
    assert person_of(world, "customer:cus_1").definitions_version == 1


def test_a_newcomer_is_left_to_the_job_as_soon_as_they_are_in_the_index(world: World) -> None:
    world.people.before_write = lambda: definitions(world).define()

    report = world.apply(told_of(customer()))

    assert counts_of(report) == {"applied": 1, "races": 1}
    assert person_of(world, "customer:cus_1").definitions_version == 2
    assert definitions(world).current.version == 3


def test_a_newcomer_waits_where_the_version_cannot_be_read_after_the_write(world: World) -> None:
    connections = definitions(world)
    get, written = connections.get, [False]

    def throttled(name: str) -> Connection | None:
        if written.pop():
            written.append(False)
            raise Unavailable("throttled")
        written.append(False)
        return get(name)

    def rise() -> None:
        connections.define(WITH_EMAIL)
        world.people.before_write = lambda: None
        written[:] = [True]

    connections.get = throttled  # type: ignore[method-assign]  # the fake's own
    world.people.before_write = rise
    report = world.apply(told_of(customer()))

    assert report.counts["waiting"] == 1
    world.settle()
    assert "with_email" in person_of(world, "customer:cus_1").segments


def test_a_newcomer_who_crashes_when_folded_again_is_delivered_again(world: World) -> None:
    rises_in_the_next_write(world, WITH_EMAIL)
    read = world.people.read

    def crashes(*asked: Any) -> Any:
        if world.people.writes:
            raise RuntimeError("killed")
        return read(*asked)

    world.people.read = crashes  # type: ignore[assignment,method-assign]  # the fake's own
    report = world.apply(told_of(customer()))

    assert set(report.crashed) == {"m0"}
    world.people.read = read  # type: ignore[method-assign]
    world.apply(told_of(customer()))
    assert "with_email" in person_of(world, "customer:cus_1").segments


def test_who_becomes_a_person_beside_one_who_crashes_is_folded_again_too(world: World) -> None:
    rises_in_the_next_write(world, WITH_EMAIL)
    write = world.people.write_one

    def crashes(epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
        if any("cus_2" in one.records for one in write_set.after.values() if one):
            raise RuntimeError("crash")
        write(epoch, write_set, cause, now)

    world.people.write_one = crashes  # type: ignore[method-assign]  # the fake's own
    report = world.apply(told_of(customer()), told_of(customer("cus_2")))

    assert set(report.crashed) == {"m1"}
    assert "with_email" in person_of(world, "customer:cus_1").segments


def test_an_older_version_never_overwrites_a_newer_one(world: World) -> None:
    world.apply(told_of(customer()))
    connections = definitions(world)
    definitions_as_read = connections.definitions
    connections.define(WITH_EMAIL)
    world.apply(told_of(customer(name="New"), NOW))
    stale = [True]

    def older(connection: Connection) -> Any:
        read = definitions_as_read(connection)
        return replace(read, version=1, segments=read.segments[:-1]) if stale and stale.pop() else read

    connections.definitions = older  # type: ignore[method-assign]  # the fake's own
    world.apply(told_of(customer(name="Newest"), NOW + 60))

    person = person_of(world, "customer:cus_1")
    assert (person.definitions_version, "with_email" in person.segments) == (2, True)
    assert person.fields["customer_name"] == "Newest"


# --- what fields are made of a product

SOLD = event("product.created", product(metadata={"family": "teams"}), created=NOW - 60)


def test_a_product_that_changes_while_a_field_is_made_of_it_reaches_its_users(world: World) -> None:
    """The worker read the definitions before, and wrote the product after the job had passed its users."""
    world.apply(told_of(customer()), event("customer.subscription.created", subscription(), created=NOW - 60))
    world.apply(event("product.created", product(), created=NOW - 600))
    world.settle()

    def job_passes() -> None:
        world.catalogue.before_write = lambda: None
        definitions(world).define(FAMILY)
        world.deliver([looked_at(*world.people.people)])

    world.catalogue.before_write = job_passes
    world.apply(SOLD)
    world.settle()

    assert person_of(world, "customer:cus_1").fields["family"] == "teams"
