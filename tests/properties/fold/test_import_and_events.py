"""An import amid the account's live events ends in the same people as the events alone.

A page shows what was true at some instant between two events, is said to be of no later one, and is applied
whenever its chunk is delivered: long before or after the events that it overtook, once or twice.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from peoplesync.domain.people.person import UNIDENTIFIED_PATIENCE
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.messages.packing import chunks_of_objects
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.fakes.world import TEST, World
from tests.support.oracles.hiding_account import SHOWN_ITEMS, as_shown
from tests.support.oracles.histories import History
from tests.support.oracles.price_list import CATALOGUE
from tests.support.oracles.tellings import (
    Telling,
    deliver_some,
    expected,
    hides_terms,
    outcome,
    shuffle,
    tellings,
    told_history,
    world_of,
)

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LONG = settings(QUICK, max_examples=1_500, suppress_health_check=[HealthCheck.too_slow])

LISTED = ("customer", "subscription", "charge", "product", "price", "coupon")
"""What an import reads lists of; products come with prices. Of each Stripe is asked for all that there is,
but for the items of a subscription beyond the first ten."""

Shown = Mapping[str, StripeObject]


@dataclass(frozen=True)
class Page:
    """All of one kind as it was after so many `events`, asked for `early` seconds before the next one (or,
    at most, just after the last), and delivered before the batch number `place`."""

    kind: str
    events: int
    early: int
    place: int
    expanded: bool = True


@dataclass(frozen=True)
class Import:
    """Live events in some order and batches, and pages that come between them. `alone` says whether a page
    is applied in a batch of its own, or together with the events after it."""

    telling: Telling
    pages: Sequence[Page]
    alone: bool
    seed: int


@st.composite
def imports(draw: st.DrawFn) -> Import:
    telling = draw(tellings(stripe=("truth", "truth at 0")))
    if hides_terms(telling.seed):
        # Of what events do not show the newest answer counts: a page would be newer than time 0.
        telling = replace(telling, stripe="truth")
    pages = draw(
        st.lists(
            st.builds(
                Page,
                st.sampled_from(LISTED),
                st.integers(0, telling.size),
                st.integers(0, 40),
                st.integers(0, len(telling.batches)),
                st.booleans(),
            ),
            min_size=1,
            max_size=8,
        )
    )
    return Import(telling, pages, draw(st.booleans()), draw(st.integers(0, 999)))


def at_stripe(told: History, count: int) -> Shown:
    """Every object after so many events, as lists show it; deleted customers are no longer shown."""
    objects: dict[str, StripeObject] = dict(CATALOGUE)
    events = told.events[:count]
    for event in events:
        shown = told.wholes[event["id"]]
        objects[shown["id"]] = shown
        if event["type"].startswith("customer.discount."):
            given = [] if event["type"].endswith(".deleted") else [shown]
            objects[shown["subscription"]] = objects[shown["subscription"]] | {"discounts": given}
    gone = {event["data"]["object"]["id"] for event in events if event["type"] == "customer.deleted"}
    return {key: _cut(shown) for key, shown in objects.items() if key not in gone}


def _cut(one: StripeObject) -> StripeObject:
    """The object with the first ten of its items: more of a nested list no list shows."""
    items = one.get("items")
    if not items or len(items["data"]) <= SHOWN_ITEMS:
        return one
    ten = items["data"][:SHOWN_ITEMS]
    return one | {"items": items | {"data": ten, "has_more": True, "total_count": len(items["data"])}}


def asked_at(events: Sequence[StripeObject], page: Page) -> int:
    """What a page can claim: it was asked for in or after the second of the last event that it shows, or a
    while before; and `as_of` is a second less."""
    before: int = events[page.events - 1]["created"] if page.events else events[0]["created"] - 60
    next_one: int = events[page.events]["created"] if page.events < len(events) else before + 60
    return max(before, next_one - page.early) - 1


def bodies(told: History, page: Page, number: int) -> list[str]:
    """The page as messages."""
    shown, events = at_stripe(told, page.events), told.events
    listed = [
        _expanded(one, shown) if page.expanded else _unexpanded(one)
        for one in shown.values()
        if one["object"] == page.kind
    ]
    listed.sort(key=lambda one: (one.get("created", 0), one["id"]), reverse=True)
    return [
        Message(
            TEST,
            chunk=BulkBatch(f"p{number}-{place}", "imp_1", asked_at(events, page), parts),
            cause="import",
        ).encode()
        for place, parts in enumerate(chunks_of_objects(listed))
    ]


def _expanded(one: StripeObject, shown: Shown) -> StripeObject:
    invoice = shown.get(one.get("latest_invoice") or "")
    return {**one, "latest_invoice": invoice} if invoice else one


def _unexpanded(one: StripeObject) -> StripeObject:
    """As the key may be allowed to see it; of prices and coupons Stripe shows all it is asked for."""
    shown: StripeObject = one if one["id"] in CATALOGUE else as_shown(one)
    return shown


def interleaved(one: Import) -> World:
    """The world after all of it, in which nothing died, crashed or had to wait."""
    world, rng = world_of(one.telling), random.Random(one.seed)
    history = one.telling.history
    for place in range(len(one.telling.batches) + 1):
        chunks = [
            body
            for number, page in enumerate(one.pages)
            if page.place == place
            for body in bodies(history, page, number)
        ]
        chunks += [body for body in chunks if rng.random() < 0.2]  # queues deliver at least once
        live = one.telling.batches[place] if place < len(one.telling.batches) else []
        told = [Message(TEST, event).encode() for event in live]
        batch = [*chunks, *told]
        rng.shuffle(batch)
        for each in [chunks, told] if one.alone else [batch]:
            report = world.deliver(each)
            assert not report.dead_lettered
            assert not report.crashed
        if one.telling.asks is not None:
            deliver_some(world, rng)
    if one.telling.asks is not None:
        shuffle(world, rng)
    world.settle()
    return world


def comes_to_the_same_as_events_alone(one: Import) -> None:
    assert outcome(interleaved(one)) == expected(one.telling)


Property = Callable[[Import], None]


@given(imports())
@QUICK
def test_an_import_amid_live_events_changes_nothing_that_they_do_not_tell(one: Import) -> None:
    comes_to_the_same_as_events_alone(one)


@pytest.mark.long
@given(imports())
@LONG
def test_many_imports_amid_live_events_change_nothing(one: Import) -> None:
    comes_to_the_same_as_events_alone(one)


def test_the_imports_hold_what_makes_it_hard() -> None:
    # Pages that show nobody, or never what is outdated or tied, would say little.
    shown = outdated = fetched = 0
    for seed in range(40):
        told = told_history(seed, 30, 0.6)
        telling = Telling(seed, 30, 0.6, [[event] for event in told.events], "truth")
        pages = [Page(kind, 20, 0, 30) for kind in LISTED]
        last, then = at_stripe(told, 30), at_stripe(told, 20)
        shown += len(then.keys() - CATALOGUE.keys())
        outdated += sum(last.get(key) != one for key, one in then.items())
        if hides_terms(seed):
            continue  # there a page answers questions
        without = len(interleaved(Import(telling, [], True, seed)).stripe.asked)
        fetched += len(interleaved(Import(telling, pages, True, seed)).stripe.asked) - without
    assert shown > 200
    assert outdated > 40
    assert fetched > 2


STATE = ("customer", "subscriptions", "last_charge")


def state(world: World) -> dict[str, Any]:
    """What the objects themselves tell of who is a customer still, without what only events can tell."""
    records: Mapping[str, Mapping[str, Any]] = outcome(world)["records"]
    return {
        name: {key: record[key] for key in STATE} for name, record in records.items() if not record["deleted"]
    }


def ask_for_the_pending(world: World) -> None:
    """A minute later the sweep finds whose customer is unknown: Stripe lists the subscriptions of a deleted
    customer, but not the customer."""
    people = world.people.people
    waiting = [
        name for name, one in people.items() if any(record.unidentified for record in one.records.values())
    ]
    world.now += UNIDENTIFIED_PATIENCE
    world.deliver([Message(TEST, review=tuple(waiting), cause="sweep").encode()])
    world.settle()


@given(st.integers(0, 9_999), st.integers(3, 30), st.sampled_from([0.0, 0.33, 0.6]), st.data())
@QUICK
def test_an_import_and_the_events_since_come_to_the_same_state_as_all_events(
    seed: int, size: int, tie_share: float, data: st.DataObject
) -> None:
    """Who connects today has people as if they had been connected from the beginning."""
    told = told_history(seed, size, tie_share)
    events = told.events
    began = data.draw(st.integers(0, size))
    pages = [
        # The lists are read one after the other, while the account goes on.
        Page(kind, data.draw(st.integers(began, size)), data.draw(st.integers(0, 40)), 0)
        for kind in LISTED
    ]
    since = data.draw(st.permutations(events[began:]))
    messages = [body for number, page in enumerate(pages) for body in bodies(told, page, number)]
    messages += [Message(TEST, event).encode() for event in since]
    world = world_of(Telling(seed, size, tie_share, [], "truth"))

    for body in data.draw(st.permutations(messages)):
        assert not world.deliver([body]).dead_lettered
    world.settle()
    ask_for_the_pending(world)

    whole = world_of(Telling(seed, size, tie_share, [], "truth"))
    for event in events:
        whole.apply(event)
    whole.settle()
    assert state(world) == state(whole)


def test_a_deleted_customer_whose_subscription_is_still_listed_is_not_a_customer() -> None:
    """A history that the property above was once found to be wrong with."""
    telling = Telling(2683, 23, 0.33, [], "truth")
    told = told_history(2683, 23, 0.33)
    world, whole = world_of(telling), world_of(telling)

    for number, kind in enumerate(LISTED):
        for body in bodies(told, Page(kind, 23, 0, 0), number):
            world.deliver([body])
    world.settle()
    assert "cus_00001" in state(world)

    ask_for_the_pending(world)

    for event in told.events:
        whole.apply(event)
    assert state(world) == state(whole)
    assert "cus_00001" not in state(world)
