"""Preview: who would be in a segment, before it is created.

`preview` takes its time: up to 20,000 people are all evaluated, of more a sample is. `estimate` answers while
one types: it looks at 500 people at most. Estimates come with their 95 % confidence interval (Wilson's).
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

GLANCE: Final = 500
"""The most that an estimate looks at: the share is right to 4.4 percentage points, or better."""

_Z: Final = 1.96
"""Standard deviations within which 95 % lie."""


class People(Protocol):
    def ids(self, epoch: Epoch, index: str) -> Sequence[str]: ...

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Iterator[Person]: ...


class Sampled(Protocol):
    def sample(self, epoch: Epoch, most: int, start: str) -> tuple[Sequence[Person], bool]:
        """At most so many people, chosen by `start` (any text) as if at random; and whether that is
        everybody. The unidentified are among them."""


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
    return _preview(found, shown, len(everybody), exact, named)


def estimate(
    people: Sampled,
    epoch: Epoch,
    everybody: int | None,
    rule: Rule,
    now: int,
    rng: random.Random,
    *,
    most: int = 10,
    fields: Sequence[Field] = FIELDS,
) -> Preview:
    """The same from a glance at `GLANCE` people, read in two or three requests. `everybody` is how many there
    are, None where they are not counted yet: then as many as were looked at. Raises InvalidRule."""
    types = types_of(fields)
    check(rule, types)
    looked_at, whole = people.sample(epoch, GLANCE, rng.randbytes(8).hex())
    identified = [one for one in looked_at if not one.unidentified]
    found = [one for one in identified if holds(rule, subject_of(one, one.fields, types), now)[0]]
    total = len(identified) if whole or everybody is None else everybody
    named = [present(one, fields) for one in found[:most]]
    return _preview(len(found), len(identified), total, whole, named)


def _preview(
    found: int, looked_at: int, everybody: int, exact: bool, named: Sequence[Mapping[str, Any]]
) -> Preview:
    if exact:
        return Preview(found, found, found, everybody, exact, tuple(named))
    low, high = interval(found, looked_at)
    share = found / max(1, looked_at)
    count, low, high = round(share * everybody), round(low * everybody), round(high * everybody)
    return Preview(count, low, high, everybody, exact, tuple(named))


def interval(found: int, looked_at: int) -> tuple[float, float]:
    """Between which shares the true one is, with 95 % confidence."""
    if not looked_at:
        return 0.0, 1.0
    share, weight = found / looked_at, _Z**2 / looked_at
    middle = (share + weight / 2) / (1 + weight)
    half = _Z * sqrt(share * (1 - share) / looked_at + weight / (4 * looked_at)) / (1 + weight)
    return max(0.0, middle - half), min(1.0, middle + half)
