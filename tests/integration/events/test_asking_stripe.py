"""Stripe asked for what no event shows, by its own client, at the simulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from peoplesync.adapters.stripe.api import StripeApi
from peoplesync.domain.catalogue import OPTIONS, PRODUCTS, TIERS, CatalogueKey
from peoplesync.domain.records.changes import ObjectKey
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync_local.stripe_simulator.control import Simulator
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.offers import coupon
from tests.integration.simulator.test_hidden import LONG, OFF, TIERED, WORLDWIDE
from tests.support.worlds.simulated_stripe import KEY, NOW, simulated_stripe, stripe_api

HALF = coupon("HALF", created=NOW, percent_off=50)
GIVEN = {
    "id": "di_1",
    "object": "discount",
    "customer": "cus_1",
    "subscription": "sub_half",
    "source": {"type": "coupon", "coupon": "HALF"},
    "start": NOW,
    "end": None,
}
HALVED = stripe_objects.subscription(
    "sub_half", customer="cus_1", items=LONG["items"]["data"][:1], created=NOW, discounts=["di_1"]
)


@pytest.fixture(scope="module")
def stripe() -> Iterator[StripeApi]:
    with simulated_stripe() as url:
        Simulator(url).hold([WORLDWIDE, TIERED, OFF, HALF, LONG, GIVEN, HALVED])
        yield stripe_api(lambda _: KEY, url)


def test_all_items_of_a_long_subscription_are_fetched(stripe: StripeApi) -> None:
    answer = stripe.fetch("main", ObjectKey("subscription", "sub_long"))
    assert isinstance(answer.snapshot, Snapshot)
    assert not answer.snapshot.content["more_items"]
    assert len(answer.snapshot.content["items"]) == 12


def test_a_fetched_subscription_shows_its_discounts(stripe: StripeApi) -> None:
    answer = stripe.fetch("main", ObjectKey("subscription", "sub_half"))
    assert answer.discounts["di_1"].content["coupon"] == "HALF"


def test_a_price_is_shown_with_its_tiers_and_currencies(stripe: StripeApi) -> None:
    steps = stripe.terms("main", CatalogueKey("price", "price_steps"))
    assert steps.parts[TIERS].content["tiers"]
    assert steps.parts[OPTIONS].content["eur"]["tiers"]
    world = stripe.terms("main", CatalogueKey("price", "price_world"))
    assert world.parts[OPTIONS].content["eur"]["unit_amount"] == "4500"
    assert world.asked_at == world.parts[OPTIONS].as_of


def test_a_coupon_is_shown_with_what_it_applies_to(stripe: StripeApi) -> None:
    off = stripe.terms("main", CatalogueKey("coupon", "OFF"))
    assert off.parts[PRODUCTS].content == {"products": ["prod_1"]}
    assert off.parts[OPTIONS].content["eur"] == 900
    half = stripe.terms("main", CatalogueKey("coupon", "HALF"))
    assert half.parts[PRODUCTS].content == {"products": []}


def test_a_refusal_is_an_answer(stripe: StripeApi) -> None:
    gone = stripe.terms("main", CatalogueKey("price", "price_gone"))
    assert (gone.refusal, gone.parts) == ("not_found", {})
    assert gone.asked_at is not None
    assert NOW - 60 < gone.asked_at <= NOW + 600
