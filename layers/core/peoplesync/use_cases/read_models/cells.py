"""Cells: people and MRR by status and by plan, each with the rule that finds who is in it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from peoplesync.domain.read_models.days import Counts
from peoplesync.domain.revenue.money import major
from peoplesync.domain.segments.rules import Rule


def by_status(totals: Counts) -> list[dict[str, Any]]:
    """`{"status": status, or null without a subscription, "people": n, "mrr": [{"currency", "amount"}],
    "rule": rule}` of each status, of `totals` of plans; most people first."""
    return [{"status": name or None, **cell} for name, cell in _cells(totals, 0, rule_of_status)]


def by_plan(totals: Counts) -> list[dict[str, Any]]:
    """The same with `plan`: the product's name, else the plan's id; null without either."""
    return [{"plan": name or None, **cell} for name, cell in _cells(totals, 1, rule_of_plan)]


def rule_of_status(status: str) -> Rule:
    """A rule for those whose primary subscription has this status; "" for who has none."""
    if not status:
        return {"field": "subscription_status", "exists": False}
    return {"field": "subscription_status", "in": [status]}


def rule_of_plan(plan: str) -> Rule:
    """A rule for those who are counted under this plan; "" for who has none."""
    unnamed: Rule = {"field": "product_name", "exists": False}
    if not plan:
        return {"all": [unnamed, {"field": "plan_id", "exists": False}]}
    by_id: Rule = {"all": [unnamed, {"field": "plan_id", "in": [plan]}]}
    return {"any": [{"field": "product_name", "in": [plan]}, by_id]}


def _cells(totals: Counts, place: int, rule: Callable[[str], Rule]) -> list[tuple[str, dict[str, Any]]]:
    people: defaultdict[str, int] = defaultdict(int)
    worth: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, count in totals.items():
        if key[2]:
            worth[key[place]][key[2]] += count
        else:
            people[key[place]] += count
    names = sorted(people.keys() | worth.keys(), key=lambda name: (-people[name], name))
    return [
        (
            name,
            {
                "people": people[name],
                "mrr": [
                    {"currency": currency, "amount": major(amount, currency)}
                    for currency, amount in sorted(worth[name].items())
                    if amount
                ],
                "rule": rule(name),
            },
        )
        for name in names
        if people[name] or any(worth[name].values())
    ]
