"""A few of the population whose lives were played request by request: what only some companies have.

One of a hundred customers is of the cast, twenty at most: people who pay in another currency than their
price's default one, who pay by bank debit, left in the customer portal, took trial offers up, have many
items, and so on. Their e-mails say what they are (`sepa-debit-01@example.com`). They are played by the code
that answers requests, in an account of their own whose clock ends at the population's now.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterator

from peoplesync_local.stripe_simulator.account.account import EVENTS_ARE_KEPT, Account, Position
from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.account.showing import is_hidden_customer
from peoplesync_local.stripe_simulator.lifecycle import Lifecycle
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject
from peoplesync_local.stripe_simulator.population.stage import Stage

Life = Iterator[float]
"""What a member does; each value is for how many days it waits before it goes on."""

ONE_OF = 100
"""How many customers there are for each member of the cast."""

_BEFORE = 3600
"""Seconds from what the company sells to the population's first day: it is the oldest of all."""


class Cast:
    """The first `members` of the cast, as they were at `now` (Unix seconds); `since` is the population's
    first day. Everything they have is in `account`."""

    def __init__(self, members: int, seed: int, since: int, now: int, *, livemode: bool = False) -> None:
        self.now = now
        clock = SimulatedClock(frozen_at=since - _BEFORE)
        # What fills this account later also counts ids from one: another seed makes other ids.
        self.account = Account(clock, livemode=livemode, seed=-1 - seed)
        if members:
            self._play(Lifecycle(self.account), clock, members)
        self.customers = sum(1 for _ in self.newest_first("customer"))

    def get(self, kind: str, id: str) -> StripeObject | None:  # noqa: A002 - Stripe's name
        """The object with this id; None if the cast has none."""
        shown = self.account.get(kind, id)
        is_over = shown is not None and kind == "event" and shown["created"] < self.now - EVENTS_ARE_KEPT
        return None if is_over else shown

    def newest_first(
        self, kind: str, before: Position | None = None, gte: int | None = None, lt: int | None = None
    ) -> Iterator[StripeObject]:
        """As `Population.newest_first`, of the cast."""
        walk = self.account.newest_first(kind, before=before, gte=self._since(kind, gte), lt=lt)
        return (shown for shown in walk if not is_hidden_customer(shown))

    def oldest_first(
        self, kind: str, after: Position | None = None, gte: int | None = None, lt: int | None = None
    ) -> Iterator[StripeObject]:
        """As `Population.oldest_first`, of the cast."""
        walk = self.account.oldest_first(kind, after=after, gte=self._since(kind, gte), lt=lt)
        return (shown for shown in walk if not is_hidden_customer(shown))

    def waiting(self) -> Iterator[StripeObject]:
        """What something may become of by the clock."""
        for kind in ("subscription", "invoice", "charge", "customer"):
            yield from self.account.oldest_first(kind)

    def _since(self, kind: str, gte: int | None) -> int | None:
        return max(gte or 0, self.now - EVENTS_ARE_KEPT) if kind == "event" else gte

    def _play(self, does: Lifecycle, clock: SimulatedClock, members: int) -> None:
        stage = Stage(does)
        turns = itertools.count()
        waiting = [
            # A minute and some seconds apart, or all that happens by the day would happen in one second.
            (self.now - days * DAY + 97 * place, next(turns), _life(come, stage))
            for place, (days, come) in enumerate(MEMBERS[:members])
        ]
        heapq.heapify(waiting)
        while waiting and waiting[0][0] <= self.now:
            at, _, life = heapq.heappop(waiting)
            clock.freeze(at)
            does.advance(at)
            days = next(life, None)
            if days is not None:
                heapq.heappush(waiting, (at + int(days * DAY), next(turns), life))
        clock.freeze(self.now)
        does.advance(self.now)


def members_of(size: int) -> int:
    """How many of so many customers are of the cast."""
    return min(len(MEMBERS), size // ONE_OF)


def _life(come: Callable[[Stage], Life | None], stage: Stage) -> Life:
    yield from come(stage) or ()


def _pays_in_euros(stage: Stage) -> None:
    stage.subscribe("euro-01", stage.worldwide, currency="eur", quantity=3)


def _is_debited_in_these_days(stage: Stage) -> None:
    stage.subscribe("sepa-debit-01", stage.worldwide, currency="eur", method="pm_sepaDebit")


def _has_no_money_at_the_bank(stage: Stage) -> None:
    method = "pm_usBankAccount_insufficientFunds"
    stage.subscribe("bank-debit-returned-01", stage.worldwide, method=method)


def _leaves_in_the_portal(stage: Stage) -> Life:
    subscription = stage.subscribe("portal-01", stage.worldwide)
    yield 50.5
    stage.does.cancel_in_portal(subscription["id"], "too_expensive", "We need fewer seats")


def _tries_for_free(stage: Stage) -> None:
    stage.subscribe("free-offer-01", offer=stage.free_offer)


def _tries_for_little(stage: Stage) -> None:
    stage.subscribe("paid-offer-01", offer=stage.paid_offer)


def _has_a_coupon_for_one_product(stage: Stage) -> None:
    discounts = [{"coupon": "ADDONS30"}]
    stage.subscribe("limited-coupon-01", stage.worldwide, stage.modules[0], discounts=discounts)


def _has_twelve_modules(stage: Stage) -> None:
    stage.subscribe("modules-01", *stage.modules)


def _is_charged_less_than_was_authorized(stage: Stage) -> Life:
    customer = stage.customer("deposit-01")
    charge = stage.authorize(customer, 20_000)
    yield 2
    stage.does.capture_charge(charge["id"], {"amount": "15000"})
    yield 3
    stage.does.create_refund({"charge": charge["id"], "amount": "4000"})


def _was_left_in_the_portal(stage: Stage) -> Life:
    subscription = stage.subscribe("portal-left-01", stage.worldwide)
    yield 75
    stage.does.cancel_in_portal(subscription["id"], "switched_service")


def _stays_after_all(stage: Stage) -> Life:
    subscription = stage.subscribe("portal-kept-01", stage.worldwide)
    yield 40
    stage.does.cancel_in_portal(subscription["id"], "unused")
    yield 3
    stage.does.keep_in_portal(subscription["id"])


def _leaves_the_classic_way(stage: Stage) -> Life:
    subscription = stage.subscribe("classic-01", stage.worldwide, billing_mode={"type": "classic"})
    yield 100
    stage.does.cancel_in_portal(subscription["id"], "missing_features")


def _has_tried_for_little(stage: Stage) -> None:
    stage.subscribe("paid-offer-over-01", offer=stage.paid_offer)


def _pays_in_yen_by_steps(stage: Stage) -> None:
    stage.subscribe("yen-01", stage.tiered, currency="jpy", quantity=7)


def _has_a_coupon_in_euros(stage: Stage) -> None:
    discounts = [{"coupon": "TENOFF"}]
    stage.subscribe("euro-coupon-01", stage.worldwide, currency="eur", discounts=discounts)


def _is_debited_month_by_month(stage: Stage) -> None:
    stage.subscribe("sepa-debit-02", stage.worldwide, currency="eur", method="pm_sepaDebit")


def _leaves_two_intervals(stage: Stage) -> Life:
    subscription = stage.subscribe("two-intervals-01", stage.modules[1], stage.yearly)
    yield 70
    stage.does.cancel_in_portal(subscription["id"], "other", "The project ends")


def _has_tried_for_free(stage: Stage) -> None:
    stage.subscribe("free-offer-over-01", offer=stage.free_offer)


def _is_an_account_with_a_customer(stage: Stage) -> None:
    stage.subscribe_account("account-01", with_customer=True)


def _is_an_account_alone(stage: Stage) -> None:
    stage.subscribe_account("account-02", with_customer=False)


MEMBERS: tuple[tuple[int, Callable[[Stage], Life | None]], ...] = (
    (75, _pays_in_euros),
    (2, _is_debited_in_these_days),
    (12, _has_no_money_at_the_bank),
    (55, _leaves_in_the_portal),
    (11, _tries_for_free),
    (40, _tries_for_little),
    (80, _has_a_coupon_for_one_product),
    (64, _has_twelve_modules),
    (12, _is_charged_less_than_was_authorized),
    (100, _was_left_in_the_portal),
    (48, _stays_after_all),
    (110, _leaves_the_classic_way),
    (100, _has_tried_for_little),
    (66, _pays_in_yen_by_steps),
    (58, _has_a_coupon_in_euros),
    (99, _is_debited_month_by_month),
    (78, _leaves_two_intervals),
    (44, _has_tried_for_free),
    (52, _is_an_account_with_a_customer),
    (47, _is_an_account_alone),
)
"""When each came, in days before now, and what it does; the first come first where there are few."""
