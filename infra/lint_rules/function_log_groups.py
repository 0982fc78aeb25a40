"""E9001: each function logs to a group of its own, which forgets, and its role can write to no other."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, ClassVar

from cfnlint.helpers import ensure_list
from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

# cfn-lint merges Globals into the functions, and leaves the rest of SAM as it is written.
_FUNCTIONS = ["AWS::Serverless::Function", "AWS::Lambda::Function"]
_WRITING = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
# The statements of managed policies are not in the template, so those that allow no logs are named here.
_WRITES_NO_LOGS = ("AWSXRayDaemonWriteAccess",)


class FunctionLogGroups(CloudFormationLintRule):
    """Without a group, Lambda makes one by itself that keeps lines for ever and outlives the stack. Without a
    role, SAM makes one that may write to every group.
    """

    id = "E9001"
    shortdesc = "A function has a log group of its own"
    description = (
        "LoggingConfig.LogGroup names a group with a retention; the function's role writes only there"
    )
    tags: ClassVar[list[str]] = ["resources", "lambda", "logs"]

    def match(self, cfn: Template) -> list[RuleMatch]:
        resources = cfn.get_resources()
        owners: dict[str, str] = {}
        found = []
        for name, function in cfn.get_resources(_FUNCTIONS).items():
            path = ["Resources", name, "Properties"]
            group = _named(function["Properties"].get("LoggingConfig", {}).get("LogGroup"))
            if _type(resources, group) != "AWS::Logs::LogGroup":
                found.append(RuleMatch(path, f"{name} has no LoggingConfig.LogGroup of this template"))
                continue
            if "RetentionInDays" not in resources[group].get("Properties", {}):
                found.append(RuleMatch(["Resources", group], f"{group} keeps {name}'s log for ever"))
            if group in owners:
                found.append(RuleMatch(path, f"{name} shares {group} with {owners[group]}"))
            owners.setdefault(group, name)

            role = _named(function["Properties"].get("Role"))
            if _type(resources, role) != "AWS::IAM::Role":
                found.append(RuleMatch(path, f"{name} has no role of this template"))
                continue
            found += [
                RuleMatch(["Resources", role], message)
                for message in _faults(role, resources[role]["Properties"], group)
            ]
        return found


def _faults(role: str, properties: dict[str, Any], group: str) -> Iterator[str]:
    for policy in properties.get("ManagedPolicyArns", []):
        if not str(policy).rstrip("'}").endswith(_WRITES_NO_LOGS):
            yield f"{role} has a managed policy that may write other logs: {policy}"
    targets = [
        target
        for policy in properties.get("Policies", [])
        for statement in ensure_list(policy["PolicyDocument"]["Statement"])
        if statement["Effect"] == "Allow" and _writes(statement)
        for target in ensure_list(statement.get("Resource", "*"))
    ]
    if not targets:
        yield f"{role} may not write to {group}, so that its function runs without a log"
    if any(_named(target) != group for target in targets):
        yield f"{role} may write to other logs than {group}"


def _writes(statement: dict[str, Any]) -> bool:
    """NotAction allows what it does not name: taken as writing, whatever it is."""
    patterns = ensure_list(statement.get("Action", "*"))
    return any(fnmatchcase(action, pattern) for pattern in patterns for action in _WRITING)


def _named(value: Any) -> str:
    """The logical id in a Ref or a GetAtt; nothing for any other value."""
    if not isinstance(value, dict):
        return ""
    target = value.get("Ref") or value.get("Fn::GetAtt") or ""
    return str(target[0] if isinstance(target, list) else target.partition(".")[0])


def _type(resources: dict[str, Any], name: str) -> str:
    return str(resources.get(name, {}).get("Type", ""))
