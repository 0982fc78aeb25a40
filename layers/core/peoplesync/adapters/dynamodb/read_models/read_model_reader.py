"""Read models in DynamoDB, for who reads them."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from pynamodb.connection import Connection as TableConnection

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.people.batch_get import batch_get
from peoplesync.adapters.dynamodb.read_models.stored_days import (
    HEAD,
    LAST_DAY,
    PARTS,
    day_key,
    days_back_to,
    from_row,
)
from peoplesync.adapters.dynamodb.tables import SHARDS, ReadModelRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.read_models.contribution import Kind, Move
from peoplesync.domain.read_models.days import Counts, Day, merged
from peoplesync.domain.records.activity import USER
from peoplesync.use_cases.read_models.read import Counted


@dataclass(frozen=True)
class ReadModelReader:
    """Reads the read models of a stack: so many units whatever there is of people."""

    connection: TableConnection

    def sizes(self, connection: Connection) -> Counted | None:
        """See `read.Sizes`."""
        if not connection.counted:
            return None
        with busy_as_unavailable():
            return self.counts(connection.epoch)

    def counts(self, epoch: Epoch, kind: Kind = "segments") -> Counted:
        """What is counted now, and as of when."""
        with ThreadPoolExecutor(PARTS) as pool:
            parts = list(pool.map(lambda part: days_back_to(epoch, part, kind, LAST_DAY), range(PARTS)))
        totals: Counts = Counter()
        for part in parts:
            totals.update(part[-1].totals if part else {})
        return Counted(totals, self.as_of(epoch))

    def days(self, epoch: Epoch, kind: Kind, first: int, last: int) -> list[Day]:
        """The days from `first` to `last`, each with what was counted at its end and what moved on it."""
        with busy_as_unavailable(), ThreadPoolExecutor(PARTS) as pool:
            return merged(
                pool.map(lambda part: self._part(epoch, part, kind, first, last), range(PARTS)), first, last
            )

    def find(self, epoch: Epoch, sought: str, most: int, after: str = "") -> list[tuple[str, str]]:
        """The terms that begin with what is sought (folded, three characters or more), after one of them,
        with whom they find."""
        between = ReadModelRow.sk.between(after or sought, f"{sought}\U0010ffff")

        def of_partition(key: str) -> list[str]:
            return [row.sk for row in ReadModelRow.query(key, between, limit=most + 1) if row.sk != after]

        if sought.startswith(USER):
            with ThreadPoolExecutor(SHARDS) as pool:
                shards = pool.map(of_partition, (ReadModelRow.users(epoch, one) for one in range(SHARDS)))
                found = sorted(sk for shard in shards for sk in shard)
        else:
            found = of_partition(ReadModelRow.terms(epoch, sought))
        return [(sk.rpartition("#")[0], sk.rpartition("#")[2]) for sk in found[:most]]

    def moves(
        self, epoch: Epoch, day: int, what: str, where: str, most: int, after: str | None = None
    ) -> list[Move]:
        """Who moved in that way on a day, in order of who; after one of them."""
        begins = f"{what}#{where}#"
        behind = "" if after is None else f"{after}$"  # all that begins with `after#` comes before it
        between = ReadModelRow.move.between(begins + behind, begins + "\U0010ffff")
        with busy_as_unavailable():
            rows: Any = list(ReadModelRow.moves.query(f"{epoch}#{day:06d}", between, limit=most))
        return [Move(row.move.split("#")[2], what, where, row.content["amount"]) for row in rows]

    def first_day(self, epoch: Epoch) -> int | None:
        """The first day of which anything is counted."""

        def of_part(part: int) -> list[int]:
            key = ReadModelRow.part(epoch, part)
            between = ReadModelRow.sk.between(day_key("segments", 0), day_key("segments", LAST_DAY))
            return [from_row(row).day for row in ReadModelRow.query(key, between, limit=1)]

        with busy_as_unavailable(), ThreadPoolExecutor(PARTS) as pool:
            return min((day for days in pool.map(of_part, range(PARTS)) for day in days), default=None)

    def as_of(self, epoch: Epoch) -> int | None:
        """The instant of the newest write that is counted; None where there is none."""
        keys = [(ReadModelRow.part(epoch, part), HEAD) for part in range(PARTS)]
        with busy_as_unavailable():
            heads = batch_get(self.connection, {ReadModelRow: keys}, (ReadModelRow,))[ReadModelRow]
        return max((int(one.content["as_of"]) for one in heads), default=None)

    def _part(self, epoch: Epoch, part: int, kind: Kind, first: int, last: int) -> list[Day]:
        key = ReadModelRow.part(epoch, part)
        between = ReadModelRow.sk.between(f"{kind}#{first:06d}", f"{kind}#{last:06d}")
        within = [from_row(row) for row in ReadModelRow.query(key, between)]
        if within and within[0].day == first:
            return within  # what was before that day is in it
        before = ReadModelRow.sk.between(f"{kind}#{0:06d}", f"{kind}#{first - 1:06d}")
        earlier = list(ReadModelRow.query(key, before, scan_index_forward=False, limit=1))
        return [*map(from_row, earlier), *within]
