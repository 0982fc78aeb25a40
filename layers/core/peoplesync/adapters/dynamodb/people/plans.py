"""Plans: what a write set changes in the tables, item by item."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model

from peoplesync.adapters.aws.erasure_keys import is_personal
from peoplesync.adapters.dynamodb.people.erasure_receipts import additions
from peoplesync.adapters.dynamodb.people.stored_people import snapshot_to_json, to_row
from peoplesync.adapters.dynamodb.tables import (
    CHARGE,
    MARKER,
    ConnectionRow,
    FeedRow,
    IdentityRow,
    MemberRow,
    PersonRow,
    ReceiptRow,
)
from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import ERASED, SHARED, Person
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.use_cases.erasing.receipt import removed_with
from peoplesync.use_cases.ports import TooLarge

MAX_ITEMS: Final = 100
"""What one transaction takes."""

MAX_PERSON_BYTES: Final = 300_000
"""Under DynamoDB's 400 KB, with room for keys and for what a fold adds."""

Operation = Literal["Put", "Delete", "Update", "ConditionCheck"]


@dataclass(frozen=True)
class Item:
    """One item's part in a transaction, as DynamoDB takes it."""

    operation: Operation
    request: Mapping[str, Any]

    @property
    def key(self) -> tuple[str, ...]:
        """The table and the key."""
        key = self.request.get("Key") or self.request["Item"]
        return self.request["TableName"], key["pk"]["S"], key.get("sk", {}).get("S", "")

    @property
    def bytes(self) -> int:
        """The size of what is put, near enough."""
        return sum(
            len(name) + len(next(iter(value.values())))
            for name, value in self.request.get("Item", {}).items()
            if not value.keys() & {"BOOL", "NULL"}
        )


@dataclass(frozen=True)
class Plan:
    """The items of a write set: all of them are written, or none. `alone` is what goes into no transaction
    with others: what moves records between people, shares an e-mail or erases."""

    items: tuple[Item, ...]
    alone: bool


def plan_of(
    epoch: Epoch,
    write_set: WriteSet,
    cause: str,
    now: int,
    expires_at: int,
    markers: Mapping[str, str],
) -> Plan:
    """What the write set changes. `markers` are those of whom it erases, and of those it claims, who must not
    have one. Raises TooLarge."""
    items = _Items(epoch, cause, now, expires_at)
    for person_id, after in write_set.after.items():
        items.change_person(write_set.before[person_id], after)
    items.change_identities(write_set, markers)
    items.change_memberships(write_set)
    for person in sorted(write_set.erasing):
        items.add_to_receipt(write_set, person)
    for record, event in write_set.entries:
        items.add_entry(record, event)
    for record, charge in write_set.charges:
        items.set_charge(record, charge)
    if write_set.only_with_definitions is not None:
        items.check_version(write_set.only_with_definitions)
    if len(items.all) > MAX_ITEMS:
        raise TooLarge(f"{len(items.all)} items in one transaction, {MAX_ITEMS} are allowed")
    alone = len(write_set.after) > 1 or bool(write_set.erased or write_set.shared or write_set.erasing)
    return Plan(tuple(items.all), alone)


@dataclass
class _Items:
    epoch: Epoch
    cause: str
    now: int
    expires_at: int
    all: list[Item] = field(default_factory=list)

    def change_person(self, before: Person | None, after: Person | None) -> None:
        unchanged = PersonRow.pk.does_not_exist() if before is None else PersonRow.version == before.version
        if after is not None:
            self._put(to_row(self.epoch, after, self.cause), unchanged)
            size = self.all[-1].bytes
            if size > MAX_PERSON_BYTES:
                raise TooLarge(f"person {after.id} would take {size} bytes, {MAX_PERSON_BYTES} are allowed")
        elif before is not None:
            self._delete(PersonRow(pk=PersonRow.key(self.epoch, before.id)), unchanged)

    def change_identities(self, write_set: WriteSet, markers: Mapping[str, str]) -> None:
        before = owners(write_set.before)
        after = owners(write_set.after) | dict.fromkeys(write_set.shared, SHARED)
        after |= dict.fromkeys(write_set.erased, ERASED)
        for identity in sorted(before.keys() | after.keys()):
            old, new = before.get(identity), after.get(identity)
            if old == new:
                continue
            unchanged = IdentityRow.pk.does_not_exist() if old is None else IdentityRow.person == old
            key = IdentityRow.key(self.epoch, identity)
            if new is None or (new == ERASED and is_personal(identity)):
                self._delete(IdentityRow(pk=key), unchanged)
            else:
                row = IdentityRow(pk=key, person=new, former=old if new == ERASED else None)
                self._put(row, unchanged)
            if identity in markers:
                self._mark(IdentityRow.key(self.epoch, markers[identity]), erased=new == ERASED)

    def _mark(self, key: str, *, erased: bool) -> None:
        """Remembers somebody as erased; or makes sure of whom an identity is given to that they are not."""
        if erased:
            self._put(IdentityRow(pk=key, person=ERASED))
        else:
            absent = IdentityRow.pk.does_not_exist()
            check = IdentityRow.get_operation_kwargs_from_class(key, condition=absent)
            self.all.append(Item("ConditionCheck", check))

    def change_memberships(self, write_set: WriteSet) -> None:
        before, after = _indexed(write_set.before), _indexed(write_set.after)
        for index, member in sorted(before.keys() | after.keys()):
            old, new = before.get((index, member)), after.get((index, member))
            if old == new:
                continue
            key = MemberRow.key(self.epoch, index, member)
            if new is None:
                self._delete(MemberRow(pk=key, sk=member))
            else:
                self._put(MemberRow(pk=key, sk=member, since=new))

    def add_to_receipt(self, write_set: WriteSet, person: str) -> None:
        receipt = ReceiptRow(ReceiptRow.key(self.epoch, person))
        actions: list[Action] = additions(removed_with(write_set, person, self.now))
        self.all.append(Item("Update", receipt.get_update_kwargs_from_instance(actions=actions)))

    def add_entry(self, record: str, event: BillingEvent) -> None:
        self._put_in_feed(record, event.entry, event.kind, event.content)
        if event.marker:
            self._put_in_feed(record, event.marker, MARKER, {})

    def _put_in_feed(self, record: str, sk: str, kind: str, content: Mapping[str, Any]) -> None:
        row = FeedRow(
            pk=FeedRow.key(self.epoch, record),
            sk=sk,
            kind=kind,
            content_json=content,
            cause=self.cause,
            written_at=self.now,
            expires_at=self.expires_at,
        )
        self._put(row, FeedRow.pk.does_not_exist())

    def set_charge(self, record: str, charge: Snapshot) -> None:
        """What a charge counts for. Nobody else has changed it since it was read, or the person is not as
        they were either."""
        row = FeedRow(
            pk=FeedRow.key(self.epoch, record),
            sk=FeedRow.charge_key(charge.content),
            kind=CHARGE,
            content_json=snapshot_to_json(charge),
            cause=self.cause,
            written_at=self.now,
        )
        self._put(row)

    def check_version(self, version: int) -> None:
        not_risen = ConnectionRow.definitions_version <= version
        check = ConnectionRow.get_operation_kwargs_from_class(self.epoch.connection, condition=not_risen)
        self.all.append(Item("ConditionCheck", check))

    def _put(self, row: Model, condition: Condition | None = None) -> None:
        self.all.append(Item("Put", row.get_save_kwargs_from_instance(condition=condition)))

    def _delete(self, row: Model, condition: Condition | None = None) -> None:
        self.all.append(Item("Delete", row.get_delete_kwargs_from_instance(condition=condition)))


def owners(people: Mapping[str, Person | None]) -> dict[str, str]:
    """Whose the identities of these people are."""
    return {identity: person.id for person in people.values() if person for identity in person.identities}


def _indexed(people: Mapping[str, Person | None]) -> dict[tuple[str, str], int]:
    return {key: since for person in people.values() if person for key, since in person.indexed_in.items()}
