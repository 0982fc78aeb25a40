"""Random values of people's own fields, spelled in many ways, and random rules on them agree with a naive
evaluator that was told the values themselves."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from peoplesync.domain.fields.built_in import FIELDS, Field, FieldType, types_of
from peoplesync.domain.fields.custom import CUSTOM_TYPES
from peoplesync.domain.people.person import Person, evaluate, subject_of
from peoplesync.domain.segments.definitions import Definitions, Segment
from peoplesync.domain.segments.rules import Rule, Subject, check, holds
from tests.properties.rules.test_rules_on_people import moments
from tests.support.builders.app_users import defining, identified, only, told_by_app
from tests.support.builders.stripe import DAY, NOW, customer, event
from tests.support.oracles.naive_rules import naively

RULES, PEOPLE = 120, 120
EMAIL = "trial-07@example.com"
SOURCES = {"stripe": "customer.metadata", "app": "traits"}
OWN = [
    Field(f"{kind}_{name}", f"{kind} {name}", "Custom", kind, f"{source}.{kind}")
    for kind in CUSTOM_TYPES
    for name, source in SOURCES.items()
]
TYPES = types_of([*FIELDS, *OWN])

WORDS = ("gold", "Gold", "golden", "0123", "123", "2.1", "2.10", "Zoë")
NUMBERS = ("-3", "0", "0.5", "5", "49", "49.5", "1000")
BAD: Mapping[FieldType, tuple[Any, ...]] = {
    "text": ({"a": 1},),
    "number": ("many", "1,000", True),
    "money": ("$5", "1e9999999"),
    "boolean": ("maybe", "2"),
    "instant": ("soon", "2026-02-30", "0001-01-01T00:00:00+14:00"),
    "list": ("[", {"a": 1}),
}
"""Values that are none of that type; those that are no text are told by the app only."""


def random_value(rng: random.Random, kind: FieldType) -> tuple[Any, Any]:
    """A value as it is told, always as text or also otherwise, and what it is; None where it is nothing."""
    match kind:
        case "text":
            word = rng.choice(WORDS)
            return word, word
        case "number" | "money":
            number = rng.choice(NUMBERS)
            spelled = [number, f" {number} ", f"{number}0" if "." in number else f"{number}.0"]
            whole = [int(number), float(number)] if "." not in number else [float(number)]
            return rng.choice([*spelled, *whole]), Decimal(number)
        case "boolean":
            truth = rng.random() < 0.5
            return rng.choice(
                [truth, int(truth), ("yes", "TRUE", "1") if truth else ("no", "False", "0")]
            ), truth
        case "instant":
            at = NOW - rng.randint(-40 * DAY, 40 * DAY)
            moment = datetime.fromtimestamp(at, UTC)
            shifted = moment.astimezone(datetime.fromisoformat("2026-01-01T00:00:00+05:30").tzinfo)
            return rng.choice(
                [at, str(at), moment.isoformat(), f"{moment:%Y-%m-%dT%H:%M:%S}", str(shifted)]
            ), at
        case _:
            words = rng.sample(WORDS, rng.randint(1, 3))
            return rng.choice([words, ", ".join(words), str(words).replace("'", '"')]), words


def told_value(rng: random.Random, kind: FieldType, as_text: bool) -> tuple[Any, Any, bool]:
    """What is told of a field, its value, and whether that cannot be converted."""
    if rng.random() < 0.15:
        return rng.choice([None, "", "  "]) if not as_text else "", None, False
    if rng.random() < 0.15:
        bad = [one for one in BAD[kind] if isinstance(one, str) or not as_text]
        return (rng.choice(bad), None, True) if bad else ("", None, False)
    raw, value = random_value(rng, kind)
    if isinstance(raw, tuple):
        raw = rng.choice(raw)
    while as_text and not isinstance(raw, str):
        raw, value = random_value(rng, kind)
        raw = rng.choice(raw) if isinstance(raw, tuple) else raw
    return raw, value, False


def random_person(rng: random.Random) -> tuple[Person, dict[str, Any], set[str]]:
    """A person, the values of their own fields, and the keys of those that cannot be converted."""
    stripe = {kind: told_value(rng, kind, as_text=True) for kind in CUSTOM_TYPES}
    app = {kind: told_value(rng, kind, as_text=False) for kind in CUSTOM_TYPES}
    world = defining(*OWN)
    metadata = {kind: raw for kind, (raw, _, _) in stripe.items()}
    world.apply(event("customer.created", customer(email=EMAIL, metadata=metadata), created=NOW - DAY))
    told_by_app(world, identified(email=EMAIL, **{kind: raw for kind, (raw, _, _) in app.items()}))
    told = {"stripe": stripe, "app": app}
    values = {one.key: told[one.key.split("_")[1]][one.type][1] for one in OWN}
    bad = {one.key for one in OWN if told[one.key.split("_")[1]][one.type][2]}
    return only(world), values, bad


def random_condition(rng: random.Random) -> dict[str, Any]:
    own = rng.choice(OWN)
    minutes = f"{rng.randint(0, 30 * 24 * 60)}m"
    day = f"2026-0{rng.randint(2, 3)}-{rng.randint(10, 28)}T00:00:00+00:00"
    operators: dict[FieldType, dict[str, Any]] = {
        "text": {
            "in": rng.sample(WORDS, 2),
            "contains": rng.choice(["ol", "GOLD", "zOË", "0"]),
            "starts_with": rng.choice(["go", "GOLD", "0", "2."]),
        },
        "number": {name: rng.choice(NUMBERS) for name in ("over", "under", "at_least", "at_most")}
        | {"in": [int(one) if one.isdigit() else one for one in rng.sample(NUMBERS, 3)]},
        "boolean": {"in": [rng.random() < 0.5]},
        "instant": dict.fromkeys(("older_than", "within", "in_next"), minutes)
        | {"before": day, "after": day},
        "list": {"contains": rng.choice(WORDS)},
    }
    operators["money"] = operators["number"]
    taken: dict[str, Any] = operators[own.type] | {"exists": rng.random() < 0.5}
    operator = rng.choice(sorted(taken))
    return {"field": own.key, operator: taken[operator]}


def random_rule(rng: random.Random, depth: int = 2) -> Rule:
    if depth and rng.random() < 0.4:
        parts = [random_rule(rng, depth - 1) for _ in range(rng.randint(1, 3))]
        return {rng.choice(["all", "any", "none"]): parts}
    return random_condition(rng)


def test_120_rules_on_own_fields_agree_with_a_naive_evaluator_on_120_people() -> None:
    rng = random.Random(6)
    rules = [random_rule(rng) for _ in range(RULES)]
    for rule in rules:
        check(rule, TYPES)
    segments = tuple(Segment(f"s{n}", f"S {n}", rule) for n, rule in enumerate(rules))
    definitions = Definitions(2, segments, (*FIELDS, *OWN))
    verdicts = {True: 0, False: 0}
    for _ in range(PEOPLE):
        person, values, bad = random_person(rng)
        assert set(person.errors) == bad
        person = evaluate(person, definitions, NOW)
        naive = Subject(values, True)
        expected = {one.id for one in segments if naively(one.rule, naive, NOW)}
        assert set(person.segments) == expected
        for rule in rules:
            truth, until = holds(rule, subject_of(person, person.fields, TYPES), NOW)
            verdicts[truth] += 1
            for moment in moments(rng, NOW, until):
                assert naively(rule, naive, moment) is truth, (rule, values, moment)
    assert min(verdicts.values()) > RULES * PEOPLE / 5
