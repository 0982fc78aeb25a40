"""When billing periods end: by the calendar, on the day of the month of the subscription's anchor."""

from __future__ import annotations

import calendar
from datetime import UTC, datetime

from peoplesync_local.stripe_simulator.billing.pricing import is_metered
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject

_MONTHS = {"month": 1, "year": 12}
_DAYS = {"day": 1, "week": 7}


def months_later(instant: int, months: int) -> int:
    """The same time of day so many calendar months later, on the month's last day if it is shorter."""
    begins = datetime.fromtimestamp(instant, UTC)
    year, month = divmod(begins.year * 12 + begins.month - 1 + months, 12)
    day = min(begins.day, calendar.monthrange(year, month + 1)[1])
    return int(begins.replace(year=year, month=month + 1, day=day).timestamp())


def next_end(start: int, price: StripeObject, anchor: int) -> int:
    """When the period that begins at `start` ends. An anchor in the future ends it, if that is sooner; a past
    one says on which day of the month it ends."""
    every: str = price["recurring"]["interval"]
    count: int = price["recurring"]["interval_count"]
    if every in _DAYS:
        length = _DAYS[every] * count * DAY
        return start + length - (start - anchor) % length
    first, last = (datetime.fromtimestamp(instant, UTC) for instant in (anchor, start))
    step = count * _MONTHS[every]
    between = (last.year - first.year) * 12 + last.month - first.month
    months = between - between % step
    while (end := months_later(anchor, months)) <= start:
        months += step
    return end


def in_period(item: StripeObject, start: int, anchor: int) -> StripeObject:
    """The subscription's item in the period that begins at `start`."""
    end = next_end(start, item["price"], anchor)
    return item | {"current_period_start": start, "current_period_end": end}


def billed_period(item: StripeObject, *, previous: StripeObject | None) -> tuple[int, int]:
    """The period that an invoice of the item is for: the one that begins, or for metered items the one that
    has just ended."""
    shown = previous if previous is not None and is_metered(item["price"]) else item
    return (shown["current_period_start"], shown["current_period_end"])
