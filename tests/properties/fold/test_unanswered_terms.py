"""Terms of prices and coupons that Stripe does not tell, or not yet: unknown for everybody alike, whatever
the order; and as if they had always been known, once it does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hypothesis import given, settings

from peoplesync.domain.catalogue import CatalogueChange, CatalogueKey
from peoplesync.use_cases.messages.message import Ask, AskedKind, Message
from tests.support.builders.stripe import DAY
from tests.support.fakes.world import TEST, FakeStripe, World
from tests.support.oracles.tellings import (
    LATER,
    Telling,
    expected,
    outcome,
    tellings,
    told,
    told_history,
    world_of,
)
from tests.support.oracles.true_people import unsure

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
ASKED: dict[str, AskedKind] = {"price": "price", "coupon": "coupon"}


@dataclass
class LosingStripe(FakeStripe):
    """Loses every question for a price or coupon, until it `hears`."""

    hears: bool = False

    def terms(self, connection: str, key: CatalogueKey) -> CatalogueChange:
        if self.hears:
            return super().terms(connection, key)
        self.asked.append(key.id)
        return CatalogueChange(key)


def told_to(telling: Telling, stripe: FakeStripe) -> World:
    return told(telling, world_of(telling, stripe=stripe))


def ask_again(world: World, keys: Iterable[CatalogueKey]) -> None:
    """A day later, as the reconciler does for what was refused."""
    world.stripe.now = world.now = LATER + DAY
    for key in keys:
        ask = Ask(ASKED[key.kind], key.id, after=LATER)
        world.deliver([Message(TEST, ask=ask, cause="definition_changed").encode()])
    world.settle()
    world.now = LATER


def refused(world: World) -> list[CatalogueKey]:
    return [key for key, _ in world.catalogue.refused(TEST, LATER + DAY, 100)]


def comes_to_the_same_once_it_is_told(telling: Telling) -> None:
    lost = told_to(telling, losing := LosingStripe())
    forbidden = told_to(telling, FakeStripe(forbidden={"price", "coupon"}))
    assert outcome(lost) == outcome(forbidden)
    assert set(losing.asked) >= {key.id for key in refused(forbidden)}

    asked, losing.hears = refused(forbidden), True
    forbidden.stripe.forbidden.clear()
    for world in (lost, forbidden):
        ask_again(world, asked)
        assert outcome(world) == expected(telling)


@given(tellings(stripe=("truth",), hides=True))
@QUICK
def test_terms_are_unknown_alike_while_nobody_may_see_them_and_known_alike_then(telling: Telling) -> None:
    comes_to_the_same_once_it_is_told(telling)


def test_the_histories_hold_terms_that_only_stripe_knows() -> None:
    # Where nobody's MRR depended on an answer, the property above would say nothing.
    unknown = asked = 0
    for seed in range(0, 60, 2):
        telling = Telling(seed, 30, 0.33, [told_history(seed, 30, 0.33).events], "truth")
        world = told_to(telling, FakeStripe(forbidden={"price", "coupon"}))
        unknown += len(unsure(world))
        asked += len(refused(world))
    assert unknown > 8
    assert asked > 20
