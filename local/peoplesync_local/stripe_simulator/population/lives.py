"""The life of one subscription of the population: what was decided when it began, and when things happen."""

from __future__ import annotations

import hashlib

from peoplesync_local.stripe_simulator.account.timetable import HOUR, INCOMPLETE_FOR
from peoplesync_local.stripe_simulator.billing.periods import months_later
from peoplesync_local.stripe_simulator.objects.shapes import DAY
from peoplesync_local.stripe_simulator.population.calendar import Calendar
from peoplesync_local.stripe_simulator.population.catalogue import WELCOME_MONTHS, Offer, Offers

TRIAL = 30 * DAY
TRIAL_CANCELED_BEFORE, CANCELED_BEFORE = 4 * DAY, 6 * DAY
"""How long before its end somebody asks for the end of a trial, or of a subscription."""

RETRIES_AT = (HOUR, HOUR + 3 * DAY, HOUR + 8 * DAY, HOUR + 15 * DAY)
"""When after a period's begin its invoice is collected, for the first and for the last time."""

COURSES: tuple[tuple[str, int], ...] = (
    ("incomplete", 20),
    ("paused", 25),
    ("unpaid", 12),
    ("late", 55),
    ("fails", 70),
    ("leaves_trial", 150),
    ("leaves", 320),
    ("stays", 348),
)
"""What becomes of subscriptions, in per mille. `late`: the last renewal's payment fails, but for the last
retry; `fails` and `unpaid`: it fails for good; `leaves`: it is canceled at the end of a period."""

_COURSES = [course for course, share in COURSES for _ in range(share)]
FAILING = ("late", "fails", "unpaid")
_RESTLESS = (*FAILING, "leaves")
_NONE, _TWICE, _TRIAL, _TWO_ITEMS, _WELCOME, _PARTNER = 16, 67, 150, 16, 20, 8
"""Shares of 256: of customers without and with two subscriptions; of subscriptions with a trial, with a
second item, with each of the coupons."""


class Draw:
    """What chance says about a customer: 32 bytes that depend on the seed and the customer's number only."""

    __slots__ = ("bytes", "number")

    def __init__(self, seed: bytes, number: int) -> None:
        self.number = number
        self.bytes = hashlib.blake2b(b"%d" % number, key=seed, digest_size=32).digest()

    def has(self, series: int) -> bool:
        """Whether the customer has the first (0) or second (1) subscription."""
        subscriptions = self.bytes[0]
        return subscriptions >= _NONE if series == 0 else _NONE <= subscriptions < _NONE + _TWICE

    def course(self, series: int) -> str:
        at = 2 + series * 12
        return _COURSES[int.from_bytes(self.bytes[at : at + 2]) % 1000]


class Life:
    """One subscription: `created`, `starts` (the first period to be paid), `place` in the month, `first` (the
    month of the first renewal), `step` in months. Renewals are counted from 0; instants are Unix seconds."""

    __slots__ = (
        "_calendar",
        "calls",
        "course",
        "created",
        "discount_end",
        "discounted",
        "draw",
        "fails_at",
        "first",
        "leaves_at",
        "offer",
        "place",
        "quantity",
        "series",
        "starts",
        "step",
        "trial_end",
    )

    def __init__(self, draw: Draw, series: int, calendar: Calendar, offers: Offers) -> None:
        number, at = draw.number, 4 + series * 12
        chance = draw.bytes[at : at + 10]
        self.draw, self.series, self._calendar = draw, series, calendar
        self.created = calendar.created(number) if series == 0 else calendar.created_again(number)
        self.place = calendar.place(number, series)
        # A customer has one currency: the second subscription is of the first one's price.
        first = draw.bytes[4:6]
        offer = offers.by_share[int.from_bytes(first) % 1000]
        course = draw.course(series)
        # Who pays by the year stays.
        self.offer: Offer = offers.monthly.get(offer.price["id"], offer) if course in _RESTLESS else offer
        self.step = self.offer.step
        self.quantity = 1 + chance[2] * chance[3] * self.offer.seats // 65_026
        self.calls = chance[4] < _TWO_ITEMS and self.step == 1 and self.offer.price["currency"] == "usd"
        has_trial = course != "incomplete" and (chance[5] < _TRIAL or course in ("paused", "leaves_trial"))
        self.course = course
        self.trial_end = self.created + TRIAL if has_trial else None
        self.starts = self.created + TRIAL if has_trial else self.created
        self.first = self._first_month()
        self.discounted = "PARTNER20" if chance[6] < _PARTNER else None
        self.discount_end: int | None = None
        if _PARTNER <= chance[6] < _PARTNER + _WELCOME:
            self.discounted = "WELCOME50"
            self.discount_end = months_later(self.created, WELCOME_MONTHS)
        lives = 1 + chance[7] * chance[8] * 9 // 65_026
        self.leaves_at: int | None = lives if course == "leaves" else None
        self.fails_at: int | None = lives if course in ("fails", "unpaid") else None
        if course == "late":
            latest = self.renewals_until(calendar.now) - 1
            self.fails_at = latest if latest >= 0 else None

    def renewal(self, number: int) -> int:
        """When the renewal of this number is; -1 and less: the one before the first, by the calendar."""
        return self._calendar.month_start(self.first + number * self.step) + self.place

    def renewals_until(self, instant: int) -> int:
        """How many renewals there were, if nothing ended them."""
        month = self._calendar.month_of(instant)
        if self._calendar.month_start(month) + self.place > instant:
            month -= 1
        return max(0, (month - self.first) // self.step + 1)

    def in_month(self, month: int) -> int | None:
        """The number of the renewal in this month; None if there is none."""
        number, rest = divmod(month - self.first, self.step)
        return number if number >= 0 and rest == 0 else None

    def attempts_until(self, renewal: int, instant: int) -> int:
        """How many attempts to collect a renewal that fails there were."""
        begun = self.renewal(renewal)
        return sum(begun + wait <= instant for wait in RETRIES_AT)

    @property
    def failed_at(self) -> int | None:
        """When the payment failed that makes it past due."""
        return None if self.fails_at is None else self.renewal(self.fails_at) + RETRIES_AT[0]

    @property
    def given_up_at(self) -> int | None:
        """When the last attempt was: it brings the money of those who were only late."""
        return None if self.fails_at is None else self.renewal(self.fails_at) + RETRIES_AT[-1]

    @property
    def ended_at(self) -> int | None:
        """When it ends; None: it does not."""
        if self.course == "incomplete":
            return self.created + INCOMPLETE_FOR
        if self.course == "leaves_trial":
            return self.trial_end
        if self.course == "leaves" and self.leaves_at is not None:
            return self.renewal(self.leaves_at)
        return self.given_up_at if self.course == "fails" else None

    @property
    def requested_at(self) -> int | None:
        """When somebody asked for its end at the end of the period; None: nobody did."""
        ended = self.ended_at
        if ended is None or self.course not in ("leaves_trial", "leaves"):
            return None
        return ended - (CANCELED_BEFORE if self.course == "leaves" else TRIAL_CANCELED_BEFORE)

    def stops_at(self) -> int | None:
        """When renewals stop: at the end, or when it is paused."""
        return self.trial_end if self.course == "paused" else self.ended_at

    def is_delinquent(self, instant: int) -> bool:
        """Whether the last payment had failed then."""
        failed, given_up = self.failed_at, self.given_up_at
        if failed is None or given_up is None or instant < failed:
            return False
        return self.course != "late" or instant < given_up

    def status(self, instant: int) -> str:
        """Stripe's status then."""
        ended, failed, given_up = self.ended_at, self.failed_at, self.given_up_at
        if self.course == "incomplete":
            return "incomplete_expired" if ended is not None and ended <= instant else "incomplete"
        if ended is not None and ended <= instant:
            return "canceled"
        if self.trial_end is not None:
            if instant < self.trial_end:
                return "trialing"
            if self.course == "paused":
                return "paused"
        elif instant <= self.created:
            return "incomplete"
        if failed is not None and given_up is not None and failed <= instant:
            if instant < given_up:
                return "past_due"
            return "unpaid" if self.course == "unpaid" else "active"
        return "active"

    def _first_month(self) -> int:
        """The first renewal is at least four days after the begin."""
        earliest = self.starts + 4 * DAY
        month = self._calendar.month_of(earliest)
        return month if self._calendar.month_start(month) + self.place > earliest else month + 1
