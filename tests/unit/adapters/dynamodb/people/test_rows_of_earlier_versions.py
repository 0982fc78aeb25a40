"""Rows that version 0.1 stored are read, folded on, rewritten, and counted once.

`golden/rows_of_version_0_1.json` is what that version made of the events below.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.tables import CHARGE, CatalogueRow, FeedRow, IdentityRow, PersonRow
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.charges import Paid
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import (
    DAY,
    NOW,
    charge,
    coupon,
    customer,
    discount,
    event,
    price,
    product,
    subscription,
    tier,
    tiered,
)
from tests.support.fakes.world import TEST, World
from tests.support.stacks.moto_stack import MotoStack, people_store

STORED: dict[str, Any] = json.loads(
    (Path(__file__).parents[4] / "golden/rows_of_version_0_1.json").read_text()
)

HALF = coupon("HALF", created=NOW - 90 * DAY)
SEATS = tiered(tier(10, unit_amount=500), tier(None, unit_amount=300))
IN_DOLLARS = price("price_multi", unit_amount=2000)
GIVEN = discount("di_2", coupon="HALF") | {"customer": "cus_1", "subscription": "sub_seats"}
OLD = subscription("sub_old", discounts=[discount(coupon=HALF)])
IN_EUROS = subscription("sub_eur", price=IN_DOLLARS, currency="eur", created=NOW - 9 * DAY)
OF_SEATS = subscription("sub_seats", price=tiered(), quantity=15, created=NOW - 8 * DAY, discounts=["di_2"])
EVENTS = [
    event("customer.created", customer(), created=NOW - 60 * DAY),
    event("coupon.created", HALF, created=NOW - 90 * DAY),
    event("price.created", SEATS, created=NOW - 90 * DAY),
    event("product.created", product(), created=NOW - 90 * DAY),
    event("customer.subscription.created", OLD, created=NOW - 10 * DAY, old=True),
    event("customer.subscription.created", IN_EUROS, created=NOW - 9 * DAY),
    event("customer.subscription.created", OF_SEATS, created=NOW - 8 * DAY),
    event("customer.discount.created", GIVEN, created=NOW - 8 * DAY),
    event("charge.succeeded", charge(created=NOW - 2 * DAY), created=NOW - 2 * DAY),
    event("charge.failed", charge("py_2", status="failed", created=NOW - 5 * DAY), created=NOW - DAY),
]
AT_STRIPE: list[StripeObject] = [
    HALF,
    IN_DOLLARS | {"currency_options": {"eur": {"unit_amount": 1800}}},
    subscription("sub_old", discounts=["di_1"]),
]


@pytest.fixture
def world(aws: MotoStack) -> World:
    """A worker at tables that hold what version 0.1 stored."""
    PersonRow(
        pk=PersonRow.key(TEST, "per_1"),
        version=9,
        email="cus_1@example.com",
        created_at=NOW,
        last_sync_at=NOW,
        evaluated_at=NOW,
        definitions_version=1,
        cause="live",
        records_json=STORED["records"],
        fields_json=STORED["fields"],
        segments_json={"customers": NOW},
        terms_json=STORED["terms"],
    ).save()
    for identity in ("customer:cus_1", "email:cus_1@example.com"):
        IdentityRow(pk=IdentityRow.key(TEST, identity), person="per_1").save()
    for sk in STORED["feed"]:
        kind = sk.split(":")[1] if "#evt_" in sk else sk.partition("#")[2].partition(":")[0]
        FeedRow(
            pk=FeedRow.key(TEST, "cus_1"),
            sk=sk,
            kind=kind,
            content_json={},
            cause="live",
            written_at=NOW,
            expires_at=NOW + 400 * DAY,
        ).save()
    for key, entry in STORED["catalogue"].items():
        CatalogueRow(
            pk=f"{TEST}#{key}",
            version=entry["version"],
            revision=entry["revision"],
            told=entry["told"],
            editions_json=entry["editions"],
        ).save()
    world = World(NOW + 60)
    world.stripe.objects, world.stripe.now = {one["id"]: one for one in AT_STRIPE}, NOW + 60
    world.applier.people, world.applier.catalogue = people_store(), CatalogueStore()
    return world


def person(world: World) -> Person:
    known = world.applier.people.read(TEST, ["customer:cus_1"], {}, (), {})
    return known.people["per_1"]


def entries() -> list[str]:
    rows = FeedRow.query(FeedRow.key(TEST, "cus_1"))
    return [row.sk for row in rows if row.sk[0].isdigit()]


def test_the_stored_person_is_read_in_the_form_of_today(world: World) -> None:
    record = person(world).records["cus_1"]
    contents = {name: one.content for name, one in record.subscriptions.items()}
    assert contents["sub_old"]["discounts"] == ["di_1"]
    assert contents["sub_seats"]["discounts"] == ["di_2"]
    (item,) = contents["sub_eur"]["items"]
    assert (item["currency"], item["price_currency"], item["unit_amount"]) == ("eur", "usd", None)
    assert record.discounts["di_1"].content["terms"]["products"] is None
    assert record.payments == {}


def test_replaying_it_all_adds_no_entry_and_mends_what_was_wrong(world: World) -> None:
    assert person(world).fields["mrr"] == {"eur": "0.00", "usd": "62.00"}
    before = entries()

    for one in EVENTS:
        assert not world.apply(one).crashed
    world.settle()

    assert entries() == before
    fields = person(world).fields
    assert (fields["mrr"], fields["customer_mrr_estimated"]) == ({"eur": "18.00", "usd": "42.00"}, False)
    assert person(world).records["cus_1"].payments == {"usd": Paid(1, 1900)}


def test_importing_after_the_upgrade_adds_no_entry_either(world: World) -> None:
    before = entries()
    objects = [customer(), OLD | {"discounts": ["di_1"]}, IN_EUROS, OF_SEATS, charge(created=NOW - 2 * DAY)]
    for chunk in (BulkBatch(as_of=NOW, objects=(*objects, *AT_STRIPE[:2])), BulkBatch(events=tuple(EVENTS))):
        world.deliver([Message(TEST, chunk=chunk, cause="import").encode()])
    world.settle()
    assert entries() == before
    assert person(world).fields["customer_mrr_estimated"] is False


def test_the_newest_payment_of_before_counts_as_a_charges_row(world: World) -> None:
    failed = charge(created=NOW - 2 * DAY, status="failed", captured=False, amount_captured=0)
    world.apply(event("charge.failed", failed, created=NOW))
    assert person(world).fields.get("last_amount_paid") is None
    rows = [row for row in FeedRow.query(FeedRow.key(TEST, "cus_1")) if row.kind == CHARGE]
    assert [row.content_json[3]["status"] for row in rows] == ["failed"]
    assert rows[0].attribute_values.get("expires_at") is None
