"""Publish: each write of a person or feed goes out on a bus as events, for others to act upon.

Each event goes out at least once, always under the same id. A write that could not be published in full is
reported, and comes again with all that followed it in its stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.built_in import FIELD_TYPES, FieldType
from peoplesync.domain.people.person import ERASED, Person, record_identity
from peoplesync.domain.people.write_set import LoadedState
from peoplesync.domain.publishing import (
    EntryWritten,
    Outgoing,
    PersonWritten,
    Written,
    entry_event,
    is_silent,
    person_events,
)
from peoplesync.domain.segments.definitions import Definitions
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.public_json import iso, present, with_iso_instants

VERSION: Final = 1
"""Of the outgoing events' schemas, docs/events: it rises when what is there changes or goes, not when
something is added."""

PUBLISHED_WITHIN: Final = 6 * 3_600
"""Seconds for which the streams' mappings hand on a write (template.yaml, MaximumRecordAgeInSeconds): what is
older goes to the bucket of what could not be published instead."""

KEPT_BY_STREAMS: Final = 24 * 3_600
"""Seconds after which DynamoDB's streams forget a write."""


Owners = Mapping[str, Person | str | None]
"""Whose each record is: a person's, nobody's, or `ERASED`."""


@dataclass(frozen=True)
class Announcement:
    """An event as the bus takes it; `detail` is plain JSON."""

    type: str
    detail: Mapping[str, Any]


class Connections(Protocol):
    def get_even_disconnected(self, name: str) -> Connection | None: ...

    def definitions(self, connection: Connection) -> Definitions:
        """Raises Unavailable."""


class People(Protocol):
    def read(
        self, epoch: Epoch, identities: Sequence[str], entries: Mapping[str, Sequence[BillingEvent]]
    ) -> LoadedState:
        """The people found by `identities`, consistently. Raises Unavailable."""


class Bus(Protocol):
    def send(self, announcements: Sequence[Announcement]) -> Mapping[int, str]:
        """Sends all; the places of those that were not taken, each with the reason, free of personal data."""


@dataclass(frozen=True)
class Published:
    """How many events were `sent`, and the writes that were not published in full, each with the reason."""

    sent: int
    failed: Mapping[str, str]


@dataclass(frozen=True)
class Publisher:
    """The use case with what it needs. What `connections` answers must not be older than the call."""

    connections: Connections
    people: People
    bus: Bus

    def publish(self, writes: Mapping[str, Written]) -> Published:
        """Publishes the writes, given by the ids under which failures are reported."""
        failed: dict[str, str] = {}
        origins: list[str] = []
        announcements: list[Announcement] = []
        audible = {name: one for name, one in writes.items() if not is_silent(one) or _is_removal(one)}
        for epoch, of_epoch in _by_epoch(audible).items():
            try:
                types = self._types(epoch)
                if types is None:
                    continue
                owners = self._owners(epoch, of_epoch.values())
            except Unavailable as reason:
                failed |= dict.fromkeys(of_epoch, str(reason))
                continue
            for name, one in of_epoch.items():
                try:
                    made = [announcement(event, types) for event in _events(one, owners)]
                except Exception as fault:
                    failed[name] = type(fault).__name__
                    continue
                origins += [name] * len(made)
                announcements += made
        refused = self.bus.send(announcements) if announcements else {}
        failed |= {origins[place]: reason for place, reason in refused.items()}
        return Published(len(announcements) - len(refused), failed)

    def _types(self, epoch: Epoch) -> Mapping[str, FieldType] | None:
        """The types of an epoch's fields, also of those that are disabled, since old values go out. None
        where the epoch is over: its rows are only being cleared away."""
        connection = self.connections.get_even_disconnected(epoch.connection)
        if connection is None or connection.epoch != epoch:
            return None
        return {one.key: one.type for one in self.connections.definitions(connection).fields}

    def _owners(self, epoch: Epoch, writes: Iterable[Written]) -> Owners:
        """Whose the records are whose feeds have new entries, or whose person was removed."""
        records = sorted({record for one in writes for record in _in_question(one)})
        if not records:
            return {}
        known = self.people.read(epoch, [record_identity(record) for record in records], {})
        owners = {record: known.identities.get(record_identity(record)) for record in records}
        return {
            record: ERASED if owner == ERASED else known.people.get(owner or "")
            for record, owner in owners.items()
        }


def announcement(event: Outgoing, types: Mapping[str, FieldType] = FIELD_TYPES) -> Announcement:
    """An outgoing event as public JSON: instants are ISO 8601, amounts text in the major unit. `types` are
    the fields'."""
    content = dict(event.content)
    match content:
        case {"fields": fields}:
            content["fields"] = {key: _shown(types.get(key), value) for key, value in fields.items()}
        case {"changes": changes}:
            content["changes"] = {
                key: {when: _shown(types.get(key), value) for when, value in change.items()}
                for key, change in changes.items()
            }
        case {"event": facts}:
            content["event"] = with_iso_instants(facts)
    return Announcement(
        event.type,
        {
            "version": VERSION,
            "id": event.id,
            "connection": event.epoch.connection,
            "cause": event.cause,
            "occurred_at": iso(event.occurred_at),
            "person": _who(event.person),
            **with_iso_instants(content),
        },
    )


def _who(person: Person) -> dict[str, Any]:
    customers = sorted(record.id for record in person.records.values() if not record.is_user)
    return {"id": person.id, "email": present(person)["email"], "customers": customers}


def _is_removal(written: Written) -> bool:
    return isinstance(written, PersonWritten) and written.after is None


def _in_question(written: Written) -> Collection[str]:
    """Records whose owner has to be looked up: whose an entry is; why a person was removed."""
    if isinstance(written, EntryWritten):
        return (written.record,)
    return written.before.records if _is_removal(written) and written.before else ()


def _events(written: Written, owners: Owners) -> Iterator[Outgoing]:
    if isinstance(written, PersonWritten):
        erased = any(owners.get(record) == ERASED for record in _in_question(written))
        yield from person_events(replace(written, erased=erased))
    elif isinstance(owner := owners.get(written.record), Person):
        yield entry_event(written, owner)


def _by_epoch(writes: Mapping[str, Written]) -> Mapping[Epoch, Mapping[str, Written]]:
    grouped: defaultdict[Epoch, dict[str, Written]] = defaultdict(dict)
    for name, one in writes.items():
        grouped[one.epoch][name] = one
    return grouped


def _shown(field_type: FieldType | None, value: Any) -> Any:
    return iso(value) if field_type == "instant" and value is not None else value
