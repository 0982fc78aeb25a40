"""Histories told in every which way, and what must come of them however they were told.

`told` delivers a history's events to a world of fakes; `outcome` is what may not depend on the telling.
"""

import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from peoplesync.domain.catalogue import index_of_users
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.changes import EVENT_TYPES, Change, read_change
from peoplesync.domain.records.record import Record
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.domain.stripe_objects import read_event
from peoplesync.use_cases.messages.message import decode
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.old_shapes import OLD, old_previous, old_shape
from tests.support.builders.stripe import DAY, deleted_customer, event, product
from tests.support.fakes.world import World
from tests.support.oracles.hiding_account import SHOWN_ITEMS, as_shown
from tests.support.oracles.histories import END, History, history
from tests.support.oracles.price_list import CATALOGUE

LATER = END + 5 * DAY
Batches = list[list[StripeObject]]


@dataclass(frozen=True)
class Telling:
    """A history and the batches in which its events arrive: in any order, some twice, some in the old shape.

    `stripe` is what Stripe's API would answer: `truth` with its time, `truth` at time 0 (so that only the
    rules make an answer new enough), or `nothing`: 404 for everything. What is put on the queue meanwhile is
    delivered at the end, in order; with a number in `asks` some of it after each batch, and all of it in an
    order that follows from that.
    """

    seed: int
    size: int
    tie_share: float
    batches: Batches
    stripe: str
    asks: int | None = None

    @property
    def history(self) -> History:
        return told_history(self.seed, self.size, self.tie_share)

    @property
    def answers(self) -> tuple[dict[str, StripeObject], int]:
        """The objects that Stripe knows, and its clock."""
        known = {} if self.stripe == "nothing" else true_objects(self.history)
        # A discount that an event of its own tells of is known by when it was heard of: shown at time 0, it
        # would have been there before its subscription, which does not name it.
        told_apart = any(one["type"] == "customer.discount.created" for one in self.history.events)
        return known, LATER if self.stripe == "truth" or (known and told_apart) else 0


@lru_cache(maxsize=512)
def told_history(seed: int, size: int, tie_share: float) -> History:
    """A history of that many events, an eighth of them of the catalogue: products are named and renamed,
    now before and now after somebody subscribes to them. Each second one hides terms of prices, coupons and
    subscriptions; there prices and coupons are updated, too."""
    rng, renames, hides = random.Random(seed), size // 8, hides_terms(seed)
    one = history(seed, size - renames, tie_share, hides)
    events = list(one.events)
    for number in range(renames):
        place = rng.randint(0, len(events))
        at = events[min(place, len(events) - 1)]["created"]
        if hides and rng.random() < 0.5:
            told = updated(rng.choice(sorted(CATALOGUE)), number, at)
        else:
            told = named(rng.choice(["prod_basic", "prod_pro"]), f"Name {number}", at)
        events.insert(place, told)
    shown = {event["id"]: event["data"]["object"] for event in events if event["id"] not in one.wholes}
    of_catalogue = {event: CATALOGUE.get(told["id"], told) for event, told in shown.items()}
    return History(events, one.truth, {**one.wholes, **of_catalogue})


def hides_terms(seed: int) -> bool:
    """Whether such a history hides something."""
    return seed % 2 == 0


def updated(name: str, number: int, at: int) -> StripeObject:
    """The event by which Stripe tells that something of a price or coupon was updated: not its terms."""
    whole = CATALOGUE[name]
    shown: StripeObject = as_shown(whole) | {"metadata": {"number": str(number)}}
    return event(f"{whole['object']}.updated", shown, created=at, previous={"metadata": {"number": "0"}})


def named(product_id: str, name: str, at: int) -> StripeObject:
    """The event by which Stripe tells of a product's name."""
    return event("product.updated", product(product_id, name), created=at)


@st.composite
def tellings(
    draw: st.DrawFn, stripe: Sequence[str] = ("truth", "truth at 0", "nothing"), *, hides: bool = False
) -> Telling:
    """Small histories, up to 30 events, a few with no tie and some in which most events are tied. `hides`
    says that all of them hide something."""
    seed, size = draw(st.integers(0, 9_999)), draw(st.integers(3, 30))
    seed -= seed % 2 if hides else 0
    tie_share = draw(st.sampled_from([0.0, 0.33, 0.33, 0.6]))
    events = told_history(seed, size, tie_share).events
    order = draw(st.permutations(range(size)))
    again = draw(st.lists(st.tuples(st.integers(0, size - 1), st.booleans()), max_size=8))
    arrivals = [events[number] for number in order]
    for number, old in again:
        place = draw(st.integers(0, len(arrivals)))
        arrivals.insert(place, in_old_shape(events[number]) if old else events[number])
    batch_size = draw(st.sampled_from([1, 1, 2, 3, 5, 10, len(arrivals)]))
    uneven = draw(st.booleans())
    return Telling(
        seed,
        size,
        tie_share,
        split(arrivals, batch_size, seed if uneven else None),
        draw(st.sampled_from(stripe)),
        draw(st.none() | st.integers(0, 99)),
    )


def split(arrivals: list[StripeObject], batch_size: int, uneven: int | None) -> Batches:
    """Batches of that size, or of random sizes up to it."""
    rng, batches, start = random.Random(uneven), [], 0
    while start < len(arrivals):
        size = batch_size if uneven is None else rng.randint(1, batch_size)
        batches.append(arrivals[start : start + size])
        start += size
    return batches


def in_old_shape(event: StripeObject) -> StripeObject:
    """The same event as API version 2020-03-02 shows it. Where that shape cannot hold the same facts (items
    of different periods had only one; it had no place for a discount's id), the event as it is."""
    shown, previous = event["data"]["object"], event["data"].get("previous_attributes")
    if shown.get("discounts") or (previous or {}).get("discounts"):
        return event
    reshaped = {"object": old_shape(shown)}
    if previous is not None:
        reshaped["previous_attributes"] = old_previous(shown, previous)
    old = event | {"api_version": OLD, "data": reshaped}
    return event if event["type"] in EVENT_TYPES and _shown_in(old) != _shown_in(event) else old


def _shown_in(event: StripeObject) -> Change:
    """What an event says, but for that an old shape does not show all discounts: here there are none."""
    change = read_change(read_event(event))
    if change.snapshot is None or change.object.kind != "subscription":
        return change
    content = {**change.snapshot.content, "more_discounts": False}
    return replace(change, snapshot=replace(change.snapshot, content=content))


def true_objects(told: History) -> dict[str, StripeObject]:
    """Every object as it was last, whole, and of deleted customers only that."""
    objects = dict(CATALOGUE)
    for one in told.events:
        whole = told.wholes[one["id"]]
        objects[whole["id"]] = whole
    for truth in told.truth.values():
        objects |= truth.subscriptions
    gone = {customer: deleted_customer(customer) for customer, truth in told.truth.items() if truth.deleted}
    return objects | gone


def world_of(telling: Telling, **parts: Any) -> World:
    world = World(now=LATER, **parts)
    known, world.stripe.now = telling.answers
    world.stripe.objects = dict(known)
    return world


def told(telling: Telling, world: World | None = None) -> World:
    """The world after the telling, in which nothing died, crashed or had to wait."""
    world, rng = world or world_of(telling), random.Random(telling.asks)
    for batch in telling.batches:
        report = world.apply(*batch)
        assert not report.dead_lettered
        assert not report.crashed
        if telling.asks is not None:
            deliver_some(world, rng)
    if telling.asks is not None:
        shuffle(world, rng)
    world.settle()
    return world


def shuffle(world: World, rng: random.Random) -> None:
    """What waits on the queue, in another order."""
    world.queue.sent = deque(rng.sample(list(world.queue.sent), len(world.queue.sent)))


def deliver_some(world: World, rng: random.Random) -> None:
    """Some of what waits on the queue comes now: answers of Stripe, and who is to learn of them."""
    shuffle(world, rng)
    for _ in range(rng.randint(0, len(world.queue.sent))):
        body, delay = world.queue.sent.popleft()
        if decode(body).attempt:  # what is asked again waits for its time
            world.queue.sent.append((body, delay))
        else:
            world.deliver([body])


@lru_cache(maxsize=512)
def plainly(seed: int, size: int, tie_share: float, stripe: str) -> Mapping[str, Any]:
    """The outcome of the same history told in order, one event at a time."""
    batches = [[event] for event in told_history(seed, size, tie_share).events]
    return outcome(told(Telling(seed, size, tie_share, batches, stripe)))


def expected(telling: Telling) -> Mapping[str, Any]:
    return plainly(telling.seed, telling.size, telling.tie_share, telling.stripe)


def outcome(world: World) -> Mapping[str, Any]:
    """People by their records, their fields but the last sync, segments, next review, feeds, identities and
    index entries. Left out is when and under which id we did something, and which event brought a state."""
    people = world.people.people
    # An answer of time 0 is never sure, unless it settled a tie: that depends on the telling.
    sure = world.stripe.now > 0 or not world.stripe.objects
    name = {person.id: "+".join(sorted(person.records)) for person in people.values()}
    assert len(set(name.values())) == len(people)
    return {
        "people": {name[person.id]: _person(person, sure) for person in people.values()},
        "records": {one.id: _record(one) for person in people.values() for one in person.records.values()},
        "feeds": {record: dict(sorted(feed.items())) for record, feed in world.people.feeds.items() if feed},
        "identities": {identity: name[owner] for identity, owner in world.people.identities.items()},
        "members": {
            (index, name.get(member, member))
            for index, member in world.people.members
            # Whether Stripe was asked, and does not name a discount that is over, depends on the telling.
            if not index.startswith(index_of_users("coupon:"))
        },
    }


def _person(person: Person, sure: bool) -> dict[str, Any]:
    unlike = {"customer_last_sync_at"} | (set() if sure else {"customer_mrr_estimated"})
    fields = {key: value for key, value in person.fields.items() if key not in unlike}
    return {
        "email": person.email,
        "fields": fields,
        "in": sorted(person.segments),
        "review": person.review_at,
    }


def _record(record: Record) -> dict[str, Any]:
    def content(snapshot: Snapshot | None) -> Mapping[str, Any] | None:
        return snapshot.content if snapshot else None

    return {
        "customer": content(record.customer),
        "deleted": record.deleted,
        "subscriptions": {key: _shown(one.content) for key, one in record.subscriptions.items()},
        "last_charge": content(record.last_charge),
        "last_paid_invoice": content(record.last_paid_invoice),
        "moments": (record.last_payment_failed_at, record.last_checkout_at),
        "products": {product: one.name for product, one in record.product_names.items()},
        "events": dict(record.events),
    }


def _shown(subscription: Mapping[str, Any]) -> Mapping[str, Any]:
    """What its events show. Whether Stripe was asked for all of its items, and for discounts of which events
    of their own tell, and which shape of an event came first, depends on the telling."""
    shown = subscription["items"][:SHOWN_ITEMS]
    unlike = dict.fromkeys(("more_items", "more_discounts", "discounts"))
    return {**subscription, "items": shown, **unlike}
