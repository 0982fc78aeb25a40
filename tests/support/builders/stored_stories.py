"""People to store: with a value in every slot, or with nothing but what they must have."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.people.person import Person
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.records.activity import Trait
from peoplesync.domain.records.changes import ProductName
from peoplesync.domain.records.charges import Paid
from peoplesync.domain.records.record import Occurrences, Record
from peoplesync.domain.records.snapshots import Rank, Snapshot
from tests.support.builders.stripe import DAY, HOUR, NOW


def snapshot(object_id: str, **content: Any) -> Snapshot:
    return Snapshot(NOW - HOUR, f"evt_of_{object_id}", Rank.STATE, {"id": object_id, **content})


def record(of: str = "cus_1", **facts: Any) -> Record:
    """A Stripe customer of whom nothing more is known than that they are one."""
    return Record(of, NOW - DAY, **{"customer": snapshot(of, email=None), **facts})


def full_record(customer: str = "cus_1") -> Record:
    """A record with a value in every slot."""
    payment = {"created": NOW - DAY, "amount": 1900, "currency": "usd", "description": "Zoë ✓"}
    return Record(
        id=customer,
        first_seen_at=NOW - 60 * DAY,
        customer=Snapshot(NOW - 1, "", Rank.CREATION, {"id": customer, "email": "Trial-07@example.com"}),
        deleted=True,
        subscriptions={
            "sub_1": snapshot(
                "sub_1",
                status="active",
                discounts=["di_1"],
                more_discounts=True,
                more_items=True,
                items=[{"id": "si_1", "unit_amount": "1250.5", "discounts": []}],
            ),
            "sub_2": replace(snapshot("sub_2", status="canceled"), rank=Rank.TERMINAL),
        },
        last_charge=snapshot("ch_1", **payment, status="succeeded", refunded=0),
        last_paid_invoice=snapshot("in_1", **payment),
        last_payment_failed_at=NOW - 3 * DAY,
        last_checkout_at=NOW - 4 * DAY,
        payments={"usd": Paid(3, 5700, 1900)},
        looks={"sub_1": Snapshot(NOW - HOUR, "", Rank.STATE, {"items": None})},
        sightings={"sub_1": Snapshot(NOW - HOUR, "evt_3", Rank.STATE, {"": ["di_1", "di_2"]})},
        alias="acct_1",
        discounts={
            "di_1": snapshot("di_1", coupon="coupon_1", start=NOW - DAY, end=None, terms=None, once=False)
        },
        asked=True,
        dropped=True,
        dropped_activity_at=NOW - 90 * DAY,
        product_names={"prod_1": ProductName(NOW - DAY, "evt_9", "prod_1", "Starter")},
        events={
            "charge_succeeded": Occurrences(40, tuple(NOW - n for n in range(32))),
            "charge_failed": Occurrences(1, (NOW - DAY,)),
        },
        traits={"tier": Trait(1_000 * NOW, "gold"), "seats": Trait(1_000 * NOW, None)},
        tracked_at=NOW - 5 * DAY,
    )


def full_person(person: str = "per_1") -> Person:
    """A person with a value in every slot, and every type of field."""
    return Person(
        id=person,
        created_at=NOW - 60 * DAY,
        version=1,
        email="trial-07@example.com",
        records={"cus_1": full_record("cus_1"), "cus_2": record("cus_2")},
        fields={
            "customer_name": "Zoë ✓",
            "customer_mrr": "49.00",
            "mrr": {"jpy": "2500", "usd": "49.00"},
            "customer_delinquent": False,
            "subscription_count": 0,
            "subscription_statuses": ["active", "canceled"],
            "last_payment_at": NOW - DAY,
        },
        segments={"customers": NOW - DAY, "syncing_with_stripe": NOW - 60 * DAY},
        last_sync_at=NOW,
        evaluated_at=NOW - 1,
        review_at=NOW + DAY,
        definitions_version=7,
        terms={"coupon:coupon_1": 1, "product:prod_1": 2},
        errors={"seats": '"many" is not a number'},
        absorbed=("per_0",),
        mrr={"cus_1": {"eur": 4900, "usd": 0}, "cus_2": None},
        moved_in={"cus_2": {"usd": 1900}},
    )


def person(person_id: str = "per_1", *records: Record, **facts: Any) -> Person:
    """A person with just these records."""
    held = records or (record(),)
    given: dict[str, Any] = {"version": 1, "definitions_version": 1, "records": {one.id: one for one in held}}
    return Person(person_id, NOW - DAY, **(given | facts))


def changed(before: Person, **facts: Any) -> Person:
    """The person's next version."""
    return replace(before, version=before.version + 1, **facts)


def write_set(
    *changes: tuple[Person | None, Person | None], entries: Iterable[tuple[str, BillingEvent]] = ()
) -> WriteSet:
    """People before and after, to be written as one."""
    named = {one.id: (before, after) for before, after in changes if (one := before or after)}
    return WriteSet(
        before={name: before for name, (before, _) in named.items()},
        after={name: after for name, (_, after) in named.items()},
        entries=tuple(entries),
        changes=(),
    )


def newcomer(who: Person, entries: Iterable[tuple[str, BillingEvent]] = ()) -> WriteSet:
    """A person seen for the first time."""
    return write_set((None, who), entries=entries)


def paid(charge: str = "ch_1", at: int = NOW - HOUR) -> BillingEvent:
    """A billing event of a charge."""
    content = {"charge": charge, "amount": "19.00", "currency": "usd", "description": None}
    return BillingEvent("charge_succeeded", f"charge_succeeded:{charge}", at, content)
