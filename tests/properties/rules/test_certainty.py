"""A rule's `until` is never too late: within it, a naive look at every moment finds the same verdict."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peoplesync.domain.people.person import Person, evaluate
from peoplesync.domain.records.record import Occurrences
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions
from peoplesync.domain.segments.rules import Rule, Subject, check, holds
from tests.support.builders.stripe import DAY
from tests.support.oracles.histories import BEGIN
from tests.support.oracles.naive_rules import naively
from tests.support.oracles.tellings import LATER, Telling, told, told_history

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LONG = settings(QUICK, max_examples=5_000)
HORIZON = 1_200
"""Seconds in which everything has flipped that ever will: the small world of these rules."""

INSTANTS = ("last_activity_at", "subscription_trial_ends_at", "last_payment_at")
STATUSES = ("active", "trialing", "canceled")

conditions = st.one_of(
    st.builds(
        lambda field, minutes: {"field": field, "older_than": f"{minutes}m"},
        st.sampled_from(INSTANTS),
        st.integers(0, 8),
    ),
    st.builds(
        lambda values: {"field": "subscription_status", "in": values},
        st.lists(st.sampled_from(STATUSES), min_size=1, max_size=2),
    ),
    st.builds(
        lambda field, operator, minutes: {"field": field, operator: f"{minutes}m"},
        st.sampled_from(INSTANTS),
        st.sampled_from(["within", "in_next"]),
        st.integers(0, 8),
    ),
    st.builds(
        lambda field, operator, second: {"field": field, operator: f"1970-01-01T00:0{second}:00+00:00"},
        st.sampled_from(INSTANTS),
        st.sampled_from(["before", "after"]),
        st.integers(0, 9),
    ),
    st.builds(
        lambda operator, amount: {"field": "customer_mrr", operator: amount},
        st.sampled_from(["over", "under", "at_least", "at_most"]),
        st.sampled_from(["9", "10", "10.5", "99.00"]),
    ),
    st.builds(
        lambda field, exists: {"field": field, "exists": exists},
        st.sampled_from([*INSTANTS, "customer_mrr", "customer_name", "subscription_statuses"]),
        st.booleans(),
    ),
    st.builds(
        lambda operator, part: {"field": "customer_name", operator: part},
        st.sampled_from(["contains", "starts_with"]),
        st.sampled_from(["a", "AB", "b"]),
    ),
    st.builds(
        lambda minutes: {"event": "payment_failed", "last_older_than": f"{minutes}m"}, st.integers(0, 8)
    ),
    st.builds(lambda value: {"field": "subscription_statuses", "contains": value}, st.sampled_from(STATUSES)),
    st.just({"has": "stripe_customer"}),
    st.builds(lambda ever: {"event": "payment_failed", "ever": ever}, st.booleans()),
    st.builds(
        lambda times, minutes: {"event": "payment_failed", "at_least": times, "within": f"{minutes}m"},
        st.integers(1, 3),
        st.integers(1, 8),
    ),
)
rules = st.recursive(
    conditions,
    lambda parts: st.builds(
        lambda name, members: {name: members},
        st.sampled_from(["all", "any", "none"]),
        st.lists(parts, min_size=1, max_size=3),
    ),
    max_leaves=6,
)
subjects = st.builds(
    Subject,
    st.fixed_dictionaries(
        {
            **{name: st.none() | st.integers(0, 600) for name in INSTANTS},
            "customer_mrr": st.none() | st.sampled_from(["9.00", "10.00", "10.50", "100.00"]),
            "customer_name": st.none() | st.sampled_from(["", "a", "Abba", "bab"]),
            "subscription_status": st.none() | st.sampled_from(STATUSES),
            "subscription_statuses": st.lists(st.sampled_from(STATUSES), max_size=2),
        }
    ),
    st.booleans(),
    st.builds(
        lambda instants: {
            "payment_failed": Occurrences(len(instants), tuple(sorted(instants, reverse=True)))
        },
        st.lists(st.integers(0, 600), max_size=4),
    ),
)


def certain_until_the_end(rule: Rule, subject: Subject, now: int) -> None:
    check(rule)
    truth, until = holds(rule, subject, now)
    assert truth == naively(rule, subject, now)
    assert until is None or until > now
    for at in range(now, HORIZON if until is None else until):
        assert naively(rule, subject, at) == truth, f"{truth} at {now}, said to be certain until {until}"


@given(rules, subjects, st.integers(0, HORIZON))
@QUICK
def test_a_verdict_is_certain_until_the_moment_it_names(rule: Rule, subject: Subject, now: int) -> None:
    certain_until_the_end(rule, subject, now)


@pytest.mark.long
@given(rules, subjects, st.integers(0, HORIZON))
@LONG
def test_thousands_of_verdicts_are_certain_until_the_moment_they_name(
    rule: Rule, subject: Subject, now: int
) -> None:
    certain_until_the_end(rule, subject, now)


@given(rules, subjects)
@QUICK
def test_looking_again_whenever_a_verdict_ends_misses_no_change(rule: Rule, subject: Subject) -> None:
    now: int | None = 0
    seen: dict[int, bool] = {}
    while now is not None:
        truth, until = holds(rule, subject, now)
        seen |= dict.fromkeys(range(now, HORIZON if until is None else until), truth)
        now = until
    assert seen == {at: naively(rule, subject, at) for at in seen}
    assert set(range(HORIZON)) <= set(seen)


SEGMENTS = Definitions(1, PREDEFINED)


def people_of(seed: int) -> list[Person]:
    events = told_history(seed, 30, 0.33).events
    return list(told(Telling(seed, 30, 0.33, [events], "truth")).people.people.values())


def anew(person: Person, at: int) -> Person:
    """The person evaluated at a moment as if for the first time."""
    alike = Person(person.id, person.created_at, email=person.email, records=person.records)
    return evaluate(alike, SEGMENTS, at)


@given(st.integers(0, 9_999), st.integers(BEGIN, LATER))
@QUICK
def test_nothing_about_a_person_changes_by_the_clock_before_their_review(seed: int, now: int) -> None:
    for person in people_of(seed):
        seen = anew(person, now)
        end = LATER + 200 * DAY if seen.review_at is None else seen.review_at
        assert end > now
        for at in {*range(now, end, max(DAY, (end - now) // 12)), *range(max(now, end - 3), end)}:
            then = anew(person, at)
            assert (then.fields, set(then.segments)) == (seen.fields, set(seen.segments))


def test_reviews_do_find_people_who_have_changed() -> None:
    changed = 0
    for seed in range(15):
        for person in people_of(seed):
            seen = anew(person, BEGIN)
            while seen.review_at is not None:
                before, seen = seen, evaluate(seen, SEGMENTS, seen.review_at)
                changed += (before.fields, set(before.segments)) != (seen.fields, set(seen.segments))
    assert changed > 30
