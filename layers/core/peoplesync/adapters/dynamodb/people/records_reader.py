"""Records in DynamoDB, many at a time.

People are read for half the price and may be a moment old: what differs because of that is looked at again.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any, Final

from peoplesync.adapters.dynamodb.people.charge_rows import charges_known
from peoplesync.adapters.dynamodb.people.stored_people import from_row
from peoplesync.adapters.dynamodb.tables import IdentityRow, MemberRow, PersonRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, ERASED, customer_identity
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.verifying.differences import Stored

_FEW: Final = 50
"""Rows of the index that the cheapest query reads."""

_MANY: Final = 1_200
"""As many as may be read to choose from: 9 to 12 read units."""


class RecordsReader:
    """Reads records by their Stripe customers."""

    def customers(self, epoch: Epoch) -> Iterator[str]:
        """Ids of all Stripe customers that are in sync."""
        for shard in MemberRow.shards(epoch, CUSTOMERS_IN_SYNC):
            yield from _ids(shard)

    def some_customers(self, epoch: Epoch, number: int, rng: random.Random) -> list[str]:
        """So many random ones of them, or all where there are not so many.

        A shard is a random part of them, and is enough where so many are in it.
        """
        shards = list(MemberRow.shards(epoch, CUSTOMERS_IN_SYNC))
        rng.shuffle(shards)
        seen: list[str] = []
        while shards and len(seen) < number:
            seen += _from_somewhere(shards.pop(), number, rng)
        return rng.sample(seen, min(number, len(seen)))

    def records(self, epoch: Epoch, customers: Collection[str]) -> Mapping[str, Stored]:
        """The records of those customers that have one; who was erased has none."""
        keys = {IdentityRow.key(epoch, customer_identity(one)): one for one in customers}
        rows = IdentityRow.batch_get(list(keys))
        people = {PersonRow.key(epoch, row.person) for row in rows if row.person != ERASED}
        found: dict[str, Stored] = {}
        for row in PersonRow.batch_get(list(people)):
            person = from_row(row)
            for record in person.records.values():
                if record.id in customers:
                    found[record.id] = Stored(person.id, record)
        return found

    def charges(
        self, epoch: Epoch, charges: Mapping[str, Collection[Snapshot]]
    ) -> Mapping[str, Mapping[str, Snapshot]]:
        """What the stored ones of these charges count for, by record."""
        return charges_known(epoch, charges)

    def erased(self, epoch: Epoch, customers: Collection[str]) -> Collection[str]:
        """The customers who were erased."""
        keys = {IdentityRow.key(epoch, customer_identity(one)): one for one in customers}
        rows = IdentityRow.batch_get(list(keys))
        return {keys[row.pk] for row in rows if row.person == ERASED}


def _from_somewhere(shard: str, number: int, rng: random.Random) -> list[str]:
    """The customers of a shard, at least so many of them if there are. Of very many it is some who follow
    each other, beginning anywhere; the first follows the last. As ids of Stripe's begin with the time, these
    signed up one after the other."""
    first = list(_ids(shard, limit=max(number, _FEW)))
    if len(first) < max(number, _FEW):
        return first
    most = max(number, _MANY)
    last = next(_ids(shard, limit=1, scan_index_forward=False))
    start = _random_key([*first, last], rng)
    found = list(_ids(shard, MemberRow.sk > start, limit=most))
    if len(found) < most:
        found += _ids(shard, MemberRow.sk <= start, limit=most - len(found))
    return found


def _ids(shard: str, after: Any = None, **how: Any) -> Iterator[str]:
    return (row.sk for row in MemberRow.query(shard, after, **how))


def _random_key(ids: Sequence[str], rng: random.Random) -> str:
    """A key from the first to the last of these ids. It is spelled in the letters that they have: with others
    it would mostly lie in a gap of theirs, and lead to the few who follow one."""
    letters, length = sorted(set("".join(ids))), max(map(len, ids))

    def number(key: str) -> int:
        padded = key.ljust(length, letters[0])
        return reduce(lambda high, letter: high * len(letters) + letters.index(letter), padded, 0)

    rest, key = rng.randint(number(ids[0]), number(ids[-1])), ""
    for _ in range(length):
        rest, place = divmod(rest, len(letters))
        key = letters[place] + key
    return key
