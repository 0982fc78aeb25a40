"""People in DynamoDB, for reading only."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.people.member_pages import MemberPages
from peoplesync.adapters.dynamodb.people.stored_people import from_row
from peoplesync.adapters.dynamodb.tables import SHARDS, DueIndex, FeedRow, IdentityRow, MemberRow, PersonRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import ERASED, SHARED, Person

_SCREENFUL: Final = 20
"""As much as is read at first: who wants to see more reads on, ever more at once."""

_PEOPLE_AT_ONCE: Final = 100
"""What one BatchGetItem takes."""

_ROWS_AT_ONCE: Final = 1_000

_LOOKS: Final = 3
"""Requests for a sample: from where it begins to the end of the table, and on from the table's beginning."""


class PeopleReader(MemberPages):
    """Reads people by identity and by index. Lists come in order of person id: oldest people first."""

    def person_of(self, epoch: Epoch, identity: str) -> Person | None:
        """The person with an identity; None where there is none or several, or they were erased."""
        try:
            owner = IdentityRow.get(IdentityRow.key(epoch, identity)).person
        except IdentityRow.DoesNotExist:
            return None
        return None if owner in (SHARED, ERASED) else self.person(epoch, owner)

    def person(self, epoch: Epoch, person_id: str) -> Person | None:
        """The person of that id."""
        try:
            return from_row(PersonRow.get(PersonRow.key(epoch, person_id)))
        except PersonRow.DoesNotExist:
            return None

    def members(self, epoch: Epoch, index: str, *, newest_first: bool = False) -> Iterator[Person]:
        """The people in a segment, or `everyone`; read as they are asked for."""
        return self.of_ids(epoch, self.member_ids(epoch, index, newest_first=newest_first))

    def member_ids(
        self, epoch: Epoch, index: str, after: str = "", *, newest_first: bool = False
    ) -> Iterator[str]:
        """The ids of the members of an index that follow one of them; read as they are asked for."""
        shards = (_in_order(shard, after, newest_first) for shard in MemberRow.shards(epoch, index))
        return heapq.merge(*shards, reverse=newest_first)

    def ids(self, epoch: Epoch, index: str) -> list[str]:
        """The ids of the people in a segment, or of `everyone`."""
        return sorted(row.sk for shard in MemberRow.shards(epoch, index) for row in MemberRow.query(shard))

    def beginning(self, epoch: Epoch, index: str, start: str, most: int, after: str = "") -> list[str]:
        """So many members of an index at most whose ids begin so, in order; after one of them."""
        between = MemberRow.sk.between(after or start, f"{start}\U0010ffff")

        def of_shard(shard: str) -> list[str]:
            return [row.sk for row in MemberRow.query(shard, between, limit=most + 1) if row.sk != after]

        with ThreadPoolExecutor(SHARDS) as pool:
            shards = pool.map(of_shard, MemberRow.shards(epoch, index))
            return sorted(one for shard in shards for one in shard)[:most]

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Iterator[Person]:
        """The people of those ids who are still there, in that order."""
        wanted, most = iter(ids), _SCREENFUL
        while page := list(islice(wanted, most)):
            most = min(2 * most, _PEOPLE_AT_ONCE)
            keys = [PersonRow.key(epoch, one) for one in page]
            found = {row.person_id: row for row in PersonRow.batch_get(keys)}
            yield from (from_row(found[one]) for one in page if one in found)

    def everybody(self, epoch: Epoch) -> Iterator[Person]:
        """All people, the unidentified among them, consistently and in no order."""
        with busy_as_unavailable():
            everyone = PersonRow.pk.startswith(PersonRow.key(epoch, ""))
            yield from map(from_row, PersonRow.scan(everyone, consistent_read=True))

    def sample(self, epoch: Epoch, most: int, start: str) -> tuple[list[Person], bool]:
        """See `preview.Sampled`. DynamoDB keeps rows in the order of their keys' hashes: those after any key
        are as good as drawn by lot. So many are looked at, among them people of other epochs."""
        found: dict[str, Person] = {}
        last: Any = {"pk": {"S": PersonRow.key(epoch, start)}}
        ends = 0
        for _ in range(_LOOKS):
            rows = PersonRow.scan(limit=most, page_size=most, last_evaluated_key=last)
            page = [row for row in rows if str(row.pk).startswith(PersonRow.key(epoch, ""))]
            around = any(row.person_id in found for row in page)
            found |= {row.person_id: from_row(row) for row in page}
            last = rows.last_evaluated_key
            ends += last is None
            if len(found) >= most:
                return list(found.values())[:most], False
            if around or ends == 2:
                return list(found.values()), True
        return list(found.values()), False

    def people(self, epoch: Epoch, ids: Collection[str]) -> frozenset[str]:
        """Those of the ids who are there, consistently."""
        keys = [PersonRow.key(epoch, one) for one in ids]
        with busy_as_unavailable():
            rows = PersonRow.batch_get(keys, consistent_read=True, attributes_to_get=["pk"])
            return frozenset(row.person_id for row in rows)

    def count(self, epoch: Epoch, index: str) -> int:
        """How many are in an index: counted one by one, for who must know to the last one."""
        with ThreadPoolExecutor(SHARDS) as pool:
            return sum(pool.map(MemberRow.count, MemberRow.shards(epoch, index)))

    def due(self, epoch: Epoch, shard: int, after: int, until: int, most: int) -> list[tuple[int, str]]:
        """The people of a shard who are due after `after` and until `until`: when, and the person's id. The
        longest overdue first, at most `most`."""
        when = DueIndex.review_at.between(after + 1, until)
        rows = PersonRow.due.query(f"{epoch}#{shard}", when, limit=most)
        return [(int(row.review_at), row.person_id) for row in rows]

    def due_since(self, epoch: Epoch, now: int) -> int | None:
        """Since when the longest overdue person has been due; None where nobody is."""
        first = [due for shard in range(SHARDS) for due in self.due(epoch, shard, 0, now, 1)]
        return min(first)[0] if first else None

    def feed(
        self, epoch: Epoch, record: str, before: tuple[int, str] | None = None
    ) -> Iterator[tuple[int, str, str, Mapping[str, Any]]]:
        """A record's billing events, newest first: (at, key, kind, content); those before one of them, (at,
        key), where that is given. Read as they are asked for."""
        newest = ":" if before is None else FeedRow.entry_key(*before)  # times are digits

        def older_than(last: Any, most: int) -> list[Any]:
            older = FeedRow.sk < (last.sk if last else newest)
            return list(
                FeedRow.query(FeedRow.key(epoch, record), older, scan_index_forward=False, limit=most)
            )

        for row in _ever_more(older_than):
            at, key = row.at_and_key
            yield at, key, row.kind, row.content_json


def _in_order(shard: str, after: str, newest_first: bool) -> Iterator[str]:
    """The members of a shard of an index after one of them, in order of id."""

    def following(last: Any, most: int) -> list[Any]:
        place = last.sk if last else after
        beyond = (MemberRow.sk < place if newest_first else MemberRow.sk > place) if place else None
        return list(MemberRow.query(shard, beyond, limit=most, scan_index_forward=not newest_first))

    return (row.sk for row in _ever_more(following))


def _ever_more(look: Callable[[Any, int], list[Any]]) -> Iterator[Any]:
    """All rows, where a look finds so many at most beyond the last that is known."""
    last, most = None, _SCREENFUL
    while rows := look(last, most):
        yield from rows
        if len(rows) < most:
            return
        last, most = rows[-1], min(4 * most, _ROWS_AT_ONCE)
