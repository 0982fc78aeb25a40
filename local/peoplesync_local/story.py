"""The demo's story: two months of a small SaaS company at Stripe, told in Stripe's events.

Its customers are named after what happens to them (`trial-07@example.com`), and every predefined segment
has members at the instant `now` for which the story is told.
"""

import hashlib
import random

from peoplesync_local import stripe_objects, stripe_payments
from peoplesync_local.billing_life import HOUR, BillingLife
from peoplesync_local.stripe_account import StripeAccount
from peoplesync_local.stripe_objects import DAY, StripeObject

PRODUCTS = {"prod_starter": "Starter", "prod_team": "Team", "prod_business": "Business"}

STARTER = stripe_objects.price(
    "price_starter_monthly", product="prod_starter", unit_amount=1900, nickname="Starter monthly"
)
TEAM = stripe_objects.price(
    "price_team_monthly", product="prod_team", unit_amount=4900, nickname="Team monthly, per seat"
)
BUSINESS = stripe_objects.price(
    "price_business_yearly",
    product="prod_business",
    unit_amount=118_800,
    interval="year",
    nickname="Business yearly",
)
STARTER_YEN = stripe_objects.price(
    "price_starter_monthly_jpy",
    product="prod_starter",
    unit_amount=2500,
    currency="jpy",
    nickname="Starter monthly (JPY)",
)
TEAM_DINAR = stripe_objects.price(
    "price_team_monthly_kwd",
    product="prod_team",
    unit_amount=15_000,
    currency="kwd",
    nickname="Team monthly, per seat (KWD)",
)


def story(now: int, seed: int = 7) -> list[StripeObject]:
    """The events up to `now` (seconds since 1970), about 400, in the order in which they happened. The seed
    moves moments by minutes and gives the events their ids; who does what, and who is in which segment,
    stays the same."""
    cast = _Cast(now, seed)
    for tell in (_trials, _starters, _teams, _businesses, _late_payers, _leavers, _abroad, _others):
        tell(cast)
    return sorted(cast.account.events, key=lambda event: int(event["created"]))


class _Cast:
    """The account in which the story plays, and its calendar."""

    def __init__(self, now: int, seed: int) -> None:
        self.now = now
        self.account = StripeAccount(lambda number: f"evt_{_digest(seed, number)}")
        self._random = random.Random(seed)

    def ago(self, days: float) -> int:
        """An instant so many days, and up to 40 minutes more, before now."""
        return self.now - int(days * DAY) - self._random.randrange(40 * 60)

    def join(self, who: str, at: int, *, email: str | None = None) -> BillingLife:
        """`team-03`, named Team 03, becomes a customer."""
        name = who.replace("-", " ").title()
        return BillingLife(self.account, PRODUCTS, at, email=email or f"{who}@example.com", name=name)


def _digest(seed: int, number: int) -> str:
    return hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()[:16]


def _trials(cast: _Cast) -> None:
    """Three new trials, five that slip for want of activity, and one whose time ran out 20 minutes ago."""
    for number, days in enumerate((0.1, 0.6, 1.7, 3, 4, 6, 8, 12), start=1):
        at = cast.ago(days)
        trial = cast.join(f"trial-{number:02}", at)
        plan = TEAM if number % 3 == 0 else STARTER
        trial.start_trial(at, plan, quantity=number if plan is TEAM else 1, checkout=number % 2 == 0)
        if days > 11.1:
            trial.remind_of_trial_end()
    at = cast.now - 14 * DAY - 20 * 60
    expired = cast.join("trial-09", at)
    expired.start_trial(at, STARTER)
    expired.remind_of_trial_end()


def _starters(cast: _Cast) -> None:
    """Three trials that became customers; the last two have not been heard of since."""
    for number, days in enumerate((18, 34, 50), start=1):
        at = cast.ago(days)
        starter = cast.join(f"starter-{number:02}", at)
        starter.start_trial(at, STARTER, checkout=number == 1)
        starter.remind_of_trial_end()
        starter.end_trial()
        if days > 46:
            starter.renew()


def _teams(cast: _Cast) -> None:
    """Six teams that pay per seat: new, growing, shrinking, moving up, leaving at the month's end, and
    staying."""
    since = (4.1, 12.1, 45.1, 10.1, 20.1, 40.1)
    joined = enumerate((cast.ago(days) for days in since), start=1)
    team = {number: cast.join(f"team-{number:02}", at) for number, at in joined}
    team[1].subscribe(cast.ago(4), TEAM, quantity=3, checkout=True)
    team[2].subscribe(cast.ago(12), TEAM, quantity=5)
    team[2].change_seats(cast.ago(3), 8)
    team[3].subscribe(cast.ago(45), TEAM, quantity=10)
    team[3].change_seats(cast.ago(20), 6)
    team[3].renew()
    team[4].subscribe(cast.ago(10), STARTER)
    team[4].change_plan(cast.ago(5), TEAM)
    team[5].subscribe(cast.ago(20), TEAM, quantity=4)
    team[5].cancel_at_period_end(cast.ago(8))
    team[6].subscribe(cast.ago(40), TEAM, quantity=2)
    team[6].cancel_at_period_end(cast.ago(20))
    team[6].keep(cast.ago(19))
    team[6].renew()


def _businesses(cast: _Cast) -> None:
    """Two yearly customers, one of them after a trial, with addresses."""
    address = {"line1": "1 Example Street", "city": "Springfield", "postal_code": "00001", "country": "US"}
    first, second = cast.ago(52), cast.ago(30)
    business = cast.join("business-01", first)
    business.subscribe(first + 60, BUSINESS)
    business.update(first + HOUR, address=stripe_objects.full_address(address), phone="+1 555 0100")
    business = cast.join("business-02", second)
    business.update(second + HOUR, address=stripe_objects.full_address(address | {"line2": "Floor 2"}))
    business.start_trial(second + 2 * HOUR, BUSINESS, days=21)
    business.end_trial()


def _late_payers(cast: _Cast) -> None:
    """Past due after a renewal, past due after a trial, recovered, unpaid, and canceled for want of
    payment."""
    at = cast.ago(36)
    past_due = cast.join("late-01", at)
    past_due.subscribe(at, TEAM, quantity=3)
    past_due.retry(past_due.renew(paying=False) + 2 * DAY, paying=False)
    at = cast.ago(16)
    past_due = cast.join("late-02", at)
    past_due.start_trial(at, STARTER)
    past_due.end_trial(paying=False)
    at = cast.ago(38)
    recovered = cast.join("late-03", at)
    recovered.subscribe(at, TEAM)
    recovered.retry(recovered.renew(paying=False) + 3 * DAY, paying=True)
    for who, days in (("late-04", 50), ("late-05", 55)):
        at = cast.ago(days)
        lost = cast.join(who, at)
        lost.subscribe(at, STARTER)
        failed = lost.renew(paying=False)
        lost.retry(failed + 3 * DAY, paying=False)
        if who == "late-04":
            lost.give_up(failed + 7 * DAY)
        else:
            lost.cancel(failed + 7 * DAY)


def _leavers(cast: _Cast) -> None:
    """Left during the trial, at its end, at the end of a month, at once with a refund; and one who never
    paid."""
    at = cast.ago(20)
    leaver = cast.join("gone-01", at)
    leaver.start_trial(at, STARTER)
    leaver.cancel(cast.ago(15))
    at = cast.ago(24)
    leaver = cast.join("gone-02", at)
    leaver.start_trial(at, STARTER)
    leaver.remind_of_trial_end()
    leaver.abandon_trial()
    at = cast.ago(44)
    leaver = cast.join("gone-03", at)
    leaver.subscribe(at, TEAM, quantity=2)
    leaver.cancel_at_period_end(cast.ago(30))
    leaver.run_out()
    at = cast.ago(9)
    leaver = cast.join("gone-04", at)
    leaver.subscribe(at, STARTER)
    leaver.cancel(cast.ago(6))
    leaver.refund(cast.ago(5.9), 1900)
    at = cast.ago(3)
    leaver = cast.join("gone-05", at)
    leaver.subscribe(at, STARTER, paying=False)
    leaver.never_pay(at + 23 * HOUR)


def _abroad(cast: _Cast) -> None:
    """Yen, which have no minor unit, and Kuwaiti dinar, which have a thousand to one; one of them partly
    refunded."""
    at = cast.ago(8)
    cast.join("tokyo-01", at).subscribe(at, STARTER_YEN)
    at = cast.ago(41)
    tokyo = cast.join("tokyo-02", at)
    tokyo.subscribe(at, STARTER_YEN)
    tokyo.renew()
    at = cast.ago(6)
    kuwait = cast.join("kuwait-01", at)
    kuwait.subscribe(at, TEAM_DINAR, quantity=2)
    kuwait.refund(cast.ago(2), 2500)


def _others(cast: _Cast) -> None:
    """One person as two customers, a deleted customer, two without a subscription, and events of nobody."""
    at = cast.ago(58)
    former = cast.join("twice-01", at)
    former.subscribe(at, STARTER)
    former.cancel(cast.ago(40))
    at = cast.ago(14)
    cast.join("twice-01", at, email="Twice-01@Example.com").subscribe(at, TEAM, quantity=2)
    at = cast.ago(25)
    deleted = cast.join("deleted-01", at)
    deleted.subscribe(at, STARTER)
    deleted.delete(cast.ago(10))
    at = cast.ago(21)
    cast.join("visitor-01", at).pay_once(at + 30, 25_000, "Workshop")
    at = cast.ago(28)
    cast.join("visitor-02", at).update(at + DAY, description="Met at the fair")
    _of_nobody(cast)


def _of_nobody(cast: _Cast) -> None:
    """A guest's charge, an event type that concerns no customer, and one that shows an object without id."""
    account = cast.account
    at = cast.ago(11)
    guest = stripe_payments.charge(account.new_id("ch"), customer=None, amount=990, created=at)
    account.happens("charge.succeeded", guest, at)
    payout = {"id": "po_00001", "object": "payout", "amount": 123_400, "currency": "usd", "status": "paid"}
    account.happens("payout.paid", payout, cast.ago(7))
    due = cast.now + 4 * DAY
    line = stripe_payments.line("il_upcoming", price=STARTER, period=(due, due + 30 * DAY))
    upcoming = stripe_payments.invoice("", customer="cus_00012", lines=[line], created=due)
    del upcoming["id"]
    account.happens("invoice.upcoming", upcoming, cast.ago(3))
