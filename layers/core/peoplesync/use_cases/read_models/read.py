"""What readers ask of the read models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.read_models.contribution import Kind, Move
from peoplesync.domain.read_models.days import Counts, Day, day_of
from peoplesync.use_cases.public_json import iso


@dataclass(frozen=True)
class Counted:
    """What has been counted, up to the write of the instant `as_of`; None where nothing was written yet."""

    totals: Counts
    as_of: int | None

    def of(self, index: str) -> int:
        """How many are in a segment, or in another index."""
        return self.totals[index,]


class Sizes(Protocol):
    def sizes(self, connection: Connection) -> Counted | None:
        """How many are in each index; None where not everybody has been counted, which `peoplesync reindex`
        does. Raises Unavailable."""


class NotCounted(LookupError):
    """What is asked for was never counted, or not yet; the message says since when, or what to do."""


class NotUnderstood(ValueError):
    """A day, month, movement or page that there is not; the message says how it is written."""


class Models(Protocol):
    """The read models, each question a few units however many people there are. All raise Unavailable."""

    def days(self, epoch: Epoch, kind: Kind, first: int, last: int) -> list[Day]:
        """The days from `first` to `last`, all of them, in order."""

    def moves(
        self, epoch: Epoch, day: int, what: str, where: str, most: int, after: str | None = None
    ) -> Sequence[Move]:
        """So many moves of a day at most, in order of who moved; of those after somebody."""

    def first_day(self, epoch: Epoch) -> int | None:
        """The first day of which anything is counted."""

    def as_of(self, epoch: Epoch) -> int | None:
        """The instant of the newest write that is counted."""


def counted_since(models: Models, connection: Connection, today: int) -> int:
    """The first day that is counted; today where nobody was there yet. Raises `NotCounted`."""
    if not connection.counted:
        raise NotCounted("not everybody has been counted yet; `peoplesync reindex` does it")
    first = models.first_day(connection.epoch)
    return today if first is None else min(first, today)


def instant_of(models: Models, epoch: Epoch) -> str | None:
    """As of when a reader sees the read models, as public JSON; to be asked for before what it is said of."""
    at = models.as_of(epoch)
    return None if at is None else iso(at)


def day_named(text: str) -> int:
    """The day of a date such as 2026-11-30; raises `NotUnderstood`."""
    try:
        return day_of(datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date())
    except ValueError as error:
        raise NotUnderstood(f"{text!r} is no day; write one such as 2026-11-30") from error


def movers(
    models: Models, epoch: Epoch, day: int, what: str, where: str, most: int, after: str | None
) -> tuple[dict[str, int], bool]:
    """So many at most who moved on a day, in order, each with the sum of what moved; and whether there are
    more. Somebody who moved more than once that day is one of them, with all of it."""
    found: dict[str, int] = {}
    at_once = most + 1
    while len(found) <= most:
        rows = models.moves(epoch, day, what, where, at_once, after)
        some: dict[str, int] = {}
        for row in rows:
            some[row.who] = some.get(row.who, 0) + row.amount
        if len(rows) < at_once:
            found |= some
            break
        if len(some) == 1:
            at_once *= 2  # there may be more of the same
            continue
        del some[rows[-1].who]  # nor need this be all of theirs
        found |= some
        after = next(reversed(some))
    return dict(islice(found.items(), most)), len(found) > most
