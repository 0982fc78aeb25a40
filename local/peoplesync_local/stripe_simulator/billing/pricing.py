"""What quantities of a price cost, and what discounts take off: integers in the currency's minor unit."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject


def is_metered(price: StripeObject) -> bool:
    """Whether the price is billed by what was used, in arrears."""
    return bool(price["recurring"]) and price["recurring"]["usage_type"] == "metered"


def cost(price: StripeObject, quantity: int) -> int:
    """What so many of the price cost for one period; a tiered price must come with its tiers.

    >>> cost({"unit_amount_decimal": "12.5", "transform_quantity": None, "tiers_mode": None}, 3)
    38
    """
    if price["tiers_mode"] is not None:
        exact = _tiered(price["tiers"], quantity, graduated=price["tiers_mode"] == "graduated")
    else:
        exact = Decimal(price["unit_amount_decimal"] or 0) * _packages(price["transform_quantity"], quantity)
    return rounded(exact)


def currency_options(price: StripeObject) -> StripeObject:
    """What the price costs in each of its currencies, its default one among them, as Stripe shows it to those
    who expand it (tiers and all)."""
    keys = ("custom_unit_amount", "tax_behavior", "tiers", "unit_amount", "unit_amount_decimal")
    default = {key: price[key] for key in keys if key in price}
    further: StripeObject = price.get("currency_options", {})
    return {price["currency"]: default, **further}


def in_currency(price: StripeObject, currency: str) -> StripeObject:
    """The price as it is charged in a currency; raises `KeyError` if it has no amount in it."""
    if currency == price["currency"]:
        return price
    option: StripeObject = currency_options(price)[currency]
    return {**price, **option, "currency": currency}


def rounded(exact: Decimal) -> int:
    """The amount in whole minor units, halves up."""
    return int(exact.quantize(Decimal(1), ROUND_HALF_UP))


def taken_off(coupon: StripeObject, amount: int, currency: str) -> int:
    """What a coupon takes off an amount, and never more than that."""
    if coupon["percent_off"] is not None:
        off = rounded(Decimal(str(coupon["percent_off"])) * amount / 100)
    else:
        off = amounts_off(coupon).get(currency, 0)
    return max(0, min(off, amount))


def amounts_off(coupon: StripeObject) -> dict[str, int]:
    """What a fixed-amount coupon takes off in each of its currencies; nothing for one of so many percent."""
    if coupon["amount_off"] is None:
        return {}
    further = coupon.get("currency_options", {})
    return {coupon["currency"]: coupon["amount_off"]} | {
        currency: option["amount_off"] for currency, option in further.items()
    }


def applies_to(coupon: StripeObject, product: str) -> bool:
    """Whether the coupon takes something off this product."""
    return "applies_to" not in coupon or product in coupon["applies_to"]["products"]


def share(amount: int, part: int, whole: int) -> int:
    """The part of a period's amount that a part of its seconds costs."""
    return rounded(Decimal(amount) * part / whole) if whole else 0


def _packages(transform: StripeObject | None, quantity: int) -> int:
    if transform is None:
        return quantity
    divide_by: int = transform["divide_by"]
    whole, rest = divmod(quantity, divide_by)
    return whole + (1 if rest and transform["round"] == "up" else 0)


def _tiered(tiers: Sequence[StripeObject], quantity: int, *, graduated: bool) -> Decimal:
    total, counted = Decimal(0), 0
    for tier in tiers:
        last = quantity if tier["up_to"] is None else min(quantity, tier["up_to"])
        is_the_one = tier["up_to"] is None or quantity <= tier["up_to"]
        if graduated and (last > counted or (quantity == 0 and counted == 0 and is_the_one)):
            total += Decimal(tier["unit_amount_decimal"] or 0) * (last - counted)
            total += Decimal(tier["flat_amount_decimal"] or 0)
            counted = last
        elif not graduated and is_the_one:
            total = Decimal(tier["unit_amount_decimal"] or 0) * quantity
            total += Decimal(tier["flat_amount_decimal"] or 0)
        if is_the_one:
            break
    return total
