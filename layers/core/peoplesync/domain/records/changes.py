"""Changes: what one Stripe event, or one activity of an app's user, means for one record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from peoplesync.domain import billing_events
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.records.activity import USER, Activity, Trait
from peoplesync.domain.records.snapshots import GONE, Gone, Rank, Snapshot
from peoplesync.domain.stripe_objects import (
    Product,
    StripeEvent,
    Subscription,
    UnreadableStripeObject,
    as_events_show,
    discounts_in,
    read_charge,
    read_customer,
    read_discount,
    read_invoice,
    read_product,
    read_subscription,
)
from peoplesync.domain.stripe_objects.reading import Json, Node, kind_of, name_of
from peoplesync.domain.stripe_objects.subscriptions import TERMINAL_STATUSES, hides_discounts

Kind = Literal[
    "customer",
    "subscription",
    "discount",
    "charge",
    "invoice",
    "checkout.session",
    "product",
    "price",
    "coupon",
    "user",
]

EVENT_TYPES: Final = frozenset(
    {
        "customer.created",
        "customer.updated",
        "customer.deleted",
        "customer.discount.created",
        "customer.discount.updated",
        "customer.discount.deleted",
        "customer.subscription.created",
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "customer.subscription.paused",
        "customer.subscription.resumed",
        "customer.subscription.trial_will_end",
        "customer.subscription.pending_update_applied",
        "customer.subscription.pending_update_expired",
        "invoice.created",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice.payment_failed",
        "charge.succeeded",
        "charge.captured",
        "charge.updated",
        "charge.failed",
        "charge.refunded",
        "checkout.session.completed",
    }
)
"""The Stripe events that change anything here; all others are acknowledged and dropped."""


@dataclass(frozen=True)
class ObjectKey:
    """A Stripe object, as one asks Stripe for it."""

    kind: Kind
    id: str


@dataclass(frozen=True, order=True)
class ProductName:
    """What an invoice of one moment calls a product; the latest one names it."""

    as_of: int
    event: str
    product: str
    name: str


@dataclass(frozen=True)
class Change:
    """What one event (or one fetched object, or one activity) says about one record.

    `record` is the Stripe customer's id, or `user:` with the app's id of its user; `alias` is another id of
    the same customer (Stripe's account of it). `snapshot` is None where only the deletion or the billing
    events matter; `discounts` are those that the object shows, by id. `ask` says that Stripe is to be asked
    for the object, since nobody sent it, or not all of it; with `unseen_since` only if the record is in sync
    and nothing was heard of its customer since then. `message` names the queue message that brought it, so
    that its outcome can be reported.
    """

    record: str
    object: ObjectKey
    occurred_at: int
    snapshot: Snapshot | None = None
    discounts: Mapping[str, Snapshot] = field(default_factory=dict)
    deleted: bool = False
    events: tuple[BillingEvent, ...] = ()
    failed_at: int | None = None
    checkout_at: int | None = None
    traits: Mapping[str, Trait] = field(default_factory=dict)
    product_names: tuple[ProductName, ...] = ()
    ask: bool = False
    unseen_since: int | None = None
    message: str = ""
    alias: str | None = None


def customer_of(stripe_object: Any) -> str | None:
    """The customer that an object belongs to: its record. None for guests, and for what is not an object.
    Where Stripe names no customer but an account that is one (Accounts v2), it is the account."""
    if not isinstance(stripe_object, Mapping):
        return None
    if stripe_object.get("object") == "customer":
        return _id_in(stripe_object.get("id"))
    return _id_in(stripe_object.get("customer")) or account_of(stripe_object)


def account_of(stripe_object: Json) -> str | None:
    """The account that stands for the customer of an object, if Stripe shows one."""
    return _id_in(stripe_object.get("customer_account"))


def _id_in(reference: Any) -> str | None:
    if isinstance(reference, Mapping):
        reference = reference.get("id")
    return reference if isinstance(reference, str) and reference else None


def read_change(event: StripeEvent) -> Change:
    """The change that a supported event is; raises `UnreadableStripeObject` where it cannot be read."""
    kind, value = event.object.get("object"), event.object
    record = customer_of(value)
    if record is None:
        raise UnreadableStripeObject(kind_of(value), name_of(value), "customer", "is missing")
    account = account_of(value)
    alias = account if account != record else None
    change = Change(record, ObjectKey("customer", record), event.created, alias=alias)
    match kind:
        case "customer":
            snapshot = customer_snapshot(value, event.created, event.id, created=_is_creation(event))
            deleted = event.type == "customer.deleted" or is_deleted(value)
            happened = billing_events.customer_events(event, record)
            discounts = shown_discounts(value, event.created, event.id)
            return replace(
                change, snapshot=snapshot, discounts=discounts, deleted=deleted, events=tuple(happened)
            )
        case "subscription":
            subscription = read_subscription(value)
            key = ObjectKey("subscription", subscription["id"])
            snapshot = _snapshot_of(subscription, value, event.created, event.id, created=_is_creation(event))
            happened = billing_events.subscription_events(event, subscription)
            discounts = shown_discounts(value, event.created, event.id)
            return replace(change, object=key, snapshot=snapshot, discounts=discounts, events=tuple(happened))
        case "discount":
            discount = read_discount(value)
            snapshot = Snapshot(event.created, event.id, _rank(event), discount)
            return replace(change, object=ObjectKey("discount", discount["id"]), snapshot=snapshot)
        case "charge":
            return replace(change, **_charge_change(event))
        case "invoice":
            return replace(change, **_invoice_change(event))
        case "checkout.session":
            session = Node.top(value, "checkout.session").required_text("id")
            happened = billing_events.checkout_events(event, session)
            key = ObjectKey("checkout.session", session)
            return replace(change, object=key, events=tuple(happened), checkout_at=event.created)
    raise UnreadableStripeObject(kind_of(value), name_of(value), "object", "is of an unknown type")


def change_of(activity: Activity) -> Change:
    """The change that an activity is."""
    return Change(
        f"{USER}{activity.user}",
        ObjectKey("user", activity.user),
        activity.at,
        events=(activity.event,) if activity.event else (),
        traits=activity.traits,
    )


def _is_creation(event: StripeEvent) -> bool:
    return event.type.endswith(".created")


def _rank(event: StripeEvent) -> Rank:
    """Of an object whose deletion is its last event."""
    if event.type.endswith(".deleted"):
        return Rank.TERMINAL
    return Rank.CREATION if _is_creation(event) else Rank.STATE


def is_deleted(value: Json) -> bool:
    """Whether Stripe says that the object is deleted."""
    return value.get("deleted") is True


def customer_snapshot(value: Any, as_of: int, event: str, *, created: bool = False) -> Snapshot | None:
    """A customer's snapshot; None where Stripe only says that it is deleted."""
    customer = read_customer(value)
    rank = Rank.CREATION if created else Rank.STATE
    return None if customer is None else Snapshot(as_of, event, rank, customer)


def subscription_snapshot(value: Any, as_of: int, event: str) -> Snapshot:
    """A subscription's snapshot."""
    return _snapshot_of(read_subscription(value), value, as_of, event)


def _snapshot_of(
    subscription: Subscription, value: Any, as_of: int, event: str, *, created: bool = False
) -> Snapshot:
    if subscription["status"] in TERMINAL_STATUSES:
        rank = Rank.TERMINAL
    else:
        rank = Rank.CREATION if created else Rank.STATE
    content = {**as_events_show(subscription), **({"more_discounts": True} if hides_discounts(value) else {})}
    return Snapshot(as_of, event, rank, content)


def shown_discounts(value: Any, as_of: int, event: str) -> Mapping[str, Snapshot]:
    """The discounts that a customer or subscription shows themselves, by id."""
    return {
        name: Snapshot(as_of, event, Rank.STATE, discount) for name, discount in discounts_in(value).items()
    }


_CHARGE_RANKS: Final = {"pending": Rank.CREATION, "failed": Rank.TERMINAL}
"""A charge that waits for the bank can still change; one that failed cannot."""


def charge_snapshot(value: Any, as_of: int, event: str, api_version: str | None = None) -> Snapshot:
    """What a charge counts for: `amount` is what was really taken, 0 while or where nothing was; `refunded`
    is what of it was given back. Both in the minor unit of `currency`."""
    charge = read_charge(value, api_version)
    content = {
        "id": charge["id"],
        "created": charge["created"],
        "status": charge["status"],
        "amount": charge["amount_captured"],
        "refunded": charge["amount_refunded"],
        "currency": charge["currency"],
        "description": charge["description"],
    }
    return Snapshot(as_of, event, _CHARGE_RANKS.get(charge["status"] or "", Rank.STATE), content)


def invoice_snapshot(value: Any, as_of: int, event: str) -> Snapshot | None:
    """What a paid invoice says of the last payment; None where nothing was paid: a trial's invoice over
    zero is not a payment."""
    invoice = read_invoice(value)
    if not invoice["paid"] or invoice["amount_paid"] <= 0:
        return None
    content = {
        "id": invoice["id"],
        "created": invoice["paid_at"],
        "amount": invoice["amount_paid"],
        "currency": invoice["currency"],
        "description": invoice["description"],
    }
    return Snapshot(as_of, event, Rank.STATE, content)


def _charge_change(event: StripeEvent) -> dict[str, Any]:
    charge = read_charge(event.object, event.api_version)
    return {
        "object": ObjectKey("charge", charge["id"]),
        "snapshot": charge_snapshot(event.object, event.created, event.id, event.api_version),
        "events": tuple(billing_events.charge_events(event, charge)),
        "failed_at": event.created if event.type == "charge.failed" else None,
    }


def _invoice_change(event: StripeEvent) -> dict[str, Any]:
    invoice = read_invoice(event.object)
    return {
        "object": ObjectKey("invoice", invoice["id"]),
        "snapshot": invoice_snapshot(event.object, event.created, event.id),
        "events": tuple(billing_events.invoice_events(event, invoice)),
        "failed_at": event.created if event.type == "invoice.payment_failed" else None,
        "product_names": tuple(
            ProductName(event.created, event.id, product, name)
            for product, name in invoice["product_names"].items()
        ),
    }


def shown_of_product(product: Product) -> dict[str, Any]:
    """What people show of a product."""
    return {"name": product["name"], "metadata": product["metadata"]}


@dataclass(frozen=True)
class Answer:
    """What Stripe answered when it was asked for an object at `as_of`: its snapshot, or GONE where there is
    none, and the `discounts` that it shows.

    `missing` is a 404; `unreadable` says what cannot be read in an object that there is. Neither says
    anything about its state.
    """

    snapshot: Snapshot | Gone
    deleted: bool = False
    missing: bool = False
    discounts: Mapping[str, Snapshot] = field(default_factory=dict)
    as_of: int = 0
    unreadable: UnreadableStripeObject | None = None


def read_answer(key: ObjectKey, value: Json | None, as_of: int) -> Answer:
    """Stripe's answer, read; `value` is None for a 404."""
    if value is None:
        return Answer(GONE, missing=True, as_of=as_of)
    discounts: Mapping[str, Snapshot] = {}
    match key.kind:
        case "customer":
            snapshot = customer_snapshot(value, as_of, "")
            discounts = shown_discounts(value, as_of, "") if snapshot else {}
        case "subscription":
            snapshot = subscription_snapshot(value, as_of, "")
            discounts = shown_discounts(value, as_of, "")
        case "charge":
            snapshot = charge_snapshot(value, as_of, "")
        case "invoice":
            snapshot = invoice_snapshot(value, as_of, "")
        case "product":
            product = read_product(value)
            snapshot = product and Snapshot(as_of, "", Rank.STATE, shown_of_product(product))
        case _:
            snapshot = None
    gone = GONE if snapshot is None else snapshot
    return Answer(gone, deleted=is_deleted(value), discounts=discounts, as_of=as_of)
