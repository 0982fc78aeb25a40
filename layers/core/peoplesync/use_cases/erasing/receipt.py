"""An erased person's receipt: what was removed with them, counted, without anything personal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from peoplesync.domain.fields.built_in import FieldValue
from peoplesync.domain.people.person import customer_identity
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.records.activity import USER
from peoplesync.use_cases.public_json import iso

_CUSTOMER = customer_identity("")


@dataclass(frozen=True)
class ErasureReceipt:
    """What was removed with a person. `customers` are Stripe's ids, all else is counted. `erased_at` is when
    the person went, `feed_deleted_at` when their feed had gone too, `unindexed_at` when the read models had
    forgotten them: no search finds them, and of their movements only the amounts are left."""

    person: str
    asked_at: int | None = None
    erased_at: int | None = None
    feed_deleted_at: int | None = None
    unindexed_at: int | None = None
    customers: tuple[str, ...] = ()
    users: int = 0
    identities: int = 0
    memberships: int = 0
    fields: int = 0
    entries: int = 0

    @property
    def complete(self) -> bool:
        """Whether nothing of the person is left."""
        return None not in (self.erased_at, self.feed_deleted_at, self.unindexed_at)

    def public(self) -> dict[str, Any]:
        """As JSON."""
        instants = {
            "asked_at": self.asked_at,
            "erased_at": self.erased_at,
            "feed_deleted_at": self.feed_deleted_at,
            "unindexed_at": self.unindexed_at,
        }
        return {
            "person": self.person,
            "complete": self.complete,
            **{name: None if at is None else iso(at) for name, at in instants.items()},
            "customers": list(self.customers),
            "removed": {
                "records": len(self.customers) + self.users,
                "identities": self.identities,
                "memberships": self.memberships,
                "fields": self.fields,
                "feed_entries": self.entries,
            },
        }


def removed_with(write_set: WriteSet, person: str, now: int) -> ErasureReceipt:
    """What one transaction removes of a person; one with many records takes several."""
    before, after = write_set.before[person], write_set.after[person]
    if before is None:
        return ErasureReceipt(person)
    theirs = write_set.erased & before.identities
    left = before.segments.keys() - (after.segments.keys() if after else ())
    customers = sorted(one.removeprefix(_CUSTOMER) for one in theirs if one.startswith(_CUSTOMER))
    return ErasureReceipt(
        person,
        erased_at=now if after is None else None,
        customers=tuple(customers),
        users=sum(one.startswith(USER) for one in theirs),
        identities=len(theirs),
        memberships=len(left),
        fields=len(_filled(before.fields) - _filled(after.fields if after else {})),
    )


def _filled(fields: Mapping[str, FieldValue]) -> frozenset[str]:
    return frozenset(key for key, value in fields.items() if value is not None)
