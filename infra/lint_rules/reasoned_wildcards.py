"""E9003: a policy names what it allows. Where it cannot, the reason stands in the resource's metadata:

    Metadata:
      Wildcards:
        SidOfTheStatement: Why no name can be given

A comment would not do, since a linter cannot see one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from cfnlint.helpers import ensure_list
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

# They say "everything else", which is a wildcard in other words.
_NEGATIONS = ("NotAction", "NotResource", "NotPrincipal")
_NAMING = ("Action", "Resource", "Principal")


class ReasonedWildcards(CloudFormationLintRule):
    """Looks into every policy document of the template: of roles, of functions, of topics and queues."""

    id = "E9003"
    shortdesc = "A wildcard in a policy has its reason beside it"
    description = (
        "Each statement with a * has a Sid, for which the resource's Metadata.Wildcards gives a reason"
    )
    tags: ClassVar[list[str]] = ["resources", "iam"]

    def match(self, cfn: Template) -> list[RuleMatch]:
        found = []
        for name, resource in cfn.get_resources().items():
            reasons = resource.get("Metadata", {}).get("Wildcards", {})
            used = set()
            for path, statement in _statements(
                resource.get("Properties", {}), ["Resources", name, "Properties"]
            ):
                wildcards = [key for key in (*_NAMING, *_NEGATIONS) if _is_wild(key, statement.get(key))]
                if not wildcards:
                    continue
                sid = str(statement.get("Sid", ""))
                used.add(sid)
                if len(str(reasons.get(sid, "")).split()) < 2:
                    where = f"the {' and '.join(wildcards)} of {sid or 'a statement without Sid'}"
                    message = f"{name} has a wildcard in {where}, without a reason in Metadata.Wildcards"
                    found.append(RuleMatch(path, message))
            found += [
                RuleMatch(
                    ["Resources", name, "Metadata", "Wildcards"], f"{name} has no wildcard in {sid} any more"
                )
                for sid in sorted(set(reasons) - used)
            ]
        return found


def _statements(value: Any, path: list[str | int]) -> Iterator[tuple[list[str | int], dict[str, Any]]]:
    """Every statement of every policy document below `value`, with the path to it."""
    if isinstance(value, dict):
        if "Statement" in value:
            for number, statement in enumerate(ensure_list(value["Statement"])):
                yield [*path, "Statement", number], statement
        else:
            for key, below in value.items():
                yield from _statements(below, [*path, key])
    elif isinstance(value, list):
        for number, below in enumerate(value):
            yield from _statements(below, [*path, number])


def _is_wild(key: str, value: Any) -> bool:
    return value is not None and (key in _NEGATIONS or any("*" in text for text in _texts(value)))


def _texts(value: Any) -> Iterator[str]:
    """All strings in a value, those inside of intrinsics too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)
