"""Discounts as tests show them, and what is known of them then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peoplesync.domain.revenue.mrr import Mrr, Resolve, subscription_mrr
from peoplesync.domain.stripe_objects import Discount, Terms, discounts_in, read_discount, read_subscription

Shown = Mapping[str, Any]


def resolver(*shown: Shown, expanded: bool = True) -> Resolve:
    """Knows the discounts of these subscriptions, or these discounts themselves. `expanded` says that Stripe
    was asked for all of their coupons' terms, so that what is not there does not exist."""
    known: dict[str, Discount] = {}
    for one in shown:
        found = {one["id"]: read_discount(one)} if one["object"] == "discount" else discounts_in(one)
        known |= found
    return {name: _whole(one) if expanded else one for name, one in known.items()}.get


def shown_mrr(shown: Shown, now: int, *customers: Shown, expanded: bool = True) -> Mrr:
    """What a subscription is worth by what it shows, and the discounts of its customer."""
    resolve = resolver(shown, *customers, expanded=expanded)
    return subscription_mrr(read_subscription(shown), now, resolve, [one["id"] for one in customers])


def _whole(discount: Discount) -> Discount:
    terms = discount["terms"]
    if terms is None:
        return discount
    whole: Terms = {**terms, "products": terms["products"] or [], "options": terms["options"] or {}}
    return {**discount, "terms": whole}


def nothing_resolved(_discount: str) -> Discount | None:
    """The resolver where no discount is known."""
    return None
