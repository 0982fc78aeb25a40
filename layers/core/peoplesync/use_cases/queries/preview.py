"""Preview: who would be in a segment, before it is created.

Up to 20,000 people are all evaluated. Of more, a sample is, and the estimate comes with its 95 % confidence
interval (Wilson's).
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import FIELDS, Field, types_of
from peoplesync.domain.people.person import EVERYONE, Person, subject_of
from peoplesync.domain.segments.rules import Rule, check, holds
from peoplesync.use_cases.public_json import present

EXACT: Final = 20_000
"""Up to so many people are all evaluated."""

SAMPLE: Final = 5_000
"""The sample's size: the share is right to 1.4 percentage points, or better."""

_Z: Final = 1.96
"""Standard deviations within which 95 % lie."""


class People(Protocol):
    def ids(self, epoch: Epoch, index: str) -> Sequence[str]: ...

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Iterator[Person]: ...


@dataclass(frozen=True)
class Preview:
    """About `count` of `everybody` would be in it, between `low` and `high`; these are the same where all
    were looked at, which `exact` says. `people` are the first of those found, as readers see them."""

    count: int
    low: int
    high: int
    everybody: int
    exact: bool
    people: tuple[Mapping[str, Any], ...]

    def public(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "count": self.count,
            "low": self.low,
            "high": self.high,
            "of": self.everybody,
            "exact": self.exact,
            "people": list(self.people),
        }


def preview(
    people: People,
    epoch: Epoch,
    rule: Rule,
    now: int,
    rng: random.Random,
    *,
    most: int = 10,
    fields: Sequence[Field] = FIELDS,
) -> Preview:
    """Who would be in a segment of that rule over these fields at `now`, `most` of them by name. Raises
    InvalidRule."""
    types = types_of(fields)
    check(rule, types)
    everybody = people.ids(epoch, EVERYONE)
    exact = len(everybody) <= EXACT
    looked_at = everybody if exact else sorted(rng.sample(everybody, SAMPLE))
    found = shown = 0
    named: list[Mapping[str, Any]] = []
    for person in people.of_ids(epoch, looked_at):
        shown += 1
        if holds(rule, subject_of(person, person.fields, types), now)[0]:
            found += 1
            if len(named) < most:
                named.append(present(person, fields))
    if exact:
        return Preview(found, found, found, len(everybody), exact, tuple(named))
    low, high = interval(found, shown)
    share, total = found / max(1, shown), len(everybody)
    return Preview(round(share * total), round(low * total), round(high * total), total, exact, tuple(named))


def interval(found: int, looked_at: int) -> tuple[float, float]:
    """Between which shares the true one is, with 95 % confidence."""
    if not looked_at:
        return 0.0, 1.0
    share, weight = found / looked_at, _Z**2 / looked_at
    middle = (share + weight / 2) / (1 + weight)
    half = _Z * sqrt(share * (1 - share) / looked_at + weight / (4 * looked_at)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
