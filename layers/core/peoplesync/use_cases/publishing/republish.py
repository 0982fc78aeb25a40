"""Republish: what could not be published, or was too old, and was put aside is published after all.

Events keep their ids, so consumers can drop what they have seen. They come late, and after what
happened meanwhile; `occurred_at` says when it was.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import ERASED, record_identity
from peoplesync.domain.publishing import PersonWritten, Written
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.publishing.publish import Publisher


class Unreadable(Exception):
    """What was put aside is not what Lambda puts there; the text is the reason, free of personal data."""


@dataclass(frozen=True)
class FailedBatch:
    """Writes that were put aside together at one instant, under a `key`.

    `stream` is whose they are, people or feed; `first_at` and `last_at` are when the first and the last of
    them happened. `why` is Lambda's word for it, or that it is unreadable; then nothing more is known.
    """

    key: str
    put_aside_at: int
    why: str
    stream: str | None = None
    records: int = 0
    first_at: int | None = None
    last_at: int | None = None

    @property
    def id(self) -> str:
        """The part of the key that identifies it; the key ends with an instant and a random UUID."""
        return re.sub(r"^\d{4}-\d\d-\d\dT[\d.]+-", "", self.key.rpartition("/")[2])

    def described(self) -> dict[str, Any]:
        """As public JSON; without anything personal."""
        return {
            "id": self.id,
            "key": self.key,
            "stream": self.stream,
            "records": self.records,
            "put_aside_at": iso(self.put_aside_at),
            "first_at": None if self.first_at is None else iso(self.first_at),
            "last_at": None if self.last_at is None else iso(self.last_at),
            "why": self.why,
        }


class Streamed(Protocol):
    """What a batch holds, by sequence number: what was written, and why the rest cannot be read."""

    @property
    def writes(self) -> Mapping[str, Written]: ...

    @property
    def unread(self) -> Mapping[str, str]: ...


class Bucket(Protocol):
    def read(self, key: str) -> Streamed:
        """Raises Unreadable."""

    def delete(self, key: str) -> None: ...


@dataclass(frozen=True)
class Republished:
    """What became of a batch: how many `events` were published, and how many writes were not published in
    full, by the reason. Only where there are none of those it is gone from the bucket."""

    batch: FailedBatch
    events: int
    failed: Mapping[str, int]

    def described(self) -> dict[str, Any]:
        """As public JSON; without anything personal."""
        outcome = {"told": not self.failed, "events": self.events, "failed": dict(self.failed)}
        return self.batch.described() | outcome


@dataclass(frozen=True)
class Republisher:
    """The use case with what it needs."""

    bucket: Bucket
    publisher: Publisher

    def publish_again(self, batch: FailedBatch) -> Republished:
        """Publishes a batch, and deletes it if all of it could be. What is no longer to be published, since
        its epoch is over or who it is about was erased, is left out."""
        try:
            streamed = self.bucket.read(batch.key)
            writes = self._without_the_erased(streamed.writes)
        except (Unreadable, Unavailable) as reason:
            return Republished(batch, 0, {str(reason): max(1, batch.records)})
        published = self.publisher.publish(writes)
        failed = {**streamed.unread, **published.failed}
        if not failed:
            self.bucket.delete(batch.key)
        return Republished(batch, published.sent, Counter(failed.values()))

    def _without_the_erased(self, writes: Mapping[str, Written]) -> Mapping[str, Written]:
        """A write shows people as they were then. For those erased since, only their removal is published.
        Whose a feed's entry is, the publisher looks up itself. Raises Unavailable."""
        shown = {
            name: one
            for name, one in writes.items()
            if isinstance(one, PersonWritten) and one.after is not None
        }
        by_epoch: defaultdict[Epoch, set[str]] = defaultdict(set)
        for one in shown.values():
            by_epoch[one.epoch] |= _identities(one)
        erased: set[tuple[Epoch, str]] = set()
        for epoch, identities in by_epoch.items():
            owners = self.publisher.people.read(epoch, sorted(identities), {}).identities
            erased |= {(epoch, one) for one, owner in owners.items() if owner == ERASED}
        gone = {
            name for name, one in shown.items() if any((one.epoch, it) in erased for it in _identities(one))
        }
        return {name: one for name, one in writes.items() if name not in gone}


def _identities(written: PersonWritten) -> set[str]:
    """By which the person's records are found, before and after."""
    people = [one for one in (written.before, written.after) if one is not None]
    return {record_identity(record) for person in people for record in person.records}
