"""Existing customers: as many as wanted, lifelike, and generated on demand.

Nothing is kept of them. What a customer is follows from the seed and its number; when it signed up and when
it is billed are functions of the number that can be turned round, so that lists of everything start anywhere.
"""

from __future__ import annotations

import itertools
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator

from peoplesync_local.stripe_simulator.account.account import Position, merged, position_of
from peoplesync_local.stripe_simulator.account.timetable import INCOMPLETE_FOR, REMINDED_BEFORE
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject
from peoplesync_local.stripe_simulator.population import points
from peoplesync_local.stripe_simulator.population.calendar import Calendar, since
from peoplesync_local.stripe_simulator.population.cast import Cast, members_of
from peoplesync_local.stripe_simulator.population.catalogue import Offers
from peoplesync_local.stripe_simulator.population.events import Events
from peoplesync_local.stripe_simulator.population.ids import (
    MOST,
    SERIES,
    number_in,
    of_subscription,
    value_of,
)
from peoplesync_local.stripe_simulator.population.lives import RETRIES_AT, Draw, Life
from peoplesync_local.stripe_simulator.population.objects import (
    Objects,
    is_discounted,
    latest_invoice,
    period,
)
from peoplesync_local.stripe_simulator.population.payments import InvoicesAndCharges, begins
from peoplesync_local.stripe_simulator.population.points import Happening, Point, Walk

EVENTS_OF = 30 * DAY
_CHARGED = (points.PAYS_FIRST, points.PAYS_AFTER_TRIAL, points.IS_COLLECTED, *points.RETRIES)
_INVOICED = (points.SUBSCRIBES, points.TRIAL_ENDS, points.RENEWS)
_CREATED_AT: dict[str, tuple[Point, ...]] = {
    "subscription": (points.SUBSCRIBES,),
    "invoice": _INVOICED,
    "charge": _CHARGED,
    "event": points.POINTS,
}


class Population:
    """`size` customers as they were at `now` (Unix seconds). The same seed makes the same ones; `skew` says
    when they signed up: `growing` or `even` over three years, `recent` (most within two days), `old` (most in
    the first month of five years). Invoices and charges go back to the begin, events 30 days."""

    def __init__(
        self, size: int, seed: int, now: int, *, livemode: bool = False, skew: str = "growing"
    ) -> None:
        if not 0 <= size <= MOST:
            raise ValueError(f"a population has at most {MOST} customers, not {size}")
        self.size, self.now = size, now
        self._cast = Cast(members_of(size), seed, since(skew, now), now, livemode=livemode)
        self._generated = size - self._cast.customers
        self._calendar = calendar = Calendar(self._generated, now, skew)
        offers = Offers(calendar.since, livemode=livemode)
        self._fixed = {shown["id"]: shown for shown in (*offers.products, *offers.prices, *offers.coupons)}
        self._walk = walk = Walk(b"%d" % seed, calendar, offers)
        self._objects = Objects(offers, livemode=livemode)
        self._payments = InvoicesAndCharges(self._objects, livemode=livemode)
        self._events = Events(walk, calendar, self._objects, self._payments, livemode=livemode)
        self._made_by_id: dict[str, Callable[[Draw, str], StripeObject | None]] = {
            "customer": self._customer_by_id,
            "subscription": self._subscription_by_id,
            "discount": self._discount_by_id,
            "invoice": self._invoice_by_id,
            "charge": self._charge_by_id,
            "event": self._event_by_id,
        }
        self._due: tuple[array[int], array[int]] | None = None

    @property
    def made(self) -> int:
        """How many subscriptions' lives were looked at so far."""
        return self._walk.made

    def get(self, kind: str, id: str) -> StripeObject | None:  # noqa: A002 - Stripe's name
        """The object with this id; None if there is none."""
        fixed = self._fixed.get(id)
        if fixed is not None:
            return fixed if fixed["object"] == kind else None
        if (played := self._cast.get(kind, id)) is not None:
            return played
        named, make = number_in(id), self._made_by_id.get(kind)
        if named is None or make is None or named[0] >= self._generated:
            return None
        shown = make(self._walk.draw(named[0]), named[1])
        return shown if shown is not None and shown["id"] == id else None

    def newest_first(
        self, kind: str, before: Position | None = None, gte: int | None = None, lt: int | None = None
    ) -> Iterator[StripeObject]:
        """Those of a kind by `(created, id)` descending, strictly before a position, `gte <= created <
        lt`."""
        end = self.now if lt is None else min(self.now, lt - 1)
        if before is not None:
            end = min(end, before[0])
        walk = self._sorted(kind, gte or 0, end, newest_first=True)
        if before is not None:
            walk = itertools.dropwhile(lambda shown: position_of(shown) >= before, walk)
        return merged(walk, self._cast.newest_first(kind, before, gte, lt), newest_first=True)

    def oldest_first(
        self, kind: str, after: Position | None = None, gte: int | None = None, lt: int | None = None
    ) -> Iterator[StripeObject]:
        """As `newest_first`, ascending, strictly after a position."""
        end = self.now if lt is None else min(self.now, lt - 1)
        walk = self._sorted(kind, max(gte or 0, after[0] if after else 0), end, newest_first=False)
        if after is not None:
            walk = itertools.dropwhile(lambda shown: position_of(shown) <= after, walk)
        return merged(walk, self._cast.oldest_first(kind, after, gte, lt), newest_first=False)

    def subscriptions_of(self, customer_id: str) -> list[StripeObject]:
        """The customer's subscriptions."""
        if played := list(self._cast.account.of_customer("subscription", customer_id)):
            return played
        named = number_in(customer_id)
        if named is None or self.get("customer", customer_id) is None:
            return []
        return [
            self._objects.subscription(life, self.now) for life in self._walk.lives(self._walk.draw(named[0]))
        ]

    def due(self, after: int, until: int) -> Iterator[tuple[int, str]]:
        """What is due first for each subscription by the clock - its period's or trial's end, a reminder, a
        retry - as instant and subscription's id, in order of time, with `after < instant <= until`; the cast
        is `waiting`. The first call looks at everybody, and keeps two numbers for each."""
        if self._due is None:
            found = sorted(self._all_due())
            self._due = array("q", (at for at, _ in found)), array("q", (which for _, which in found))
        instants, whose = self._due
        for place in range(bisect_right(instants, after), bisect_right(instants, until)):
            number, series = divmod(whose[place], 2)
            yield instants[place], of_subscription("sub", self._walk.draw(number), series)

    def waiting(self) -> Iterator[StripeObject]:
        """What of the cast something may become of by the clock."""
        return self._cast.waiting()

    def _all_due(self) -> Iterator[tuple[int, int]]:
        for number in range(self._generated):
            for life in self._walk.lives(self._walk.draw(number)):
                instants = [at for at in self._next(life) if at > self.now]
                if instants:
                    yield min(instants), number * 2 + life.series

    def _next(self, life: Life) -> Iterator[int]:
        """When something is due for a subscription, of which some may have passed."""
        now, status = self.now, life.status(self.now)
        if status == "incomplete":
            yield life.created + INCOMPLETE_FOR
        if status not in ("trialing", "active", "past_due", "unpaid"):
            return
        yield period(life, now)[1]
        if status == "trialing" and life.trial_end is not None:
            yield life.trial_end - REMINDED_BEFORE
        if life.discount_end is not None and is_discounted(life, now):
            yield life.discount_end
        if status != "unpaid":
            begun = begins(life, latest_invoice(life, now))
            yield from (begun + wait for wait in (RETRIES_AT if status == "past_due" else RETRIES_AT[:1]))

    def _sorted(self, kind: str, start: int, end: int, *, newest_first: bool) -> Iterator[StripeObject]:
        start = max(start, self._calendar.since)
        if kind in ("product", "price", "coupon"):
            there = [shown for shown in self._fixed.values() if shown["object"] == kind]
            there = [shown for shown in there if start <= shown["created"] <= end]
            return iter(sorted(there, key=position_of, reverse=newest_first))
        if kind == "customer":
            return self._customers(start, end, newest_first)
        if kind not in _CREATED_AT:
            return iter(())
        if kind == "event":
            start = max(start, self.now - EVENTS_OF)
        happened = self._walk.happened(_CREATED_AT[kind], start, end, newest_first=newest_first)
        return self._created(kind, happened, newest_first)

    def _customers(self, start: int, end: int, newest_first: bool) -> Iterator[StripeObject]:
        numbers = range(self._generated)
        created = self._calendar.created
        numbers = numbers[bisect_left(numbers, start, key=created) : bisect_right(numbers, end, key=created)]
        for number in reversed(numbers) if newest_first else numbers:
            yield self._customer(self._walk.draw(number))

    def _created(
        self, kind: str, happened: Iterator[Happening], newest_first: bool
    ) -> Iterator[StripeObject]:
        """What was created when these things happened; those of one second in the order of their ids."""
        for _, together in itertools.groupby(happened, key=lambda happening: happening.at):
            found = [shown for happening in together for shown in self._made(kind, happening)]
            yield from sorted(found, key=lambda shown: shown["id"], reverse=newest_first)

    def _made(self, kind: str, happening: Happening) -> list[StripeObject]:
        if kind == "event":
            return self._events.of(happening)
        life = self._walk.life(self._walk.draw(happening.number), happening.series)
        if kind == "subscription":
            return [self._objects.subscription(life, self.now)]
        number = _invoice_number(happening)
        if kind == "charge":
            return [self._payments.charge(life, number, _attempt(happening.point))]
        was_made = life.stops_at() != begins(life, number) or number == 0
        return [self._payments.invoice(life, number, self.now)] if was_made else []

    def _customer(self, draw: Draw) -> StripeObject:
        created = self._calendar.created(draw.number)
        return self._objects.customer(draw, created, self._walk.lives(draw), self.now)

    def _life(self, draw: Draw, rest: str) -> Life | None:
        series = SERIES.find(rest[0])
        return self._walk.life(draw, series) if series >= 0 and draw.has(series) else None

    def _customer_by_id(self, draw: Draw, _: str) -> StripeObject:
        return self._customer(draw)

    def _subscription_by_id(self, draw: Draw, rest: str) -> StripeObject | None:
        life = self._life(draw, rest)
        return None if life is None else self._objects.subscription(life, self.now)

    def _discount_by_id(self, draw: Draw, rest: str) -> StripeObject | None:
        life = self._life(draw, rest)
        return None if life is None or life.discounted is None else self._objects.discount(life)

    def _invoice_by_id(self, draw: Draw, rest: str) -> StripeObject | None:
        life, number = self._life(draw, rest), value_of(rest[1:3])
        if life is None or number is None or not self._was_invoiced(life, number):
            return None
        return self._payments.invoice(life, number, self.now)

    def _charge_by_id(self, draw: Draw, rest: str) -> StripeObject | None:
        life, number = self._life(draw, rest), value_of(rest[1:3])
        if life is None or number is None or not rest[3].isdecimal() or int(rest[3]) >= len(RETRIES_AT):
            return None
        point = (_CHARGED[:2] if number < 2 else _CHARGED[2:])[number if number < 2 else int(rest[3])]
        renewal = max(0, number - 2)
        if number < 2 and rest[3] != "0":
            return None
        if not self._has_happened(draw.number, life.series, point, renewal):
            return None
        return self._payments.charge(life, number, int(rest[3]))

    def _event_by_id(self, draw: Draw, rest: str) -> StripeObject | None:
        series, point = SERIES.find(rest[0]), points.BY_CODE.get(rest[1])
        renewal, ordinal = value_of(rest[2:4]), rest[4]
        if series < 0 or point is None or renewal is None or not ordinal.isdecimal():
            return None
        happening = self._has_happened(draw.number, series, point, renewal)
        if happening is None or happening.at < self.now - EVENTS_OF:
            return None
        events = self._events.of(happening)
        return events[int(ordinal)] if int(ordinal) < len(events) else None

    def _has_happened(self, number: int, series: int, point: Point, renewal: int) -> Happening | None:
        at = self._walk.when(number, series, point, renewal)
        happening = Happening(at, number, series, point, renewal)
        return happening if at <= self.now and self._walk.occurs(happening) else None

    def _was_invoiced(self, life: Life, number: int) -> bool:
        point = _INVOICED[min(number, 2)]
        happening = self._has_happened(life.draw.number, life.series, point, max(0, number - 2))
        return happening is not None and (number == 0 or life.stops_at() != happening.at)


def _invoice_number(happening: Happening) -> int:
    """Which of its subscription's invoices this is about."""
    if happening.point.monthly:
        return happening.renewal + 2
    return 1 if happening.point in (points.TRIAL_ENDS, points.PAYS_AFTER_TRIAL) else 0


def _attempt(point: Point) -> int:
    return 1 + points.RETRIES.index(point) if point in points.RETRIES else 0
