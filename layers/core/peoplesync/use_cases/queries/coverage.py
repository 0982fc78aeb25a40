"""Coverage: how many people have a value in a field, and why the others have none.

Up to 20,000 people are all counted; of more, a sample is extrapolated.
"""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from peoplesync.domain.catalogue import SHOWN, Catalogue, CatalogueKey
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import Field
from peoplesync.domain.fields.custom import Path, parse
from peoplesync.domain.fields.terms import uses_of
from peoplesync.domain.people.person import EVERYONE, Person
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.queries.preview import EXACT, SAMPLE, People

NAMED: Final = 3
"""How many people whose value could not be converted are named."""


class Catalogues(Protocol):
    def read(self, epoch: Epoch, keys: Collection[CatalogueKey]) -> Catalogue: ...


@dataclass(frozen=True)
class FieldCoverage:
    """Of `everybody`, `filled` have a value and of `unconverted` it cannot be converted: `reasons` says why
    for the first of them by id. What is mapped is `unknown` of some, since it was not kept when their records
    were last heard of. These are estimates unless it is `exact`."""

    everybody: int
    filled: int
    unconverted: int
    unknown: int
    exact: bool
    reasons: Mapping[str, str]

    def public(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "people": self.everybody,
            "with_value": self.filled,
            "not_converted": self.unconverted,
            "not_known": self.unknown,
            "exact": self.exact,
            "reasons": dict(self.reasons),
        }


def field_coverage(
    people: People, catalogue: Catalogues, epoch: Epoch, field: Field, rng: random.Random
) -> FieldCoverage:
    """The coverage of a custom field now."""
    path = parse(field.source)
    everybody = people.ids(epoch, EVERYONE)
    exact = len(everybody) <= EXACT
    looked_at = everybody if exact else sorted(rng.sample(everybody, SAMPLE))
    found = filled = unconverted = unknown = 0
    reasons: dict[str, str] = {}
    products: dict[CatalogueKey, bool] = {}
    for person in people.of_ids(epoch, looked_at):
        found += 1
        if person.fields.get(field.key) is not None:
            filled += 1
        elif field.key in person.errors:
            unconverted += 1
            if len(reasons) < NAMED:
                reasons[person.id] = person.errors[field.key]
        else:
            unknown += _is_unknown(person, path, catalogue, epoch, products)
    share = len(everybody) / max(1, found)
    filled, unconverted, unknown = (round(one * share) for one in (filled, unconverted, unknown))
    return FieldCoverage(len(everybody), filled, unconverted, unknown, exact, reasons)


def _is_unknown(
    person: Person, path: Path, catalogue: Catalogues, epoch: Epoch, products: dict[CatalogueKey, bool]
) -> bool:
    """Whether one of their things was last heard of before metadata was kept. `products` remembers those
    that were looked at already."""
    records = person.records.values()
    if path.source == "customer.metadata":
        return any(record.customer and _lacks_metadata(record.customer) for record in records)
    if path.source == "subscription.metadata":
        return any(_lacks_metadata(one) for record in records for one in record.subscriptions.values())
    if path.source == "product.metadata":
        used = {key for key in uses_of(records) if key.kind == "product"}
        if new := used - products.keys():
            entries = catalogue.read(epoch, new)
            for key in new:
                shown = entries[key].editions.get("", {}).get(SHOWN) if key in entries else None
                products[key] = shown is None or _lacks_metadata(shown)
        return any(products[key] for key in used)
    return False


def _lacks_metadata(snapshot: Snapshot) -> bool:
    return "metadata" not in snapshot.content
