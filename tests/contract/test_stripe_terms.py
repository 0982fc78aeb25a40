"""What things cost: prices with their tiers and packages, coupons and discounts, as each shape shows them."""

from collections.abc import Callable
from typing import Any

import pytest

from peoplesync.domain.stripe_objects import (
    Item,
    UnreadableStripeObject,
    discounts_in,
    read_coupon,
    read_discount,
    read_subscription,
)
from tests.support.builders.stripe import (
    DAY,
    NOW,
    coupon,
    discount,
    item,
    of_plan,
    price,
    subscription,
    tier,
    tiered,
)

START, END = NOW - 10 * DAY, NOW + 20 * DAY
SECRET = "someone@private.example"


def read_item(shown: dict[str, Any]) -> Item:
    alone = subscription() | {"items": {"object": "list", "data": [shown]}}
    return read_subscription(alone)["items"][0]


STEPS = [tier(5, unit_amount="70.5"), tier(None, flat_amount=900)]
AS_READ = [
    {"up_to": 5, "unit_amount": "70.5", "flat_amount": "0"},
    {"up_to": None, "unit_amount": "0", "flat_amount": "900"},
]
SPECIAL: dict[str, tuple[dict[str, Any], object, object]] = {
    "metered": (price(usage_type="metered"), True, False),
    "tiered": (tiered(*STEPS, mode="volume"), True, False),
    "tiers_mode": (tiered(*STEPS, mode="volume"), "volume", None),
    "tiers": (tiered(*STEPS, mode="volume"), AS_READ, None),
    "transform": (
        price(transform_quantity={"divide_by": 5, "round": "up"}),
        {"divide_by": 5, "round": "up"},
        None,
    ),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_a_plan_and_its_price_agree_on_what_is_special(name: str) -> None:
    special, there, absent = SPECIAL[name]
    as_price = read_item(item(price=special))
    as_plan = read_item(of_plan(item(price=special)))
    assert as_price == as_plan
    assert (dict(as_plan)[name], dict(read_item(item()))[name]) == (there, absent)


def test_tiers_that_stripe_does_not_show_are_unknown_and_not_none() -> None:
    one = read_item(item(price=tiered()))
    assert (one["tiered"], one["tiers"]) == (True, None)


@pytest.mark.parametrize("shape", [lambda shown: shown, of_plan], ids=["price", "plan"])
def test_a_price_in_tiers_has_no_unit_amount_even_where_one_is_shown(
    shape: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    shown = shape(item(price=tiered(*STEPS, unit_amount=1900)))
    assert read_item(shown)["unit_amount"] is None


@pytest.mark.parametrize("last", [None, "inf"])
def test_the_last_tier_has_no_end_however_that_is_said(last: str | None) -> None:
    shown = tiered(tier(10, unit_amount=5), tier(last, unit_amount=4))
    assert [step["up_to"] for step in read_item(item(price=shown))["tiers"] or []] == [10, None]


TERMS: dict[str, object] = {
    "percent_off": None,
    "amount_off": None,
    "currency": None,
    "duration": "forever",
    "products": None,
    "options": None,
}
COUPONS = {
    "a percentage": (coupon(percent_off=12.5), TERMS | {"percent_off": "12.5"}),
    "a whole percentage written with decimals": (coupon(percent_off=50.0), TERMS | {"percent_off": "50"}),
    "a percentage of many digits": (coupon(percent_off=33.33), TERMS | {"percent_off": "33.33"}),
    "an amount": (
        coupon(percent_off=None, amount_off=500, currency="eur"),
        TERMS | {"amount_off": 500, "currency": "eur"},
    ),
    "some months": (coupon(duration="repeating"), TERMS | {"percent_off": "50", "duration": "repeating"}),
    "some products": (
        coupon(applies_to={"products": ["prod_2", "prod_1"]}),
        TERMS | {"percent_off": "50", "products": ["prod_1", "prod_2"]},
    ),
    "amounts in several currencies": (
        coupon(
            percent_off=None,
            amount_off=500,
            currency="usd",
            currency_options={"usd": {"amount_off": 500}, "eur": {"amount_off": 450}},
        ),
        TERMS | {"amount_off": 500, "currency": "usd", "options": {"usd": 500, "eur": 450}},
    ),
}


@pytest.mark.parametrize("terms", COUPONS)
def test_a_coupon_reads_the_same_by_itself_and_inside_a_discount(terms: str) -> None:
    shown, read_terms = COUPONS[terms]
    alone = read_coupon(shown | {"created": START})
    assert alone == {"id": "coupon_1", "created": START, "terms": read_terms}
    whole = {"id": "di_1", "coupon": "coupon_1", "start": START, "end": END, "terms": read_terms}
    given = {"subscription": None, "item": None, "once": False}
    assert read_discount(discount(coupon=shown, end=END)) == whole | given
    nameless = {"object": "discount", "coupon": shown, "start": START, "end": END}
    holder = subscription(discounts=[], discount=nameless)
    (name,) = read_subscription(holder)["discounts"]
    assert discounts_in(holder) == {name: whole | given | {"id": name, "subscription": "sub_1"}}


SHOWN_OF_A_DISCOUNT: dict[str, tuple[object, dict[str, object]]] = {
    "its id": ("di_1", {"coupon": None, "start": None}),
    "its coupon's id": (discount(coupon="coupon_1"), {"coupon": "coupon_1", "start": START}),
    "no coupon": (discount(coupon=None), {"coupon": None, "start": START}),
    "a coupon deleted meanwhile": (
        discount(coupon={"id": "coupon_1", "object": "coupon", "deleted": True}),
        {"coupon": "coupon_1", "start": START},
    ),
}


@pytest.mark.parametrize("level", ["subscription", "item"])
@pytest.mark.parametrize("part", SHOWN_OF_A_DISCOUNT)
def test_a_discount_of_which_stripe_shows_only_a_part_has_no_terms(part: str, level: str) -> None:
    shown, known = SHOWN_OF_A_DISCOUNT[part]
    holder = subscription(discounts=[shown])
    if level == "item":
        holder = subscription(items=[item(discounts=[shown])])
    told = read_subscription(holder)
    assert (told["discounts"] or told["items"][0]["discounts"]) == ["di_1"]
    for one in discounts_in(holder).values():
        assert {name: one[name] for name in known} == known  # type: ignore[literal-required]
        assert one["terms"] is None
    assert bool(discounts_in(holder)) is not isinstance(shown, str)


def test_two_shapes_of_one_discounted_subscription_read_the_same() -> None:
    modern = subscription(discounts=["di_1"])
    whole = {"id": "di_1", "object": "discount", "coupon": coupon(), "start": START, "end": None}
    for old in (
        {**modern, "discounts": [], "discount": whole},
        {**modern, "discounts": None, "discount": whole},
        {**modern, "discounts": ["di_1"], "discount": whole},
        {**modern, "discounts": [discount(coupon=coupon())]},
    ):
        assert read_subscription(old) == read_subscription(modern)


def test_all_terms_of_a_coupon_are_known_only_where_stripe_was_asked_for_them() -> None:
    shown = coupon() | {"created": START}
    assert read_coupon(shown)["terms"]["products"] is None
    assert read_coupon(shown, expanded=True)["terms"]["products"] == []
    assert read_coupon(shown | {"applies_to": None})["terms"]["products"] is None


def test_the_order_of_discounts_is_part_of_the_state() -> None:
    one, other = discount("di_1"), discount("di_2")
    in_order, reversed_ = subscription(discounts=[one, other]), subscription(discounts=[other, one])
    assert read_subscription(in_order) != read_subscription(reversed_)


UNREADABLE: dict[str, tuple[dict[str, Any], str]] = {
    "packages of nothing": (
        {"items": [item(price=price(transform_quantity={"round": "up"}))]},
        "items[0].price.transform_quantity.divide_by is missing",
    ),
    "packages not rounded": (
        {"items": [item(price=price(transform_quantity={"divide_by": 5}))]},
        "items[0].price.transform_quantity.round is missing",
    ),
    "tiers to some word": (
        {"items": [item(price=tiered(tier(SECRET, unit_amount=1)))]},
        "items[0].price.tiers[0].up_to should be an integer, not text",
    ),
    "a tier of some words": (
        {"items": [item(price=tiered(tier(None, flat_amount=SECRET)))]},
        "items[0].price.tiers[0].flat_amount_decimal should be a decimal number",
    ),
    "an item's discount": (
        {"items": [item(discounts=[7])]},
        "items[0].discounts[0] should be an object, not a number",
    ),
    "a percentage in words": (
        {"discounts": ["di_0", discount(coupon=coupon(percent_off=SECRET))]},
        "discounts[1].source.coupon.percent_off should be a decimal number",
    ),
    "a percentage that is not a number": (
        {"discounts": [discount(coupon=coupon(percent_off=float("nan")))]},
        "discounts[0].source.coupon.percent_off should be a decimal number",
    ),
    "a percentage that is true": (
        {"discounts": [discount(coupon=coupon(percent_off=True))]},
        "discounts[0].source.coupon.percent_off should be a decimal number",
    ),
    "an amount off in fractions": (
        {"discounts": [discount(coupon=coupon(amount_off=5.5))]},
        "discounts[0].source.coupon.amount_off should be an integer, not a number",
    ),
    "an end in words": ({"discount": discount(end=SECRET)}, "discount.end should be an integer, not text"),
    "products that are no list": (
        {"discount": discount(coupon=coupon(applies_to={"products": SECRET}))},
        "discount.source.coupon.applies_to.products should be a list, not text",
    ),
}


@pytest.mark.parametrize("terms", UNREADABLE)
def test_terms_that_cannot_be_read_are_named_and_their_values_not_shown(terms: str) -> None:
    facts, problem = UNREADABLE[terms]
    with pytest.raises(UnreadableStripeObject) as caught:
        read_subscription(subscription(**facts))
    assert str(caught.value) == f"subscription sub_1: {problem}"
