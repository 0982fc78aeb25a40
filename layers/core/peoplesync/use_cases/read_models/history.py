"""History: how large a segment was at each day's end, and who entered and left it meanwhile, and why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.domain.connections import Connection
from peoplesync.domain.read_models.days import DAY, Day, date_of
from peoplesync.domain.segments.definitions import Segment
from peoplesync.use_cases.read_models.read import (
    Models,
    NotUnderstood,
    counted_since,
    day_named,
    instant_of,
    movers,
)

MOST_DAYS: Final = 400


@dataclass(frozen=True)
class History:
    """The use case with what it needs. `segment` finds a segment by its id, or raises."""

    connection: Connection
    models: Models
    segment: Callable[[str], Segment]
    clock: Callable[[], int]

    def history(self, segment_id: str, days: int = 30) -> dict[str, Any]:
        """The last so many UTC days, today among them, as far as they were counted:

            {"segment": id, "from": date, "to": date, "as_of": instant or null,
             "days": [{"day": date, "count": people at its end, or now, "entered": n, "left": n,
                       "by_cause": [{"cause": cause, "entered": n, "left": n}]}]}

        Raises `NotUnderstood`, `NotCounted`, and whatever `segment` raises."""
        if not 1 <= days <= MOST_DAYS:
            raise NotUnderstood(f"a history is of 1 to {MOST_DAYS} days, not of {days}")
        segment = self.segment(segment_id).id
        epoch, today = self.connection.epoch, self.clock() // DAY
        first = max(today - days + 1, counted_since(self.models, self.connection, today))
        as_of = instant_of(self.models, epoch)
        found = self.models.days(epoch, "segments", first, today)
        return {
            "segment": segment,
            "from": date_of(first).isoformat(),
            "to": date_of(today).isoformat(),
            "as_of": as_of,
            "days": [_day(one, segment) for one in found],
        }

    def moved(
        self,
        segment_id: str,
        day: str,
        what: str,
        after: str | None = None,
        most: int = 50,
    ) -> dict[str, Any]:
        """The people behind a day's `entered` or `left`, in order of their ids, after one of them:

            {"segment": id, "day": date, "what": "entered" or "left", "people": [id], "next": id or null}

        An import's are counted and not named, nor who was erased since. Raises as `history`."""
        if what not in ("entered", "left"):
            raise NotUnderstood(f"{what!r} is nothing that people do; they entered or left")
        segment, number = self.segment(segment_id).id, day_named(day)
        people, more = movers(self.models, self.connection.epoch, number, what, segment, most, after)
        return {
            "segment": segment,
            "day": date_of(number).isoformat(),
            "what": what,
            "people": list(people),
            "next": next(reversed(people)) if more else None,
        }


def passed(day: Day, segment: str, what: str) -> int:
    """How many entered or left a segment on a day, whatever the cause."""
    return sum(count for (one, _, way), count in day.flows.items() if (one, way) == (segment, what))


def _day(day: Day, segment: str) -> dict[str, Any]:
    causes = sorted({cause for one, cause, _ in day.flows if one == segment})
    return {
        "day": date_of(day.day).isoformat(),
        "count": day.totals[segment,],
        "entered": passed(day, segment, "entered"),
        "left": passed(day, segment, "left"),
        "by_cause": [
            {
                "cause": cause,
                "entered": day.flows[segment, cause, "entered"],
                "left": day.flows[segment, cause, "left"],
            }
            for cause in causes
        ],
    }
