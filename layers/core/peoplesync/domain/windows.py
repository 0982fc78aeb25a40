"""Windows: how one of Stripe's lists is shared out among several readers.

A list shows the newest first and is followed by a cursor, so one reader is bound to one page after the other.
But `created` never changes and can be asked for in ranges, which are read side by side. How an account's
objects are spread over the years nobody knows beforehand: so a window is divided when a reader has nothing to
do, where it has most left to read, and that again and again until there is nothing to divide.

A small account must not pay for this with calls that find nothing. A list is read by one reader until it has
proved long: by `SHORT` pages, or by a probe, a second reader that begins far away from the newest objects and
finds more than `PROOF_PAGES` pages there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from peoplesync.domain.stripe_objects.reading import UnreadableStripeObject, created_of, last_id

FIRST_CREATED: Final = 1_262_304_000
"""2010-01-01: before Stripe."""

SHORT: Final = 16
"""A list of so many pages is short: one reader has it in seconds."""

PROBE_DISTANCE: Final = 48
"""How many times the span of a page away the probe looks. Had the list so many pages, it would be long."""

PROOF_PAGES: Final = 2
"""A probe that finds more pages than these has proved it. One does not prove it: in an account that is
growing, the objects of a page or two are far away from all others."""

WORTH: Final = 3
"""A window with fewer pages left, by estimate, is not divided."""


@dataclass(frozen=True)
class Window:
    """The objects created from `gte` until before `lt`, newest first, of which those down to `cursor`
    (created at `cursor_at`) have been listed. `span` is how many seconds of `created` the last page covered;
    `version` counts how often the window was stored.
    """

    id: str
    gte: int
    lt: int
    cursor: str = ""
    cursor_at: int | None = None
    span: int | None = None
    pages: int = 0
    listed: int = 0
    done: bool = False
    version: int = 0

    @property
    def params(self) -> dict[str, object]:
        """The next page, in Stripe's parameters."""
        created = {"gte": self.gte, "lt": self.lt}
        return {"created": created, **({"starting_after": self.cursor} if self.cursor else {})}

    @property
    def pages_left(self) -> float:
        """A guess from the last page, as if all that remains were as dense; 0 before the first page."""
        if self.done or self.span is None or self.cursor_at is None:
            return 0
        return (self.cursor_at - self.gte) / max(1, self.span)

    def after(self, objects: Sequence[Any], has_more: bool) -> Window:
        """The window after one more page. What cannot be read on it does not count for where it goes on;
        raises `UnreadableStripeObject` where nothing can."""
        if not objects:
            return replace(self, pages=self.pages + 1, done=True)
        newest = self.lt if self.cursor_at is None else self.cursor_at
        oldest = next((at for one in reversed(objects) if (at := created_of(one)) is not None), newest)
        cursor = last_id(objects)
        if cursor is None and has_more:
            raise UnreadableStripeObject("list", "page", "data", "has no object with an id to go on after")
        return replace(
            self,
            cursor=cursor or self.cursor,
            cursor_at=oldest,
            span=newest - oldest,
            pages=self.pages + 1,
            listed=self.listed + len(objects),
            # Another reader may have taken over what is older while this page was on its way.
            done=not has_more or oldest < self.gte,
        )

    def without_cursor(self) -> Window:
        """The same, for when the object at the cursor was deleted: its second is listed once more."""
        if self.cursor_at is None:
            return replace(self, cursor="")
        return replace(self, cursor="", lt=min(self.lt, self.cursor_at + 1))

    def divided(self, at: int, new_id: str) -> tuple[Window, Window]:
        """The window from `at` on, and a new one with what is older."""
        return replace(self, gte=at), Window(new_id, self.gte, at)


@dataclass(frozen=True)
class Division:
    """What to do when a reader is free: read `window`; where it is new, `narrowed` gave it away."""

    window: Window
    narrowed: Window | None = None


def next_window(windows: Mapping[str, Window], taken: Collection[str], mark: str = "") -> Division | None:
    """What a free reader reads next; None where there is nothing (yet) that it could help with.

    `windows` are all of a list, by id; `taken` are the ids of those that other readers are reading. `mark`
    ends the ids of new ones, so that two tasks never give the same.
    """
    waiting = [one for one in windows.values() if not one.done and one.id not in taken]
    if is_long(windows.values()):
        if waiting:
            return Division(max(waiting, key=lambda one: (one.lt, one.id)))
        candidates = [one for one in windows.values() if one.pages_left >= WORTH]
        if not candidates:
            return None
        widest = max(candidates, key=lambda one: (one.pages_left, one.id))
        middle = widest.gte + ((widest.cursor_at or widest.lt) - widest.gte) // 2
        return _divided(windows, widest, middle, mark) if middle > widest.gte else None
    # The probe reads beside the one reader, which does not wait for it.
    if len(windows) == 1 and (at := _probe_at(windows[FIRST])) is not None:
        return _divided(windows, windows[FIRST], at, mark)
    if taken or not waiting:
        return None
    return Division(max(waiting, key=lambda one: (one.pages == 0, one.lt, one.id)))


def is_long(windows: Collection[Window]) -> bool:
    """Whether a list has proved to be worth several readers."""
    probe_found_more = any(one.pages >= PROOF_PAGES and not one.done for one in windows if one.id != FIRST)
    return probe_found_more or len(windows) > 2 or sum(one.pages for one in windows) >= SHORT


FIRST: Final = "1"
"""The id of the window that a list begins with; those that are divided off are numbered on."""


def _probe_at(only: Window) -> int | None:
    """Where the probe begins; None where the list has ended, shown nothing yet, or is far too sparse for
    one."""
    if only.done or only.cursor_at is None or only.span is None:
        return None
    at = only.cursor_at - PROBE_DISTANCE * max(1, only.span)
    return at if at > max(only.gte, FIRST_CREATED) else None


def _divided(windows: Mapping[str, Window], wide: Window, at: int, mark: str) -> Division:
    narrowed, new = wide.divided(at, f"{len(windows) + 1}{mark}")
    return Division(new, narrowed)
