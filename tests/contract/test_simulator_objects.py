"""The simulator's objects are what Stripe's OpenAPI specification says they are."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import CardDeclined
from peoplesync_local.stripe_simulator.population.cast import MEMBERS, Cast
from peoplesync_local.stripe_simulator.population.population import Population
from tests.contract.stripe_spec import missing_keys, problems, unknown_keys
from tests.support.builders.stripe import DAY, NOW
from tests.support.worlds.simulated_account import SimulatedAccount, texts

NEWER: dict[str, set[str]] = {"subscription": {"status_details"}, "product": {"type"}}
"""Keys that the API has and the specification, which is older or leaves it out, does not."""

NEVER: dict[str, set[str]] = {"charge": {"invoice"}}
"""Keys that the simulator keeps and no answer or event shows."""

ON_REQUEST: dict[str, set[str]] = {
    "charge": {"refunds"},
    "checkout.session": {"line_items"},
    "coupon": {"applies_to", "currency_options"},
    "customer": {"cash_balance", "invoice_credit_balance", "sources", "subscriptions", "tax", "tax_ids"},
    "invoice": {"confirmation_secret", "payments"},
    "price": {"currency_options", "tiers"},
}
"""Keys that Stripe shows only where it is asked to expand them."""

NOT_FOR_ALL: dict[str, set[str]] = {
    "charge": {"presentment_details", "transfer"},
    "checkout.session": {
        "branding_settings",
        "excluded_payment_method_types",
        "integration_identifier",
        "managed_payments",
        "name_collection",
        "presentment_details",
        "redirect_on_completion",
        "return_url",
        "tax_id_collection",
    },
    "customer": {"business_name", "individual_name"},
    "event": {"account", "context"},
    "invoice": {"threshold_reason"},
    "refund": {
        "description",
        "failure_balance_transaction",
        "failure_reason",
        "instructions_email",
        "next_action",
        "pending_reason",
        "presentment_details",
    },
    "subscription": {"presentment_details"},
}
"""Keys that are there only on some objects, and on none of these."""

TIERS = [{"up_to": 5, "flat_amount": 9900}, {"up_to": "inf", "unit_amount": 1500}]


def of_population() -> Iterator[StripeObject]:
    cast = Cast(len(MEMBERS), 7, NOW - 1000 * DAY, NOW)
    population = Population(60, 3, NOW)
    for kind in ("customer", "subscription", "invoice", "charge", "price", "coupon", "refund"):
        yield from cast.newest_first(kind)
    for kind in ("customer", "subscription", "invoice", "charge", "event", "product", "price", "coupon"):
        yield from population.newest_first(kind)
    for subscription in population.newest_first("subscription"):
        yield from (population.get("discount", one) or {} for one in subscription["discounts"])


def of_lifecycle() -> Iterator[StripeObject]:
    """An account in which nearly everything happened; each object in each of its states, from the events."""
    stripe = SimulatedAccount()
    does = stripe.does
    told: list[StripeObject] = []
    stripe.account.listen(told.append)
    prices = [
        stripe.price(),
        stripe.price("tiers", tiers=TIERS, tiers_mode="volume", billing_scheme="tiered"),
        stripe.price("metered", 1, recurring={"interval": "month", "usage_type": "metered"}),
        stripe.price("packages", transform_quantity={"divide_by": 10, "round": "up"}),
    ]
    half = {"id": "half", "percent_off": 50, "duration": "repeating", "duration_in_months": 1}
    does.create_coupon(texts(half | {"applies_to": {"products": [prices[0]["product"]]}}))
    pausing = {"end_behavior": {"missing_payment_method": "pause"}}
    trial = {"trial_period_days": 5}
    stripe.subscribe(*prices, discounts=[{"coupon": "half"}])
    stripe.subscribe(**trial, trial_settings=pausing)
    stripe.subscribe(**trial, cancel_at_period_end=True)
    stripe.update(stripe.subscribe(), pause_collection={"behavior": "mark_uncollectible"})
    late = stripe.customer(payment_method="pm_card_chargeDeclined", coupon="half", address={"country": "DE"})
    stripe.subscribe(customer=late["id"], **trial)
    stripe.subscribe(customer=late["id"])
    with pytest.raises(CardDeclined):
        does.create_charge(texts({"customer": late["id"], "amount": 100, "currency": "usd"}))
    for method in ("pm_sepaDebit", "pm_usBankAccount_insufficientFunds"):
        stripe.subscribe(customer=stripe.customer(payment_method=method)["id"])
    worldwide = stripe.price("worldwide", currency_options={"eur": {"unit_amount": 4500}})
    stripe.subscribe(worldwide, currency="eur")
    stripe.subscribe(*(stripe.price(f"module {number}") for number in range(12)))
    for with_customer in (False, True):
        account = does.create_account({"email": "account-01@example.com"}, with_customer=with_customer)
        items = [{"price": worldwide["id"]}]
        does.create_subscription(texts({"customer_account": account["id"], "items": items}))
    then = {"end_behavior": {"transition": {"price": worldwide["id"]}}}
    for amount in (0, 900):
        offer = does.create_trial_offer(
            texts({"price": stripe.price(f"first {amount}", amount)["id"]} | then)
        )
        item = {"current_trial": {"trial_offer": offer["id"]}}
        does.create_subscription(texts({"customer": stripe.customer()["id"], "items": [item]}))
    does.create_coupon(
        texts(
            {"id": "off", "amount_off": 9, "currency": "usd", "currency_options": {"eur": {"amount_off": 8}}}
        )
    )
    lines = {"line_items": [{"price": prices[0]["id"]}]}
    yield does.create_checkout_session(texts({"mode": "subscription", **lines}))
    session = does.create_checkout_session(texts({"mode": "payment", **lines}))
    does.complete_checkout_session(session["id"])
    charge = does.create_charge({"source": "tok_visa", "amount": "100", "currency": "usd"})
    does.create_refund({"charge": charge["id"], "amount": "40"})
    does.advance(stripe.clock.advance(70 * DAY))
    does.delete_customer(late["id"])
    yield from told
    yield from (event["data"]["object"] for event in told)
    kinds = "customer price coupon discount subscription invoice charge refund checkout.session".split()
    for kind in kinds:
        yield from stripe.account.newest_first(kind)


@pytest.fixture(scope="module")
def objects() -> list[StripeObject]:
    # Events tell of one state several times.
    return list({json.dumps(shown): shown for shown in (*of_population(), *of_lifecycle())}.values())


def test_every_object_validates_but_for_owners_that_are_newer_accounts(objects: list[StripeObject]) -> None:
    found = {problem for shown in objects for problem in problems(shown)}
    words = "None is not valid under any of the given schemas"
    assert found == {f"{kind}.customer: {words}" for kind in ("subscription", "invoice")}


def test_every_kind_and_status_was_tried(objects: list[StripeObject]) -> None:
    tried: dict[str, set[Any]] = {}
    for shown in objects:
        tried.setdefault(shown["object"], set()).add(shown.get("status"))
    assert tried.keys() >= {
        *("customer product price plan coupon discount subscription invoice charge refund event".split()),
        "checkout.session",
    }
    assert tried["subscription"] == {
        *("active canceled incomplete incomplete_expired past_due paused trialing unpaid".split())
    }
    assert tried["invoice"] == {"draft", "open", "paid", "uncollectible", "void"}
    assert tried["charge"] == {"failed", "pending", "succeeded"}
    assert tried["checkout.session"] == {"open", "complete", "expired"}


def test_keys_are_those_of_the_specification(objects: list[StripeObject]) -> None:
    for shown in objects:
        kind = shown["object"]
        if kind == "plan":
            continue  # an older object, of which Stripe documents less than it shows
        assert unknown_keys(shown) <= NEWER.get(kind, set()) | NEVER.get(kind, set())
        optional = ON_REQUEST.get(kind, set()) | NOT_FOR_ALL.get(kind, set())
        assert missing_keys(shown) <= optional, kind


def test_deleted_objects_are_stubs() -> None:
    stripe = SimulatedAccount()
    customer = stripe.customer()
    product = stripe.does.create_product({"name": "Unused"})
    coupon = stripe.does.create_coupon({"percent_off": "10"})
    assert problems(stripe.does.delete_customer(customer["id"]), "deleted_customer") == []
    assert problems(stripe.does.delete_product(product["id"]), "deleted_product") == []
    assert problems(stripe.does.delete_coupon(coupon["id"]), "deleted_coupon") == []


def test_a_wrong_object_would_be_found() -> None:
    customer = SimulatedAccount().customer()
    assert problems(customer | {"created": "today"}) == ["customer.created: 'today' is not of type 'integer'"]
    assert problems({key: value for key, value in customer.items() if key != "livemode"}) == [
        "customer.: 'livemode' is a required property"
    ]
    assert problems(customer | {"tax_exempt": "perhaps"}) != []
