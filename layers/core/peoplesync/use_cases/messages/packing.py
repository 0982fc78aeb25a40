"""Bulk batches: parts of Stripe's lists, as one message of the bulk queue carries them.

A chunk is of few customers and small, so that a worker is done with several well within its time. What
belongs to one customer goes together where the list shows it near: each chunk that names a customer costs a
read and a write of that person.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

from peoplesync.domain.records.changes import customer_of
from peoplesync.domain.stripe_objects import slim, slim_object
from peoplesync.domain.stripe_objects.reading import kind_of, name_of

Json = Mapping[str, Any]

CUSTOMERS_A_CHUNK: Final = 25
"""Products, prices and coupons count like customers: each is a write of its own."""

BYTES_A_CHUNK: Final = 200_000
"""The size of a chunk's parts as the message writes them. A single part that is larger goes alone."""

NEAR: Final = 400
"""How many listed parts at a time are searched for what belongs together."""


def chunks_of_events(events: Iterable[Json]) -> Iterator[tuple[Json, ...]]:
    """Stripe's events, slimmed and packed; each in exactly one chunk. Takes no more of `events` than it
    needs, so that their number does not matter."""
    return _chunks(events, slim, lambda event: _owner(_object_of(event)))


def chunks_of_objects(objects: Iterable[Json]) -> Iterator[tuple[Json, ...]]:
    """Listed Stripe objects, slimmed and packed; each in exactly one chunk."""
    return _chunks(objects, slim_object, _owner)


def _chunks(
    listed: Iterable[Json], slimmed: Callable[[Json], Json], owner: Callable[[Json], str]
) -> Iterator[tuple[Json, ...]]:
    chunk: list[Json] = []
    owners: set[str] = set()
    size = 0
    for belongs_to, part in _near_together(map(slimmed, listed), owner):
        added = len(json.dumps(part, separators=(",", ":"))) + 1
        too_many = belongs_to not in owners and len(owners) == CUSTOMERS_A_CHUNK
        if chunk and (too_many or size + added > BYTES_A_CHUNK):
            yield tuple(chunk)
            chunk, owners, size = [], set(), 0
        chunk.append(part)
        owners.add(belongs_to)
        size += added
    if chunk:
        yield tuple(chunk)


def _near_together(parts: Iterable[Json], owner: Callable[[Json], str]) -> Iterator[tuple[str, Json]]:
    """The parts with whom they belong to, in the order in which their owners first appear."""
    every = iter(parts)
    while window := list(islice(every, NEAR)):
        by_owner: dict[str, list[Json]] = {}
        for part in window:
            by_owner.setdefault(owner(part), []).append(part)
        for belongs_to, theirs in by_owner.items():
            yield from ((belongs_to, part) for part in theirs)


def _object_of(event: Any) -> Any:
    data = event.get("data") if isinstance(event, Mapping) else None
    return data.get("object") if isinstance(data, Mapping) else None


def _owner(value: Any) -> str:
    return customer_of(value) or f"{kind_of(value)}:{name_of(value)}"
