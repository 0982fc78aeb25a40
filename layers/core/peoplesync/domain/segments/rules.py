"""Rules as temporal predicates: true or false, and until when that is certain if nothing happens.

A rule is JSON: a condition, or rules under `all`, `any` or `none`.

    {"field": "subscription_status", "in": ["active", "past_due"]}      an operator of `conditions`
    {"field": "last_activity_at", "older_than": "15d"}                  another one
    {"has": "stripe_customer"}                                          is a customer in sync with Stripe
    {"has": "email"}                                                    has an e-mail
    {"event": "tracked:Report Exported", "ever": true}                  what the app tracked, by its name
    {"event": "subscription_canceled", "ever": true}                    it happened; false: it never did
    {"event": "payment_failed", "at_least": 2, "within": "30d"}         so often in the last so long
    {"event": "invoice_paid", "last_older_than": "40d"}                 it happened, but not of late
    {"all": [rule, ...]}    {"any": [rule, ...]}    {"none": [rule, ...]}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Final

from peoplesync.domain.billing_events import KINDS
from peoplesync.domain.fields.built_in import FIELD_TYPES, FieldType, FieldValue
from peoplesync.domain.records.activity import TRACKED
from peoplesync.domain.records.record import REMEMBERED_INSTANTS, Occurrences
from peoplesync.domain.revenue.primary import BEST_STATUS_FIRST
from peoplesync.domain.segments.conditions import (
    FORMERLY,
    OPERATORS,
    OPERATORS_OF,
    VALUES_OF,
    InvalidRule,
    RuleResult,
    duration,
)

Rule = Mapping[str, Any]

DEEPEST: Final = 8
"""How deep rules may be nested."""

MOST: Final = 50
"""How many conditions a rule may have: every change of a person evaluates all rules."""


@dataclass(frozen=True)
class Subject:
    """What a rule looks at: a person's fields, whether they are a customer in sync with Stripe, what happened
    to them, by kind of event, and whether they have an e-mail. `types` are those of the fields."""

    fields: Mapping[str, FieldValue]
    stripe_customer: bool
    events: Mapping[str, Occurrences] = field(default_factory=dict)
    email: bool = False
    types: Mapping[str, FieldType] = field(default_factory=lambda: FIELD_TYPES)

    def has(self, what: str) -> bool:
        """Whether they have one of `HAVING`."""
        return self.email if what == "email" else self.stripe_customer


HAVING: Final = ("stripe_customer", "email")
"""What a rule can ask whether somebody has it."""


def holds(rule: Rule, subject: Subject, now: int) -> RuleResult:
    """Whether the rule holds for the subject at `now`, and until when that is certain.

    The second part is always later than `now`. It may be early, never late: looking again is always right.
    """
    match rule:
        case {"all": list(parts), **rest} if not rest:
            return _joined([holds(part, subject, now) for part in parts], decided_by=False)
        case {"any": list(parts), **rest} if not rest:
            return _joined([holds(part, subject, now) for part in parts], decided_by=True)
        case {"none": list(parts), **rest} if not rest:
            truth, until = _joined([holds(part, subject, now) for part in parts], decided_by=True)
            return not truth, until
        case {"has": str(what), **rest} if not rest and what in HAVING:
            return subject.has(what), None
        case {"field": str(key), **condition} if len(condition) == 1:
            ((operator, argument),) = condition.items()
            operator = FORMERLY.get(operator, operator)
            value = subject.fields.get(key)
            if operator == "in" and subject.types.get(key) == "text":
                return value in argument, None  # a postal code of 01234 is not one of 1234
            if operator in OPERATORS:
                return OPERATORS[operator].verdict(value, argument, now)
        case {"event": str(kind), "ever": bool(ever), **rest} if not rest:
            return (_occurrences(subject, kind).count > 0) is ever, None
        case {"event": str(kind), "at_least": int(times), "within": str(span), **rest} if not rest:
            return _at_least(_occurrences(subject, kind), times, duration(span), now)
        case {"event": str(kind), "last_older_than": str(age), **rest} if not rest:
            return _last_older_than(_occurrences(subject, kind), duration(age), now)
    raise InvalidRule(f"{dict(rule)!r} is not a rule")


def _occurrences(subject: Subject, kind: str) -> Occurrences:
    return subject.events.get(kind, Occurrences())


def _at_least(occurrences: Occurrences, times: int, span: int, now: int) -> RuleResult:
    """It holds while the n-th newest is younger than the span."""
    if len(occurrences.newest) < times:
        return False, None
    until = occurrences.newest[times - 1] + span
    return (True, until) if now < until else (False, None)


def _last_older_than(occurrences: Occurrences, age: int, now: int) -> RuleResult:
    if not occurrences.newest:
        return False, None
    moment = occurrences.newest[0] + age
    return (True, None) if moment <= now else (False, moment)


def _joined(verdicts: Sequence[RuleResult], *, decided_by: bool) -> RuleResult:
    """One part that is so decides for all of them, and does so while any such part lasts. Where there is
    none, it is the other way around until the first of them may change."""
    deciding = [until for truth, until in verdicts if truth is decided_by]
    if not deciding:
        return not decided_by, earliest(until for _, until in verdicts)
    lasting = [until for until in deciding if until is not None]
    return decided_by, max(lasting) if len(lasting) == len(deciding) else None


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
    return Explanation(rule, truth, until, subject.has(str(rule.get("has"))))


def check(rule: Any, fields: Mapping[str, FieldType] = FIELD_TYPES) -> None:
    """Raises `InvalidRule` where a rule could not be evaluated for everybody; the message names the place and
    what is allowed there. `fields` are the types of the fields that there are."""
    conditions = _check(rule, fields, "rule", 1)
    if conditions > MOST:
        raise InvalidRule(f"rule: it has {conditions} conditions, {MOST} are allowed")


def _check(rule: Any, fields: Mapping[str, FieldType], place: str, depth: int) -> int:
    """How many conditions the rule has."""
    match rule:
        case {"all": list(parts)} | {"any": list(parts)} | {"none": list(parts)} if len(rule) == 1 and parts:
            if depth > DEEPEST:
                raise InvalidRule(f"{place}: rules stand inside one another more than {DEEPEST} deep")
            name = next(iter(rule))
            inside = (_check(part, fields, f"{place}.{name}[{n}]", depth + 1) for n, part in enumerate(parts))
            return sum(inside)
        case {"has": str(what)} if len(rule) == 1:
            if what not in HAVING:
                raise InvalidRule(f"{place}.has: {what!r} is nothing to have; it is {_either(HAVING)}")
            return 1
        case {"field": str(key), **condition} if len(condition) == 1:
            ((operator, argument),) = condition.items()
            _check_condition(key, str(operator), argument, fields, place)
            return 1
        case {"field": str(key)} if key in fields:
            raise InvalidRule(f"{place}: write one operator; {_operators(fields[key])}")
        case {"event": str(kind), **condition}:
            _check_event(kind, condition, place)
            return 1
    raise InvalidRule(
        f"{place}: write all, any or none with a list of rules, has, or field or event with an operator"
    )


def _check_condition(
    key: str, operator: str, argument: Any, fields: Mapping[str, FieldType], place: str
) -> None:
    if key not in fields:
        raise InvalidRule(f"{place}.field: there is no field {key!r}{_alike(key, fields)}")
    operator = FORMERLY.get(operator, operator)
    if operator not in OPERATORS_OF[fields[key]]:
        raise InvalidRule(f"{place}: {operator!r} does not go with {key}; {_operators(fields[key])}")
    OPERATORS[operator].check(argument, f"{place}.{operator}")
    if operator == "in":
        for number, value in enumerate(argument):
            VALUES_OF[fields[key]](value, f"{place}.in[{number}]")
    if key in VALUES and operator in ("in", "contains"):
        for value in argument if operator == "in" else [argument]:
            if value not in VALUES[key]:
                it_is = _either(VALUES[key])
                raise InvalidRule(f"{place}.{operator}: {key} is never {value!r}; it is {it_is}")


def _check_event(kind: str, condition: Mapping[Any, Any], place: str) -> None:
    if kind not in KINDS and not (kind.startswith(TRACKED) and kind != TRACKED):
        hint = _alike(kind, KINDS) or f"; what the app tracks is called {TRACKED}NAME"
        raise InvalidRule(f"{place}.event: there is no event {kind!r}{hint}")
    match condition:
        case {"ever": bool()} if len(condition) == 1:
            return
        case {"last_older_than": age} if len(condition) == 1:
            duration(age, f"{place}.last_older_than")
            return
        case {"at_least": times, "within": span} if len(condition) == 2:
            if not isinstance(times, int) or isinstance(times, bool) or not 1 <= times <= REMEMBERED_INSTANTS:
                raise InvalidRule(
                    f"{place}.at_least: {times!r} is not a number from 1 to {REMEMBERED_INSTANTS}"
                )
            duration(span, f"{place}.within")
            return
    raise InvalidRule(
        f"{place}: an event takes ever (true or false), at_least with within, or last_older_than"
    )


def _operators(field_type: FieldType) -> str:
    return f"a {field_type.replace('_', ' ')} field takes {_either(OPERATORS_OF[field_type])}"


def _either(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}" if others else last


def _alike(name: str, names: Iterable[str]) -> str:
    close = get_close_matches(name, list(names), 3, 0.5)
    return f"; did you mean {_either(close)}?" if close else ""


VALUES: Final[Mapping[str, Sequence[str]]] = {
    "subscription_status": BEST_STATUS_FIRST,
    "subscription_statuses": BEST_STATUS_FIRST,
    "plan_interval": ("day", "week", "month", "year"),
}
"""All values that some fields can have: with a typo a rule would never hold."""
