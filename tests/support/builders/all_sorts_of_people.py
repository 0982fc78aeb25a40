"""A handful of people who differ in all that is stored of people, and one more message for each of them.

`golden/rows_with_plain_records.json` is what the version before compressed records made of `told`: changed,
its rows no longer belong to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    charge,
    checkout_session,
    coupon,
    customer,
    deleted_customer,
    discount,
    event,
    invoice,
    item,
    price,
    product,
    subscription,
    tier,
    tiered,
)

MAIN: Final = Epoch("main", 1)
TOGETHER: Final = "together@example.com"
ERASED: Final = "customer:cus_erased"
ERASURE_KEY: Final = "00" * 32
IN_YEN = price("price_yen", product="prod_team", unit_amount=2500, currency="jpy")
OF_EUROS = price("price_multi", unit_amount=2000)
SEATS = tiered(tier(10, unit_amount=500), tier(None, unit_amount=300))
HALF = coupon("HALF", created=NOW - 90 * DAY)
AT_STRIPE: Final[Mapping[str, StripeObject]] = {
    one["id"]: one for one in (HALF, SEATS, OF_EUROS | {"currency_options": {"eur": {"unit_amount": 1800}}})
}
"""What Stripe answers where it is asked; it knows nothing else."""


def told() -> Iterator[str]:
    """All that is told of them before `ERASED` is erased, as it lies on the queue."""
    yield from map(_message, _events())
    yield _of_the_app(
        _activity("identify", 9, traits={"email": "cus_paid@example.com", "tier": "gold", "seats": 3}),
        _activity("track", 8, event="Report Exported", properties={"pages": 12}),
        _activity("track", 2, event="Report Exported", properties={}, user="77"),
    )


def told_later() -> Mapping[str, str]:
    """One more message about each of them, by the identity that finds them."""
    facts: dict[str, Any] = {"created": NOW - HOUR}
    erased = customer("cus_erased", name="Another")
    events = {
        "customer:cus_trial": event(
            "customer.subscription.updated",
            subscription("sub_trial", customer="cus_trial", trial_end=NOW - HOUR, created=NOW - 5 * DAY),
            previous={"status": "trialing"},
            **facts,
        ),
        "customer:cus_paid": event("charge.refunded", _charge("paid", 9, amount_refunded=900), **facts),
        "customer:cus_due": event("charge.succeeded", charge("ch_due", customer="cus_due", **facts), **facts),
        "customer:cus_left": event("customer.subscription.created", _subscription("left", "again"), **facts),
        "customer:cus_one": event(
            "customer.updated", customer("cus_one", email=TOGETHER, name="Another"), previous={}, **facts
        ),
        "customer:cus_two": event("customer.updated", customer("cus_two"), previous={}, **facts),
        "customer:cus_deleted": event("charge.succeeded", _charge("deleted", 3), created=NOW - 3 * DAY),
        "customer:cus_yen": event(
            "customer.subscription.deleted", _in_yen(status="canceled"), created=NOW - HOUR
        ),
        "customer:cus_euro": event(
            "customer.subscription.updated",
            _in_euros(cancel_at_period_end=True),
            previous={"cancel_at_period_end": False},
            **facts,
        ),
        "customer:cus_old": event("invoice.paid", _invoice("old", status="paid"), **facts),
        ERASED: event("customer.updated", erased, previous={}, **facts),
    }
    again = _activity("track", 0, event="Report Exported", properties={"pages": 1}, user="77")
    return {identity: _message(one) for identity, one in events.items()} | {"user:77": _of_the_app(again)}


def _events() -> Iterator[StripeObject]:
    for name in "trial paid due left one two deleted yen euro old erased".split():
        email = TOGETHER if name == "one" else f"cus_{name}@example.com"
        yield event("customer.created", customer(f"cus_{name}", email=email), created=NOW - 60 * DAY)
    yield event("product.created", product(), created=NOW - 90 * DAY)
    yield event("coupon.created", HALF, created=NOW - 90 * DAY)

    trial = subscription("sub_trial", customer="cus_trial", status="trialing", created=NOW - 5 * DAY)
    yield event("customer.subscription.created", trial, created=NOW - 5 * DAY)

    session = checkout_session(customer="cus_paid", email="cus_paid@example.com", created=NOW - 9 * DAY)
    yield event("customer.subscription.created", _subscription("paid"), created=NOW - 9 * DAY)
    yield event("checkout.session.completed", session, created=NOW - 9 * DAY)
    yield event("charge.succeeded", _charge("paid", 9), created=NOW - 9 * DAY)
    yield event("invoice.paid", _invoice("paid", status="paid"), created=NOW - 9 * DAY)

    yield event("customer.subscription.created", _subscription("due"), created=NOW - 40 * DAY)
    yield event(
        "customer.subscription.updated",
        _subscription("due", status="past_due"),
        previous={"status": "active"},
        created=NOW - 2 * DAY,
    )
    yield event("charge.failed", _charge("due", 2, status="failed"), created=NOW - 2 * DAY)
    yield event("invoice.payment_failed", _invoice("due", attempt_count=1), created=NOW - 2 * DAY)

    yield event("customer.subscription.created", _subscription("left"), created=NOW - 40 * DAY)
    yield event(
        "customer.subscription.deleted", _subscription("left", status="canceled"), created=NOW - 4 * DAY
    )

    joins = customer("cus_two", email=TOGETHER, delinquent=True)
    yield event("customer.updated", joins, previous={}, created=NOW - 20 * DAY)
    yield event("customer.subscription.created", _subscription("two"), created=NOW - 20 * DAY)

    yield event("customer.subscription.created", _subscription("deleted"), created=NOW - 40 * DAY)
    yield event("customer.deleted", deleted_customer("cus_deleted"), created=NOW - 6 * DAY)

    yield event("customer.subscription.created", _in_yen(), created=NOW - 30 * DAY)
    yield event("charge.succeeded", _charge("yen", 30, currency="jpy"), created=NOW - 30 * DAY)
    yield event("charge.succeeded", _charge("yen", 29, id="ch_usd"), created=NOW - 29 * DAY)
    yield event("customer.subscription.created", _in_euros(), created=NOW - 9 * DAY)
    seats = subscription(
        "sub_seats",
        customer="cus_euro",
        price=tiered(),
        quantity=15,
        discounts=["di_2"],
        created=NOW - 8 * DAY,
    )
    given = discount("di_2", coupon="HALF") | {"customer": "cus_euro", "subscription": "sub_seats"}
    yield event("customer.subscription.created", seats, created=NOW - 8 * DAY)
    yield event("customer.discount.created", given, created=NOW - 8 * DAY)

    reduced = _subscription("old", discounts=[discount(coupon=HALF)])
    yield event("customer.subscription.created", reduced, created=NOW - 10 * DAY, old=True)

    yield event("customer.subscription.created", _subscription("erased"), created=NOW - 10 * DAY)


def _subscription(of: str, name: str = "", **facts: Any) -> StripeObject:
    return subscription(f"sub_{name or of}", customer=f"cus_{of}", **({"created": NOW - 40 * DAY} | facts))


def _in_yen(**facts: Any) -> StripeObject:
    twice = [item(price=IN_YEN, quantity=2)]
    return subscription(
        "sub_yen", customer="cus_yen", items=twice, currency="jpy", created=NOW - 30 * DAY, **facts
    )


def _in_euros(**facts: Any) -> StripeObject:
    return subscription(
        "sub_euro", customer="cus_euro", price=OF_EUROS, currency="eur", created=NOW - 9 * DAY, **facts
    )


def _charge(of: str, days: int, *, id: str = "", **facts: Any) -> StripeObject:  # noqa: A002
    return charge(id or f"ch_{of}", customer=f"cus_{of}", created=NOW - days * DAY, **facts)


def _invoice(of: str, **facts: Any) -> StripeObject:
    return invoice(f"in_{of}", customer=f"cus_{of}", subscription=f"sub_{of}", created=NOW - 9 * DAY, **facts)


def _message(told: StripeObject) -> str:
    return Message(MAIN, told).encode()


def _activity(kind: str, days: int, *, user: str = "41", **facts: Any) -> Mapping[str, Any]:
    at = NOW - days * DAY
    return {"type": kind, "user": user, "at": at, "at_ms": 1_000 * at, "message": f"{kind}-{days}", **facts}


def _of_the_app(*activities: Mapping[str, Any]) -> str:
    return Message(MAIN, chunk=BulkBatch(activities=activities)).encode()
