"""MRR by customer, as a person keeps it so that movements can be told: who is worth how much, and who was."""

from __future__ import annotations

from collections.abc import Mapping

from peoplesync.domain.revenue.money import rounded_minor
from peoplesync.domain.revenue.mrr import Mrr

Amounts = Mapping[str, int]
"""Amounts in the minor unit by currency."""

MrrByCustomer = Mapping[str, Amounts | None]
"""What each customer is worth a month, None where that is not known. 0 is kept where it was more before:
somebody who pays again is not new. So it depends on the way here, as the `since` of a segment does."""


def mrr_by_customer(worths: Mapping[str, Mrr], before: MrrByCustomer) -> MrrByCustomer:
    """What customers are worth now; `before` is what they were worth, wherever they were kept."""
    found = {customer: _amounts(worth, before.get(customer) or {}) for customer, worth in worths.items()}
    return {customer: found[customer] for customer in sorted(found) if found[customer] != {}}


def _amounts(worth: Mrr, before: Amounts) -> Amounts | None:
    if worth.by_currency is None:
        return None
    now = {currency: rounded_minor(amount) for currency, amount in worth.by_currency.items()}
    return {
        one: now.get(one, 0) for one in sorted(now.keys() | before.keys()) if now.get(one, 0) or one in before
    }


def sum_of(some: Amounts | None, more: Amounts | None) -> Amounts | None:
    """The sum by currency; unknown where one of the two is."""
    if some is None or more is None:
        return None
    return {one: some.get(one, 0) + more.get(one, 0) for one in sorted(some.keys() | more.keys())}
