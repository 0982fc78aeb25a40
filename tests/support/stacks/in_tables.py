"""What the tables hold of an epoch, to be compared with what a world of fakes holds."""

from __future__ import annotations

from typing import Any

from peoplesync.adapters.dynamodb.people.stored_people import from_row
from peoplesync.adapters.dynamodb.tables import CHARGE, MARKER, FeedRow, IdentityRow, MemberRow, PersonRow
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.billing_events.subscriptions import OF_VALUE
from peoplesync.domain.connections import Epoch
from peoplesync.domain.records.activity import TRACKED
from tests.support.fakes.world import FakePeople


def in_tables(epoch: Epoch) -> FakePeople:
    """Everything that the tables hold of an epoch, for comparison."""
    mine = f"{epoch}#"
    people = {row.person_id: from_row(row) for row in PersonRow.scan() if row.pk.startswith(mine)}
    found = FakePeople(
        people=people,
        identities={
            row.pk.removeprefix(mine): row.person for row in IdentityRow.scan() if row.pk.startswith(mine)
        },
        members={
            (row.pk.removeprefix(mine).rpartition("#")[0], row.sk): int(row.since)
            for row in MemberRow.scan()
            if row.pk.startswith(mine)
        },
    )
    for row in FeedRow.scan():
        if row.pk.startswith(mine) and row.kind not in (MARKER, CHARGE):
            at, key = row.at_and_key
            feed = found.feeds.setdefault(row.pk.removeprefix(mine), {})
            entry = BillingEvent(row.kind, key, at, row.content_json, _marker_of(row.kind, key))
            feed[entry.memory] = entry
    return found


def _marker_of(kind: str, key: str) -> str:
    """Under which marker such an entry is known."""
    if kind.startswith(TRACKED):
        return f"message#{key.removeprefix('tracked:')}"
    if kind in OF_VALUE:
        return f"{key.removesuffix(kind)}value"
    return key if kind == "charge_failed" else ""


def without_nothing(value: Any) -> Any:
    """Fields without a value are not stored."""
    if isinstance(value, dict):
        return {key: without_nothing(one) for key, one in value.items() if one is not None}
    return value
