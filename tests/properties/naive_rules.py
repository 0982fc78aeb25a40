"""A naive evaluator of rules: what holds at one moment, and nothing about any other one."""

from typing import Any

from peoplesync.domain.rules import Rule, Subject


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
        happened = subject.events[rule["event"]].newest
        if "ever" in rule:
            return bool(happened) is bool(rule["ever"])
        span = 60 * int(rule["within"][:-1])
        return sum(at - one < span for one in happened) >= int(rule["at_least"])
    if "older_than" in rule:
        instant = fields[rule["field"]]
        return instant is not None and at - instant >= 60 * int(rule["older_than"][:-1])
    if "in" in rule:
        return fields[rule["field"]] in rule["in"]
    if "contains" in rule:
        return rule["contains"] in fields[rule["field"]]
    return subject.stripe_customer
