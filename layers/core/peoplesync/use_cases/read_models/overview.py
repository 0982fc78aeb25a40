"""The overview: how the company is doing, from what is counted, however many people there are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from peoplesync.domain.connections import Connection
from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.publishing import IMPORT
from peoplesync.domain.read_models.contribution import REINDEX
from peoplesync.domain.read_models.days import DAY, Day, date_of, day_of
from peoplesync.domain.read_models.trials import TrialStep
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.read_models.cells import by_plan, by_status
from peoplesync.use_cases.read_models.history import passed
from peoplesync.use_cases.read_models.mrr_report import currencies_of
from peoplesync.use_cases.read_models.read import Models, counted_since, instant_of

WEEKS: Final = 5
"""So many weeks of trials are shown, from Monday to Sunday, the current one last."""

STEPS: Final[tuple[TrialStep, ...]] = get_args(TrialStep)

_FOUND: Final = frozenset({IMPORT, REINDEX})
"""Causes by which a trial is found to have begun or ended, at whatever time."""


@dataclass(frozen=True)
class Overview:
    """The use case with what it needs. `segments` are the segments that there are."""

    connection: Connection
    models: Models
    segments: Callable[[], Sequence[Segment]]
    clock: Callable[[], int]

    def overview(self) -> dict[str, Any]:
        """All at once, today being the UTC day:

            {"day": date, "counted_since": date, "as_of": instant or null,
             "people": n, "by_status": `by_status`, "by_plan": `by_plan`,
             "mrr": {"month": "2026-11", "currencies": `currencies_of` this month},
             "segments": [{"id", "title", "count", "entered", "left"}], of the enabled ones, today,
             "trials": [{"from": Monday, "to": Sunday, "started": n, "converted": n, "expired": n,
                         "found": {"started": n, "converted": n, "expired": n}}]}

        `found` is what an import or a reindex found, at whatever time it happened. Raises `NotCounted`."""
        epoch, today = self.connection.epoch, self.clock() // DAY
        since = counted_since(self.models, self.connection, today)
        as_of = instant_of(self.models, epoch)
        month = day_of(date_of(today).replace(day=1))
        monday = today - date_of(today).weekday()
        weeks = range(monday - 7 * (WEEKS - 1), monday + 1, 7)
        worth = self.models.days(epoch, "mrr", month - 1, today)
        plans = self.models.days(epoch, "plans", weeks[0], today)
        (now,) = self.models.days(epoch, "segments", today, today)
        return {
            "day": date_of(today).isoformat(),
            "counted_since": date_of(since).isoformat(),
            "as_of": as_of,
            "people": now.totals[EVERYONE,],
            "by_status": by_status(plans[-1].totals),
            "by_plan": by_plan(plans[-1].totals),
            "mrr": {"month": date_of(today).strftime("%Y-%m"), "currencies": currencies_of(worth)},
            "segments": [_segment(one, now) for one in self.segments() if one.enabled],
            "trials": [_week(first, plans) for first in weeks if first + 6 >= since],
        }


def _segment(segment: Segment, today: Day) -> dict[str, Any]:
    return {
        "id": segment.id,
        "title": segment.title,
        "count": today.totals[segment.id,],
        "entered": passed(today, segment.id, "entered"),
        "left": passed(today, segment.id, "left"),
    }


def _week(monday: int, days: Iterable[Day]) -> dict[str, Any]:
    live: dict[str, int] = dict.fromkeys(STEPS, 0)
    found: dict[str, int] = dict.fromkeys(STEPS, 0)
    for day in days:
        if monday <= day.day < monday + 7:
            for step in STEPS:
                for (cause, what), count in day.flows.items():
                    if what == step:
                        (found if cause in _FOUND else live)[step] += count
    sunday = date_of(monday + 6).isoformat()
    return {"from": date_of(monday).isoformat(), "to": sunday, **live, "found": found}
