"""A naive evaluator of rules: what holds at one moment, and nothing about any other one."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from peoplesync.domain.segments.rules import Rule, Subject


def naively(rule: Rule, subject: Subject, at: int) -> bool:
    """Whether the rule holds at that moment, and nothing about any other one."""
    fields: Any = subject.fields
    if "all" in rule:
        return all(naively(part, subject, at) for part in rule["all"])
    if "any" in rule:
        return any(naively(part, subject, at) for part in rule["any"])
    if "none" in rule:
        return not any(naively(part, subject, at) for part in rule["none"])
    if "event" in rule:
        happened = subject.events[rule["event"]].newest if rule["event"] in subject.events else ()
        if "ever" in rule:
            return bool(happened) is bool(rule["ever"])
        if "last_older_than" in rule:
            return bool(happened) and at - max(happened) >= 60 * int(rule["last_older_than"][:-1])
        span = 60 * int(rule["within"][:-1])
        return sum(at - one < span for one in happened) >= int(rule["at_least"])
    if "has" in rule:
        return subject.email if rule["has"] == "email" else subject.stripe_customer
    ((operator, argument),) = ((key, value) for key, value in rule.items() if key != "field")
    return of_a_field(operator, argument, fields[rule["field"]], at)


def of_a_field(operator: str, argument: Any, value: Any, at: int) -> bool:
    if operator in ("exists", "known"):
        return bool(argument) is not (value is None or value in ("", []))
    if value is None:
        return False
    match operator:
        case "older_than":
            return bool(at - value >= 60 * int(argument[:-1]))
        case "within":
            return bool(0 <= at - value < 60 * int(argument[:-1]))
        case "in_next":
            return bool(0 < value - at <= 60 * int(argument[:-1]))
        case "before" | "after":
            date = int(datetime.fromisoformat(argument).timestamp())
            return (value < date) is (operator == "before")
        case "over" | "under" | "at_least" | "at_most":
            difference = Decimal(value) - Decimal(argument)
            return {
                "over": difference > 0,
                "under": difference < 0,
                "at_least": difference >= 0,
                "at_most": difference <= 0,
            }[operator]
        case "starts_with":
            return bool(value[: len(argument)].lower() == argument.lower())
        case "contains" if isinstance(value, str):
            return argument.lower() in value.lower()
        case "contains":
            return argument in value
        case "in" if isinstance(value, Decimal):
            return value in [Decimal(one) for one in argument]
        case "in":
            return value in argument
    raise AssertionError(operator)
