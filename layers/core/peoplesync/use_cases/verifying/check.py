"""Check: whether one person is what Stripe says now.

All of their customers are asked for, as `verify` asks for what differs. What differs is looked at again for a
few seconds: its event may just be on its way.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.domain.people.person import Person
from peoplesync.use_cases.importing.request import CHARGE_DAYS
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.queries.browse import Browser
from peoplesync.use_cases.queries.whom import Ambiguous, NotFound
from peoplesync.use_cases.verifying.verify import Queue, VerificationReport, Verifier

LOOKS: Final = (1.0, 2.0, 4.0)
"""Seconds to wait before each further look at what differs: somebody is waiting for the answer."""


@dataclass(frozen=True)
class Checker:
    """The use case with what it needs. `live` is the queue that brings a repair, `erased` says of a whole
    e-mail, customer, user or person id whether it was erased; `sleep` waits so many seconds."""

    browser: Browser
    verifier: Verifier
    live: Queue
    erased: Callable[[str], bool]
    clock: Callable[[], int]
    sleep: Callable[[float], None]

    def check(self, who: str, *, repair: bool = False) -> dict[str, Any]:
        """Compares a person with Stripe, by whatever one remembers of them; with `repair` has what differs
        applied again as Stripe shows it. As JSON:

            {"person": "per_...", "checked_at": "...Z", "agrees": true,
             "customers": [{"id": "cus_...", "deleted": false}],
             "compared": {"customers": 1, "subscriptions": 1, "charges": 2},
             "differences": [...], "unreadable": [...], "repair_messages": null}

        `person` is null of a customer at Stripe whom nobody here has. Of somebody whom only the app knows
        nothing is compared. Raises `NotFound`, also for who was erased; `Unavailable` or `NotPermitted`.
        """
        person = self._person(who)
        customers = _customers(person) if person else {who: False}
        report = self._compared(customers)
        if person is None and report.agrees:
            raise NotFound(f"no person matches {who}, and Stripe has no such customer either")
        messages = None
        if repair and report.differences:
            connection = self.browser.connection
            messages = self.verifier.repair(connection, report, self.live, self.clock())
        return {
            "person": person.id if person else None,
            "checked_at": iso(self.clock()),
            "agrees": report.agrees,
            "customers": [{"id": one, "deleted": deleted} for one, deleted in customers.items()],
            "compared": {one: report.compared[one] for one in ("customers", "subscriptions", "charges")},
            "differences": [one.public() for every in report.differences.values() for one in every],
            "unreadable": [one.public() for one in report.unreadable.values()],
            "repair_messages": messages,
        }

    def _person(self, who: str) -> Person | None:
        """The person; None of a customer's whole id that nobody here has. Raises NotFound."""
        try:
            return self.browser.find(who) if _is_customer(who) else self.browser.meant(who)
        except Ambiguous:
            raise
        except NotFound:
            if self.erased(who):
                raise NotFound(
                    f"{who} was erased: nothing is kept of them that could be compared with Stripe"
                ) from None
            if _is_customer(who):
                return None
            raise

    def _compared(self, customers: dict[str, bool]) -> VerificationReport:
        connection = self.browser.connection
        report = VerificationReport(charges_since=self.clock() - CHARGE_DAYS * 86_400)
        found = self.verifier.look(connection, list(customers), report, count=True)
        for pause in LOOKS:
            if not found:
                break
            self.sleep(pause)
            found = self.verifier.look(connection, list(found), report)
        report.differences = found
        return report


def _is_customer(who: str) -> bool:
    return "@" not in who and who.startswith("cus_")


def _customers(person: Person) -> dict[str, bool]:
    """Their customers at Stripe, and whether each is known as deleted. An account (v2) is none: what belongs
    to it is the customer's."""
    return {
        one.id: one.deleted
        for _, one in sorted(person.records.items())
        if not one.is_user and not one.is_account
    }
