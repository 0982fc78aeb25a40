"""Random histories of a Stripe account, together with the truth of what they tell.

    python -m tests.support.oracles.histories SEED EVENTS > file.ndjson

A history is modern (API 2026-10-28.endive), in the true order, and hard where Stripe is hard: whole seconds
in which one object changes several times, bursts within five seconds, two events that tell of one payment
or one pause, customers who share an e-mail address, change it, hand it on, or have none. Event ids are
random, so that no order can be read from them.
"""

import json
import random
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.addresses import Addresses
from tests.support.oracles.customer_lives import CustomerLife, Step
from tests.support.oracles.hiding_account import HidingAccount
from tests.support.oracles.true_customers import Truth

__all__ = ["History", "Truth", "history"]

BEGIN = 1_767_571_200  # 2026-01-05T00:00:00Z
END = 1_793_318_400  # 2026-10-30T00:00:00Z


@dataclass(frozen=True)
class History:
    """`events` in the order in which they happened, `truth` by the customer's id. `wholes` are the objects as
    they were after each event, by its id, with all that Stripe shows of them where it is asked to expand."""

    events: list[StripeObject]
    truth: dict[str, Truth]
    wholes: Mapping[str, StripeObject]


def history(
    seed: int, events: int, tie_share: float = 1 / 3, hides: bool = False, first_digits: str = ""
) -> History:
    """A history of exactly so many events of about a twelfth as many customers, the same for the same
    arguments.

    `tie_share` of the events (0 to about 0.8) share their second with the previous event of the same object
    and show another content: the later in the list is the truth. All instants lie between 2026-01-05 and
    2026-10-31.

    One that `hides` has what Stripe's events show in part only: prices billed in other currencies or in
    tiers, twelve items, discounts. In it bank debits are pending for days, and money is taken back.

    Objects' ids begin with the `first_digits`.
    """
    world = _World(seed, events, tie_share, hides, first_digits)
    while len(world.account.events) < events:
        world.go_on()
    truth = {life.customer.id: life.truth for life in world.lives if life.truth.customer}
    return History(world.account.events, truth, world.account.wholes)


class _World:
    """The clock, the customers, and who does something next."""

    def __init__(self, seed: int, size: int, tie_share: float, hides: bool, first_digits: str) -> None:
        self._rng = random.Random(seed)
        self._hides = hides
        self.account = HidingAccount(lambda _: f"evt_{self._rng.getrandbits(80):020x}", first_digits)
        self._addresses = Addresses(self._rng)
        self.lives: list[CustomerLife] = []
        self._size, self._customers, self._tie_share = size, max(1, round(size / 12)), tie_share
        self._now = BEGIN
        self._life: CustomerLife | None = None
        # The objects with events in this second and whose they are, in the order of the latest event.
        self._this_second: dict[str, CustomerLife] = {}
        self._ties = 0

    def go_on(self) -> None:
        """One more event, if anybody has something to do."""
        behind = self._ties < self._tie_share * (len(self.account.events) + 1)
        tie = self._tie() if behind else None
        if tie:
            return self._take(*tie, gap=0)
        life = self._choose()
        starts = not life.pending
        if starts:
            life.plan(may_leave=len(self._staying()) > 1)
        elif life.truth.customer == {}:
            starts = True
        if life.pending:
            step = life.pending.popleft()
            self._take(life, step, gap=self._gap(step, starts))
        return None

    def _tie(self) -> tuple[CustomerLife, Step] | None:
        """A step that changes an object in the second in which it has just had an event."""
        planned = [life for life in self.lives if life.pending and self._changes_again(life.pending[0])]
        if planned and self._rng.random() < 0.6:
            life = self._rng.choice(planned)
            return life, life.pending.popleft()
        for object_id, life in reversed(self._this_second.items()):
            step = life.small_change(object_id)
            if step and (object_id.startswith(("cus_", "sub_")) or self._rng.random() < 0.1):
                return life, step
        return None

    def _changes_again(self, step: Step) -> bool:
        return step.object_id in self._this_second and not step.repeats and step.not_before <= self._now

    def _choose(self) -> CustomerLife:
        """Who does something next: mostly whoever is in the middle of something."""
        if self._life and self._life.pending and self._rng.random() < 0.85:
            return self._life
        if (
            len(self.lives) < self._customers
            and len(self.lives) * self._size <= len(self.account.events) * self._customers
        ):
            self._life = CustomerLife(self.account, self._rng, self._addresses, self._hides)
            self.lives.append(self._life)
            return self._life
        busy = [life for life in self.lives if life.pending]
        self._life = self._rng.choice(busy if busy and self._rng.random() < 0.5 else self._staying())
        return self._life

    def _staying(self) -> list[CustomerLife]:
        return [life for life in self.lives if not life.truth.deleted]

    def _gap(self, step: Step, starts: bool) -> int:
        """Seconds until the step: hours or days before something new, none or few in the middle."""
        if step.repeats:
            return 0
        if starts:
            bursts = (self._size - len(self.account.events)) / 4 + 2
            return max(1, int(self._rng.uniform(0.2, 1.8) * (END - self._now) / bursts))
        if step.object_id in self._this_second:
            return self._rng.choice([1, 2, 4, 7, 30, 90])
        return self._rng.choice([0, 0, 0, 1, 2, 5])

    def _take(self, life: CustomerLife, step: Step, gap: int) -> None:
        at = max(self._now + gap, step.not_before)
        if at > self._now:
            self._now = at
            self._this_second.clear()
        before = self.account.objects.get(step.object_id)
        step.take(at)
        again = self._this_second.pop(step.object_id, None) is not None
        self._ties += again and self.account.objects.get(step.object_id) != before
        self._this_second[step.object_id] = life


def main(arguments: list[str]) -> int:
    """Print the events of `SEED EVENTS`, one JSON object a line."""
    if len(arguments) != 2:
        print("usage: python -m tests.support.oracles.histories SEED EVENTS > file.ndjson", file=sys.stderr)
        return 2
    seed, events = map(int, arguments)
    for event in history(seed, events).events:
        print(json.dumps(event))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
