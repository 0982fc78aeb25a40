"""Conditions on one field: the operators that each type of field takes.

    in             one of these values                text, number, money, boolean
    contains       this part, in any case             text
                   this element                       list
    starts_with    this beginning, in any case        text
    over, under    more, or less, than this           number, money
    at_least       this or more                       number, money
    at_most        this or less                       number, money
    older_than     so long ago, or longer             instant
    within         in the last so long                instant
    in_next        in the next so long                instant
    before, after  than this date or time (UTC)       instant
    exists         true: has a value; false: has none every type

A field without a value fulfils none of them but `exists`. What is money is compared in its major unit,
whatever its currency.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Final

from peoplesync.domain.fields.built_in import FieldType, FieldValue

RuleResult = tuple[bool, int | None]
"""Whether it holds, and the instant until which that is certain; None: for ever, if nothing happens."""

_SECONDS: Final = {"m": 60, "h": 3_600, "d": 86_400}


class InvalidRule(ValueError):
    """A rule that is not valid; the message names the place in it and what is allowed there."""


def duration(text: object, place: str = "rule") -> int:
    """Seconds of "90m", "36h" or "15d"."""
    match = re.fullmatch(r"(\d{1,5})([mhd])", text) if isinstance(text, str) else None
    if match is None:
        raise InvalidRule(f"{place}: {text!r} is not a duration; write a number and m, h or d, such as 15d")
    return int(match[1]) * _SECONDS[match[2]]


def instant(text: object, place: str = "rule") -> int:
    """Unix seconds of a date or time in ISO 8601, UTC unless it says so."""
    moment = _moment(text) if isinstance(text, str) else None
    if moment is None:
        raise InvalidRule(f"{place}: {text!r} is not a date; write one such as 2026-01-31, or a time with it")
    return moment


@lru_cache(maxsize=256)
def _moment(text: str) -> int | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _number(value: object) -> Decimal | None:
    """Numbers are whole, or text where they are exact; money is text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def number(value: object, place: str = "rule") -> Decimal:
    """A number of a rule, such as 49 or "49.00"."""
    found = _number(value)
    if found is None:
        raise InvalidRule(f"{place}: {value!r} is not a number; write one such as 49 or 49.5")
    return found


def _in(value: FieldValue, values: Any, _now: int) -> RuleResult:
    if value in values:
        return True, None
    mine = _number(value)
    return mine is not None and any(_number(one) == mine for one in values), None


def _contains(value: FieldValue, part: Any, _now: int) -> RuleResult:
    if isinstance(value, str) and isinstance(part, str):
        return part.casefold() in value.casefold(), None
    return isinstance(value, list) and part in value, None


def _starts_with(value: FieldValue, beginning: Any, _now: int) -> RuleResult:
    return isinstance(value, str) and value.casefold().startswith(str(beginning).casefold()), None


def _compared(holds: Callable[[Decimal, Decimal], bool]) -> Callable[[FieldValue, Any, int], RuleResult]:
    def verdict(value: FieldValue, bound: Any, _now: int) -> RuleResult:
        mine = _number(value)
        limit = number(bound)
        return mine is not None and holds(mine, limit), None

    return verdict


def _older_than(value: FieldValue, age: Any, now: int) -> RuleResult:
    seconds, at = duration(age), _instant_of(value)
    if at is None:
        return False, None
    return (True, None) if at + seconds <= now else (False, at + seconds)


def _within(value: FieldValue, span: Any, now: int) -> RuleResult:
    """From the instant on, for so long."""
    seconds, at = duration(span), _instant_of(value)
    return (False, None) if at is None else _between(at, at + seconds, now)


def _in_next(value: FieldValue, span: Any, now: int) -> RuleResult:
    """From so long before the instant on, until it has come."""
    seconds, at = duration(span), _instant_of(value)
    return (False, None) if at is None else _between(at - seconds, at, now)


def _between(begin: int, end: int, now: int) -> RuleResult:
    if now < begin:
        return False, begin
    return (True, end) if now < end else (False, None)


def _before(value: FieldValue, date: Any, _now: int) -> RuleResult:
    moment, at = instant(date), _instant_of(value)
    return at is not None and at < moment, None


def _after(value: FieldValue, date: Any, _now: int) -> RuleResult:
    moment, at = instant(date), _instant_of(value)
    return at is not None and at >= moment, None


def _exists(value: FieldValue, exists: Any, _now: int) -> RuleResult:
    return (value not in (None, "", [], {})) is exists, None


def _instant_of(value: FieldValue) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


Check = Callable[[Any, str], object]
"""Raises `InvalidRule` where an operator cannot take this argument; gets its place in the rule."""


def _values(argument: Any, place: str) -> None:
    if not isinstance(argument, list) or not argument:
        raise InvalidRule(f"{place}: write a list of values, such as ['active', 'past_due']")


def _text(argument: Any, place: str) -> None:
    if not isinstance(argument, str) or not argument:
        raise InvalidRule(f"{place}: {argument!r} is not text")


def _yes_or_no(argument: Any, place: str) -> None:
    if not isinstance(argument, bool):
        raise InvalidRule(f"{place}: {argument!r} is neither true nor false")


@dataclass(frozen=True)
class Operator:
    """What an operator says of a value at a moment, and what it can take."""

    verdict: Callable[[FieldValue, Any, int], RuleResult]
    check: Check


OPERATORS: Final[Mapping[str, Operator]] = {
    "in": Operator(_in, _values),
    "contains": Operator(_contains, _text),
    "starts_with": Operator(_starts_with, _text),
    "over": Operator(_compared(lambda mine, bound: mine > bound), number),
    "under": Operator(_compared(lambda mine, bound: mine < bound), number),
    "at_least": Operator(_compared(lambda mine, bound: mine >= bound), number),
    "at_most": Operator(_compared(lambda mine, bound: mine <= bound), number),
    "older_than": Operator(_older_than, duration),
    "within": Operator(_within, duration),
    "in_next": Operator(_in_next, duration),
    "before": Operator(_before, instant),
    "after": Operator(_after, instant),
    "exists": Operator(_exists, _yes_or_no),
}

FORMERLY: Final[Mapping[str, str]] = {"known": "exists"}
"""Operators by the names that they had until version 0.2, which rules may still use."""

_NUMERIC: Final = ("in", "over", "under", "at_least", "at_most", "exists")

VALUES_OF: Final[Mapping[FieldType, Check]] = {
    "text": _text,
    "number": number,
    "money": number,
    "boolean": _yes_or_no,
}
"""What each value of `in` has to be."""

OPERATORS_OF: Final[Mapping[FieldType, tuple[str, ...]]] = {
    "text": ("in", "contains", "starts_with", "exists"),
    "number": _NUMERIC,
    "money": _NUMERIC,
    "boolean": ("in", "exists"),
    "instant": ("older_than", "within", "in_next", "before", "after", "exists"),
    "list": ("contains", "exists"),
    "money_by_currency": ("exists",),
}
"""The operators that a field of each type takes."""
