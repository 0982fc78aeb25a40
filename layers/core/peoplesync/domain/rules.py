"""Rules as temporal predicates: true or false, and until when that is certain if nothing happens.

A rule is JSON: a condition, or conditions under `all`, `any` or `none`.

    {"field": "subscription_status", "in": ["active", "past_due"]}      the value is one of these
    {"field": "subscription_statuses", "contains": "past_due"}          the list holds it
    {"field": "last_activity_at", "older_than": "15d"}                  that long ago, or longer
    {"has": "stripe_customer"}                                          is a customer in sync with Stripe
    {"event": "subscription_canceled", "ever": true}                    it happened; false: it never did
    {"event": "payment_failed", "at_least": 2, "within": "30d"}         so often in the last so long
    {"all": [rule, ...]}    {"any": [rule, ...]}    {"none": [rule, ...]}

A field without a value fulfils none of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.domain.billing_events import KINDS
from peoplesync.domain.fields import FIELD_TYPES, FieldValue
from peoplesync.domain.records import REMEMBERED_INSTANTS, Occurrences

Rule = Mapping[str, Any]
Verdict = tuple[bool, int | None]
"""Whether it holds, and the instant until which that is certain; None: for ever, if nothing happens."""

_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}


class InvalidRule(ValueError):
    """A rule that says nothing; the message names the place in it and what is allowed there."""


@dataclass(frozen=True)
class Subject:
    """What a rule looks at: a person's fields, whether they are a customer in sync with Stripe, and what
    happened to them, by kind of billing event."""

    fields: Mapping[str, FieldValue]
    stripe_customer: bool
    events: Mapping[str, Occurrences] = field(default_factory=dict)


def duration(text: object, place: str = "rule") -> int:
    """Seconds of "90m", "36h" or "15d"."""
    match = re.fullmatch(r"(\d{1,5})([mhd])", text) if isinstance(text, str) else None
    if match is None:
        raise InvalidRule(f"{place}: {text!r} is no duration; write a number and m, h or d, such as 15d")
    return int(match[1]) * _SECONDS[match[2]]


def holds(rule: Rule, subject: Subject, now: int) -> Verdict:
    """Whether the rule holds for the subject at `now`, and until when that is certain.

    The second part is always later than `now`. It may be early, never late: looking again is always right.
    """
    match rule:
        case {"all": list(parts), **rest} if not rest:
            return _joined(all, (holds(part, subject, now) for part in parts))
        case {"any": list(parts), **rest} if not rest:
            return _joined(any, (holds(part, subject, now) for part in parts))
        case {"none": list(parts), **rest} if not rest:
            truth, until = _joined(any, (holds(part, subject, now) for part in parts))
            return not truth, until
        case {"has": "stripe_customer", **rest} if not rest:
            return subject.stripe_customer, None
        case {"field": str(key), "in": list(values), **rest} if not rest:
            return subject.fields.get(key) in values, None
        case {"field": str(key), "contains": value, **rest} if not rest:
            held = subject.fields.get(key)
            return isinstance(held, list) and value in held, None
        case {"field": str(key), "older_than": str(age), **rest} if not rest:
            return _older_than(subject.fields.get(key), duration(age), now)
        case {"event": str(kind), "ever": bool(ever), **rest} if not rest:
            return (_occurrences(subject, kind).count > 0) is ever, None
        case {"event": str(kind), "at_least": int(times), "within": str(span), **rest} if not rest:
            return _at_least(_occurrences(subject, kind), times, duration(span), now)
    raise InvalidRule(f"{dict(rule)!r} is no rule")


def _occurrences(subject: Subject, kind: str) -> Occurrences:
    return subject.events.get(kind, Occurrences())


def _at_least(occurrences: Occurrences, times: int, span: int, now: int) -> Verdict:
    """It holds while the last but so many is younger than the span."""
    if len(occurrences.newest) < times:
        return False, None
    until = occurrences.newest[times - 1] + span
    return (True, until) if now < until else (False, None)


def _older_than(instant: FieldValue, age: int, now: int) -> Verdict:
    if not isinstance(instant, int):
        return False, None
    moment = instant + age
    return (True, None) if moment <= now else (False, moment)


def _joined(quantifier: Callable[[Iterable[bool]], bool], verdicts: Iterable[Verdict]) -> Verdict:
    found = list(verdicts)
    return quantifier(truth for truth, _ in found), earliest(until for _, until in found)


def earliest(instants: Iterable[int | None]) -> int | None:
    """The first of some instants; None where there is none."""
    return min((instant for instant in instants if instant is not None), default=None)


@dataclass(frozen=True)
class Explanation:
    """A rule's verdict with what it looked at: `value` is the field's, or how often the event happened; and
    the same of each rule inside it."""

    rule: Rule
    holds: bool
    until: int | None
    value: FieldValue = None
    parts: tuple[Explanation, ...] = ()


def explain(rule: Rule, subject: Subject, now: int) -> Explanation:
    """Why a rule holds or does not."""
    truth, until = holds(rule, subject, now)
    match rule:
        case {"all": list(parts)} | {"any": list(parts)} | {"none": list(parts)}:
            return Explanation(rule, truth, until, None, tuple(explain(part, subject, now) for part in parts))
        case {"field": str(key)}:
            return Explanation(rule, truth, until, subject.fields.get(key))
        case {"event": str(kind)}:
            return Explanation(rule, truth, until, _occurrences(subject, kind).count)
    return Explanation(rule, truth, until, subject.stripe_customer)


def check(rule: Any, place: str = "rule") -> None:
    """Raises `InvalidRule` where a rule could not be evaluated for everybody."""
    match rule:
        case {"all": list(parts)} | {"any": list(parts)} | {"none": list(parts)} if len(rule) == 1 and parts:
            name = next(iter(rule))
            for index, part in enumerate(parts):
                check(part, f"{place}.{name}[{index}]")
            return
        case {"has": "stripe_customer"} if len(rule) == 1:
            return
        case {"field": str(key)} if len(rule) == 2:
            if key not in FIELD_TYPES:
                raise InvalidRule(f"{place}.field: there is no field {key!r}")
            _check_operator(rule, FIELD_TYPES[key], place)
            return
        case {"event": kind} if kind not in KINDS:
            raise InvalidRule(f"{place}.event: there is no event {kind!r}")
        case {"event": _, "ever": bool()} if len(rule) == 2:
            return
        case {"event": _, "at_least": times, "within": span} if len(rule) == 3:
            if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= REMEMBERED_INSTANTS:
                raise InvalidRule(f"{place}.at_least: {times!r} is no number from 1 to {REMEMBERED_INSTANTS}")
            duration(span, f"{place}.within")
            return
        case {"event": _}:
            raise InvalidRule(f"{place}: an event takes ever (true or false), or at_least with within")
    raise InvalidRule(
        f"{place}: write all, any or none with a list of rules, has, or field or event with an operator"
    )


def _check_operator(rule: Rule, field_type: str, place: str) -> None:
    match rule:
        case {"in": [_, *_]} if field_type in ("text", "number", "money", "boolean"):
            return
        case {"contains": str()} if field_type == "list":
            return
        case {"older_than": age} if field_type == "instant":
            duration(age, f"{place}.older_than")
            return
    no_operator = "no operator; ask for customer_mrr"
    allowed = {"list": "contains", "instant": "older_than", "money_by_currency": no_operator}
    raise InvalidRule(f"{place}: a {field_type} field takes {allowed.get(field_type, 'in')}")
