"""A naive MRR to compare with: off Stripe's JSON, unit by unit and package by package, in long decimals.

It shares no code, no shape and no arithmetic with the real one: it works with what a year brings, counts
units one at a time, and knows nothing of fractions. Only the modern shape with whole coupons is understood.
"""

from decimal import Context, Decimal, localcontext
from typing import Any

Shown = dict[str, Any]
PRECISE = Context(prec=60)
NOTHING = Decimal("1e-45")
"""Below this is what the division of long decimals leaves behind; an amount of money is far above it."""

PERIODS_A_YEAR = {"day": 365, "week": 52, "month": 12, "year": 1}


def naive_mrr(subscription: Shown, now: int, customers_discount: Shown | None) -> dict[str, Decimal]:
    """What the subscription brings a month, by currency, in minor units."""
    with localcontext(PRECISE):
        yearly: dict[str, Decimal] = {}
        counted: dict[str, Shown] = {}
        for shown in subscription["items"]["data"]:
            item = shown | {"price": _billed(shown["price"], subscription["currency"])}
            recurring = item["price"]["recurring"]
            if recurring is not None and recurring["usage_type"] == "licensed":
                counted[item["id"]] = item
                yearly[item["id"]] = _cost(item) * _invoices_a_year(item)
        for item in counted.values():
            for discount in item["discounts"]:
                if _is_on(discount, now):
                    _take_off(discount["source"]["coupon"], [item], yearly)
        whole = [one for one in subscription["discounts"] if _is_on(one, now)]
        if not whole and customers_discount is not None and _is_on(customers_discount, now):
            whole = [customers_discount]
        for discount in whole:
            _take_off(discount["source"]["coupon"], list(counted.values()), yearly)
        sums = {subscription["currency"]: Decimal(0)}
        for one_id, item in counted.items():
            currency = item["price"]["currency"]
            sums[currency] = sums.get(currency, Decimal(0)) + yearly[one_id] / 12
        return sums


def _billed(price: Shown, currency: str) -> Shown:
    """The price in the currency that is billed."""
    if price["currency"] == currency:
        return price
    option: Shown = price["currency_options"][currency]
    return price | option | {"currency": currency}


def _is_on(discount: Shown, now: int) -> bool:
    if discount["start"] > now:
        return False
    return discount["end"] is None or discount["end"] > now


def _invoices_a_year(item: Shown) -> Decimal:
    recurring: Shown = item["price"]["recurring"]
    return Decimal(PERIODS_A_YEAR[recurring["interval"]]) / int(recurring["interval_count"])


def _cost(item: Shown) -> Decimal:
    """What one invoice asks for the item."""
    price = item["price"]
    quantity = _packages(item["quantity"], price["transform_quantity"])
    if price["billing_scheme"] == "per_unit":
        return sum((Decimal(price["unit_amount_decimal"]) for _ in range(quantity)), Decimal(0))
    tiers = price["tiers"]
    # Stripe bills the first tier's flat amount even for nothing.
    last = _tier_of(max(quantity, 1), tiers)
    if price["tiers_mode"] == "volume":
        each, flat = _amounts(tiers[last])
        return sum((each for _ in range(quantity)), flat)
    cost = Decimal(0)
    for unit in range(1, quantity + 1):
        cost += _amounts(tiers[_tier_of(unit, tiers)])[0]
    for tier in tiers[: last + 1]:
        cost += _amounts(tier)[1]
    return cost


def _packages(quantity: int, transform: Shown | None) -> int:
    if transform is None:
        return quantity
    full = 0
    while quantity >= transform["divide_by"]:
        quantity -= transform["divide_by"]
        full += 1
    return full + 1 if quantity > 0 and transform["round"] == "up" else full


def _tier_of(unit: int, tiers: list[Shown]) -> int:
    for index, tier in enumerate(tiers):
        if tier["up_to"] in (None, "inf") or unit <= tier["up_to"]:
            return index
    raise AssertionError("the last tier has no end")


def _amounts(tier: Shown) -> tuple[Decimal, Decimal]:
    return Decimal(tier["unit_amount_decimal"] or 0), Decimal(tier["flat_amount_decimal"] or 0)


def _take_off(coupon: Shown, items: list[Shown], yearly: dict[str, Decimal]) -> None:
    if coupon["duration"] == "once":
        return
    products = (coupon.get("applies_to") or {}).get("products")
    affected = []
    for item in items:
        wanted = products is None or item["price"]["product"] in products
        if wanted and yearly[item["id"]] > NOTHING:
            affected.append(item)
    if not affected:
        return
    before = {item["id"]: yearly[item["id"]] for item in affected}
    everything = sum(before.values(), Decimal(0))
    if coupon["percent_off"] is not None:
        off = everything * Decimal(repr(coupon["percent_off"])) / 100
    else:
        currency = affected[0]["price"]["currency"]
        each = coupon["amount_off"]
        if coupon["currency"] != currency:
            each = coupon["currency_options"][currency]["amount_off"]
        off = each * max(_invoices_a_year(item) for item in affected)
    for one_id, amount in before.items():
        rest = amount - off * amount / everything
        yearly[one_id] = rest if rest > NOTHING else Decimal(0)
