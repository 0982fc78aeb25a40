"""The lists of Stripe's API: where each is, what it holds, and by what it can be filtered."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params, flag, listed

Holds = Callable[[StripeObject], bool]
Filter = Callable[[Params, str], Holds]
"""From the parameters and the parameter's name to what it asks of an object."""

SUBSCRIPTION_STATUSES = (
    "active past_due unpaid canceled incomplete incomplete_expired trialing paused all ended".split()
)
TYPES_AT_MOST = 20
SUBSCRIPTION_ITEMS = "subscription_items"
PAYMENT_INTENTS = "payment_intents"


def equal(*way: str) -> Filter:
    """The value at the end of this way into the object is the parameter's."""

    def of(params: Params, name: str) -> Holds:
        wanted = params[name]
        return lambda shown: _at(shown, way or (name,)) == wanted

    return of


def of_account(params: Params, name: str) -> Holds:
    """The object belongs to this account (v2), with a customer or without."""
    wanted = params[name]
    return lambda shown: wanted in (shown.get("customer"), shown.get("customer_account"))


def true_or_false(params: Params, name: str) -> Holds:
    wanted = flag(params[name], name)
    return lambda shown: bool(shown.get(name)) == wanted


def subscription_status(params: Params, name: str) -> Holds:
    wanted = params[name]
    if wanted not in SUBSCRIPTION_STATUSES:
        allowed = ", ".join(SUBSCRIPTION_STATUSES[:-1]) + f", or {SUBSCRIPTION_STATUSES[-1]}"
        raise InvalidRequest(f"Invalid {name}: must be one of {allowed}", param=name)
    statuses = ("canceled", "incomplete_expired") if wanted == "ended" else (wanted,)
    return lambda shown: wanted == "all" or shown.get("status") in statuses


def of_price(params: Params, name: str) -> Holds:
    wanted = params[name]
    return lambda shown: any(item["price"]["id"] == wanted for item in shown["items"]["data"])


def one_of(key: str) -> Filter:
    """The object's value under `key` is one of the list's."""

    def of(params: Params, name: str) -> Holds:
        wanted = frozenset(listed(params, name))
        return lambda shown: shown.get(key) in wanted

    return of


def event_type(params: Params, name: str) -> Holds:
    """One `type`, with `*` as a wildcard, or at most 20 `types`."""
    if "type" in params and "types" in params:
        raise InvalidRequest("You may only specify one of these parameters: type, types.", param="types")
    wanted = listed(params, name)
    if len(wanted) > TYPES_AT_MOST:
        raise InvalidRequest(f"Array {name} exceeded maximum {TYPES_AT_MOST} allowed elements.", param=name)
    exact = frozenset(wanted)
    if any("*" in each for each in exact):
        return lambda shown: any(fnmatch.fnmatchcase(shown["type"], each) for each in exact)
    return lambda shown: shown["type"] in exact


@dataclass(frozen=True)
class Resource:
    """`path` is the list's address below `/v1/`; `words` is what a missing object's message calls it;
    `unless` are filters that hold where their parameter is missing."""

    path: str
    kind: str
    words: str
    filters: Mapping[str, Filter] = field(default_factory=dict)
    unless: Mapping[str, Holds] = field(default_factory=dict)


_BY_CUSTOMER = {"customer": equal()}

RESOURCES: dict[str, Resource] = {
    resource.path: resource
    for resource in (
        Resource("customers", "customer", "customer", {"email": equal()}),
        Resource(
            "subscriptions",
            "subscription",
            "subscription",
            {
                **_BY_CUSTOMER,
                "collection_method": equal(),
                "customer_account": of_account,
                "price": of_price,
                "status": subscription_status,
            },
            {"status": lambda shown: shown.get("status") != "canceled"},
        ),
        # These are within subscriptions: their list is one subscription's.
        Resource(SUBSCRIPTION_ITEMS, "subscription_item", "subscription item", {"subscription": equal()}),
        Resource("product_catalog/trial_offers", "product_catalog.trial_offer", "trial offer"),
        Resource("products", "product", "product", {"active": true_or_false, "ids": one_of("id")}),
        Resource(
            "prices",
            "price",
            "price",
            {
                "active": true_or_false,
                "currency": equal(),
                "lookup_keys": one_of("lookup_key"),
                "product": equal(),
                "type": equal(),
            },
        ),
        Resource("coupons", "coupon", "coupon"),
        Resource(
            "invoices",
            "invoice",
            "invoice",
            {
                **_BY_CUSTOMER,
                "collection_method": equal(),
                "customer_account": of_account,
                "status": equal(),
                "subscription": equal("parent", "subscription_details", "subscription"),
            },
        ),
        Resource("charges", "charge", "charge", {**_BY_CUSTOMER, "payment_intent": equal()}),
        # These are read off charges, one by one.
        Resource(PAYMENT_INTENTS, "payment_intent", "payment_intent"),
        Resource("refunds", "refund", "refund", {"charge": equal(), "payment_intent": equal()}),
        Resource(
            "checkout/sessions",
            "checkout.session",
            "checkout.session",
            {**_BY_CUSTOMER, "payment_intent": equal(), "status": equal(), "subscription": equal()},
        ),
        # Whether an event was delivered is not in the event: the list of events asks the deliveries.
        Resource("events", "event", "event", {"type": event_type, "types": event_type}),
        Resource("webhook_endpoints", "webhook_endpoint", "webhook endpoint"),
    )
}


def resource_at(path: str) -> tuple[Resource, list[str]] | None:
    """The resource of an address below `/v1/`, and what follows its path: nothing, an id, an id and more."""
    steps = path.split("/")
    for length in (1, 2):
        if resource := RESOURCES.get("/".join(steps[:length])):
            return resource, steps[length:]
    return None


def _at(shown: StripeObject, way: tuple[str, ...]) -> object:
    value: object = shown
    for step in way:
        value = value.get(step) if isinstance(value, dict) else None
    return value
