"""Each of Stripe's shapes that moved reads as the same facts, wherever an API version keeps them.

Every case names the change of Stripe's it is about. Most pairs are made by hand, independently of the
builders' `old=True`.
"""

import copy
from typing import Any

import pytest

from peoplesync.domain.stripe_objects import (
    Charge,
    Customer,
    Invoice,
    Subscription,
    read_charge,
    read_customer,
    read_invoice,
    read_subscription,
)
from tests.support.builders.stripe import (
    DAY,
    NOW,
    charge,
    coupon,
    customer,
    discount,
    invoice,
    item,
    price,
    product,
    subscription,
)

Read = Subscription | Invoice | Charge | Customer | None
READERS = {
    "subscription": read_subscription,
    "invoice": read_invoice,
    "charge": read_charge,
    "customer": read_customer,
}


def read(shown: dict[str, Any]) -> Read:
    reader: Any = READERS[shown["object"]]
    result: Read = reader(shown)
    return result


def changed(shown: dict[str, Any], gone: tuple[str, ...] = (), **put: Any) -> dict[str, Any]:
    """A copy without the keys `gone` and with those `put`, in the object itself."""
    copied = copy.deepcopy(shown)
    for key in gone:
        del copied[key]
    return copied | put


def with_items(shown: dict[str, Any], *items: dict[str, Any]) -> dict[str, Any]:
    return changed(shown, items={"object": "list", "data": list(items)})


def with_line(shown: dict[str, Any], gone: tuple[str, ...] = (), **put: Any) -> dict[str, Any]:
    return changed(shown, lines={"data": [changed(shown["lines"]["data"][0], gone, **put)]})


START, END = NOW - 10 * DAY, NOW + 20 * DAY
MODERN_ITEM = item("si_1", period=(START, END))
OLD_ITEM = changed(MODERN_ITEM, ("current_period_start", "current_period_end", "discounts"))
MODERN_SUBSCRIPTION = subscription(items=[MODERN_ITEM])
PERIOD_ABOVE = changed(
    with_items(MODERN_SUBSCRIPTION, OLD_ITEM), current_period_start=START, current_period_end=END
)
COUPON = coupon()
OLD_DISCOUNT = {"id": "di_1", "object": "discount", "coupon": COUPON, "start": START, "end": None}
MODERN_INVOICE = invoice(status="paid", charge="ch_1")
OLD_PRICE = price("price_1", product="prod_1")

MOVED = {
    "the period moved from the subscription to its items": (PERIOD_ABOVE, MODERN_SUBSCRIPTION),
    "a subscription's discount became a list of objects": (
        changed(MODERN_SUBSCRIPTION, ("discounts",), discount=OLD_DISCOUNT),
        changed(MODERN_SUBSCRIPTION, discounts=[discount(coupon=COUPON)]),
    ),
    "a subscription's discount stood beside the list of ids for some years": (
        changed(MODERN_SUBSCRIPTION, discount=OLD_DISCOUNT, discounts=["di_1", "di_2"]),
        changed(MODERN_SUBSCRIPTION, discounts=[discount(coupon=COUPON), "di_2"]),
    ),
    "a customer's discount keeps its place and its coupon moved": (
        customer(discount=OLD_DISCOUNT),
        customer(discount=discount(coupon=COUPON)),
    ),
    "no discount became an empty list": (
        changed(MODERN_SUBSCRIPTION, ("discounts",), discount=None),
        changed(MODERN_SUBSCRIPTION, discounts=[]),
    ),
    "a discount's coupon moved to its source": (
        changed(MODERN_SUBSCRIPTION, discounts=[OLD_DISCOUNT]),
        changed(MODERN_SUBSCRIPTION, discounts=[discount(coupon=COUPON)]),
    ),
    "a discount's coupon was named before it moved": (
        changed(MODERN_SUBSCRIPTION, discounts=[OLD_DISCOUNT | {"coupon": "coupon_1"}]),
        changed(MODERN_SUBSCRIPTION, discounts=[discount(coupon="coupon_1")]),
    ),
    "an invoice's subscription moved to its parent": (
        changed(MODERN_INVOICE, ("parent",), subscription="sub_1"),
        MODERN_INVOICE,
    ),
    "an invoice without subscription lost its parent": (
        changed(MODERN_INVOICE, ("parent",), subscription=None),
        changed(MODERN_INVOICE, parent=None),
    ),
    "an invoice's paid became its status": (changed(MODERN_INVOICE, ("status",), paid=True), MODERN_INVOICE),
    "an unpaid invoice's paid became its status": (
        changed(invoice(status="open"), ("status",), paid=False),
        invoice(status="open"),
    ),
    "an invoice's charge moved to its payments": (
        changed(MODERN_INVOICE, ("payments",), charge="ch_1", payment_intent="pi_1"),
        MODERN_INVOICE,
    ),
    "an invoice's discount became a list": (
        changed(MODERN_INVOICE, ("discounts",), discount={"id": "di_1", "coupon": COUPON}),
        changed(MODERN_INVOICE, discounts=["di_1"]),
    ),
    "a line's price moved to its pricing": (
        with_line(MODERN_INVOICE, ("pricing",), price=OLD_PRICE),
        MODERN_INVOICE,
    ),
    "a line's plan moved to its pricing": (
        with_line(MODERN_INVOICE, ("pricing",), plan={"id": "price_1", "product": "prod_1"}, price=None),
        MODERN_INVOICE,
    ),
    "a charge no longer names its invoice": (changed(charge(), invoice="in_1"), charge()),
    "an item's plan is its price": (
        with_items(MODERN_SUBSCRIPTION, changed(MODERN_ITEM, ("price",))),
        with_items(MODERN_SUBSCRIPTION, changed(MODERN_ITEM, ("plan",))),
    ),
    "a price may come without its decimal amount": (
        with_items(
            MODERN_SUBSCRIPTION, changed(MODERN_ITEM, price=changed(price(), ("unit_amount_decimal",)))
        ),
        MODERN_SUBSCRIPTION,
    ),
    "a decimal amount may come with zeros": (
        with_items(
            MODERN_SUBSCRIPTION, item(price=price(unit_amount_decimal="1900.00"), period=(START, END))
        ),
        MODERN_SUBSCRIPTION,
    ),
    "an account's new API version adds keys that nobody knows": (
        changed(MODERN_SUBSCRIPTION, billing_schedules=[{"x": 1}], status_details=7, managed_payments="odd"),
        MODERN_SUBSCRIPTION,
    ),
}


@pytest.mark.parametrize("move", MOVED)
def test_both_shapes_of_one_state_read_the_same(move: str) -> None:
    old, new = MOVED[move]
    assert old != new
    assert read(old) == read(new)


OLD_AND_NEW = {
    "customer": (
        customer(address={"city": "A", "line1": "B"}, old=True),
        customer(address={"city": "A", "line1": "B"}),
    ),
    "subscription": (subscription(quantity=3, old=True), subscription(quantity=3)),
    "a trial": (subscription(status="trialing", old=True), subscription(status="trialing")),
    "a canceled subscription": (subscription(status="canceled", old=True), subscription(status="canceled")),
    "several items": (
        subscription(items=[item("si_1"), item("si_2", price=price("price_2", interval="year"))], old=True),
        subscription(items=[item("si_1"), item("si_2", price=price("price_2", interval="year"))]),
    ),
    "discounted": (
        subscription(discounts=[discount(coupon=COUPON)], old=True),
        subscription(discounts=[discount(coupon=COUPON)]),
    ),
    "invoice": (invoice(status="open", charge="ch_1", old=True), invoice(status="open", charge="ch_1")),
    "a paid invoice": (
        invoice(status="paid", paid_at=NOW + 5, old=True),
        invoice(status="paid", paid_at=NOW + 5),
    ),
    "charge": (charge(invoice="in_1", old=True), charge()),
    "a refunded charge": (charge(amount_refunded=500, old=True), charge(amount_refunded=500)),
}


@pytest.mark.parametrize("kind", OLD_AND_NEW)
def test_a_whole_object_of_2020_reads_as_the_one_of_2026(kind: str) -> None:
    old, new = OLD_AND_NEW[kind]
    assert old != new
    assert read(old) == read(new)


def test_what_is_read_is_really_there() -> None:
    shown = subscription(
        quantity=3, price=price(nickname="Gold"), status="past_due", period=(START, END), old=True
    )
    one = read_subscription(shown)
    assert (one["status"], one["currency"], one["start_date"]) == ("past_due", "usd", START)
    first = one["items"][0]
    assert (first["period_start"], first["period_end"]) == (START, END)
    assert (first["price"], first["product"], first["unit_amount"]) == ("price_1", "prod_1", "1900")
    assert (first["quantity"], first["nickname"], first["interval"]) == (3, "Gold", "month")
    paid = read_invoice(changed(MODERN_INVOICE, ("parent", "status"), subscription="sub_9", paid=True))
    assert (paid["subscription"], paid["paid"], paid["paid_at"]) == ("sub_9", True, NOW)


def test_an_item_of_only_a_plan_keeps_all_its_terms() -> None:
    terms = price(
        "plan_1",
        unit_amount=None,
        unit_amount_decimal="12.5",
        interval="week",
        interval_count=2,
        nickname="Tiny",
    )
    only_plan = changed(item(price=terms), ("price",))
    one = read_subscription(with_items(MODERN_SUBSCRIPTION, only_plan))["items"][0]
    assert (one["price"], one["unit_amount"], one["nickname"]) == ("plan_1", "12.5", "Tiny")
    assert (one["interval"], one["interval_count"], one["metered"]) == ("week", 2, False)


def test_where_item_and_subscription_both_show_a_period_the_items_is_meant() -> None:
    both = changed(MODERN_SUBSCRIPTION, current_period_start=1, current_period_end=2)
    assert read(both) == read(MODERN_SUBSCRIPTION)


def test_the_price_is_the_truth_where_a_plan_stands_beside_it() -> None:
    other_plan = changed(
        MODERN_ITEM, plan=MODERN_ITEM["plan"] | {"id": "plan_old", "amount": 5, "currency": "eur"}
    )
    assert read(with_items(MODERN_SUBSCRIPTION, other_plan)) == read(MODERN_SUBSCRIPTION)


def test_the_order_of_items_is_not_part_of_the_state() -> None:
    first, second = item("si_1"), item("si_2", price=price("price_2"))
    assert read(with_items(MODERN_SUBSCRIPTION, first, second)) == read(
        with_items(MODERN_SUBSCRIPTION, second, first)
    )


EXPANDED = {
    "a subscription's product": (
        subscription(price=price(product=product("prod_7"))),
        subscription(price=price(product="prod_7")),
    ),
    "a charge's customer": (charge(customer=customer("cus_7")), charge(customer="cus_7")),
    "an invoice's customer": (invoice(customer=customer("cus_7")), invoice(customer="cus_7")),
    "an invoice's subscription": (
        changed(MODERN_INVOICE, parent={"subscription_details": {"subscription": subscription()}}),
        MODERN_INVOICE,
    ),
    "an old invoice's subscription": (
        changed(MODERN_INVOICE, ("parent",), subscription=subscription(old=True)),
        MODERN_INVOICE,
    ),
    "a line's product": (
        with_line(
            MODERN_INVOICE, pricing={"price_details": {"price": "price_1", "product": product("prod_1")}}
        ),
        MODERN_INVOICE,
    ),
}


@pytest.mark.parametrize("reference", EXPANDED)
def test_an_expanded_reference_reads_as_its_id(reference: str) -> None:
    expanded, plain = EXPANDED[reference]
    assert expanded != plain
    assert read(expanded) == read(plain)
