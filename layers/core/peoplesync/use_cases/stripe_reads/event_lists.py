"""Stripe's events of a slice of time, without missing one of them.

Stripe lists the newest first, some types at a time. A slice is read whole or not at all: only then is it
known that nothing before its end is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

from peoplesync.domain.catalogue import EVENT_TYPES as CATALOGUE_EVENT_TYPES
from peoplesync.domain.catalogue import read_catalogue_change
from peoplesync.domain.records.changes import EVENT_TYPES, read_change
from peoplesync.domain.stripe_objects import UnreadableStripeObject, read_event, slim
from peoplesync.domain.stripe_objects.reading import created_of, last_id
from peoplesync.use_cases.ports import CursorGone, KeyRefused, Lists, Page, RateLimited, Unavailable
from peoplesync.use_cases.stripe_reads.relevance import no_use

Json = Mapping[str, Any]

NO_CURSOR: Final = "Stripe's list of {} shows no object with an id, and cannot be read on"

PAGE: Final = 100
TYPES_A_REQUEST: Final = 20
"""How many event types Stripe takes in one request."""

PAGES_A_SLICE: Final = 10
"""Pages of one list after which a slice is too long: it is held in memory until it is complete."""


PAUSES: Final = (0.5, 2.0)
LONGEST_PAUSE: Final = 5.0
"""Seconds to wait before a page is asked for again: what fails now and then must not stop a whole turn."""


class SliceTooLarge(Exception):
    """There is more in the slice than may be held; one of `length` seconds would do."""

    def __init__(self, length: int) -> None:
        super().__init__(f"too many events for one slice; {length} s would do")
        self.length = length


class WrongMode(Exception):
    """The events are of the other mode than the connection: its key was replaced a moment ago."""


@dataclass(frozen=True)
class EventSlice:
    """The events of a slice that are of use, slimmed; the `unreadable` of them, with what is wrong, are for
    the worker to dead-letter. `listed` counts all that Stripe listed, in how many `pages`, as it knew them at
    `as_of`."""

    events: tuple[Json, ...]
    listed: int
    pages: int
    as_of: int
    unreadable: tuple[UnreadableStripeObject, ...] = ()


@dataclass(frozen=True)
class Patient:
    """Lists that are asked for a page up to three times. `sleep` waits so many seconds."""

    lists: Lists
    sleep: Callable[[float], None]

    def page(self, connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        for pause in PAUSES:
            try:
                return self.lists.page(connection, resource, params)
            except (KeyRefused, CursorGone):
                raise
            except RateLimited as limit:
                self.sleep(min(limit.retry_after or pause, LONGEST_PAUSE))
            except Unavailable:
                self.sleep(pause)
        return self.lists.page(connection, resource, params)


def type_lists() -> list[list[str]]:
    """The event types that are of use, as many together as Stripe takes."""
    types = sorted(EVENT_TYPES | CATALOGUE_EVENT_TYPES)
    return [types[start : start + TYPES_A_REQUEST] for start in range(0, len(types), TYPES_A_REQUEST)]


def events_between(lists: Lists, connection: str, livemode: bool, since: int, until: int) -> EventSlice:
    """The events created from `since` on and before `until`. Raises `SliceTooLarge`, `WrongMode`,
    `Unavailable` or `NotPermitted`."""
    events: list[Json] = []
    unreadable: list[UnreadableStripeObject] = []
    listed = pages = 0
    known_at: list[int] = []
    for types in type_lists():
        for page in _pages(lists, connection, types, since, until):
            if any(_is_of_mode(event, not livemode) for event in page.objects):
                raise WrongMode
            wanted = [slim(event) for event in page.objects if no_use(event) is None]
            unreadable += (problem for event in wanted if (problem := _problem(event)) is not None)
            events += wanted
            listed += len(page.objects)
            pages += 1
            known_at.append(page.as_of)
    return EventSlice(tuple(events), listed, pages, min(known_at), tuple(unreadable))


def _is_of_mode(event: Any, livemode: bool) -> bool:
    return isinstance(event, Mapping) and event.get("livemode") is livemode


def _problem(value: Any) -> UnreadableStripeObject | None:
    """What the worker will report of an event that it cannot read."""
    try:
        event = read_event(value)
        if event.type in EVENT_TYPES:
            read_change(event)
        elif event.type in CATALOGUE_EVENT_TYPES:
            read_catalogue_change(event)
    except UnreadableStripeObject as problem:
        return problem
    return None


def _pages(lists: Lists, connection: str, types: list[str], since: int, until: int) -> Iterator[Page]:
    params: dict[str, Any] = {"limit": PAGE, "created": {"gte": since, "lt": until}, "types": types}
    for number in count(1):
        page = lists.page(connection, "events", params)
        yield page
        if not page.has_more or not page.objects:
            return
        oldest = next((at for one in reversed(page.objects) if (at := created_of(one)) is not None), since)
        if number == PAGES_A_SLICE and until - since > 1:
            # So much happened since then: half of that time is a slice that is half full.
            raise SliceTooLarge(max(1, (until - max(since, oldest)) // 2))
        last = last_id(page.objects)
        if last is None:
            raise Unavailable(NO_CURSOR.format("events"))
        params = {**params, "starting_after": last}
