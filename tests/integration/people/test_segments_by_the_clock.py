"""Segments that fill and empty by the clock alone: at their moment, and with work only for who is due."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import pytest
from stripe import StripeClient, Subscription

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.tables import SHARDS
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.metrics import Metric
from peoplesync_cli.local_stack.invoking import SWEEP, invoke
from tests.support.builders.stripe import DAY, HOUR, MINUTE
from tests.support.stacks.stack_operator import Operator, frozen_stack

CUSTOMERS: Final = 12
TRIAL_DAYS: Final = 3
PROMISED: Final = 2 * MINUTE

pytestmark = pytest.mark.long


@dataclass(frozen=True)
class Shop:
    """A company, in which one person has begun a trial and another, an hour earlier, a subscription."""

    operator: Operator
    trial: Subscription
    subscription: Subscription

    def segments(self, subscription: Subscription) -> set[str]:
        """Those of the person who has it."""
        return set(self._person(subscription)["segments"])

    def versions(self) -> dict[str, int]:
        """How often each person was written."""
        company = self.operator.company
        return {one.id: one.version for one in company.target.people.members(company.epoch, EVERYONE)}

    def moved(self, subscription: Subscription, moment: int) -> tuple[set[str], set[str]]:
        """The person's segments a minute before the moment, and not later than promised after it. Nobody else
        was looked at for it."""
        self.operator.wait_until(moment - MINUTE)
        self.operator.sweep()
        before, versions = self.segments(subscription), self.versions()
        _, reads = self._sweep(due=0)

        self.operator.wait_until(moment + PROMISED - MINUTE)
        log = len(self.operator.log("ApplyChanges"))
        swept, reads_of_one = self._sweep(due=1)
        self.operator.company.drain()

        assert reads_of_one == reads <= 2 * SHARDS, "a sweep asks each shard, whoever is in it"
        assert swept["messages"] == 1
        told = self.operator.told("ApplyChanges", log)
        assert told[Metric.SWEEP_FLIPPED.title] == told[Metric.CHANGES_APPLIED.title] == 1
        assert told[Metric.SWEEP_LATE.title] <= PROMISED
        now, who = self.versions(), self._person(subscription)["id"]
        assert {one for one, version in now.items() if version != versions[one]} == {who}
        return before, self.segments(subscription)

    def _sweep(self, due: int) -> tuple[dict[str, Any], float]:
        """The schedule's next run, which finds so many; and the read units it took."""
        log = len(self.operator.log("SweepSegments"))
        swept: dict[str, Any] = invoke(self.operator.company.target, SWEEP, {})
        assert swept["due"] == due, swept
        return swept, self.operator.told("SweepSegments", log)[Metric.READ_UNITS.title]

    def _person(self, subscription: Subscription) -> dict[str, Any]:
        company = self.operator.company
        return company.target.browser(company.name).person(str(subscription.customer))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A dozen people whom no clock moves any more, and the two."""
    with frozen_stack(tmp_path_factory.mktemp("segments")) as found:
        company = found.company
        company.connect()
        api = company.stripe()
        product = api.v1.products.create({"name": "Team"}).id
        recurring: Any = {"interval": "year"}
        asked: Any = {"product": product, "unit_amount": 1900, "currency": "usd", "recurring": recurring}
        items = [{"price": api.v1.prices.create(asked).id}]
        for number in range(CUSTOMERS):
            asked = {"customer": new(api, f"team-{number:02}"), "items": items}
            api.v1.subscriptions.create(asked)
        found.wait_until(clock.now() + 20 * DAY)
        found.sweep()
        company.drain()

        asked = {"customer": new(api, "trial-08"), "items": items}
        subscription = api.v1.subscriptions.create(asked)
        company.simulator().advance(HOUR)
        asked = {"customer": new(api, "trial-07"), "items": items, "trial_period_days": TRIAL_DAYS}
        trial = api.v1.subscriptions.create(asked)
        company.simulator().flush()
        company.drain()
        yield Shop(found, trial, subscription)


def new(api: StripeClient, name: str) -> str:
    """A new customer."""
    return api.v1.customers.create({"email": f"{name}@example.com"}).id


def test_a_trial_slips_expires_and_is_neither_when_stripe_tells_of_its_end(shop: Shop) -> None:
    simulator = shop.operator.company.simulator()
    assert shop.segments(shop.trial) == {"syncing_with_stripe", "current_trials"}

    before, after = shop.moved(shop.trial, shop.trial.created + 2 * DAY)
    assert after - before == {"slipping_trials"}
    assert before - after == set()

    simulator.deliver(pause=True)  # Stripe tells of the end much later
    before, after = shop.moved(shop.trial, shop.trial.created + TRIAL_DAYS * DAY)
    assert after - before == {"expired_trials"}
    assert before - after == set()

    simulator.deliver()
    simulator.flush()
    shop.operator.company.drain()
    assert shop.segments(shop.trial) == {"syncing_with_stripe", "customers"}


def test_a_customer_slips_and_an_activity_takes_them_out_for_as_long_again(shop: Shop) -> None:
    api = shop.operator.company.stripe()

    before, after = shop.moved(shop.subscription, shop.subscription.created + 15 * DAY)
    assert after - before == {"slipping_customers"}

    asked_at = shop.operator.company.simulator().now()
    api.v1.subscriptions.update(shop.subscription.id, {"cancel_at_period_end": True})
    shop.operator.company.simulator().flush()
    shop.operator.company.drain()
    assert "slipping_customers" not in shop.segments(shop.subscription)

    before, after = shop.moved(shop.subscription, asked_at + 15 * DAY)
    assert after - before == {"slipping_customers"}
