"""Suggestions: of what a field of one's own could be made, as a glance at people shows."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import Field, FieldType
from peoplesync.domain.fields.custom import Unconvertible, convert
from peoplesync.domain.people.person import Person
from peoplesync.use_cases.queries.preview import GLANCE, Sampled

SAMPLES: Final = 3
"""So many values are shown of each."""

_LONGEST: Final = 60
_NARROW: Final[tuple[FieldType, ...]] = ("number", "instant")
"""Types that say more than text, where every value is of one."""


@dataclass
class _Seen:
    people: int = 0
    values: dict[str, None] = field(default_factory=dict)
    types: set[FieldType] = field(default_factory=lambda: set(_NARROW))


def suggestions(
    people: Sampled, epoch: Epoch, everybody: int | None, fields: Iterable[Field], rng: random.Random
) -> list[dict[str, Any]]:
    """What is in customers' and subscriptions' metadata and in traits and no field shows yet, as public JSON,
    what most people have first: `source`, the `type` that all its values have, `people` who have it (an
    estimate unless `exact`), and some `samples`. `everybody` is as for `estimate`."""
    looked_at, whole = people.sample(epoch, GLANCE, rng.randbytes(8).hex())
    identified = [one for one in looked_at if not one.unidentified]
    shown = {one.source for one in fields}
    seen: dict[str, _Seen] = {}
    for person in identified:
        for source, values in _values(person).items():
            if source not in shown:
                _note(seen.setdefault(source, _Seen()), values)
    share = 1.0 if whole or everybody is None else everybody / max(1, len(identified))
    return [
        {
            "source": source,
            "type": next((kind for kind in _NARROW if kind in one.types), "text"),
            "people": round(one.people * share),
            "exact": whole,
            "samples": list(one.values)[:SAMPLES],
        }
        for source, one in sorted(seen.items(), key=lambda item: (-item[1].people, item[0]))
    ]


def _note(seen: _Seen, values: Sequence[Any]) -> None:
    seen.people += 1
    for value in values:
        if len(seen.values) < SAMPLES:
            seen.values[str(value)[:_LONGEST]] = None
        for kind in list(seen.types):
            try:
                convert(kind, value)
            except Unconvertible:
                seen.types.discard(kind)


def _values(person: Person) -> Mapping[str, list[Any]]:
    """What one person has, by where it is."""
    found: dict[str, list[Any]] = {}
    for source, name, value in _metadata(person):
        if value is not None:
            found.setdefault(f"{source}.{name}", []).append(value)
    return found


def _metadata(person: Person) -> Iterator[tuple[str, str, Any]]:
    for record in person.records.values():
        if record.customer:
            for name, value in (record.customer.content.get("metadata") or {}).items():
                yield "customer.metadata", name, value
        for one in record.subscriptions.values():
            for name, value in (one.content.get("metadata") or {}).items():
                yield "subscription.metadata", name, value
        for name, trait in record.traits.items():
            yield "traits", name, trait.value
