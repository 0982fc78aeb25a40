"""Who moves to another person is named there with the MRR they had, who had none too: a trial that moves with
its customer is no new one."""

from __future__ import annotations

from tests.support.builders.stripe import NOW, customer, event, price, subscription
from tests.support.fakes.world import World


def test_a_customer_without_mrr_who_leaves_somebody_is_named_where_they_go() -> None:
    world = World(NOW)
    for who, status in (("cus_1", "active"), ("cus_2", "trialing")):
        theirs = subscription(f"sub_{who}", customer=who, status=status, price=price(unit_amount=4_900))
        world.apply(
            event("customer.created", customer(who, email="team-03@example.com"), created=NOW),
            event("customer.subscription.created", theirs, created=NOW),
        )
    world.settle()
    (before,) = world.people.people.values()
    assert set(before.records) == {"cus_1", "cus_2"}

    world.now += 60
    moved = customer("cus_2", email="trial-07@example.com")
    world.apply(event("customer.updated", moved, previous={"email": "team-03@example.com"}, created=NOW + 60))

    (after,) = (one for one in world.people.people.values() if set(one.records) == {"cus_2"})
    assert after.id != before.id
    assert after.moved_in == {"cus_2": {}}
    assert after.mrr == {}
