"""What a naive reader of the true objects expects of the people: an oracle without any of the product."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import DAY
from tests.support.fakes.world import World
from tests.support.oracles.histories import History
from tests.support.oracles.price_list import COUPONS
from tests.support.oracles.tellings import LATER
from tests.support.oracles.true_customers import KINDS, Truth

BEST_FIRST = [
    "active",
    "trialing",
    "past_due",
    "unpaid",
    "paused",
    "incomplete",
    "canceled",
    "incomplete_expired",
]
PER_MONTH = {
    "month": Fraction(1),
    "year": Fraction(1, 12),
    "week": Fraction(52, 12),
    "day": Fraction(365, 12),
}
DECIMALS = {"jpy": 0, "kwd": 3}


def true_outcome(told: History) -> dict[str, Any]:
    """Fields of each person, and counts of each record's feed, from the truth alone."""
    homes: dict[str, dict[str, Truth]] = {}
    for customer, truth in told.truth.items():
        email = (truth.customer["email"] or "").strip().lower()
        homes.setdefault(email or customer, {})[customer] = truth
    return {
        "people": {"+".join(sorted(records)): _true_fields(records) for records in homes.values()},
        "counts": {customer: truth.counts for customer, truth in told.truth.items()},
    }


def seen_outcome(world: World) -> dict[str, Any]:
    """The same of a world."""
    people = world.people.people.values()
    return {
        "people": {
            "+".join(sorted(person.records)): {key: person.fields.get(key) for key in TRUE_FIELDS}
            for person in people
        },
        "counts": {
            record.id: {kind: record.events[kind].count if kind in record.events else 0 for kind in KINDS}
            for person in people
            for record in person.records.values()
        },
    }


def unsure(world: World) -> set[str]:
    """Whose MRR is unknown or an estimate, though they have a subscription."""
    return {
        "+".join(sorted(person.records))
        for person in world.people.people.values()
        if person.fields.get("subscription_id")
        and (person.fields.get("customer_mrr") is None or person.fields["customer_mrr_estimated"])
    }


TRUE_FIELDS = (
    "customer_delinquent",
    "customer_mrr",
    "customer_name",
    "last_amount_paid_in_cents",
    "plan_id",
    "plan_price",
    "subscription_count",
    "subscription_id",
    "subscription_quantity",
    "subscription_status",
)


def _true_fields(records: Mapping[str, Truth]) -> dict[str, Any]:
    subscriptions = list(_counted_as(records.values()))
    primary = min(subscriptions, key=_best_first, default=None)
    item = _dearest_item(primary) if primary else None
    speaking = [truth for truth in records.values() if not truth.deleted] or list(records.values())
    holders = [truth for truth in speaking if truth.subscriptions]
    if holders:
        speaker = min(holders, key=lambda truth: min(map(_best_first, _counted_as([truth]))))
    else:
        speaker = min(speaking, key=lambda truth: (-truth.customer["created"], truth.customer["id"]))
    return {
        "customer_delinquent": any(truth.customer["delinquent"] for truth in speaking),
        "customer_mrr": _mrr(subscriptions, primary["currency"]) if primary else None,
        "customer_name": speaker.customer["name"],
        "last_amount_paid_in_cents": _last_amount(records.values()),
        "plan_id": item["price"]["id"] if item else None,
        "plan_price": _plan_price(item["price"], primary["currency"]) if item and primary else None,
        "subscription_count": len(subscriptions),
        "subscription_id": primary["id"] if primary else None,
        "subscription_quantity": item["quantity"] if item else None,
        "subscription_status": primary["status"] if primary else None,
    }


def _best_first(subscription: StripeObject) -> tuple[int, int, str]:
    return BEST_FIRST.index(subscription["status"]), -subscription["created"], subscription["id"]


def _counted_as(truths: Iterable[Truth]) -> Iterator[StripeObject]:
    for truth in truths:
        for one in truth.subscriptions.values():
            over = truth.deleted and one["status"] != "incomplete_expired"
            yield one | {"status": "canceled"} if over else one


def _dearest_item(subscription: StripeObject) -> StripeObject:
    currency, items = subscription["currency"], subscription["items"]["data"]
    dearest: StripeObject = min(items, key=lambda one: (-_worth(one, currency), one["id"]))
    return dearest


def _worth(item: StripeObject, currency: str) -> Fraction:
    """What an item is worth a month before discounts, by all that Stripe knows of its price."""
    price, quantity = item["price"], item["quantity"]
    if price["billing_scheme"] == "tiered":
        each = [tier["unit_amount"] for tier in price["tiers"] if tier["up_to"] in (None, quantity)]
        each += [tier["unit_amount"] for tier in price["tiers"] if (tier["up_to"] or 0) > quantity]
        amount = max(each)  # the more one takes, the less one costs
    else:
        amount = _amount_in(price, currency)
    return Fraction(amount * quantity, price["recurring"]["interval_count"]) * _per_month(price)


def _amount_in(price: StripeObject, currency: str) -> int:
    its = price if price["currency"] == currency else price["currency_options"][currency]
    amount: int = its["unit_amount"]
    return amount


def _per_month(price: StripeObject) -> Fraction:
    return PER_MONTH[price["recurring"]["interval"]]


def _plan_price(price: StripeObject, currency: str) -> str | None:
    if price["billing_scheme"] == "tiered":
        return None
    return _major(_amount_in(price, currency), currency)


def _mrr(subscriptions: Iterable[StripeObject], currency: str) -> str:
    paid = [
        one
        for one in subscriptions
        if one["status"] in ("active", "past_due") and one["currency"] == currency
    ]
    return _major(int(sum(map(_discounted, paid), Fraction(0)) + Fraction(1, 2)), currency)


def _discounted(subscription: StripeObject) -> Fraction:
    """What a subscription is worth a month, less its only discount."""
    currency = subscription["currency"]
    worth = {one["id"]: _worth(one, currency) for one in subscription["items"]["data"]}
    for discount in subscription["discounts"]:
        coupon = COUPONS[discount["source"]["coupon"]]
        limited = coupon.get("applies_to", {}).get("products")
        less = [
            one
            for one in subscription["items"]["data"]
            if limited is None or one["price"]["product"] in limited
        ]
        if not less or (discount["end"] or LATER + 1) <= LATER:
            continue
        whole = sum((worth[one["id"]] for one in less), Fraction(0))
        if coupon["percent_off"] is not None:
            off = whole * Fraction(str(coupon["percent_off"])) / 100
        else:
            # So much off each invoice, of which the shortest interval makes the most.
            shortest = min(less, key=lambda one: _months(one["price"]))
            off = coupon["currency_options"][currency]["amount_off"] / _months(shortest["price"])
        return sum(worth.values(), Fraction(0)) - min(off, whole)
    return sum(worth.values(), Fraction(0))


def _months(price: StripeObject) -> Fraction:
    return Fraction(price["recurring"]["interval_count"]) / _per_month(price)


def _major(amount: int, currency: str) -> str:
    places = DECIMALS.get(currency, 2)
    return f"{amount // 10**places}.{amount % 10**places:0{places}}" if places else str(amount)


def _last_amount(truths: Iterable[Truth]) -> int | None:
    truths = list(truths)
    charges = [truth.last_charge for truth in truths if truth.last_charge]
    invoices = [truth.last_paid_invoice for truth in truths if truth.last_paid_invoice]
    charge = max(charges, key=lambda one: (one["created"], one["id"]), default=None)
    invoice = max(invoices, key=lambda one: (one["status_transitions"]["paid_at"], one["id"]), default=None)
    day_paid = invoice["status_transitions"]["paid_at"] // DAY if invoice else -1
    if charge and charge["created"] // DAY >= day_paid:
        return int(charge["amount_captured"])
    return int(invoice["amount_paid"]) if invoice else None
