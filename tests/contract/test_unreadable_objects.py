"""A missing or mistyped field that matters is one error: it names object, id and path, and shows no value."""

import copy
import re
from collections.abc import Callable
from typing import Any

import pytest

from peoplesync.domain.records.changes import EVENT_TYPES, read_change
from peoplesync.domain.stripe_objects import (
    UnreadableStripeObject,
    read_charge,
    read_customer,
    read_event,
    read_invoice,
    read_subscription,
)
from tests.support.builders.stripe import (
    NOW,
    charge,
    checkout_session,
    customer,
    event,
    invoice,
    subscription,
)

SECRET = "someone@private.example"
MISSING = object()

READERS: dict[str, tuple[Callable[[Any], Any], dict[str, Any]]] = {
    "customer": (read_customer, customer(address={"city": "A"})),
    "subscription": (read_subscription, subscription(pause_collection={"behavior": "void"})),
    "old subscription": (read_subscription, subscription(old=True)),
    "invoice": (read_invoice, invoice(status="paid")),
    "old invoice": (read_invoice, invoice(status="open", old=True)),
    "charge": (read_charge, charge()),
    "event": (read_event, event("customer.updated", customer(), previous={"name": "x"}, created=NOW)),
}
IDS = {"customer": "cus_1", "subscription": "sub_1", "invoice": "in_1", "charge": "ch_1"}


def spoiled(shown: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """A copy in which the value at the path (`items.data.0.price`) is another one, or missing."""
    copied = copy.deepcopy(shown)
    at: Any = copied
    steps: list[Any] = [int(step) if step.isdigit() else step for step in path.split(".")]
    *steps, last = steps
    for step in steps:
        at = at[step]
    assert isinstance(at, list) or last in at, "the path must lead to something"
    if value is MISSING:
        del at[last]
    else:
        at[last] = value
    return copied


@pytest.mark.parametrize(
    ("kind", "path", "named"),
    [
        ("customer", "created", "created"),
        ("subscription", "status", "status"),
        ("subscription", "created", "created"),
        ("subscription", "items.data.0.id", "items[0].id"),
        ("subscription", "items.data.0.price.id", "items[0].price.id"),
        ("subscription", "items.data.0.price.currency", "items[0].price.currency"),
        ("subscription", "items.data.0.price.recurring.interval", "items[0].price.recurring.interval"),
        ("invoice", "created", "created"),
        ("invoice", "currency", "currency"),
        ("charge", "amount", "amount"),
        ("charge", "created", "created"),
        ("charge", "currency", "currency"),
    ],
)
@pytest.mark.parametrize("absent", [MISSING, None], ids=["absent", "null"])
def test_a_missing_field_that_matters_is_named(kind: str, path: str, named: str, absent: object) -> None:
    reader, shown = READERS[kind]
    with pytest.raises(UnreadableStripeObject) as caught:
        reader(spoiled(shown, path, absent))
    assert str(caught.value) == f"{kind} {IDS[kind]}: {named} is missing"
    assert (caught.value.kind, caught.value.object_id, caught.value.path) == (kind, IDS[kind], named)


MISTYPED = [
    ("customer", "created", SECRET, "should be an integer, not text"),
    ("customer", "created", True, "should be an integer, not a boolean"),
    ("customer", "created", 1.5, "should be an integer, not a number"),
    ("customer", "email", 5, "should be text, not a number"),
    ("customer", "email", [SECRET], "should be text, not a list"),
    ("customer", "name", {"first": SECRET}, "should be text, not an object"),
    ("customer", "delinquent", SECRET, "should be a boolean, not text"),
    ("customer", "address", SECRET, "should be an object, not text"),
    ("customer", "address.city", [SECRET], "should be text, not a list"),
    ("subscription", "status", 1, "should be text, not a number"),
    ("subscription", "items", SECRET, "should be a list, not text"),
    ("subscription", "items.data.0", SECRET, "should be an object, not text"),
    ("subscription", "items.data.0.quantity", "3", "should be an integer, not text"),
    ("subscription", "items.data.0.current_period_end", "3", "should be an integer, not text"),
    ("subscription", "items.data.0.price", SECRET, "should be an object, not text"),
    ("subscription", "items.data.0.price.unit_amount_decimal", SECRET, "should be a decimal number"),
    ("subscription", "items.data.0.price.unit_amount_decimal", "NaN", "should be a decimal number"),
    ("subscription", "items.data.0.price.unit_amount_decimal", 1.5, "should be a decimal number"),
    ("subscription", "items.data.0.price.unit_amount_decimal", "1e9999999", "should be a decimal number"),
    ("subscription", "items.data.0.price.product", 5, "should be an object, not a number"),
    ("subscription", "trial_end", SECRET, "should be an integer, not text"),
    ("subscription", "discounts", SECRET, "should be a list, not text"),
    ("subscription", "pause_collection", SECRET, "should be an object, not text"),
    ("subscription", "cancel_at_period_end", 0, "should be a boolean, not a number"),
    ("old subscription", "current_period_end", SECRET, "should be an integer, not text"),
    ("invoice", "parent", SECRET, "should be an object, not text"),
    ("invoice", "parent.subscription_details", [SECRET], "should be an object, not a list"),
    ("invoice", "status_transitions.paid_at", SECRET, "should be an integer, not text"),
    ("invoice", "amount_paid", "19.00", "should be an integer, not text"),
    ("invoice", "lines.data.0.description", [SECRET], "should be text, not a list"),
    ("old invoice", "paid", SECRET, "should be a boolean, not text"),
    ("old invoice", "subscription", 5, "should be an object, not a number"),
    ("charge", "amount", "1900", "should be an integer, not text"),
    ("charge", "amount", True, "should be an integer, not a boolean"),
    ("charge", "captured", SECRET, "should be a boolean, not text"),
    ("charge", "customer", [SECRET], "should be an object, not a list"),
]


@pytest.mark.parametrize(("kind", "path", "value", "problem"), MISTYPED)
def test_a_mistyped_field_is_named_and_its_value_is_not_shown(
    kind: str, path: str, value: object, problem: str
) -> None:
    reader, shown = READERS[kind]
    with pytest.raises(UnreadableStripeObject) as caught:
        reader(spoiled(shown, path, value))
    name, named = kind.removeprefix("old "), re.sub(r"\.data\.(\d+)", r"[\1]", path)
    assert str(caught.value) == f"{name} {IDS[name]}: {named} {problem}"
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("kind", ["customer", "subscription", "invoice", "charge"])
@pytest.mark.parametrize(
    "value", [MISSING, None, "", 7, {"secret": SECRET}], ids=["absent", "null", "empty", "7", "object"]
)
def test_an_object_without_a_readable_id_says_so(kind: str, value: object) -> None:
    reader, shown = READERS[kind]
    with pytest.raises(UnreadableStripeObject) as caught:
        reader(spoiled(shown, "id", value))
    assert str(caught.value).startswith(f"{kind} (no id): id ")
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("value", [None, SECRET, [SECRET], 5])
def test_what_is_no_object_at_all_is_refused_by_every_reader(value: object) -> None:
    for reader in (read_customer, read_subscription, read_invoice, read_charge, read_event):
        with pytest.raises(UnreadableStripeObject, match="the object should be an object") as caught:
            reader(value)
        assert SECRET not in str(caught.value)


def test_a_list_without_a_list_and_a_reference_without_an_id_are_named() -> None:
    for path, value, problem in (
        ("items.data", {"a": SECRET}, "items should be a list, not an object"),
        ("items.data.0.price.product", {"name": SECRET}, "items[0].price.product.id is missing"),
    ):
        with pytest.raises(UnreadableStripeObject) as caught:
            read_subscription(spoiled(subscription(), path, value))
        assert str(caught.value) == f"subscription sub_1: {problem}"


def test_an_item_with_neither_price_nor_plan_misses_its_price() -> None:
    bare = spoiled(spoiled(subscription(), "items.data.0.price", MISSING), "items.data.0.plan", None)
    with pytest.raises(UnreadableStripeObject, match=r"^subscription sub_1: items\[0\]\.price is missing$"):
        read_subscription(bare)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("type", MISSING, "type is missing"),
        ("created", None, "created is missing"),
        ("data", MISSING, "data is missing"),
        ("data", [SECRET], "data should be an object, not a list"),
        ("data.object", SECRET, "data.object should be an object, not text"),
        ("data.previous_attributes", SECRET, "data.previous_attributes should be an object, not text"),
        ("livemode", "yes", "livemode should be a boolean, not text"),
    ],
)
def test_an_envelope_that_is_no_events_is_refused(path: str, value: object, problem: str) -> None:
    shown = event("customer.updated", customer(), id="evt_1", previous={"name": SECRET}, created=NOW)
    with pytest.raises(UnreadableStripeObject) as caught:
        read_event(spoiled(shown, path, value))
    assert str(caught.value) == f"event evt_1: {problem}"


@pytest.mark.parametrize("build", [subscription, charge, invoice, checkout_session])
def test_an_event_of_nobodys_object_is_unreadable(build: Callable[..., dict[str, Any]]) -> None:
    shown = build(customer=None)
    told = event("invoice.paid", shown, created=NOW)
    with pytest.raises(UnreadableStripeObject) as caught:
        read_change(read_event(told))
    assert str(caught.value) == f"{shown['object']} {shown['id']}: customer is missing"


def test_an_event_of_an_unknown_kind_of_object_is_unreadable() -> None:
    told = event("invoice.paid", {"id": "x_1", "object": "quote", "customer": "cus_1"}, created=NOW)
    with pytest.raises(UnreadableStripeObject, match=r"^quote x_1: object is of an unknown type$"):
        read_change(read_event(told))


def test_all_events_that_the_product_shows_are_among_the_supported_types() -> None:
    assert {
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.trial_will_end",
        "customer.subscription.updated",
        "invoice.created",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice.payment_failed",
        "charge.captured",
        "checkout.session.completed",
        "customer.deleted",
    } <= EVENT_TYPES
