"""Somebody to be erased, everything that can be told of them, and what is left of them in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peoplesync.use_cases.messages.message import BulkBatch, Erase, Message
from tests.support.builders.stripe import DAY, NOW, charge, customer, event, invoice, product, subscription
from tests.support.fakes.world import TEST, FakePeople, World

CUSTOMER, SUBSCRIPTION, USER = "cus_gone", "sub_gone", "user:41-gone"
EMAIL = "somebody@example.com"
PERSONAL = (EMAIL, "Surname-Gone", "+1 555 0142", "Gone Street 7", "tier-of-gone", "41-gone", "Gone-Report")
"""What is personal of them, whoever told it: Stripe or the app. None of it is in their Stripe ids."""

ADDRESS = {"line1": "Gone Street 7", "line2": None, "city": "Town", "country": "DE"}


OTHER = event("customer.created", customer("cus_other"), created=NOW - DAY)
"""Somebody else."""


def shown_customer(customer_id: str = CUSTOMER, **facts: Any) -> dict[str, Any]:
    """Stripe's customer, with everything personal."""
    given = {
        "email": EMAIL,
        "name": "Surname-Gone",
        "phone": "+1 555 0142",
        "address": {**ADDRESS, "postal_code": "12345", "state": None},
        "metadata": {"tier": "tier-of-gone"},
    }
    return customer(customer_id, **(given | facts))


def shown_subscription(**facts: Any) -> dict[str, Any]:
    return subscription(SUBSCRIPTION, customer=CUSTOMER, **facts)


def events() -> list[dict[str, Any]]:
    """All kinds of changes that Stripe can tell of them, in order."""
    upgraded = shown_subscription(quantity=2)
    return [
        event("customer.created", shown_customer(), created=NOW - 9 * DAY),
        event("customer.subscription.created", shown_subscription(), created=NOW - 9 * DAY),
        event("product.updated", product(), created=NOW - 9 * DAY),
        event("charge.succeeded", charge("ch_gone", customer=CUSTOMER), created=NOW - 9 * DAY),
        event("invoice.paid", invoice("in_gone", customer=CUSTOMER, status="paid"), created=NOW - 9 * DAY),
        event(
            "customer.subscription.updated",
            upgraded,
            previous={"quantity": 1},
            created=NOW - 8 * DAY,
        ),
        event(
            "invoice.payment_failed",
            invoice("in_due", customer=CUSTOMER, attempt_count=1),
            created=NOW - 7 * DAY,
        ),
        event(
            "customer.updated",
            shown_customer(name="Surname-Gone II"),
            previous={"name": "Surname-Gone"},
            created=NOW - 6 * DAY,
        ),
        event(
            "customer.subscription.deleted",
            shown_subscription(status="canceled"),
            created=NOW - 5 * DAY,
        ),
        event("customer.deleted", shown_customer(), created=NOW - 4 * DAY),
    ]


def activities(user: str = USER, email: str = EMAIL) -> tuple[Mapping[str, Any], ...]:
    """What the app tells of them."""
    user_id = user.removeprefix("user:")
    return (
        {
            "type": "identify",
            "user": user_id,
            "at": NOW - 8 * DAY,
            "message": f"identify-{user_id}",
            "traits": {"email": email, "tier": "tier-of-gone"},
        },
        {
            "type": "track",
            "user": user_id,
            "at": NOW - 7 * DAY,
            "message": f"track-{user_id}",
            "event": "Report Exported",
            "properties": {"title": "Gone-Report"},
        },
    )


def told_by_the_app(*told: Mapping[str, Any]) -> str:
    return Message(TEST, chunk=BulkBatch(activities=told or activities())).encode()


def listed(**chunk: Any) -> str:
    """What an import brings of them, or the parts given."""
    objects = chunk.pop("objects", (shown_customer(), shown_subscription()))
    told = BulkBatch("c1", "imp_1", NOW, objects=tuple(objects), **chunk)
    return Message(TEST, chunk=told, cause="import").encode()


def replayed() -> list[str]:
    """Everything again: by the webhook, by the reconciler, by an import and by the app."""
    return [
        *(Message(TEST, told).encode() for told in events()),
        Message(TEST, chunk=BulkBatch(events=tuple(events())), cause="reconcile").encode(),
        listed(),
        listed(objects=(), unseen=(CUSTOMER,)),
        told_by_the_app(),
    ]


def with_somebody(world: World) -> World:
    """The world with them, who have a Stripe customer and a user of the app, and somebody else."""
    world.apply(*events()[:8], OTHER)
    world.deliver([told_by_the_app()])
    person = world.person(f"customer:{CUSTOMER}")
    assert person is not None
    assert set(person.records) == {CUSTOMER, USER}
    assert traces(world.people) == list(PERSONAL)
    return world


def erase(person: str, *records: str) -> str:
    return Message(TEST, erase=Erase(person, tuple(sorted(records))), cause="erased").encode()


def erase_whoever_is(world: World, identity: str) -> str:
    """Has the person of an identity erased, as a command does; their id."""
    person = world.person(identity)
    assert person is not None
    world.deliver([erase(person.id, *person.records)])
    world.settle()
    return person.id


def all_that_is_stored(people: FakePeople) -> str:
    """The tables' content as text."""
    tables = (people.people, people.identities, people.members, people.feeds, people.receipts)
    return repr(tables)


def traces(people: FakePeople, texts: tuple[str, ...] = PERSONAL) -> list[str]:
    """Which of these texts are somewhere in the tables."""
    stored = all_that_is_stored(people)
    return [text for text in texts if text in stored]
