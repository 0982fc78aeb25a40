"""Outgoing events: what a written person, or a new entry of a feed, is worth telling to others.

Everything is derived from one write alone, so that telling of it twice tells the same, under the same id.
Three things are silent: what an import brought, since nobody wants 10,000 welcome mails; a person who is
pending, since they are nobody yet; what belongs to an epoch that is over, since its people are only cleared
away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields import FieldValue
from peoplesync.domain.people import Person

PERSON_CREATED: Final = "Person Created"
PERSON_UPDATED: Final = "Person Updated"
PERSON_REMOVED: Final = "Person Removed"
SEGMENT_ENTERED: Final = "Segment Entered"
SEGMENT_LEFT: Final = "Segment Left"

SILENT_CAUSES: Final = frozenset({"import"})
"""Causes of writes of which nothing is told."""

OF_OURS: Final = frozenset({"customer_last_sync_at"})
"""Fields that tell when we did something: a change of theirs alone is no update."""

MOVED: Final = "moved"


@dataclass(frozen=True)
class PersonWritten:
    """A person was written: `before` and `after`, None where they were not there (any more).

    `cause` is the write's that led to `after`; of a removal, the last write's before it. `written_at` is the
    instant of the write.
    """

    epoch: Epoch
    before: Person | None
    after: Person | None
    cause: str
    written_at: int


@dataclass(frozen=True)
class EntryWritten:
    """A billing event was added to a record's feed at the instant `written_at`."""

    epoch: Epoch
    record: str
    event: BillingEvent
    cause: str
    written_at: int


Written = PersonWritten | EntryWritten


@dataclass(frozen=True)
class Outgoing:
    """One event to be told. `type` is EventBridge's detail-type, `content` what this type alone has; instants
    are Unix seconds."""

    type: str
    id: str
    epoch: Epoch
    cause: str
    occurred_at: int
    person: Person
    content: Mapping[str, Any] = field(default_factory=dict)


def billing_type(kind: str) -> str:
    """The detail-type of a kind of billing event: `Payment Failed` of `payment_failed`."""
    return " ".join(word.capitalize() for word in kind.split("_"))


def is_silent(written: Written) -> bool:
    """Whether nothing is told of it whatever it holds."""
    return written.cause in SILENT_CAUSES


def person_events(written: PersonWritten) -> Iterator[Outgoing]:
    """What happened to a person, then the segments they entered and left, each in order."""
    before, after = _public(written.before), _public(written.after)
    person = after or before
    if is_silent(written) or person is None:
        return
    if written.after is None:
        # No row is left that could say why. Within an epoch, only a move leaves a person empty.
        cause, occurred_at = MOVED, written.written_at
    else:
        cause, occurred_at = written.cause, written.after.evaluated_at
    version = max(one.version for one in (written.before, written.after) if one is not None)

    def told(type_: str, what: str, **content: Any) -> Outgoing:
        id_ = f"{written.epoch}:{person.id}:{version}:{what}"
        return Outgoing(type_, id_, written.epoch, cause, occurred_at, person, content)

    if before is None and after is not None:
        yield told(PERSON_CREATED, "created", fields=_values(after))
    elif before is not None and after is None:
        yield told(PERSON_REMOVED, "removed")
    elif before is not None and after is not None and (changes := _changes(before, after)):
        yield told(PERSON_UPDATED, "updated", changes=changes)
    were, are = (one.segments if one else {} for one in (before, after))
    for segment in sorted(are.keys() - were.keys()):
        yield told(SEGMENT_ENTERED, f"entered:{segment}", segment=segment)
    for segment in sorted(were.keys() - are.keys()):
        yield told(SEGMENT_LEFT, f"left:{segment}", segment=segment, entered_at=were[segment])


def billing_event(written: EntryWritten, person: Person) -> Outgoing:
    """The billing event, told of the person to whom the record belongs now. They may still be pending: what
    happened did happen, though of whom is only known by the customer's id."""
    event = written.event
    return Outgoing(
        type=billing_type(event.kind),
        id=f"{written.epoch}:{written.record}:{event.entry}",
        epoch=written.epoch,
        cause=written.cause,
        occurred_at=event.at,
        person=person,
        content={
            "kind": event.kind,
            "customer": written.record,
            "age_seconds": max(0, written.written_at - event.at),
            "event": event.content,
        },
    )


def _public(person: Person | None) -> Person | None:
    return None if person is None or person.pending else person


def _values(person: Person) -> dict[str, FieldValue]:
    return {key: value for key, value in person.fields.items() if value is not None}


def _changes(before: Person, after: Person) -> dict[str, dict[str, FieldValue]]:
    """The fields that changed with their old and new values, None for none; empty where it is no update."""
    old, new = _values(before), _values(after)
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    if not set(changed) - OF_OURS:
        return {}
    return {key: {"old": old.get(key), "new": new.get(key)} for key in changed}
