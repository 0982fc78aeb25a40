"""When which object is due: each change of one puts its next instant on the timetable."""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.objects.debits import settles_at
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest, Missing

HOUR = 3600
REMINDED_BEFORE = 3 * DAY
"""How long before its end Stripe reminds of a trial."""

INCOMPLETE_FOR = 23 * HOUR
"""How long a subscription waits for its first payment."""

RUNNING = ("active", "past_due", "unpaid", "trialing")


class Timetable:
    """The account's objects that change by the clock, and when.

    An entry counts only if the object is still due then: what has changed since has an entry of its own.
    `reminded_until`: what reminders of trials were due up to then have been sent."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._entries: list[tuple[int, int, str, str]] = []
        self._number = 0
        self._passed = 0
        self.reminded_until = 0
        self._reminded: set[tuple[str, int]] = set()

    def now(self) -> int:
        return self.account.clock.now()

    def happens(self, type: str, shown: StripeObject, at: int) -> StripeObject:  # noqa: A002 - Stripe's name
        """Record an event that shows the object as it is now (`Account.happens`), and note when it is due
        next. An update that changes nothing has no event, as at Stripe."""
        if type.endswith(".updated") and self.account.get(shown["object"], shown["id"]) == shown:
            return shown
        self.account.happens(type, shown, at)
        self._passed = max(self._passed, at)
        self.watch(shown)
        return shown

    def put(self, shown: StripeObject) -> StripeObject:
        """Keep the object as it is now, without an event, and note when it is due next."""
        self.account.put(shown)
        self.watch(shown)
        return shown

    def watch(self, shown: StripeObject) -> None:
        """Note when the object is due next, if ever."""
        at = self.next_instant(shown)
        if at is not None:
            self._number += 1
            # What was overdue when it came here (the end of what was paused, say) is due now and not before.
            at = max(at, self._passed)
            heapq.heappush(self._entries, (at, self._number, shown["object"], shown["id"]))

    def next_at(self) -> int | None:
        """The instant of the earliest entry."""
        return self._entries[0][0] if self._entries else None

    def take(self) -> StripeObject | None:
        """The earliest entry's object; None if it is no longer due."""
        at, _, kind, object_id = heapq.heappop(self._entries)
        shown = self.account.get(kind, object_id)
        due = None if shown is None else self.next_instant(shown)
        return shown if due is not None and due <= at else None

    def remind(self, subscription: StripeObject) -> None:
        """The subscription's trial end was announced."""
        self._reminded.add((subscription["id"], trial_end_of(subscription)))

    def is_reminded(self, subscription: StripeObject) -> bool:
        ends = trial_end_of(subscription)
        return ends - REMINDED_BEFORE <= self.reminded_until or (subscription["id"], ends) in self._reminded

    def next_instant(self, shown: StripeObject) -> int | None:
        """When the object changes by itself; None: never."""
        if shown.get("deleted"):
            return None
        instants = {
            "subscription": self._of_subscription,
            "invoice": _of_invoice,
            "charge": _of_charge,
            "customer": self._of_customer,
            "checkout.session": _of_session,
        }.get(shown["object"])
        return min(instants(shown), default=None) if instants else None

    def existing(self, kind: str, id: str, param: str | None = None) -> StripeObject:  # noqa: A002
        """The object, which a request names: in its address, or in the parameter `param`. What is not there
        is refused."""
        shown = self.account.get(kind, id)
        if shown is not None and not shown.get("deleted"):
            return shown
        words = kind.replace(".", " ")
        if param is None:
            raise Missing(words, id)
        raise InvalidRequest(f"No such {words}: '{id}'", param=param, code="resource_missing")

    def _of_subscription(self, subscription: StripeObject) -> Iterator[int]:
        status = subscription["status"]
        if status == "incomplete":
            yield subscription["created"] + INCOMPLETE_FOR
        if status not in RUNNING:
            return
        if subscription["cancel_at"] is not None:
            yield subscription["cancel_at"]
        if status == "trialing":
            yield trial_end_of(subscription)
            if not self.is_reminded(subscription):
                yield trial_end_of(subscription) - REMINDED_BEFORE
        else:
            yield from (item["current_period_end"] for item in subscription["items"]["data"])
        pause = subscription["pause_collection"]
        if pause is not None and pause["resumes_at"] is not None:
            yield pause["resumes_at"]
        yield from self._ends(subscription["discounts"])

    def _of_customer(self, customer: StripeObject) -> Iterator[int]:
        discount = customer["discount"]
        if discount is not None and discount["end"] is not None:
            yield discount["end"]

    def _ends(self, discounts: list[str]) -> Iterator[int]:
        for discount_id in discounts:
            discount = self.account.get("discount", discount_id)
            if discount is not None and not discount.get("deleted") and discount["end"] is not None:
                yield discount["end"]


def trial_end_of(subscription: StripeObject) -> int:
    """When a trialing subscription's trial ends, be it its own or that of its items' trial offers."""
    if subscription["trial_end"] is not None:
        return int(subscription["trial_end"])
    return int(max(item["current_trial"]["end_date"] for item in subscription["items"]["data"]))


def _of_invoice(invoice: StripeObject) -> Iterator[int]:
    if not invoice["auto_advance"]:
        return
    if invoice["status"] == "draft" and invoice["automatically_finalizes_at"] is not None:
        yield invoice["automatically_finalizes_at"]
    if invoice["status"] == "open" and invoice["next_payment_attempt"] is not None:
        yield invoice["next_payment_attempt"]


def _of_charge(charge: StripeObject) -> Iterator[int]:
    at = settles_at(charge)
    if at is not None:
        yield at


def _of_session(session: StripeObject) -> Iterator[int]:
    if session["status"] == "open":
        yield session["expires_at"]
