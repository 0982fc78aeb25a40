"""The state of one Stripe account in one mode: its objects as they are now, and the events that showed them.

What was put here lies over what the population holds, which is generated when it is asked for. An object that
was put or is in an event is never changed in place afterwards: what becomes of it is a new object with the
same id.
"""

# ruff: noqa: A002 - the parameters are Stripe's own names

from __future__ import annotations

import hashlib
import itertools
import threading
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.account.showing import is_hidden_customer, plain
from peoplesync_local.stripe_simulator.objects.events import event, previous_attributes
from peoplesync_local.stripe_simulator.objects.shapes import DAY, MODERN, StripeObject

Position = tuple[int, str]
"""Where a list shows an object: `(created, id)`. Both never change."""

EVENTS_ARE_KEPT = 30 * DAY
TIED_WITHIN = 4
"""Seconds whose events share one `created` while the account ties them."""

_LAST = (1 << 62, "")
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHUNK = 128


class Population(Protocol):
    """Existing customers; see `population`."""

    @property
    def now(self) -> int: ...

    def get(self, kind: str, id: str) -> StripeObject | None: ...

    def newest_first(
        self, kind: str, before: Position | None = None, gte: int | None = None, lt: int | None = None
    ) -> Iterator[StripeObject]: ...

    def oldest_first(
        self, kind: str, after: Position | None = None, gte: int | None = None, lt: int | None = None
    ) -> Iterator[StripeObject]: ...

    def subscriptions_of(self, customer_id: str) -> list[StripeObject]: ...

    def due(self, after: int, until: int) -> Iterator[tuple[int, str]]: ...

    def waiting(self) -> Iterable[StripeObject]: ...


class Account:
    """Hold `lock` to change several things together. The same `seed` gives the same ids in the
    same order. While `tied`, events of a few seconds share one `created`, as at Stripe at a sign-up."""

    def __init__(self, clock: SimulatedClock, *, livemode: bool = False, seed: int = 0) -> None:
        self.clock = clock
        self.livemode = livemode
        self.seed = seed
        self.tied = False
        self.lock = threading.RLock()
        self._objects: defaultdict[str, dict[str, StripeObject]] = defaultdict(dict)
        self._positions: defaultdict[str, list[Position]] = defaultdict(list)
        self._of_customers: defaultdict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        self._gone: dict[tuple[str, str], Position] = {}
        self._numbers: Counter[str] = Counter()
        self.population: Population | None = None
        self._listeners: list[Callable[[StripeObject], None]] = []

    def new_id(self, prefix: str) -> str:
        """The next id of a kind: `cus_` and 14 characters; later ones sort after earlier ones."""
        prefix = prefix.removesuffix("_")
        with self.lock:
            self._numbers[prefix] += 1
            number = self._numbers[prefix]
        digest = hashlib.blake2b(f"{self.seed}:{self.livemode}:{prefix}:{number}".encode(), digest_size=8)
        return f"{prefix}_{_base62(number, 5)}{_base62(int.from_bytes(digest.digest()), 9)}"

    def get(self, kind: str, id: str) -> StripeObject | None:
        """The object now, with its includable keys. A deleted one is only `{"id", "object", "deleted"}`."""
        held = self._objects[kind].get(id)
        if held is None and self.population is not None:
            return self.population.get(kind, id)
        return held

    def held(self) -> int:
        """How many objects were put, deleted ones included."""
        with self.lock:
            return sum(map(len, self._objects.values()))

    def put(self, shown: StripeObject) -> None:
        """Keep the object as it is now, without an event."""
        kind, shown_id = shown["object"], shown["id"]
        with self.lock:
            shown = self._with_account(shown)
            if shown.get("deleted"):
                self._remove(kind, shown_id)
                return
            before = self._objects[kind].get(shown_id)
            position = position_of(shown)
            if before is None or before.get("deleted") or position_of(before) != position:
                if before is not None and not before.get("deleted"):
                    self._forget_position(kind, position_of(before))
                insort(self._positions[kind], position)
            self._objects[kind][shown_id] = shown
            if isinstance(customer := shown.get("customer"), str):
                self._of_customers[kind, customer][shown_id] = None

    def happens(self, type: str, shown: StripeObject, at: int) -> StripeObject:
        """Record an event of this type at `at`, which shows the object as it is now (`shown`); the object.

        Only `*.updated` says what was before. After `customer.deleted`, `product.deleted` and the like, which
        show the object as it was, only a stub remains. An object without id is in the event, and not kept."""
        with self.lock:
            shown = self._with_account(shown)
            kind, shown_id = shown["object"], shown.get("id")
            previous = None
            if shown_id is not None:
                before = self.get(kind, shown_id) if type.endswith(".updated") else None
                previous = before and previous_attributes(plain(before), plain(shown))
                if type == f"{kind}.deleted":
                    self._remove(kind, shown_id, shown)
                else:
                    self.put(shown)
            if is_hidden_customer(shown):
                return shown
            recorded = event(
                type,
                {},
                id=self.new_id("evt"),
                created=at - at % TIED_WITHIN if self.tied else at,
                previous=previous,
                livemode=self.livemode,
                api_version=MODERN,
            )
            recorded["data"]["object"] = plain(shown)  # never changed in place, so no copy
            recorded["pending_webhooks"] = 0  # the sender knows the endpoints it is for
            self.put(recorded)
            self._drop_old_events()
            for listener in self._listeners:
                listener(recorded)
        return shown

    def listen(self, listener: Callable[[StripeObject], None]) -> None:
        """Get each event as it happens, with the account's lock held."""
        self._listeners.append(listener)

    def populate(self, population: Population) -> None:
        """Take a population instead of the one before; what was put stays over it."""
        with self.lock:
            self.population = population

    def position(self, kind: str, id: str) -> Position | None:
        """Where lists show the object, or showed it before it was deleted."""
        held = self.get(kind, id)
        if held is None:
            return None
        return self._gone.get((kind, id)) if held.get("deleted") else position_of(held)

    def newest_first(
        self, kind: str, *, before: Position | None = None, gte: int | None = None, lt: int | None = None
    ) -> Iterator[StripeObject]:
        """Those of a kind that are not deleted, by `(created, id)` descending, strictly before a position
        and with `gte <= created < lt`."""
        put = self._put_newest_first(kind, _end(before, lt), (gte or 0, ""))
        if self.population is None:
            return put
        there = self.population.newest_first(kind, before, gte, lt)
        return merged(put, self._not_put(kind, there), newest_first=True)

    def oldest_first(
        self, kind: str, *, after: Position | None = None, gte: int | None = None, lt: int | None = None
    ) -> Iterator[StripeObject]:
        """As `newest_first`, ascending, strictly after a position."""
        start = max((gte or 0, ""), (after[0], after[1] + "\0") if after else (0, ""))
        put = self._put_oldest_first(kind, start, _end(None, lt))
        if self.population is None:
            return put
        there = self.population.oldest_first(kind, after, gte, lt)
        return merged(put, self._not_put(kind, there), newest_first=False)

    def of_customer(
        self,
        kind: str,
        customer: str,
        *,
        before: Position | None = None,
        gte: int | None = None,
        lt: int | None = None,
    ) -> Iterator[StripeObject]:
        """As `newest_first`, those of one customer only; quick where it has to be, for subscriptions."""
        with self.lock:
            ids = list(self._of_customers.get((kind, customer), ()))
        end, start = _end(before, lt), (gte or 0, "")
        held = [shown for shown in (self.get(kind, one) for one in ids) if shown and not shown.get("deleted")]
        found = [shown for shown in held if start <= position_of(shown) < end]
        put = iter(sorted(found, key=position_of, reverse=True))
        if self.population is None:
            return put
        if kind == "subscription":
            there = (
                shown
                for shown in sorted(self.population.subscriptions_of(customer), key=position_of, reverse=True)
                if start <= position_of(shown) < end
            )
        else:
            everybodys = self.population.newest_first(kind, before, gte, lt)
            there = (shown for shown in everybodys if shown.get("customer") == customer)
        return merged(put, self._not_put(kind, there), newest_first=True)

    def _put_newest_first(self, kind: str, end: Position, start: Position) -> Iterator[StripeObject]:
        positions, objects = self._positions[kind], self._objects[kind]
        while True:
            # In chunks: neither is a long list copied for a short page, nor does a change disturb a walk.
            with self.lock:
                last = bisect_left(positions, end)
                first = max(bisect_left(positions, start), last - _CHUNK)
                chunk = [(position, objects[position[1]]) for position in positions[first:last]]
            if not chunk:
                return
            end = chunk[0][0]
            yield from (shown for _, shown in reversed(chunk))

    def _put_oldest_first(self, kind: str, start: Position, end: Position) -> Iterator[StripeObject]:
        positions, objects = self._positions[kind], self._objects[kind]
        while True:
            with self.lock:
                first = bisect_left(positions, start)
                last = min(bisect_left(positions, end), first + _CHUNK)
                chunk = [(position, objects[position[1]]) for position in positions[first:last]]
            if not chunk:
                return
            created, last_id = chunk[-1][0]
            start = (created, last_id + "\0")
            yield from (shown for _, shown in chunk)

    def _not_put(self, kind: str, population: Iterator[StripeObject]) -> Iterator[StripeObject]:
        objects = self._objects[kind]
        return (shown for shown in population if shown["id"] not in objects)

    def _with_account(self, shown: StripeObject) -> StripeObject:
        """The object with the account (v2) of its customer, if that has one."""
        if "customer_account" not in shown or not isinstance(owner := shown.get("customer"), str):
            return shown
        account = (self.get("customer", owner) or {}).get("customer_account")
        return shown | {"customer_account": account} if account else shown

    def _remove(self, kind: str, id: str, shown: StripeObject | None = None) -> None:
        before = self.get(kind, id) or shown
        if before is not None and not before.get("deleted"):
            self._gone[kind, id] = position_of(before)
            self._forget_position(kind, position_of(before))
        self._objects[kind][id] = {"id": id, "object": kind, "deleted": True}

    def _forget_position(self, kind: str, position: Position) -> None:
        positions = self._positions[kind]
        place = bisect_left(positions, position)
        if place < len(positions) and positions[place] == position:
            del positions[place]

    def _drop_old_events(self) -> None:
        """Those that Stripe no longer shows, a thousand at a time: each drop moves all that follow."""
        positions = self._positions["event"]
        oldest = self.clock.now() - EVENTS_ARE_KEPT
        if len(positions) > 1000 and positions[1000][0] < oldest:
            old = bisect_right(positions, (oldest, ""))
            for _, event_id in itertools.islice(positions, old):
                del self._objects["event"][event_id]
            del positions[:old]


def position_of(shown: StripeObject) -> Position:
    """The object's place in lists; a discount begins at its `start`."""
    return (int(shown.get("created", shown.get("start", 0)) or 0), shown["id"])


def _end(before: Position | None, lt: int | None) -> Position:
    return min(before or _LAST, (lt, "") if lt is not None else _LAST)


def merged(
    one: Iterator[StripeObject], other: Iterator[StripeObject], *, newest_first: bool
) -> Iterator[StripeObject]:
    """Two sorted walks as one."""
    left, right = next(one, None), next(other, None)
    while left is not None and right is not None:
        if (position_of(left) > position_of(right)) == newest_first:
            yield left
            left = next(one, None)
        else:
            yield right
            right = next(other, None)
    if left is not None:
        yield left
        yield from one
    if right is not None:
        yield right
        yield from other


def _base62(number: int, digits: int) -> str:
    shown = ""
    for _ in range(digits):
        number, digit = divmod(number, 62)
        shown = _DIGITS[digit] + shown
    return shown
