"""Which of Stripe's lists an import reads, and what it asks for in each.

Expansion saves calls: with a subscription comes its latest invoice, with a price its product. What the key
may not read is left out where it is optional; health shows what that degrades.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.domain.catalogue import EVENT_TYPES as CATALOGUE_EVENT_TYPES
from peoplesync.domain.records.changes import EVENT_TYPES
from peoplesync.domain.windows import FIRST_CREATED
from peoplesync.use_cases.importing.runs import ImportRun

PAGE: Final = 100
DAY: Final = 86_400
OF_BILLING: Final = sorted(
    one
    for one in EVENT_TYPES
    if one.startswith(("customer.subscription.", "invoice.", "charge.", "checkout."))
    or one in ("customer.created", "customer.updated")
)
"""The types of events that come together, at a sign-up or a renewal: as many as Stripe takes in one request,
which is 20."""

PRODUCTS, COUPONS = "rak_product_read", "rak_coupon_read"
"""The optional permissions of a key."""


@dataclass(frozen=True)
class StripeList:
    """One list: `resource` as in Stripe's path, `params` beside the window and the cursor, the instant
    from which on objects are wanted."""

    name: str
    resource: str
    since: int
    params: Mapping[str, Any] = field(default_factory=dict)

    def page(self, window_params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of one page."""
        return {"limit": PAGE, **self.params, **window_params}


def lists_of(run: ImportRun, permissions: Mapping[str, bool]) -> list[StripeList]:
    """The lists, in the order in which they are read, so that people are written as seldom as possible.

    Prices and coupons come first, as people are evaluated with them. A subscription brings its customer; who
    has none is in the list of customers. Most events of one payment are in the same list, and the charges
    come last, when nearly all of them are known from events.
    """
    since = FIRST_CREATED if run.created_after is None else run.created_after + 1
    of_prices = ["data.tiers", "data.currency_options"]
    if permissions.get(PRODUCTS, True):
        of_prices.append("data.product")
    lists = [StripeList("prices", "prices", FIRST_CREATED, {"expand": of_prices})]
    if permissions.get(COUPONS, True):
        of_coupons = ["data.applies_to", "data.currency_options"]
        lists.append(StripeList("coupons", "coupons", FIRST_CREATED, {"expand": of_coupons}))
    of_subscriptions = ["data.customer", "data.latest_invoice", "data.discounts", "data.items.data.discounts"]
    happened_since = max(run.started_at - run.event_days * DAY, run.created_after or 0)
    others = sorted((EVENT_TYPES | CATALOGUE_EVENT_TYPES) - set(OF_BILLING))
    return [
        *lists,
        # Without the status Stripe leaves out the canceled ones, and nobody would have churned.
        StripeList("subscriptions", "subscriptions", since, {"status": "all", "expand": of_subscriptions}),
        StripeList("customers", "customers", since),
        StripeList("billing-events", "events", happened_since, {"types": OF_BILLING}),
        StripeList("other-events", "events", happened_since, {"types": others}),
        StripeList("charges", "charges", run.started_at - run.charge_days * DAY),
    ]


def stripe_list(run: ImportRun, permissions: Mapping[str, bool], name: str) -> StripeList | None:
    """The list of a name; None where the key may not read it and need not."""
    return next((one for one in lists_of(run, permissions) if one.name == name), None)


def optional_permission(name: str) -> str:
    """What a list can do without, "" where it needs all that it asks for."""
    return {"prices": PRODUCTS, "coupons": COUPONS}.get(name, "")
