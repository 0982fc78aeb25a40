"""The built-in fields: key, title, group, type, where it comes from.

A field's value is plain JSON: text; whole numbers; money as text in the major unit ("49.00"); true and false;
instants as Unix seconds (shown as ISO 8601); lists of text; money by currency as an object.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from peoplesync.domain.fields.profile import Profile
from peoplesync.domain.revenue.money import major

FieldType = Literal["text", "number", "money", "boolean", "instant", "list", "money_by_currency"]
FieldValue = str | int | bool | list[str] | dict[str, str] | None


@dataclass(frozen=True)
class Field:
    """A field's definition. `source` says in words where its value comes from at Stripe; of a custom field it is a path, see `custom`. One that is not enabled is neither written nor shown."""

    key: str
    title: str
    group: str
    type: FieldType
    source: str
    enabled: bool = field(default=True, kw_only=True)


@dataclass(frozen=True)
class BuiltinField(Field):
    """A field that everybody has; `value` reads it off a person's profile."""

    value: Callable[[Profile], FieldValue]


def _customer(name: str) -> Callable[[Profile], FieldValue]:
    return lambda profile: _of(profile.customer, name)


def _subscription(name: str) -> Callable[[Profile], FieldValue]:
    return lambda profile: _of(profile.subscription, name)


def _item(name: str) -> Callable[[Profile], FieldValue]:
    return lambda profile: _of(profile.item, name)


def _payment(name: str) -> Callable[[Profile], FieldValue]:
    return lambda profile: _of(profile.payment, name)


def _of(source: Mapping[str, Any] | None, name: str) -> Any:
    return None if source is None else source[name]


def _street(profile: Profile) -> FieldValue:
    if profile.customer is None:
        return None
    lines = [profile.customer["line1"], profile.customer["line2"]]
    return ", ".join(line for line in lines if line) or None


def _mrr(profile: Profile) -> FieldValue:
    if profile.mrr is None or profile.subscription is None:
        return None
    return profile.mrr.get(profile.subscription["currency"])


def _price_in_cents(profile: Profile) -> FieldValue:
    """Stripe's integer; exact text where the price has fractions of a cent."""
    amount = profile.item["unit_amount"] if profile.item else None
    return amount if amount is None or not amount.lstrip("-").isdigit() else int(amount)


def _price(profile: Profile) -> FieldValue:
    item = profile.item
    return (
        None if item is None or item["unit_amount"] is None else major(item["unit_amount"], item["currency"])
    )


def _amount_paid(profile: Profile) -> FieldValue:
    return major(profile.payment["amount"], profile.payment["currency"]) if profile.payment else None


def _quantity(profile: Profile) -> FieldValue:
    return None if profile.item is None or profile.item["metered"] else profile.item["quantity"]


def _statuses(profile: Profile) -> FieldValue:
    return sorted({one["status"] for one in profile.subscriptions})


def _interval_count(profile: Profile) -> FieldValue:
    return profile.item["interval_count"] if profile.item and profile.item["interval"] else None


def _cancels_at_period_end(profile: Profile) -> FieldValue:
    """Flexible billing sets `cancel_at` alone where a customer cancels in the portal. Stripe takes the
    earliest or the latest end of the items' periods for it."""
    one = profile.subscription
    if one is None:
        return None
    ends = {item["period_end"] for item in one["items"] if item["period_end"] is not None}
    return one["cancel_at_period_end"] or one["cancel_at"] in ends


_CUSTOMER, _ADDRESS, _SUBSCRIPTION = "Customer", "Customer billing address", "Subscription"
_PRODUCT, _PLAN, _PAYMENT = "Subscription's product", "Plan", "Payment"
_PRIMARY = "primary subscription's"
_ITEM = "primary subscription's primary item's"

# A catalogue reads best as a table.
# fmt: off
FIELDS: Final[tuple[BuiltinField, ...]] = (
    BuiltinField("customer_email", "Email", _CUSTOMER, "text", "customer.email", _customer("email")),
    BuiltinField("customer_name", "Name", _CUSTOMER, "text", "customer.name", _customer("name")),
    BuiltinField("customer_mrr", "MRR", _CUSTOMER, "money", "monthly value of all subscriptions in customer_mrr_currency", _mrr),
    BuiltinField("customer_mrr_estimated", "MRR estimated", _CUSTOMER, "boolean", "what Stripe has not shown of a price or discount may change customer_mrr", lambda p: None if p.mrr is None or p.subscription is None else not p.mrr_exact),
    BuiltinField("customer_mrr_currency", "MRR currency", _CUSTOMER, "text", f"{_PRIMARY} currency", lambda p: _of(p.subscription, "currency") or None),
    BuiltinField("mrr", "MRR by currency", _CUSTOMER, "money_by_currency", "monthly value of all subscriptions", lambda p: dict(p.mrr) if p.mrr else None),
    BuiltinField("customer_delinquent", "Delinquent", _CUSTOMER, "boolean", "any customer.delinquent, of deleted ones only where all are", lambda p: p.delinquent),
    BuiltinField("customer_description", "Description", _CUSTOMER, "text", "customer.description", _customer("description")),
    BuiltinField("stripe_customer_id", "Stripe customer ID", _CUSTOMER, "text", "customer.id", _customer("id")),
    BuiltinField("customer_phone", "Phone", _CUSTOMER, "text", "customer.phone", _customer("phone")),
    BuiltinField("customer_last_sync_at", "Last sync", _CUSTOMER, "instant", "when a change was last applied", lambda p: p.last_sync_at),
    BuiltinField("last_activity_at", "Last activity", _CUSTOMER, "instant", "latest trial start, activation, cancellation request or its undoing, checkout or tracked activity", lambda p: p.last_activity_at),
    BuiltinField("customer_city", "City", _ADDRESS, "text", "customer.address.city", _customer("city")),
    BuiltinField("customer_address", "Address", _ADDRESS, "text", "customer.address.line1, line2", _street),
    BuiltinField("customer_region", "Region", _ADDRESS, "text", "customer.address.state", _customer("state")),
    BuiltinField("customer_country", "Country", _ADDRESS, "text", "customer.address.country", _customer("country")),
    BuiltinField("customer_postal_code", "Postal code", _ADDRESS, "text", "customer.address.postal_code", _customer("postal_code")),
    BuiltinField("subscription_id", "Subscription ID", _SUBSCRIPTION, "text", f"{_PRIMARY} id", _subscription("id")),
    BuiltinField("subscription_status", "Status", _SUBSCRIPTION, "text", f"{_PRIMARY} status", _subscription("status")),
    BuiltinField("subscription_statuses", "All statuses", _SUBSCRIPTION, "list", "status of every subscription", _statuses),
    BuiltinField("subscription_count", "Subscriptions", _SUBSCRIPTION, "number", "number of subscriptions", lambda p: len(p.subscriptions)),
    BuiltinField("subscription_quantity", "Quantity", _SUBSCRIPTION, "number", f"{_ITEM} quantity", _quantity),
    BuiltinField("subscription_trial_started_at", "Trial started", _SUBSCRIPTION, "instant", f"{_PRIMARY} trial_start, or its items' current_trial", _subscription("trial_start")),
    BuiltinField("subscription_trial_ends_at", "Trial ends", _SUBSCRIPTION, "instant", f"{_PRIMARY} trial_end, or its items' current_trial", _subscription("trial_end")),
    BuiltinField("subscription_created_at", "Created", _SUBSCRIPTION, "instant", f"{_PRIMARY} created", _subscription("created")),
    BuiltinField("subscription_canceled_at", "Canceled", _SUBSCRIPTION, "instant", f"{_PRIMARY} canceled_at", _subscription("canceled_at")),
    BuiltinField("subscription_ended_at", "Ended", _SUBSCRIPTION, "instant", f"{_PRIMARY} ended_at", _subscription("ended_at")),
    BuiltinField("subscription_current_period_start", "Current period starts", _SUBSCRIPTION, "instant", f"{_ITEM} current_period_start", _item("period_start")),
    BuiltinField("subscription_current_period_end", "Current period ends", _SUBSCRIPTION, "instant", f"{_ITEM} current_period_end", _item("period_end")),
    BuiltinField("subscription_cancel_at_period_end", "Cancels at period end", _SUBSCRIPTION, "boolean", f"{_PRIMARY} cancel_at_period_end, or cancel_at is an item's current_period_end", _cancels_at_period_end),
    BuiltinField("product_id", "Product ID", _PRODUCT, "text", f"{_ITEM} price.product", _item("product")),
    BuiltinField("product_name", "Product name", _PRODUCT, "text", f"{_ITEM} price.product.name", lambda p: p.product_name),
    BuiltinField("plan_id", "Plan ID", _PLAN, "text", f"{_ITEM} price.id", _item("price")),
    BuiltinField("plan_nickname", "Plan nickname", _PLAN, "text", f"{_ITEM} price.nickname", _item("nickname")),
    BuiltinField("plan_price", "Plan price", _PLAN, "money", f"{_ITEM} price.unit_amount", _price),
    BuiltinField("plan_price_in_cents", "Plan price in cents", _PLAN, "number", f"{_ITEM} price.unit_amount", _price_in_cents),
    BuiltinField("plan_currency", "Plan currency", _PLAN, "text", f"{_ITEM} price.currency", _item("currency")),
    BuiltinField("plan_interval", "Plan interval", _PLAN, "text", f"{_ITEM} price.recurring.interval", _item("interval")),
    BuiltinField("plan_interval_count", "Plan interval count", _PLAN, "number", f"{_ITEM} price.recurring.interval_count", _interval_count),
    BuiltinField("last_amount_paid", "Last amount paid", _PAYMENT, "money", "last payment's amount", _amount_paid),
    BuiltinField("last_amount_paid_in_cents", "Last amount paid in cents", _PAYMENT, "number", "last payment's amount", _payment("amount")),
    BuiltinField("payment_currency", "Payment currency", _PAYMENT, "text", "last payment's currency", _payment("currency")),
    BuiltinField("payment_description", "Payment description", _PAYMENT, "text", "last payment's description", _payment("description")),
    BuiltinField("last_payment_at", "Last payment", _PAYMENT, "instant", "last payment's created", _payment("created")),
    BuiltinField("last_payment_failed_at", "Last failed payment", _PAYMENT, "instant", "latest failed charge or invoice payment", lambda p: p.last_payment_failed_at),
)
# fmt: on

MOST_FIELDS: Final = 300
"""How many fields there may be, built-in and custom."""


def types_of(fields: Iterable[Field]) -> Mapping[str, FieldType]:
    """The types of the enabled ones, by key."""
    return {one.key: one.type for one in fields if one.enabled}


FIELD_TYPES: Final = types_of(FIELDS)


def project(profile: Profile) -> dict[str, FieldValue]:
    """Every built-in field's value; None where there is none."""
    return {one.key: one.value(profile) for one in FIELDS}
