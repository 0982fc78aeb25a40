"""Random rules on random people at random instants agree with a naive evaluator."""

import random
from typing import Any

from peoplesync.domain.records.record import Occurrences
from peoplesync.domain.segments.rules import Rule, Subject, check, holds
from tests.support.builders.stripe import DAY, HOUR, NOW
from tests.support.oracles.naive_rules import naively

RULES, PEOPLE = 200, 500
INSTANTS = ("last_activity_at", "subscription_trial_ends_at", "last_payment_at")
STATUSES = ("active", "trialing", "past_due", "canceled")
KINDS = ("payment_failed", "invoice_paid", "tracked:Report Exported")


def random_rule(rng: random.Random, depth: int = 3) -> dict[str, Any]:
    if depth and rng.random() < 0.5:
        parts = [random_rule(rng, depth - 1) for _ in range(rng.randint(1, 3))]
        return {rng.choice(["all", "any", "none"]): parts}
    minutes = rng.randint(0, 30 * 24 * 60)
    match rng.randrange(11):
        case 6:
            return {"field": rng.choice(INSTANTS), rng.choice(["within", "in_next"]): f"{minutes}m"}
        case 7:
            day = f"2026-0{rng.randint(2, 3)}-{rng.randint(10, 28)}T00:00:00+00:00"
            return {"field": rng.choice(INSTANTS), rng.choice(["before", "after"]): day}
        case 8:
            operator = rng.choice(["over", "under", "at_least", "at_most"])
            return {"field": "customer_mrr", operator: rng.choice(["9", "49", "49.5", "100"])}
        case 9:
            return {"field": rng.choice(INSTANTS), rng.choice(["exists", "known"]): rng.random() < 0.5}
        case 10:
            return {"event": rng.choice(KINDS), "last_older_than": f"{minutes}m"}
        case 0:
            return {"field": rng.choice(INSTANTS), "older_than": f"{minutes}m"}
        case 1:
            return {"field": "subscription_status", "in": rng.sample(STATUSES, rng.randint(1, 3))}
        case 2:
            return {"field": "subscription_statuses", "contains": rng.choice(STATUSES)}
        case 3:
            return {"event": rng.choice(KINDS), "ever": rng.random() < 0.5}
        case 4:
            return {"event": rng.choice(KINDS), "at_least": rng.randint(1, 4), "within": f"{minutes + 1}m"}
    return {"has": rng.choice(["stripe_customer", "email"])}


def random_person(rng: random.Random) -> Subject:
    def instant() -> int:
        return NOW - rng.randint(-10 * DAY, 40 * DAY)

    fields: dict[str, Any] = {one: rng.choice([None, instant(), instant()]) for one in INSTANTS}
    fields["customer_mrr"] = rng.choice([None, "9.00", "49.00", "49.50", "240.00"])
    fields["subscription_status"] = rng.choice([None, *STATUSES])
    fields["subscription_statuses"] = rng.sample(STATUSES, rng.randint(0, 2))
    happened = {kind: sorted((instant() for _ in range(rng.randint(0, 5))), reverse=True) for kind in KINDS}
    events = {kind: Occurrences(len(moments), tuple(moments)) for kind, moments in happened.items()}
    return Subject(fields, rng.random() < 0.8, events, rng.random() < 0.8)


def moments(rng: random.Random, now: int, until: int | None) -> set[int]:
    """Moments at which the verdict is said to be what it is now, the last one among them."""
    end = until if until is not None else now + 90 * DAY
    return {now, min(now + HOUR, end - 1), rng.randrange(now, end), end - 1}


def test_200_rules_agree_with_a_naive_evaluator_on_500_people_and_their_verdicts_last() -> None:
    rng = random.Random(3)
    rules: list[Rule] = [random_rule(rng) for _ in range(RULES)]
    people = [random_person(rng) for _ in range(PEOPLE)]
    ended = early = 0
    for rule in rules:
        check(rule)
        for person in people:
            now = NOW + rng.randint(-20 * DAY, 20 * DAY)
            truth, until = holds(rule, person, now)
            assert until is None or until > now
            for moment in moments(rng, now, until):
                assert naively(rule, person, moment) is truth, (rule, person, now, moment)
            if until is not None:
                ended += 1
                early += naively(rule, person, until) is truth
    # Looking again too early is allowed; here is how often that is: where another part of a rule decides.
    assert ended > 10_000
    assert early / ended < 0.05
    print(f"{early} of {ended} verdicts ended without a change")
