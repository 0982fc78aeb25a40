"""Our rules for cfn-lint: each fires on what it is against, none on template.yaml. And what checkov skips."""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from cfnlint.api import lint
from cfnlint.rules import RulesCollection

from peoplesync_local.stack.places import Places

CHECKOUT = Places().checkout
RULES = RulesCollection(include_rules=["E"])
RULES.create_from_directory(str(CHECKOUT / "infra" / "lint_rules"))

# A function that all rules are content with. It takes from a queue and a stream, and is woken by a schedule.
SOUND: dict[str, Any] = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Transform": "AWS::Serverless-2016-10-31",
    "Resources": {
        "Worker": {
            "Type": "AWS::Serverless::Function",
            "Properties": {
                "Runtime": "python3.13",
                "Handler": "app.handler",
                "CodeUri": "s3://code/worker.zip",
                "Role": {"Fn::GetAtt": ["WorkerRole", "Arn"]},
                "LoggingConfig": {"LogGroup": {"Ref": "WorkerLogs"}},
                "EventInvokeConfig": {"MaximumRetryAttempts": 0, "MaximumEventAgeInSeconds": 60},
                "Events": {
                    "Work": {"Type": "SQS", "Properties": {"Queue": {"Fn::GetAtt": ["Queue", "Arn"]}}},
                    "Stream": {
                        "Type": "DynamoDB",
                        "Properties": {
                            "Stream": {"Fn::GetAtt": "Table.StreamArn"},
                            "StartingPosition": "LATEST",
                            "DestinationConfig": {
                                "OnFailure": {"Destination": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
                            },
                        },
                    },
                    "Clock": {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}},
                    "Door": {"Type": "HttpApi", "Properties": {"Method": "POST", "Path": "/"}},
                },
            },
        },
        "WorkerLogs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
        "WorkerRole": {
            "Type": "AWS::IAM::Role",
            "Metadata": {"Wildcards": {"ReadSecrets": "Their names are not known yet"}},
            "Properties": {
                "AssumeRolePolicyDocument": {
                    "Statement": {
                        "Effect": "Allow",
                        "Principal": {"Service": "lambda.amazonaws.com"},
                        "Action": "sts:AssumeRole",
                    }
                },
                "ManagedPolicyArns": [
                    {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"}
                ],
                "Policies": [
                    {
                        "PolicyName": "worker",
                        "PolicyDocument": {
                            "Statement": [
                                {
                                    "Sid": "WriteItsLog",
                                    "Effect": "Allow",
                                    "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                                    "Resource": {"Fn::GetAtt": ["WorkerLogs", "Arn"]},
                                },
                                {
                                    "Sid": "ReadSecrets",
                                    "Effect": "Allow",
                                    "Action": "ssm:GetParameter",
                                    "Resource": {"Fn::Sub": "arn:${AWS::Partition}:ssm:::parameter/it/*"},
                                },
                            ]
                        },
                    }
                ],
            },
        },
        "Queue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {
                "RedrivePolicy": {
                    "deadLetterTargetArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]},
                    "maxReceiveCount": 5,
                }
            },
        },
        "DeadLetters": {"Type": "AWS::SQS::Queue"},
        "Table": {"Type": "AWS::DynamoDB::Table", "Properties": {}},
        "OtherLogs": {"Type": "AWS::Logs::LogGroup", "Properties": {"RetentionInDays": 7}},
    },
}

ROLE = "WorkerRole/Properties/Policies/0/PolicyDocument/Statement"
EVENTS = "Worker/Properties/Events"


def fired(template: dict[str, Any]) -> list[tuple[str, str]]:
    """Each match: the rule's id, and what it says."""
    return [(match.rule.id, match.message) for match in lint(json.dumps(template), RULES)]


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """The sound template with other values at the given paths below Resources; None removes what is there."""
    template = copy.deepcopy(SOUND)
    for path, value in changes.items():
        *way, last = path.split("/")
        place: Any = template["Resources"]
        for step in way:
            place = place[int(step)] if isinstance(place, list) else place[step]
        key: Any = int(last) if isinstance(place, list) else last
        if value is None:
            del place[key]
        else:
            place[key] = value
    return template


def test_no_rule_fires_on_a_sound_template() -> None:
    assert fired(SOUND) == []


def test_no_rule_fires_on_the_template_that_is_deployed() -> None:
    assert [str(match) for match in lint(Places().template.read_text(), RULES)] == []


def test_the_rules_see_what_the_template_has() -> None:
    # Were SAM's resources unknown to them, they would be silent for the wrong reason.
    template = Places().template.read_text()

    for taken_away, rule in [
        ("LogGroup: !Ref ApplyChangesLogs", "E9001"),
        ("deadLetterTargetArn: !GetAtt BulkDeadLetterQueue.Arn", "E9002"),
        ("MaximumEventAgeInSeconds: 900", "E9002"),
        ("CheckSignatures: Connections are made after the stack, so their names are not known yet", "E9003"),
    ]:
        assert template.count(taken_away) == 1
        broken = template.replace(taken_away, "Gone: gone")
        assert rule in {match.rule.id for match in lint(broken, RULES)}, taken_away


def test_cfn_lint_is_told_of_the_rules() -> None:
    assert "append_rules: [infra/lint_rules]" in (CHECKOUT / ".cfnlintrc").read_text()
    assert sorted(rule.id for rule in RULES) == ["E9001", "E9002", "E9003"]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"Worker/Properties/LoggingConfig": None}, "Worker has no LoggingConfig.LogGroup"),
        (
            {"Worker/Properties/LoggingConfig": {"LogGroup": "/its/name"}},
            "Worker has no LoggingConfig.LogGroup",
        ),
        ({"WorkerLogs/Properties/RetentionInDays": None}, "WorkerLogs keeps Worker's log for ever"),
        ({"Worker/Properties/Role": None}, "Worker has no role of this template"),
        ({f"{ROLE}/0/Action": "logs:FilterLogEvents"}, "WorkerRole may not write to WorkerLogs"),
        ({f"{ROLE}/0/Resource": {"Fn::GetAtt": ["OtherLogs", "Arn"]}}, "to other logs than WorkerLogs"),
        (
            {f"{ROLE}/1/Action": "logs:*", "WorkerRole/Metadata/Wildcards": {"ReadSecrets": "For this test"}},
            "WorkerRole may write to other logs than WorkerLogs",
        ),
        (
            {
                "WorkerRole/Properties/ManagedPolicyArns": [
                    "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
                ]
            },
            "WorkerRole has a managed policy that may write other logs",
        ),
    ],
)
def test_a_function_without_a_log_of_its_own_is_found(changes: dict[str, Any], says: str) -> None:
    ((rule, message),) = fired(changed(changes))

    assert rule == "E9001"
    assert says in message


def test_two_functions_with_one_log_are_found() -> None:
    twin = {**SOUND["Resources"]["Worker"], "Properties": {**SOUND["Resources"]["Worker"]["Properties"]}}

    assert fired(changed({"Twin": twin})) == [("E9001", "Twin shares WorkerLogs with Worker")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"Queue/Properties/RedrivePolicy": None},
            "What Work fails to hand to Worker is lost: its queue has no",
        ),
        (
            {"Queue/Properties/RedrivePolicy/deadLetterTargetArn": "arn"},
            "its queue has no RedrivePolicy to a queue of",
        ),
        ({f"{EVENTS}/Stream/Properties/DestinationConfig": None}, "it has no DestinationConfig.OnFailure"),
        ({"Worker/Properties/EventInvokeConfig": None}, "Clock does not wait for Worker"),
        (
            {"Worker/Properties/EventInvokeConfig/MaximumRetryAttempts": None},
            "no EventInvokeConfig says what",
        ),
        (
            {
                "Plain": {
                    "Type": "AWS::Lambda::EventSourceMapping",
                    "Properties": {"EventSourceArn": {"Fn::GetAtt": ["DeadLetters", "Arn"]}},
                }
            },
            "What Plain fails to hand over is lost: its queue has no RedrivePolicy",
        ),
    ],
)
def test_a_failure_without_a_destination_is_found(changes: dict[str, Any], says: str) -> None:
    ((rule, message),) = fired(changed(changes))

    assert rule == "E9002"
    assert says in message


def test_an_asynchronous_function_may_have_a_destination_instead_of_limits() -> None:
    destination = {"Type": "SQS", "Destination": {"Fn::GetAtt": ["DeadLetters", "Arn"]}}
    config = {"DestinationConfig": {"OnFailure": destination}}

    assert fired(changed({"Worker/Properties/EventInvokeConfig": config})) == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"WorkerRole/Metadata": None}, "a wildcard in the Resource of ReadSecrets, without a reason"),
        ({"WorkerRole/Metadata/Wildcards/ReadSecrets": "needed"}, "of ReadSecrets, without a reason"),
        ({f"{ROLE}/1/Sid": None, "WorkerRole/Metadata": None}, "in the Resource of a statement without Sid"),
        (
            {f"{ROLE}/1/Resource": "arn", f"{ROLE}/1/Sid": "Other"},
            "WorkerRole has no wildcard in ReadSecrets any more",
        ),
        (
            {f"{ROLE}/1/Resource": "arn", f"{ROLE}/1/Action": "ssm:Get*", "WorkerRole/Metadata": None},
            "a wildcard in the Action of ReadSecrets",
        ),
        (
            {
                "OpenTopic": {
                    "Type": "AWS::SNS::TopicPolicy",
                    "Properties": {
                        "PolicyDocument": {
                            "Statement": {
                                "Sid": "AnyoneMay",
                                "Effect": "Allow",
                                "Principal": "*",
                                "Action": "sns:Publish",
                            }
                        }
                    },
                }
            },
            "OpenTopic has a wildcard in the Principal of AnyoneMay",
        ),
        (
            {
                f"{ROLE}/1": {
                    "Sid": "AllElse",
                    "Effect": "Deny",
                    "NotAction": "ssm:GetParameter",
                    "Resource": "arn",
                },
                "WorkerRole/Metadata": None,
            },
            "WorkerRole has a wildcard in the NotAction of AllElse",
        ),
    ],
)
def test_a_wildcard_without_a_reason_is_found(changes: dict[str, Any], says: str) -> None:
    ((rule, message),) = fired(changed(changes))

    assert rule == "E9003"
    assert says in message


def test_each_check_of_checkov_that_is_skipped_says_why() -> None:
    lines = (CHECKOUT / "infra" / "checkov.yaml").read_text().splitlines()
    skipped = [line.strip() for line in lines if "CKV" in line]

    assert skipped
    assert [line for line in skipped if not re.fullmatch(r"- CKV\d?_AWS_\d+ # \w.{20,}", line)] == []
