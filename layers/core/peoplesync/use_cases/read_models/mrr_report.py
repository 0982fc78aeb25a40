"""The MRR report: what a month began with, what moved, and what it ended with; and who is behind a number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, get_args

from peoplesync.domain.connections import Connection
from peoplesync.domain.read_models.contribution import Movement
from peoplesync.domain.read_models.days import DAY, Day, date_of, day_of
from peoplesync.domain.revenue.money import major
from peoplesync.use_cases.read_models.cells import by_plan, by_status
from peoplesync.use_cases.read_models.read import (
    Models,
    NotCounted,
    NotUnderstood,
    counted_since,
    day_named,
    instant_of,
    movers,
)

MOVEMENTS: Final[tuple[Movement, ...]] = get_args(Movement)


@dataclass(frozen=True)
class MrrReport:
    """The use case with what it needs."""

    connection: Connection
    models: Models
    clock: Callable[[], int]

    def report(self, month: str | None = None) -> dict[str, Any]:
        """A month such as 2026-11, by UTC days; the current one without it. What has not passed of it is
        left out; people, plans and statuses are those of its end, or now:

            {"month": month, "from": date, "to": date, "counted_since": date, "as_of": instant or null,
             "currencies": `currencies_of`, "by_plan": `by_plan`, "by_status": `by_status`}

        Raises `NotUnderstood`, `NotCounted`."""
        named, first, last = self._days_of(month)
        since = counted_since(self.models, self.connection, self.clock() // DAY)
        if last < since:
            raise NotCounted(f"counting began on {date_of(since)}: nothing is known of {named}")
        epoch = self.connection.epoch
        as_of = instant_of(self.models, epoch)
        worth = self.models.days(epoch, "mrr", first - 1, last)
        (end,) = self.models.days(epoch, "plans", last, last)
        return {
            "month": named,
            "from": date_of(first).isoformat(),
            "to": date_of(last).isoformat(),
            "counted_since": date_of(since).isoformat(),
            "as_of": as_of,
            "currencies": currencies_of(worth),
            "by_plan": by_plan(end.totals),
            "by_status": by_status(end.totals),
        }

    def people_behind(
        self, month: str | None, currency: str, movement: str, after: str | None = None, most: int = 50
    ) -> dict[str, Any]:
        """The customers behind a movement's amount, by day, and within a day by id; `after` is a page's
        `next`:

            {"month": month, "currency": currency, "movement": movement, "next": text or null,
             "customers": [{"day": date, "customer": "cus_…" or null, "amount": amount}]}

        Null stands for all customers of people who were stored before MRR was kept by customer. Who was
        erased since is not named. Raises `NotUnderstood`, `NotCounted`."""
        named, first, last = self._days_of(month)
        if movement not in MOVEMENTS:
            raise NotUnderstood(f"{movement!r} is no movement; there are {', '.join(MOVEMENTS)}")
        day, who = _place(after, first)
        epoch = self.connection.epoch
        days = self.models.days(epoch, "mrr", day, last) if day <= last else []
        found: list[tuple[int, str, int]] = []
        more = False
        for one in days:
            if one.flows[currency, movement, "count"]:
                if more := len(found) == most:
                    break
                after_whom = who if one.day == day else None
                moved, more = movers(
                    self.models, epoch, one.day, movement, currency, most - len(found), after_whom
                )
                found += [(one.day, customer, amount) for customer, amount in moved.items()]
                if more:
                    break
        return {
            "month": named,
            "currency": currency,
            "movement": movement,
            "customers": [
                {
                    "day": date_of(at).isoformat(),
                    "customer": customer or None,
                    "amount": major(amount, currency),
                }
                for at, customer, amount in found
            ],
            "next": f"{date_of(found[-1][0])}/{found[-1][1]}" if more else None,
        }

    def _days_of(self, month: str | None) -> tuple[str, int, int]:
        """A month as text, with its first day and its last, or today."""
        today = self.clock() // DAY
        first, last = month_days(date_of(today).strftime("%Y-%m") if month is None else month)
        if first > today:
            raise NotCounted(f"{month} has not begun")
        return date_of(first).strftime("%Y-%m"), first, min(last, today)


def currencies_of(days: Sequence[Day]) -> list[dict[str, Any]]:
    """MRR by currency over days, of which the first is the one before. `start` and all amounts add up to
    `end`, since they are of the same rows:

        [{"currency": currency, "start": amount, "end": amount,
          "movements": [{"movement": movement, "amount": amount, "count": n}]}]
    """
    start, moved = days[0].totals, days[1:]
    currencies = {key[0] for key in start} | {key[0] for day in moved for key in day.flows}
    return [_currency(one, start[one,], moved) for one in sorted(currencies)]


def _currency(currency: str, start: int, days: Sequence[Day]) -> dict[str, Any]:
    amounts = {one: sum(day.flows[currency, one, "amount"] for day in days) for one in MOVEMENTS}
    return {
        "currency": currency,
        "start": major(start, currency),
        "movements": [
            {
                "movement": one,
                "amount": major(amount, currency),
                "count": sum(day.flows[currency, one, "count"] for day in days),
            }
            for one, amount in amounts.items()
        ],
        "end": major(start + sum(amounts.values()), currency),
    }


def month_days(month: str) -> tuple[int, int]:
    """The first and the last day of a month such as 2026-11; raises `NotUnderstood`."""
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=UTC).date()
    except ValueError as error:
        raise NotUnderstood(f"{month!r} is no month; write one such as 2026-11") from error
    after = (first + timedelta(31)).replace(day=1)
    return day_of(first), day_of(after) - 1


def _place(after: str | None, first: int) -> tuple[int, str | None]:
    """Where a page begins: a day, and after whom of it."""
    if after is None:
        return first, None
    day, _, who = after.partition("/")
    return max(first, day_named(day)), who
