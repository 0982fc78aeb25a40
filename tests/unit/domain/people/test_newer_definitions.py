"""Nobody keeps what older definitions made of them, whatever is being written while they change."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.messages.message import Message
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
from tests.support.fakes.batches import counts_of, messages, told_of
from tests.support.fakes.world import TEST, World

WITH_EMAIL = Segment("with_email", "With e-mail", {"has": "email"})
TIER = Field("tier", "Tier", "Custom", "text", "customer.metadata.tier")
NEW_NAME = Segment("new_name", "New name", {"field": "customer_name", "starts_with": "New"})
LEFT = [{"field": "customer_email", "in": ["a@example.com"]}, {"field": "subscription_count", "at_most": 0}]
WITHOUT = Segment("without", "Without subscription", {"all": LEFT})
SUBSCRIBED = Segment("subscribed", "Subscribed", {"field": "subscription_count", "over": 0})
EXPIRED = Segment("expired", "Expired", {"field": "subscription_trial_ends_at", "older_than": "0d"})
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


def test_whoever_was_in_the_index_before_is_folded_again_too(world: World) -> None:
    """The job has looked at them already, and did not write them."""
    world.apply(told_of(customer()))
    rises_in_the_next_write(world, NEW_NAME)

    report = world.apply(told_of(customer(name="New"), NOW))

    assert counts_of(report) == {"applied": 1, "races": 1}
    assert "new_name" in person_of(world, "customer:cus_1").segments


def test_who_is_folded_again_and_not_changed_is_not_written_again(world: World) -> None:
    rises_in_the_next_write(world)

    report = world.apply(told_of(customer()))

    assert counts_of(report) == {"applied": 1, "races": 1}
    assert (world.people.writes, person_of(world, "customer:cus_1").definitions_version) == (1, 1)


class Killed(BaseException):
    """The process ends; no code of the worker can catch that."""


def dies_before_the_check(world: World, *deliveries: str) -> None:
    """The worker's process ends between the write and the look at the versions, once."""
    versions = world.people.versions

    def dies(epoch: Epoch) -> tuple[int, int]:
        raise Killed

    world.people.versions = dies  # type: ignore[method-assign]  # the fake's own
    with pytest.raises(Killed):
        world.deliver(deliveries)
    world.people.versions = versions  # type: ignore[method-assign]


def test_a_worker_that_dies_before_it_looks_at_the_version_is_made_up_for_by_its_message(
    world: World,
) -> None:
    world.apply(told_of(customer()))
    (message,) = messages(told_of(customer(name="New"), NOW))
    world.people.before_write = lambda: the_job_passes(world, NEW_NAME)
    dies_before_the_check(world, message)
    assert "new_name" not in person_of(world, "customer:cus_1").segments

    report = world.deliver([message])

    assert counts_of(report) == {"applied": 1}
    assert "new_name" in person_of(world, "customer:cus_1").segments
    assert counts_of(world.deliver([message])) == {"stale": 1, "duplicate": 1}


def test_a_message_that_comes_again_writes_nobody_whom_newer_definitions_do_not_change(world: World) -> None:
    (message,) = messages(told_of(customer()))
    rises_in_the_next_write(world)
    dies_before_the_check(world, message)

    assert counts_of(world.deliver([message])) == {"stale": 1, "duplicate": 1}
    assert world.people.writes == 1


def the_job_passes(world: World, *added: Segment | Field) -> None:
    """The definitions change, and everybody in the index is looked at; it changes nobody."""
    world.people.before_write = lambda: None
    definitions(world).define(*added)
    people = world.people.members_page(TEST, EVERYONE, 0, "", 100)
    assert counts_of(world.deliver([looked_at(*people)])) == {"stale": len(people)}


def test_who_loses_a_record_while_the_job_passes_is_evaluated_with_the_newer_definitions(
    world: World,
) -> None:
    """The message is about the record, and would lead to its new person only."""
    world.apply(*(told_of(customer(f"cus_{n}", email="a@example.com")) for n in (1, 2)))
    bought = subscription(customer="cus_2")
    world.apply(told_of(customer("cus_3", email="b@example.com")))
    world.apply(event("customer.subscription.created", bought, created=NOW - 60))
    (message,) = messages(told_of(customer("cus_2", email="b@example.com"), NOW))
    world.people.before_write = lambda: the_job_passes(world, WITHOUT)
    dies_before_the_check(world, message)
    world.deliver([message])

    assert "without" in person_of(world, "email:a@example.com").segments


def test_who_takes_in_somebody_reviewed_while_the_job_passes_is_evaluated_with_the_newer_definitions(
    world: World,
) -> None:
    """The message is about a person who is no more."""
    world.apply(told_of(customer("cus_2", email="a@example.com")))
    world.apply(event("customer.subscription.created", subscription(customer="cus_1"), created=NOW))
    world.now += 60
    world.stripe.now, world.stripe.objects["cus_1"] = world.now, customer(email="a@example.com")
    nobody_yet = person_of(world, "customer:cus_1").id
    review = Message(TEST, review=(nobody_yet,), cause="sweep").encode()
    world.people.before_write = lambda: the_job_passes(world, SUBSCRIBED)
    dies_before_the_check(world, review)
    world.deliver([review])

    assert "subscribed" in only(world).segments


def test_a_review_by_the_clock_is_not_given_up_before_the_version_was_looked_at(world: World) -> None:
    """The sweep does not find again whom it has had written."""
    trial = subscription(status="trialing", trial_end=NOW + 60)
    world.apply(told_of(customer()), event("customer.subscription.created", trial, created=NOW))
    world.settle()
    world.now += 60
    versions, failures = world.people.versions, iter(range(4))

    def throttled(*_: Any, **__: Any) -> Any:
        raise Unavailable("throttled")

    world.people.versions = throttled  # type: ignore[method-assign]  # the fake's own
    rises_in_the_next_write(world, EXPIRED)
    world.deliver([Message(TEST, review=(only(world).id,), cause="sweep").encode()])
    read, world.people.read = world.people.read, throttled  # type: ignore[method-assign]
    for _ in failures:
        ((body, _),) = world.queue.sent
        world.queue.sent.clear()
        world.deliver([body])
    world.people.versions, world.people.read = versions, read  # type: ignore[method-assign]
    world.settle()

    assert {"expired_trials", "expired"} <= only(world).segments.keys()


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
