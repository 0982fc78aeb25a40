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
TYPES_A_REQUEST: Final = 20
"""How many event types Stripe takes in one request."""

PRODUCTS, COUPONS = "rak_product_read", "rak_coupon_read"
"""The optional permissions of a key."""


@dataclass(frozen=True)
class StripeList:
    """One list: `resource` as in Stripe's path, `params` beside the window and the cursor, the instant
    from which on objects are wanted. Of its endpoint's rate limit it takes its `part`, of the account's
    one of so many parts as long lists are read `side_by_side`."""

    name: str
    resource: str
    since: int
    params: Mapping[str, Any] = field(default_factory=dict)
    part: float = 1.0
    side_by_side: int = 4

    def page(self, window_params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of one page."""
        return {"limit": PAGE, **self.params, **window_params}


def object_lists(run: ImportRun, permissions: Mapping[str, bool]) -> list[StripeList]:
    """The lists of objects, those without which others would be incomplete first."""
    since = FIRST_CREATED if run.created_after is None else run.created_after + 1
    of_prices = ["data.tiers", "data.currency_options"]
    if permissions.get(PRODUCTS, True):
        of_prices.append("data.product")
    lists = [
        StripeList("customers", "customers", since),
        StripeList(
            "subscriptions",
            "subscriptions",
            since,
            {
                # Without this Stripe leaves out the canceled ones, and nobody would have churned.
                "status": "all",
                "expand": ["data.latest_invoice", "data.discounts", "data.items.data.discounts"],
            },
        ),
        StripeList("prices", "prices", FIRST_CREATED, {"expand": of_prices}, part=0.1),
        StripeList("charges", "charges", run.started_at - run.charge_days * DAY),
    ]
    if permissions.get(COUPONS, True):
        expand = {"expand": ["data.applies_to", "data.currency_options"]}
        lists.append(StripeList("coupons", "coupons", FIRST_CREATED, expand, part=0.1))
    return lists


def event_lists(run: ImportRun) -> list[StripeList]:
    """The lists of events: Stripe takes some types at a time."""
    types = sorted(EVENT_TYPES | CATALOGUE_EVENT_TYPES)
    since = max(run.started_at - run.event_days * DAY, run.created_after or 0)
    return [
        StripeList(
            f"events-{number}",
            "events",
            since,
            {"types": types[start : start + TYPES_A_REQUEST]},
            part=0.5,
            side_by_side=2,
        )
        for number, start in enumerate(range(0, len(types), TYPES_A_REQUEST), 1)
    ]


def stripe_list(run: ImportRun, permissions: Mapping[str, bool], name: str) -> StripeList | None:
    """The list of a name; None where the key may not read it and need not."""
    every = [*object_lists(run, permissions), *event_lists(run)]
    return next((one for one in every if one.name == name), None)


def optional_permission(name: str) -> str:
    """What a list can do without, "" where it needs all that it asks for."""
    return {"prices": PRODUCTS, "coupons": COUPONS}.get(name, "")
