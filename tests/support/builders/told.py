"""People made of what Stripe said of them, for tests of what a person shows."""

from typing import Any

from peoplesync.domain.fields.built_in import FieldValue
from peoplesync.domain.people.person import Person
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import World

Shown = dict[str, Any]


def with_one_email(customer_id: str, **facts: Any) -> Shown:
    """One of several customers who are one person."""
    return customer(customer_id, email="one@example.com", **facts)


def told(*shown: Shown, now: int = NOW) -> World:
    """A world that has heard of these objects, each in the last second it changed or was made in."""
    types = {
        "customer": "customer.updated",
        "subscription": "customer.subscription.updated",
        "charge": "charge.succeeded",
        "invoice": "invoice.paid",
        "checkout.session": "checkout.session.completed",
    }
    world = World(now=now)
    for one in shown:
        at = one["status_transitions"]["paid_at"] if one["object"] == "invoice" else one["created"]
        previous: Shown | None = {} if types[one["object"]].endswith("updated") else None
        world.apply(event(types[one["object"]], one, previous=previous, created=at))
    return world


def only_person(world: World) -> Person:
    """Whoever lives in a world of one."""
    (person,) = world.people.people.values()
    return person


def fields(*shown: Shown, now: int = NOW) -> dict[str, FieldValue]:
    """The fields of the only person."""
    return dict(only_person(told(*shown, now=now)).fields)
