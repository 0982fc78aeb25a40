"""What a naive reader of the true objects expects of the people: an oracle without any of the product."""

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from peoplesync_local.stripe_objects import StripeObject
from tests.builders import DAY
from tests.fakes import World
from tests.histories import History
from tests.true_customers import KINDS, Truth

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


TRUE_FIELDS = (
    "customer_delinquent",
    "customer_mrr",
    "customer_name",
    "last_amount_paid_in_cents",
    "plan_id",
    "subscription_count",
    "subscription_id",
    "subscription_quantity",
    "subscription_status",
)


def _true_fields(records: Mapping[str, Truth]) -> dict[str, Any]:
    subscriptions = list(_counted_as(records.values()))
    primary = min(subscriptions, key=_best_first, default=None)
    item = min(primary["items"]["data"], key=lambda one: (-_worth(one), one["id"])) if primary else None
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


def _worth(item: StripeObject) -> Fraction:
    recurring = item["price"]["recurring"]
    once = Fraction(item["price"]["unit_amount"] * item["quantity"], recurring["interval_count"])
    return once * PER_MONTH[recurring["interval"]]


def _mrr(subscriptions: Iterable[StripeObject], currency: str) -> str:
    paid = [
        one
        for one in subscriptions
        if one["status"] in ("active", "past_due") and one["currency"] == currency
    ]
    cents = sum((_worth(item) for one in paid for item in one["items"]["data"]), Fraction(0))
    whole, places = int(cents + Fraction(1, 2)), DECIMALS.get(currency, 2)
    return f"{whole // 10**places}.{whole % 10**places:0{places}}" if places else str(whole)


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
