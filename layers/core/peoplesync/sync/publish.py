"""Publish: what was written to people and feeds goes out on a bus, for others to act upon.

Told at least once, always under the same id. A write of which something could not be told is reported, and
comes again with all that followed it in its stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields import FIELD_TYPES
from peoplesync.domain.households import Known
from peoplesync.domain.outgoing import (
    EntryWritten,
    Outgoing,
    PersonWritten,
    Written,
    billing_event,
    is_silent,
    person_events,
)
from peoplesync.domain.people import Person, customer_identity
from peoplesync.sync.browse import iso, present, with_iso_instants
from peoplesync.sync.ports import Unavailable

VERSION: Final = 1
"""Of the outgoing events' schemas, docs/events: it rises when what is there changes or goes, not when
something is added."""


@dataclass(frozen=True)
class Announcement:
    """An event as the bus takes it; `detail` is plain JSON."""

    type: str
    detail: Mapping[str, Any]


class Connections(Protocol):
    def get_even_disconnected(self, name: str) -> Connection | None: ...


class People(Protocol):
    def read(
        self, epoch: Epoch, identities: Sequence[str], entries: Mapping[str, Sequence[BillingEvent]]
    ) -> Known:
        """The people found by `identities`, consistently. Raises Unavailable."""


class Bus(Protocol):
    def send(self, announcements: Sequence[Announcement]) -> Mapping[int, str]:
        """Sends all; the places of those that were not taken, each with the reason, free of personal data."""


@dataclass(frozen=True)
class Published:
    """How many events were `sent`, and the writes that were not told in full, each with the reason."""

    sent: int
    failed: Mapping[str, str]


@dataclass(frozen=True)
class Publisher:
    """The use case with what it needs. What `connections` answers must not be older than the call."""

    connections: Connections
    people: People
    bus: Bus

    def publish(self, writes: Mapping[str, Written]) -> Published:
        """Tells of the writes, given by the ids under which failures are reported."""
        failed: dict[str, str] = {}
        origins: list[str] = []
        announcements: list[Announcement] = []
        audible = {name: one for name, one in writes.items() if not is_silent(one)}
        for epoch, of_epoch in _by_epoch(audible).items():
            try:
                if not self._is_current(epoch):
                    continue
                owners = self._owners(epoch, of_epoch.values())
            except Unavailable as reason:
                failed |= dict.fromkeys(of_epoch, str(reason))
                continue
            for name, one in of_epoch.items():
                try:
                    told = [announcement(event) for event in _events(one, owners)]
                except Exception as fault:
                    failed[name] = type(fault).__name__
                    continue
                origins += [name] * len(told)
                announcements += told
        refused = self.bus.send(announcements) if announcements else {}
        failed |= {origins[place]: reason for place, reason in refused.items()}
        return Published(len(announcements) - len(refused), failed)

    def _is_current(self, epoch: Epoch) -> bool:
        """Whether it is the connection's; the rows of one that is over are only being cleared away."""
        connection = self.connections.get_even_disconnected(epoch.connection)
        return connection is not None and connection.epoch == epoch

    def _owners(self, epoch: Epoch, writes: Iterable[Written]) -> Mapping[str, Person]:
        """Whose the records are whose feeds have new entries; a record without a person is nobody's."""
        records = sorted({one.record for one in writes if isinstance(one, EntryWritten)})
        if not records:
            return {}
        known = self.people.read(epoch, [customer_identity(record) for record in records], {})
        owners = {record: known.identities.get(customer_identity(record)) for record in records}
        return {
            record: known.people[owner] for record, owner in owners.items() if owner and owner in known.people
        }


def announcement(event: Outgoing) -> Announcement:
    """An outgoing event as public JSON: instants are ISO 8601, amounts text in the major unit."""
    person = present(event.person)
    content = dict(event.content)
    match content:
        case {"fields": fields}:
            content["fields"] = {key: _shown(key, value) for key, value in fields.items()}
        case {"changes": changes}:
            content["changes"] = {
                key: {when: _shown(key, value) for when, value in change.items()}
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
            "person": {
                "id": person["id"],
                "email": person["email"],
                "customers": [one["id"] for one in person["customers"]],
            },
            **with_iso_instants(content),
        },
    )


def _events(written: Written, owners: Mapping[str, Person]) -> Iterator[Outgoing]:
    if isinstance(written, PersonWritten):
        yield from person_events(written)
    elif written.record in owners:
        yield billing_event(written, owners[written.record])


def _by_epoch(writes: Mapping[str, Written]) -> Mapping[Epoch, Mapping[str, Written]]:
    grouped: defaultdict[Epoch, dict[str, Written]] = defaultdict(dict)
    for name, one in writes.items():
        grouped[one.epoch][name] = one
    return grouped


def _shown(field: str, value: Any) -> Any:
    return iso(value) if FIELD_TYPES.get(field) == "instant" and value is not None else value
