"""A person: the fold of the records that share an e-mail, evaluated at a moment."""

from dataclasses import replace

import pytest

from peoplesync.domain.people.person import Person, evaluate, normal_email
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions
from tests.support.builders.stripe import (
    DAY,
    NOW,
    charge,
    customer,
    event,
    subscription,
)
from tests.support.builders.told import only_person, told, with_one_email

SEGMENTS = Definitions(7, PREDEFINED)


@pytest.mark.parametrize(
    ("email", "normal"),
    [
        ("one@example.com", "one@example.com"),
        ("  One@Example.COM\n", "one@example.com"),
        ("jose\u0301@example.com", "jos\u00e9@example.com"),
        ("JOSE\u0301@example.com", "jos\u00e9@example.com"),
        ("STRASSE@example.com", "strasse@example.com"),
        ("Straße@example.com", "strasse@example.com"),
        ("\u0390@example.com", "\u0390@example.com"),
        ("\u03b1\u0345\u0301@example.com", "\u03ac\u03b9@example.com"),
        ("", None),
        ("   ", None),
        (None, None),
    ],
)
def test_an_email_finds_its_person_however_it_is_written(email: str | None, normal: str | None) -> None:
    assert normal_email(email) == normal
    assert normal_email(normal) == normal


def test_a_person_is_found_by_each_of_their_customers_and_by_their_email() -> None:
    world = told(customer("cus_1", email=" One@Example.com"), with_one_email("cus_2"))
    assert only_person(world).identities == {"customer:cus_1", "customer:cus_2", "email:one@example.com"}
    assert set(world.people.identities) == only_person(world).identities


def test_a_trials_end_becomes_activity_by_the_clock_alone() -> None:
    world = told(customer(), subscription(status="active", trial_end=NOW + 3 * DAY))
    person = only_person(world)
    assert evaluate(person, Definitions(1, ()), NOW).review_at == NOW + 3 * DAY
    later = evaluate(person, SEGMENTS, NOW + 3 * DAY)
    assert person.fields["last_activity_at"] == NOW - 10 * DAY
    assert later.fields["last_activity_at"] == NOW + 3 * DAY


def test_evaluation_never_runs_backwards() -> None:
    person = only_person(told(customer(), subscription(status="trialing", trial_end=NOW + DAY)))
    assert "expired_trials" not in person.segments
    later = evaluate(person, SEGMENTS, NOW + 2 * DAY)
    again = evaluate(later, SEGMENTS, NOW)
    assert "expired_trials" in later.segments
    assert (again.segments, again.evaluated_at) == (later.segments, NOW + 2 * DAY)
    assert again.review_at == later.review_at


def test_a_membership_keeps_the_moment_it_began_and_begins_anew_after_a_break() -> None:
    person = only_person(told(customer(), subscription()))
    assert person.segments == {"customers": NOW, "syncing_with_stripe": NOW}
    later = evaluate(person, SEGMENTS, NOW + 20 * DAY)
    assert later.segments == {
        "customers": NOW,
        "slipping_customers": NOW + 20 * DAY,
        "syncing_with_stripe": NOW,
    }
    left = evaluate(replace(later, segments={}), SEGMENTS, NOW + 30 * DAY)
    assert set(left.segments.values()) == {NOW + 30 * DAY}


def test_a_review_is_always_later_than_the_moment_it_was_computed_for() -> None:
    trial = only_person(told(customer(), subscription(status="trialing", trial_end=NOW + DAY)))
    pending = only_person(told(subscription()))
    for person in (trial, pending):
        for now in range(NOW, NOW + 20 * DAY, 977):
            seen = evaluate(person, SEGMENTS, now)
            assert seen.review_at is None or seen.review_at > now


def test_a_person_remembers_the_definitions_they_were_folded_with() -> None:
    assert evaluate(Person("per_1", NOW), SEGMENTS, NOW).definitions_version == 7


def test_a_person_of_whom_only_a_subscription_is_known_is_nobody_yet() -> None:
    person = only_person(told(subscription()))
    assert person.unidentified
    assert person.segments == {}
    assert set(person.indexed_in) == {("uses:product:prod_1", person.id)}
    assert person.review_at == NOW + 60


def test_a_person_is_indexed_among_everyone_and_once_for_each_customer_in_sync() -> None:
    person = only_person(told(with_one_email("cus_1"), with_one_email("cus_2")))
    assert set(person.indexed_in) == {
        ("everyone", person.id),
        ("customers_in_sync", "cus_1"),
        ("customers_in_sync", "cus_2"),
        ("syncing_with_stripe", person.id),
    }


def test_a_deleted_customers_person_stays_with_their_values_and_leaves_what_is_in_sync() -> None:
    world = told(customer(), subscription(), charge(created=NOW - DAY))
    world.apply(event("customer.deleted", customer(), created=NOW))
    person = only_person(world)
    indexes = {index for index, _ in person.indexed_in}
    assert indexes == {"everyone", "churned_customers", "uses:product:prod_1"}
    assert (person.fields["customer_name"], person.fields["last_amount_paid"]) == ("Name of cus_1", "19.00")
    assert (person.fields["subscription_status"], person.fields["customer_mrr"]) == ("canceled", "0.00")


def test_a_person_with_one_customer_left_stays_in_sync_and_is_no_churned_customer() -> None:
    world = told(with_one_email("cus_1"), with_one_email("cus_2"), subscription(customer="cus_2"))
    world.apply(event("customer.deleted", with_one_email("cus_1"), created=NOW))
    person = only_person(world)
    assert set(person.segments) == {"syncing_with_stripe", "customers"}
    assert ("customers_in_sync", "cus_1") not in person.indexed_in
