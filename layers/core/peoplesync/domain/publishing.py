"""Outgoing events: what is published of a written person, or of a new entry of a feed.

Everything is derived from one write alone, so that publishing it twice gives the same events and ids.
Three things are silent: what an import brought, since nobody wants 10,000 welcome mails, unless it was asked
for; an unidentified person; what belongs to an epoch that is over, since its people are only cleared away.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.built_in import FieldValue
from peoplesync.domain.people.person import Person
from peoplesync.domain.records.activity import TRACKED, USER

PERSON_CREATED: Final = "Person Created"
PERSON_UPDATED: Final = "Person Updated"
PERSON_MERGED: Final = "Person Merged"
PERSON_REMOVED: Final = "Person Removed"
SEGMENT_ENTERED: Final = "Segment Entered"
SEGMENT_LEFT: Final = "Segment Left"
EVENT_TRACKED: Final = "Event Tracked"

IMPORT: Final = "import"
IMPORT_PUBLISHED: Final = "import_told"
"""What an import writes is silent. One that is to be published has a cause of its own, so that the streams'
filters can distinguish them; outside, both are an import."""

OF_IMPORTS: Final = frozenset({IMPORT, IMPORT_PUBLISHED})

SILENT_CAUSES: Final = frozenset({IMPORT})
"""Causes of writes that are not published."""

OF_OURS: Final = frozenset({"customer_last_sync_at"})
"""Fields that say when we did something: a change of these alone is not an update."""

MOVED: Final = "moved"
ERASED: Final = "erased"
"""Why a person is removed."""


@dataclass(frozen=True)
class PersonWritten:
    """A person was written: `before` and `after`, None where they did not exist before, or after.

    `cause` is the write's that led to `after`; of a removal, the last write's before it. `written_at` is the
    instant of the write. `erased` says that nothing of them is to be kept.
    """

    epoch: Epoch
    before: Person | None
    after: Person | None
    cause: str
    written_at: int
    erased: bool = False


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
    """One event to publish. `type` is EventBridge's detail-type, `cause` is as others know it, `content` is
    what this type alone has; instants are Unix seconds."""

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
    """Whether it is not published whatever it holds. That somebody was erased is published in any case."""
    return written.cause in SILENT_CAUSES and not (isinstance(written, PersonWritten) and written.erased)


def public_cause(cause: str) -> str:
    """A write's cause as others know it."""
    return IMPORT if cause in OF_IMPORTS else cause


def person_events(written: PersonWritten) -> Iterator[Outgoing]:
    """What happened to a person, whom they absorbed, and the segments they entered and left, in order."""
    before, after = _public(written.before), _public(written.after)
    person = after or before
    if is_silent(written) or person is None:
        return
    if written.after is None:
        # No row is left that could say why. But for erasure, only a move leaves a person of an epoch empty.
        cause, occurred_at = ERASED if written.erased else MOVED, written.written_at
    else:
        cause, occurred_at = public_cause(written.cause), written.after.evaluated_at
    version = max(one.version for one in (written.before, written.after) if one is not None)

    def outgoing(type_: str, what: str, **content: Any) -> Outgoing:
        id_ = f"{written.epoch}:{person.id}:{version}:{what}"
        return Outgoing(type_, id_, written.epoch, cause, occurred_at, person, content)

    if before is None and after is not None:
        yield outgoing(PERSON_CREATED, "created", fields=_values(after))
    elif before is not None and after is None:
        yield outgoing(PERSON_REMOVED, "removed")
    elif before is not None and after is not None and (changes := _changes(before, after)):
        yield outgoing(PERSON_UPDATED, "updated", changes=changes)
    absorbed = _absorbed(before, after)
    if absorbed:
        yield outgoing(PERSON_MERGED, "merged", merged=absorbed)
    were, are = (one.segments if one else {} for one in (before, after))
    for segment in sorted(are.keys() - were.keys()):
        yield outgoing(SEGMENT_ENTERED, f"entered:{segment}", segment=segment)
    for segment in sorted(were.keys() - are.keys()):
        yield outgoing(SEGMENT_LEFT, f"left:{segment}", segment=segment, entered_at=were[segment])


def entry_event(written: EntryWritten, person: Person) -> Outgoing:
    """The billing event, or what a user of the app did, for the person to whom the record belongs now.
    They may still be unidentified: what happened did happen, though to whom is only known by a record's id.
    """
    event = written.event
    age_seconds = max(0, written.written_at - event.at)
    content: dict[str, Any]
    if event.kind.startswith(TRACKED):
        type_ = EVENT_TRACKED
        content = {
            "name": event.content["event"],
            "user": written.record.removeprefix(USER),
            "age_seconds": age_seconds,
            "properties": event.content["properties"],
        }
    else:
        type_ = billing_type(event.kind)
        content = {
            "kind": event.kind,
            "customer": written.record,
            "age_seconds": age_seconds,
            "event": event.content,
        }
    return Outgoing(
        type=type_,
        id=f"{written.epoch}:{written.record}:{event.entry}",
        epoch=written.epoch,
        cause=public_cause(written.cause),
        occurred_at=event.at,
        person=person,
        content=content,
    )


def _public(person: Person | None) -> Person | None:
    return None if person is None or person.unidentified else person


def _absorbed(before: Person | None, after: Person | None) -> list[str]:
    """Whom the person absorbed in this write. A later write of the same that says so again adds nothing."""
    if after is None or (before is not None and before.absorbed == after.absorbed):
        return []
    return sorted(after.absorbed)


def _values(person: Person) -> dict[str, FieldValue]:
    return {key: value for key, value in person.fields.items() if value is not None}


def _changes(before: Person, after: Person) -> dict[str, dict[str, FieldValue]]:
    """The fields that changed with their old and new values, None for none; empty where it is not an
    update."""
    old, new = _values(before), _values(after)
    changed = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    if not set(changed) - OF_OURS:
        return {}
    return {key: {"old": old.get(key), "new": new.get(key)} for key in changed}
