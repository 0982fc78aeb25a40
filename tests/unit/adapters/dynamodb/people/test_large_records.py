"""Many customers with one e-mail, many customers of one person, many subscriptions of one customer."""

from __future__ import annotations

import copy
import itertools
import random

import pytest

from peoplesync.adapters.dynamodb.people.plans import MAX_PERSON_BYTES, Item
from peoplesync.adapters.dynamodb.people.stored_people import to_row
from peoplesync.domain.people.person import SHARED, SHARED_BY, Person
from peoplesync.domain.records.record import KEPT_ENDED_SUBSCRIPTIONS, MOST_SUBSCRIPTIONS
from tests.support.builders.stripe import DAY, NOW, customer, event, subscription
from tests.support.fakes.world import TEST, World

AGENCY = "billing@example.com"


def sign_up(world: World, number: int, email: str = AGENCY) -> None:
    of = f"cus_{number:03}"
    world.apply(
        event("customer.created", customer(of, email=email), created=NOW - DAY),
        event(
            "customer.subscription.created", subscription(f"sub_{number:03}", customer=of), created=NOW - DAY
        ),
    )


def homes(world: World) -> list[set[str]]:
    return sorted((set(person.records) for person in world.people.people.values()), key=min)


def test_a_person_of_49_customers_is_one_person() -> None:
    world = World(NOW)
    for number in range(SHARED_BY - 1):
        sign_up(world, number)
    assert len(homes(world)) == 1


def test_with_the_50th_customer_an_email_is_shared_and_each_a_person_of_their_own() -> None:
    world = World(NOW)
    for number in range(SHARED_BY):
        sign_up(world, number)
    world.settle()
    assert homes(world) == [{f"cus_{number:03}"} for number in range(SHARED_BY)]
    assert world.people.identities[f"email:{AGENCY}"] == SHARED
    assert all(person.segments.keys() >= {"customers"} for person in world.people.people.values())


def test_a_shared_email_stays_shared() -> None:
    world = World(NOW)
    for number in range(SHARED_BY):
        sign_up(world, number)
    world.settle()
    for number in range(SHARED_BY - 1):
        moved = customer(f"cus_{number:03}", email=f"team-{number:02}@example.com")
        world.apply(event("customer.updated", moved, created=NOW))
    sign_up(world, 99)
    assert {"cus_049"} in homes(world)
    assert {"cus_099"} in homes(world)


def test_the_50_arriving_at_once_are_people_of_their_own_too() -> None:
    world = World(NOW)
    world.apply(
        *(
            event("customer.created", customer(f"cus_{number:03}", email=AGENCY), created=NOW - DAY)
            for number in range(SHARED_BY)
        )
    )
    world.settle()
    assert len(homes(world)) == SHARED_BY


def test_the_move_out_of_a_shared_email_is_small_each_time() -> None:
    world = World(NOW)
    for number in range(SHARED_BY):
        sign_up(world, number)
    sizes = []

    def measure() -> None:
        sizes.append(len(world.people.people))

    world.people.before_write = measure
    world.settle()
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(sizes))


def test_40_customers_of_one_person_add_up_in_one_person() -> None:
    world = World(NOW)
    for number in range(40):
        sign_up(world, number, "team-03@example.com")
    (person,) = world.people.people.values()
    assert person.fields["customer_mrr"] == f"{40 * 19}.00"
    assert person.fields["subscription_count"] == 40
    assert stored_size(person) < MAX_PERSON_BYTES


def stored_size(person: Person) -> int:
    row = to_row(TEST, person, "live")
    return Item("Put", row.get_save_kwargs_from_instance()).bytes


def test_500_active_subscriptions_stripes_own_limit_fit_in_a_person() -> None:
    world, rng = World(NOW), random.Random(5)
    world.apply(event("customer.created", customer(), created=NOW - DAY))
    bought = [
        subscription(
            f"sub_{rng.getrandbits(96):024x}",
            created=NOW - rng.randrange(DAY, 700 * DAY),
            metadata={"tenant": f"{rng.getrandbits(96):024x}", "seats": str(rng.randrange(100))},
        )
        for _ in range(500)
    ]
    told = [event("customer.subscription.created", one, created=one["created"]) for one in bought]
    for start in range(0, 500, 50):
        world.apply(*told[start : start + 50])
    (person,) = world.people.people.values()
    assert person.fields["subscription_count"] == 500
    assert stored_size(person) < MAX_PERSON_BYTES / 3


def test_beyond_what_stripe_allows_a_subscription_is_refused_in_words_and_other_changes_go_on() -> None:
    world = World(NOW)
    world.apply(event("customer.created", customer(), created=NOW - DAY))
    for start in range(0, MOST_SUBSCRIPTIONS, 100):
        world.apply(*(started(number) for number in range(start, start + 100)))
    beyond = started(MOST_SUBSCRIPTIONS)

    renamed = event("customer.updated", customer(name="Another"), created=NOW)
    world.apply(beyond, renamed, ended(1, DAY // 2))

    record = only_person(world).records["cus_1"]
    assert record.facts is not None
    assert record.facts["name"] == "Another"
    assert len(record.subscriptions) == MOST_SUBSCRIPTIONS
    assert [reason for _, reason in world.queue.dead_lettered] == [
        f"cus_1 has {MOST_SUBSCRIPTIONS} subscriptions already, and Stripe allows 500"
    ]
    world.apply(beyond)  # the dead letter, sent again
    assert len(only_person(world).records["cus_1"].subscriptions) == MOST_SUBSCRIPTIONS + 1


def started(number: int) -> dict[str, object]:
    new = subscription(f"sub_{number:03}")
    return event("customer.subscription.created", new, created=NOW - DAY, id=f"evt_{number}")


def ended(number: int, ago: int) -> dict[str, object]:
    at = NOW - ago
    gone = subscription(
        f"sub_{number:03}", status="canceled", created=at - DAY, canceled_at=at, ended_at=at, trial_start=None
    )
    return event("customer.subscription.deleted", gone, created=at)


@pytest.fixture(scope="module")
def told_of_500() -> World:
    """A customer whose 500 subscriptions ended a day after the other, the last one yesterday."""
    world = World(NOW)
    world.apply(event("customer.created", customer(), created=NOW - 600 * DAY))
    for number in range(500):
        gone = ended(number, (500 - number) * DAY)
        world.stripe.objects[f"sub_{number:03}"] = gone["data"]["object"]  # type: ignore[index]
        world.apply(gone)
    return world


@pytest.fixture
def with_500(told_of_500: World) -> World:
    """The same in a world of the test's own."""
    people, stripe = copy.deepcopy((told_of_500.people, told_of_500.stripe))
    return World(NOW, people=people, stripe=stripe)


def only_person(world: World) -> Person:
    (person,) = world.people.people.values()
    return person


def test_ended_subscriptions_are_dropped_once_they_are_old(with_500: World) -> None:
    kept = only_person(with_500).records["cus_1"].subscriptions
    assert len(kept) == 35 - 1  # those that ended less than 35 days ago
    assert len(kept) >= KEPT_ENDED_SUBSCRIPTIONS
    assert stored_size(only_person(with_500)) < 30_000


def test_what_the_dropped_ones_did_is_not_forgotten(with_500: World) -> None:
    person = only_person(with_500)
    assert person.fields["last_activity_at"] == NOW - DAY
    assert person.records["cus_1"].events["subscription_canceled"].count == 500


def test_an_unknown_subscription_is_fetched_before_it_is_believed(with_500: World) -> None:
    late = subscription("sub_003", status="active", created=NOW - 498 * DAY)
    with_500.apply(event("customer.subscription.updated", late, created=NOW - 497 * DAY))
    assert "sub_003" in with_500.stripe.asked
    assert only_person(with_500).fields["subscription_status"] == "canceled"


def test_the_newest_ones_are_kept_however_old() -> None:
    world = World(NOW)
    world.apply(event("customer.created", customer(), created=NOW - 600 * DAY))
    world.apply(*(ended(number, 300 * DAY + number) for number in range(KEPT_ENDED_SUBSCRIPTIONS)))
    assert len(only_person(world).records["cus_1"].subscriptions) == KEPT_ENDED_SUBSCRIPTIONS
