"""Read models in DynamoDB, for who keeps them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.models import Model

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, call, condition_failed, error_codes
from peoplesync.adapters.dynamodb.people.batch_get import batch_get
from peoplesync.adapters.dynamodb.people.packs import CONFLICTS
from peoplesync.adapters.dynamodb.read_models.stored_days import HEAD, LAST_DAY, PARTS, days_back_to, to_row
from peoplesync.adapters.dynamodb.tables import IdentityRow, ReadModelRow, ReceiptRow, shard_of
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import ERASED
from peoplesync.domain.read_models.contribution import KINDS, Kind, from_json, to_json
from peoplesync.domain.read_models.days import DAY, Counts, Day, with_change
from peoplesync.domain.records.activity import USER
from peoplesync.use_cases.ports import VersionConflict
from peoplesync.use_cases.read_models.index import Mark, MoveOfDay, Update

MARK: Final = "mark"
KEPT_AFTER_REMOVAL: Final = 2 * DAY
"""Seconds for which the mark of a person who is gone is kept: longer than a stream can repeat a record."""

MOST_DAYS_LATE: Final = 3
"""What is learnt for an older day than that counts on the oldest of these: each day since then is written
again with it."""


Term = tuple[str, str]
"""A search term, and whom it finds."""


@dataclass
class ReadModelStore:
    """The read models of a stack. `part` is the part of the counters that is tried first; moves are kept for
    `retention_days`. Everything raises Unavailable."""

    connection: Connection
    part: int
    retention_days: int

    def erased(self, epoch: Epoch, identities: Collection[str]) -> Mapping[str, str | None]:
        """See `index.Erased`."""
        keys = {IdentityRow.key(epoch, one): one for one in identities}
        with busy_as_unavailable():
            rows = batch_get(self.connection, {IdentityRow: keys})[IdentityRow]
        return {keys[row.pk]: row.former for row in rows if row.person == ERASED}

    def marks(self, epoch: Epoch, people: Collection[str]) -> Mapping[str, Mark]:
        """See `index.Store`."""
        keys = {(ReadModelRow.mark(epoch, one), MARK): one for one in people}
        with busy_as_unavailable():
            rows = batch_get(self.connection, {ReadModelRow: keys})[ReadModelRow]
        return {keys[row.pk, row.sk]: mark_of(row) for row in rows}

    def write(self, epoch: Epoch, update: Update) -> None:
        """See `index.Store`. Terms and moves may be written twice; only counts and marks may not."""
        with busy_as_unavailable():
            self._write_terms(epoch, update)
            self._write_moves(epoch, update)
            self._count(epoch, update)

    def note_unindexed(self, epoch: Epoch, person: str, now: int) -> None:
        """See `index.Store`."""
        at = ReceiptRow.unindexed_at
        row = ReceiptRow(ReceiptRow.key(epoch, person))
        try:
            with busy_as_unavailable():
                row.update(actions=[at.set(at | now)], condition=ReceiptRow.pk.exists())
        except UpdateError as error:
            if not condition_failed(error):
                raise

    def missing_terms(self, epoch: Epoch, terms: Collection[tuple[str, str]]) -> Collection[tuple[str, str]]:
        """See `reindex.Store`."""
        keys = {(row.pk, row.sk): one for one in terms for row in [_term_row(epoch, one)]}
        with busy_as_unavailable():
            rows = batch_get(self.connection, {ReadModelRow: keys})[ReadModelRow]
        return [one for key, one in keys.items() if key not in {(row.pk, row.sk) for row in rows}]

    def all_marks(self, epoch: Epoch) -> Iterator[tuple[str, Mark]]:
        """See `reindex.Store`."""
        for row in _all(ReadModelRow.mark(epoch, "")):
            yield row.pk.rpartition("#")[2], mark_of(row)

    def all_terms(self, epoch: Epoch) -> Iterator[tuple[str, str]]:
        """See `reindex.Store`."""
        for row in _all(ReadModelRow.terms(epoch, "")):
            term, _, person = row.sk.rpartition("#")
            yield term, person

    def change_terms(self, epoch: Epoch, new: Iterable[Term], old: Iterable[Term]) -> None:
        """See `reindex.Store`."""
        with busy_as_unavailable(), ReadModelRow.batch_write() as batch:
            for one in sorted(new):
                batch.save(_term_row(epoch, one))
            for one in sorted(old):
                batch.delete(_term_row(epoch, one))

    def totals(self, epoch: Epoch) -> tuple[Counts, object]:
        """See `reindex.Store`."""
        found: Counts = Counter()
        with busy_as_unavailable():
            keys = [(ReadModelRow.part(epoch, part), HEAD) for part in range(PARTS)]
            heads = batch_get(self.connection, {ReadModelRow: keys})[ReadModelRow]
            for part in range(PARTS):
                for kind in KINDS:
                    for day in days_back_to(epoch, part, kind, LAST_DAY, consistent=True)[-1:]:
                        found.update({(kind, *key): count for key, count in day.totals.items()})
        return found, {row.pk: row.version for row in heads}

    def _write_terms(self, epoch: Epoch, update: Update) -> None:
        new: set[Term] = set()
        old = set(update.outdated)
        for person, (counted, mark) in update.marks.items():
            before, after = counted.contribution.terms if counted else frozenset(), mark.contribution.terms
            new |= {(term, person) for term in after - before}
            old |= {(term, person) for term in before - after}
        self.change_terms(epoch, new, old)

    def _write_moves(self, epoch: Epoch, update: Update) -> None:
        expires_at = update.as_of + self.retention_days * DAY
        with ReadModelRow.batch_write() as batch:
            for one in update.moves:
                batch.save(_move_row(epoch, one, expires_at))
            for who in sorted(update.forgotten):
                for row in ReadModelRow.query(ReadModelRow.moves_of(epoch, who), consistent_read=True):
                    batch.delete(row)

    def _count(self, epoch: Epoch, update: Update) -> None:
        rows = [*self._days(epoch, update), *_marks(epoch, update)]
        if not rows:
            return
        request = {"TransactItems": [{"Put": one} for one in rows]}
        try:
            call(self.connection, "TransactWriteItems", request)
        except PynamoDBException as error:
            if error_codes(error) & CONFLICTS:
                self.part = (self.part + 1) % PARTS
                raise VersionConflict from error
            raise

    def _days(self, epoch: Epoch, update: Update) -> Iterator[Mapping[str, Any]]:
        """The days that change, and the head of their part, by which nobody else changes them meanwhile."""
        kinds = {
            key[0] for counts in (update.totals, update.flows) for some in counts.values() for key in some
        }
        if not kinds:
            return
        key = ReadModelRow.part(epoch, self.part)
        head = next(iter(ReadModelRow.query(key, ReadModelRow.sk == HEAD, consistent_read=True)), None)
        days: dict[tuple[Kind, int], Day] = {}
        for kind in (one for one in KINDS if one in kinds):
            days |= {(kind, one.day): one for one in self._changed(epoch, update, kind)}
        content: Any = head.content if head else {}
        as_of = max(update.as_of, content.get("as_of", 0))
        version = head.version if head else None
        new_head = ReadModelRow(key, HEAD, version=int(version or 0) + 1, content={"as_of": as_of})
        yield _put(new_head, _still(version))
        for (kind, _), day in days.items():
            yield _put(to_row(epoch, self.part, kind, day))

    def _changed(self, epoch: Epoch, update: Update, kind: Kind) -> list[Day]:
        learnt = sorted(update.totals.keys() | update.flows.keys())
        series = days_back_to(epoch, self.part, kind, learnt[0], consistent=True)
        earliest = max([one.day for one in series] + learnt) - MOST_DAYS_LATE
        changed: dict[int, Day] = {}
        for day in learnt:
            totals, flows = (
                _of(kind, counts.get(day, Counter())) for counts in (update.totals, update.flows)
            )
            if totals or flows:
                new = with_change(series, max(day, earliest), totals, flows)
                changed |= {one.day: one for one in new}
                series = sorted({one.day: one for one in (*series, *new)}.values(), key=lambda one: one.day)
        return list(changed.values())


def _of(kind: Kind, counts: Counts) -> Counts:
    return Counter({key[1:]: count for key, count in counts.items() if key[0] == kind and count})


def _marks(epoch: Epoch, update: Update) -> Iterator[Mapping[str, Any]]:
    for person, (counted, mark) in update.marks.items():
        gone = not mark.contribution.indexes
        row = ReadModelRow(
            ReadModelRow.mark(epoch, person),
            MARK,
            version=mark.version,
            content=to_json(mark.contribution),
            expires_at=update.as_of + KEPT_AFTER_REMOVAL if gone else None,
        )
        yield _put(row, _still(counted.version if counted else None))


def _put(row: ReadModelRow, condition: Condition | None = None) -> Mapping[str, Any]:
    put: Mapping[str, Any] = row.get_save_kwargs_from_instance(condition=condition)
    return put


def _still(version: float | None) -> Condition:
    """A row is still of that version; None where there was none."""
    return ReadModelRow.pk.does_not_exist() if version is None else ReadModelRow.version == version


def mark_of(row: Model) -> Mark:
    """The mark that a row holds."""
    stored: Any = row
    return Mark(int(stored.version), from_json(stored.content))


def _term_row(epoch: Epoch, one: Term) -> ReadModelRow:
    """The row by which a term finds a person."""
    term, person = one
    is_user = term.startswith(USER)
    key = ReadModelRow.users(epoch, shard_of(person)) if is_user else ReadModelRow.terms(epoch, term)
    return ReadModelRow(key, f"{term}#{person}")


def _all(prefix: str) -> Iterator[Any]:
    with busy_as_unavailable():
        yield from ReadModelRow.scan(ReadModelRow.pk.startswith(prefix), consistent_read=True)


def _move_row(epoch: Epoch, one: MoveOfDay, expires_at: int) -> ReadModelRow:
    move = one.move
    what = f"{move.what}#{move.where}"
    return ReadModelRow(
        ReadModelRow.moves_of(epoch, move.who),
        f"{one.day:06d}#{what}#{one.version}",
        content={"amount": move.amount},
        expires_at=expires_at,
        moved_on=f"{epoch}#{one.day:06d}",
        move=f"{what}#{move.who}#{one.version}",
    )
