"""Charges: what each of a record's charges counts for, and their sums.

A payment is a charge that succeeded and was captured. That is not final: a bank debit can fail days later,
and money is given back. So each charge is remembered with what it counts for, beside the feed; the record
keeps the sums and the newest payment, and when that one falls, the one before it takes its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from peoplesync.domain.records.snapshots import Gone, Snapshot, settle


@dataclass(frozen=True)
class Paid:
    """What charges in one currency come to: how many were paid, and the sums that were taken and given back,
    in the minor unit."""

    count: int = 0
    amount: int = 0
    refunded: int = 0

    def __add__(self, other: Paid) -> Paid:
        return Paid(self.count + other.count, self.amount + other.amount, self.refunded + other.refunded)

    def __sub__(self, other: Paid) -> Paid:
        return Paid(self.count - other.count, self.amount - other.amount, self.refunded - other.refunded)


@dataclass(frozen=True)
class Payments:
    """A record's charges, as far as the record itself remembers them: the newest paid one, and by currency
    what all come to. `fell` says that the newest one turned out not to be paid, and that the one before it
    is not known."""

    newest: Snapshot | None
    sums: Mapping[str, Paid]
    fell: bool = False


def is_paid(charge: Snapshot) -> bool:
    """Whether a charge counts: money was taken, for good as far as is known."""
    return bool(charge.content["amount"] > 0)


def settled_charge(
    charge: str,
    newest: Snapshot | None,
    rows: Mapping[str, Snapshot],
    arriving: Sequence[Snapshot],
    fetched: Snapshot | Gone | None,
) -> Snapshot | None:
    """What a charge counts for after more changes; see `snapshots.settle`, also for `Tied`.

    Where no row remembers it, the record itself may: before there were rows, it kept the newest payment. What
    a list shows as it is known is never news: a charge does not become what it was before.
    """
    kept = newest if newest is not None and newest.content["id"] == charge else None
    return settle(rows.get(charge, kept), arriving, fetched, no_news_within=math.inf)


def with_charges(
    payments: Payments,
    settled: Mapping[str, Snapshot],
    rows: Mapping[str, Snapshot],
    earlier: Sequence[Snapshot] | None,
) -> Payments:
    """The payments after some charges were `settled`, which `rows` remembered until then. `earlier` is the
    newest payment among all others, where it was looked for."""
    sums = dict(payments.sums)
    for name, charge in settled.items():
        added = _counts_for(charge) - (_counts_for(rows[name]) if name in rows else Paid())
        if added != Paid():
            currency = charge.content["currency"]
            sums[currency] = sums.get(currency, Paid()) + added
    sums = {currency: paid for currency, paid in sums.items() if paid != Paid()}
    before = payments.newest
    paid = [one for one in settled.values() if is_paid(one)]
    if before is None:
        return Payments(newest_of(paid), sums)
    if before.content["id"] not in settled:
        return Payments(newest_of([before, *paid]), sums)
    newest = newest_of(paid)
    fell = newest is None or _place(newest) < _place(before)
    return Payments(newest_of([*paid, *(earlier or ())]), sums, fell and earlier is None)


def newest_of(charges: Iterable[Snapshot]) -> Snapshot | None:
    """The charge that was made last. A charge's `created` never changes, so this does not depend on the order
    of arrival."""
    return max(charges, key=_place, default=None)


def _place(charge: Snapshot) -> tuple[int, str]:
    return charge.content["created"], charge.content["id"]


def _counts_for(charge: Snapshot) -> Paid:
    content = charge.content
    return Paid(1, content["amount"], content["refunded"]) if is_paid(charge) else Paid()
