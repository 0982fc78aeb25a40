"""The catalogue: products' names and coupons' terms reach everybody who uses them, whatever came first."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.catalogue import (
    SHOWN,
    CatalogueKey,
    Entry,
    fold_entry,
    index_of_users,
    read_catalogue_change,
)
from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.records.snapshots import Rank, Snapshot
from peoplesync.domain.stripe_objects import read_event
from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.ports import Unavailable
from tests.support.builders.app_users import defining
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    coupon,
    customer,
    event,
    product,
    subscription,
    tier,
    tiered,
)
from tests.support.fakes.world import TEST, World

HALF = coupon("HALF", percent_off=50, duration="forever", created=NOW - 40 * DAY)
DISCOUNT = {
    "id": "di_1",
    "object": "discount",
    "customer": "cus_1",
    "subscription": "sub_1",
    "source": {"type": "coupon", "coupon": "HALF"},
    "start": NOW - 20 * DAY,
    "end": None,
}
NAMED = event("product.created", product("prod_1", "Starter"), created=NOW - 50 * DAY)
RENAMED = event("product.updated", product("prod_1", "Solo"), created=NOW - DAY, previous={"name": "Starter"})
COUPON = event("coupon.created", HALF, created=NOW - 40 * DAY)
SIGNED_UP = event("customer.created", customer(email="team-03@example.com"), created=NOW - 30 * DAY)
DISCOUNTED = event("customer.discount.created", DISCOUNT, created=NOW - 20 * DAY)
SUBSCRIBED = event(
    "customer.subscription.created", subscription("sub_1", discounts=["di_1"]), created=NOW - 20 * DAY
)


def fields_after(*events: dict[str, Any], **at_stripe: dict[str, Any]) -> dict[str, Any]:
    """The fields after these events, and after Stripe was asked for what they do not show."""
    world = World(NOW)
    world.stripe.objects, world.stripe.now = {**at_stripe}, NOW
    for one in events:
        world.apply(one)
    world.settle()
    person = world.person("customer:cus_1")
    assert person is not None
    return dict(person.fields)


@pytest.mark.parametrize("order", list(itertools.permutations([NAMED, RENAMED, SIGNED_UP, SUBSCRIBED])))
def test_a_product_has_its_last_name_in_whatever_order_it_was_told(order: tuple[dict[str, Any], ...]) -> None:
    assert fields_after(*order)["product_name"] == "Solo"


@pytest.mark.parametrize("order", list(itertools.permutations([COUPON, SIGNED_UP, DISCOUNTED, SUBSCRIBED])))
def test_a_discount_counts_in_whatever_order_it_was_told(order: tuple[dict[str, Any], ...]) -> None:
    fields = fields_after(*order, HALF=HALF)
    assert (fields["customer_mrr"], fields["customer_mrr_estimated"]) == ("9.50", False)


@pytest.mark.parametrize("missing", [COUPON, DISCOUNTED])
def test_a_discount_whose_terms_are_not_known_makes_the_mrr_an_estimate(missing: dict[str, Any]) -> None:
    fields = fields_after(*(one for one in (COUPON, SIGNED_UP, DISCOUNTED, SUBSCRIBED) if one is not missing))
    assert (fields["customer_mrr"], fields["customer_mrr_estimated"]) == ("19.00", True)


def test_a_discount_means_the_newest_coupon_created_before_it() -> None:
    later = event("coupon.created", coupon("HALF", percent_off=10, created=NOW - DAY), created=NOW - DAY)
    gone = event("coupon.deleted", HALF, created=NOW - 2 * DAY)
    assert fields_after(COUPON, SIGNED_UP, DISCOUNTED, SUBSCRIBED, gone, later)["customer_mrr"] == "9.50"


def test_only_people_who_use_a_product_are_told_of_it() -> None:
    world = World(NOW)
    world.apply(SIGNED_UP, SUBSCRIBED)
    world.apply(event("customer.created", customer("cus_2"), created=NOW - DAY))
    writes = world.people.writes
    world.apply(NAMED)
    world.settle()
    assert world.people.writes == writes + 1


def test_the_same_name_again_tells_nobody() -> None:
    world = World(NOW)
    world.apply(SIGNED_UP, SUBSCRIBED, NAMED)
    world.settle()
    again = event("product.updated", product("prod_1", "Starter"), created=NOW, previous={"images": []})
    world.apply(again)
    assert not world.queue.sent


@pytest.mark.parametrize("place", ["before it raised the revision", "before it sent for the users"])
def test_users_show_the_new_name_although_the_worker_crashed(place: str) -> None:
    """Up to a raise of the revision others keep what they have read, as this world does."""
    world = World(NOW)
    world.apply(SIGNED_UP, SUBSCRIBED)
    with pytest.MonkeyPatch.context() as crashing:
        if place == "before it raised the revision":
            crashing.setattr(world.catalogue, "raise_revision", _crash)
        else:
            crashing.setattr(world.queue, "send", _crash)
        assert world.apply(NAMED).crashed
    world.apply(NAMED)
    world.settle()
    person = world.person("customer:cus_1")
    assert person is not None
    assert person.fields["product_name"] == "Starter"


def _crash(*_: object) -> None:
    raise RuntimeError("killed")


def test_who_is_folded_while_the_name_changes_gets_the_new_one() -> None:
    world = World(NOW)
    world.apply(NAMED)
    world.settle()

    def rename() -> None:
        world.people.before_write = lambda: None
        other = World(NOW, people=world.people, catalogue=world.catalogue)
        other.apply(RENAMED)
        other.settle()

    world.people.before_write = rename
    world.apply(SIGNED_UP, SUBSCRIBED)
    person = world.person("customer:cus_1")
    assert person is not None
    assert person.fields["product_name"] == "Solo"


def test_two_names_of_one_second_are_settled_by_stripe() -> None:
    world = World(NOW)
    world.stripe.objects["prod_1"] = product("prod_1", "Solo")
    world.apply(NAMED, event("product.updated", product("prod_1", "Solo"), created=NOW - DAY))
    world.apply(event("product.updated", product("prod_1", "Other"), created=NOW - DAY))
    assert world.stripe.asked == ["prod_1"]
    assert world.catalogue.entries[CatalogueKey("product", "prod_1")].name == "Solo"


def test_a_walk_goes_through_an_index_in_steps() -> None:
    world = World(NOW)
    for number in range(60):
        of = f"cus_{number}"
        world.apply(
            event("customer.created", customer(of), created=NOW - DAY),
            event(
                "customer.subscription.created", subscription(f"sub_{number}", customer=of), created=NOW - DAY
            ),
        )
    world.apply(NAMED)
    steps = 0
    while world.queue.sent:
        steps += 1
        world.deliver([world.queue.sent.popleft()[0]])
    assert steps == 3
    assert {one.fields["product_name"] for one in world.people.people.values()} == {"Starter"}
    assert len([key for key in world.people.members if key[0] == index_of_users("product:prod_1")]) == 60


def test_a_review_of_somebody_who_is_gone_is_no_error() -> None:
    world = World(NOW)
    report = world.deliver([Message(TEST, review=("per_gone",)).encode()])
    assert report.counts["stale"] == 1


TIERED = tiered(tier(up_to=10, unit_amount=500), tier(up_to=None, unit_amount=300))
SEATS = event(
    "customer.subscription.created",
    subscription("sub_1", price=tiered(), quantity=15),
    created=NOW - 20 * DAY,
)
PRICED = event("price.created", TIERED, created=NOW - 40 * DAY)
SHOWN_WITHOUT = event("price.updated", tiered(nickname="Seats"), created=NOW - DAY)


@pytest.mark.parametrize("order", list(itertools.permutations([PRICED, SHOWN_WITHOUT, SIGNED_UP, SEATS])))
def test_tiers_that_a_price_event_told_value_the_seats(order: tuple[dict[str, Any], ...]) -> None:
    # 10 x $5 + 5 x $3
    assert fields_after(*order)["customer_mrr"] == "65.00"


def test_without_its_tiers_the_mrr_is_not_known() -> None:
    assert "customer_mrr" not in fields_after(SIGNED_UP, SEATS)


class OutOfReach:
    """Stands before a method of the tables, and lets the first so many calls fail."""

    def __init__(self, act: Callable[..., Any], failures: int) -> None:
        self._act, self._failures = act, failures

    def __call__(self, *asked: Any, **more: Any) -> Any:
        self._failures -= 1
        if self._failures >= 0:
            raise Unavailable("throttled")
        return self._act(*asked, **more)


@pytest.mark.parametrize("method", ["members_page", "read"])
def test_a_walk_that_cannot_go_on_now_waits_and_tells_everybody_once(
    monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    world = World(NOW)
    world.apply(SIGNED_UP, SUBSCRIBED)
    world.settle()
    world.apply(NAMED)
    writes = world.people.writes
    monkeypatch.setattr(world.people, method, OutOfReach(getattr(world.people, method), 1))
    report = world.deliver([world.queue.sent.popleft()[0]])
    assert report.counts["waiting"] == 1
    ((_, delay),) = world.queue.sent
    assert delay == 15
    world.settle()
    person = world.person("customer:cus_1")
    assert person is not None
    assert person.fields["product_name"] == "Starter"
    assert world.people.writes == writes + 1


FAMILY = Field("family", "Family", "Custom", "text", "product.metadata.family")


def of_family(family: str, at: int, **others: str) -> dict[str, Any]:
    """The event by which Stripe tells of the product's metadata."""
    shown = product("prod_1", "Starter", metadata={"family": family, **others})
    return event("product.updated", shown, created=at, previous={"metadata": {}})


def family_after(world: World, *events: dict[str, Any]) -> Any:
    for one in events:
        world.apply(one)
    world.settle()
    person = world.person("customer:cus_1")
    assert person is not None
    return person.fields.get("family")


@pytest.mark.parametrize(
    "order",
    list(itertools.permutations([NAMED, of_family("teams", NOW - DAY), SIGNED_UP, SUBSCRIBED])),
)
def test_a_products_metadata_reaches_its_users_in_whatever_order_it_was_told(
    order: tuple[dict[str, Any], ...],
) -> None:
    assert family_after(defining(FAMILY), *order) == "teams"


def test_only_metadata_that_a_field_is_made_of_is_told_to_the_users() -> None:
    world = defining(FAMILY)
    assert family_after(world, SIGNED_UP, SUBSCRIBED, of_family("teams", NOW - DAY)) == "teams"
    entry = world.catalogue.entries[CatalogueKey("product", "prod_1")]
    writes = world.people.writes

    world.apply(of_family("teams", NOW - HOUR, internal="x"))

    assert not world.queue.sent
    kept = world.catalogue.entries[entry.key]
    assert (kept.revision, kept.metadata) == (entry.revision, {"family": "teams", "internal": "x"})
    assert family_after(world, of_family("solo", NOW)) == "solo"
    assert world.people.writes == writes + 1


def test_metadata_tells_nobody_where_no_field_is_made_of_it() -> None:
    world = defining(replace(FAMILY, enabled=False))
    family_after(world, SIGNED_UP, SUBSCRIBED, NAMED)
    writes = world.people.writes

    assert family_after(world, of_family("teams", NOW)) is None
    assert world.people.writes == writes


@pytest.mark.parametrize(
    ("attached", "told"), [({}, False), ({"other": "x"}, False), ({"family": "teams"}, True)]
)
def test_a_product_of_before_metadata_was_kept_is_told_of_only_where_that_matters(
    attached: dict[str, str], told: bool
) -> None:
    key = CatalogueKey("product", "prod_1")
    old = Entry(key, 2, 1, 1, {"": {SHOWN: Snapshot(NOW - DAY, "evt_1", Rank.STATE, {"name": "Starter"})}})
    shown = event("product.updated", product("prod_1", "Starter", metadata=attached), created=NOW)
    change = read_catalogue_change(read_event(shown))

    after = fold_entry(old, [change], None, {"family"})

    assert (after.version, after.revision) == (3, 1 + told)
    assert (old.metadata, after.metadata) == ({}, attached)
