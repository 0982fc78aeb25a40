"""E9002: what a function fails to do is put aside, or is said to be dropped; it never just vanishes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from cfnlint.rules import CloudFormationLintRule, RuleMatch
from cfnlint.template import Template

# Events of SAM by how they invoke. Those in neither set hand over an event and do not wait.
_MAPPINGS = {"SQS", "DynamoDB", "Kinesis", "DocumentDB", "MQ", "MSK", "SelfManagedKafka"}
_ANSWERED = {"Api", "HttpApi", "AlexaSkill", "Cognito"}


class FailureDestinations(CloudFormationLintRule):
    """A queue gives up to its dead-letter queue, a stream to its mapping's OnFailure destination.

    For asynchronous invocations, a schedule's among them, EventInvokeConfig says what becomes of a failed
    one: either it has an OnFailure destination, or MaximumRetryAttempts and MaximumEventAgeInSeconds both say
    how soon it is dropped. The latter is right for a schedule whose next tick does what this one did not: a
    tick is no work that could be lost, and by default Lambda would bring it back for six hours.
    """

    id = "E9002"
    shortdesc = "What a function fails to do has a destination"
    description = (
        "A queue with a mapping has a RedrivePolicy, a stream OnFailure, other events an EventInvokeConfig"
    )
    tags: ClassVar[list[str]] = ["resources", "lambda", "sqs", "events"]

    def match(self, cfn: Template) -> list[RuleMatch]:
        found = []
        for name, mapping in cfn.get_resources("AWS::Lambda::EventSourceMapping").items():
            if fault := _loses(cfn, mapping["Properties"]):
                found.append(
                    RuleMatch(["Resources", name], f"What {name} fails to hand over is lost: {fault}")
                )
        for name, function in cfn.get_resources("AWS::Serverless::Function").items():
            for event, kind, properties in _events(function):
                path = ["Resources", name, "Properties", "Events", event]
                if kind in _MAPPINGS and (fault := _loses(cfn, properties)):
                    found.append(RuleMatch(path, f"What {event} fails to hand to {name} is lost: {fault}"))
                if kind not in _MAPPINGS | _ANSWERED and not _is_decided(function["Properties"]):
                    message = f"{event} does not wait for {name}, and no EventInvokeConfig says"
                    found.append(RuleMatch(path, f"{message} what becomes of a failure"))
        return found


def _events(function: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, event in function["Properties"].get("Events", {}).items():
        yield name, event["Type"], event.get("Properties", {})


def _loses(cfn: Template, mapping: dict[str, Any]) -> str:
    """Why what a mapping gives up is lost; nothing if it is put aside."""
    # A plain mapping has EventSourceArn, SAM's has Queue or, for all else, what may be taken for a stream.
    source = _resource(cfn, mapping.get("EventSourceArn") or mapping.get("Queue"))
    if source.get("Type") == "AWS::SQS::Queue":
        redrive = source.get("Properties", {}).get("RedrivePolicy", {})
        if _resource(cfn, redrive.get("deadLetterTargetArn")).get("Type") == "AWS::SQS::Queue":
            return ""
        return "its queue has no RedrivePolicy to a queue of this template"
    return "" if _has_destination(mapping) else "it has no DestinationConfig.OnFailure"


def _is_decided(function: dict[str, Any]) -> bool:
    config = function.get("EventInvokeConfig", {})
    return _has_destination(config) or {"MaximumRetryAttempts", "MaximumEventAgeInSeconds"} <= set(config)


def _has_destination(properties: dict[str, Any]) -> bool:
    return bool(properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"))


def _resource(cfn: Template, value: Any) -> dict[str, Any]:
    """The resource that a Ref or a GetAtt names; an empty one for any other value."""
    if not isinstance(value, dict):
        return {}
    target = value.get("Ref") or value.get("Fn::GetAtt") or ""
    name = target[0] if isinstance(target, list) else target.partition(".")[0]
    resource: dict[str, Any] = cfn.get_resources().get(name, {})
    return resource
