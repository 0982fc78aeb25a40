"""The prices of the random histories' company, by currency, and what an item of one is worth a month."""

from fractions import Fraction

from peoplesync_local import stripe_objects
from peoplesync_local.stripe_objects import StripeObject


def _plans(currency: str, *plans: tuple[str, int, int, str]) -> list[StripeObject]:
    """Prices of (product, amount in the minor unit, interval count, interval)."""
    return [
        stripe_objects.price(
            f"price_{product}_{currency}_{count}{interval}",
            product=f"prod_{product}",
            unit_amount=amount,
            currency=currency,
            interval=interval,
            interval_count=count,
            nickname=f"{product} {interval}" if count == 1 else None,
        )
        for product, amount, count, interval in plans
    ]


PRICES = {
    "usd": _plans("usd", ("basic", 1900, 1, "month"), ("pro", 4900, 1, "month"), ("pro", 9000, 3, "month")),
    "eur": _plans("eur", ("basic", 500, 1, "week"), ("pro", 25, 1, "day"), ("pro", 52_000, 1, "year")),
    "jpy": _plans("jpy", ("basic", 1500, 1, "month"), ("pro", 30_000, 1, "year")),
    "kwd": _plans("kwd", ("basic", 5125, 1, "month"), ("pro", 12_500, 2, "month")),
}

PER_MONTH = {
    "month": Fraction(1),
    "year": Fraction(1, 12),
    "week": Fraction(52, 12),
    "day": Fraction(365, 12),
}


def monthly_worth(item: StripeObject) -> Fraction:
    """What an item is worth a month, in the minor unit."""
    recurring = item["price"]["recurring"]
    once = Fraction(item["price"]["unit_amount"] * item["quantity"], recurring["interval_count"])
    return once * PER_MONTH[recurring["interval"]]
