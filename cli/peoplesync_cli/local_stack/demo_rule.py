"""A sample automation: a rule on the bus matches trials that begin to slip, and a sentence says so."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from peoplesync_cli.failure import Failure
from peoplesync_cli.target import Target

NAME: Final = "slipping-trials"
"""The name of the rule and its queue."""

PATTERN: Final = {
    "source": ["peoplesync"],
    "detail-type": ["Segment Entered"],
    "detail": {"segment": ["slipping_trials"], "cause": ["live", "sweep"]},
}
"""What the rule matches: neither imports nor what the reconciler brings late."""

PATIENCE: Final = 30.0
"""Seconds for what was written to come by the stream and the bus: one or two are usual."""

_WAIT: Final = 1


@dataclass(frozen=True)
class RuleEvents:
    """The queue behind the rule. `sqs` is boto3's client."""

    sqs: Any
    queue: str

    def of(self, email: str) -> Mapping[str, Any]:
        """The event about a person, once it is there; fails where it does not come."""
        gives_up_at = time.monotonic() + PATIENCE
        while time.monotonic() < gives_up_at:
            for event in self._receive():
                if event["detail"]["person"]["email"] == email:
                    return event
        raise Failure(f"The rule {NAME} has received nothing about {email} within {PATIENCE:.0f} s.")

    def _receive(self) -> list[dict[str, Any]]:
        answer = self.sqs.receive_message(QueueUrl=self.queue, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT)
        messages = answer.get("Messages", [])
        for message in messages:
            self.sqs.delete_message(QueueUrl=self.queue, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in messages]


@contextmanager
def rule_for_slipping_trials(target: Target) -> Iterator[RuleEvents]:
    """While it lasts there are a rule on the stack's bus and a queue, which is its target."""
    events, sqs = target.session.client("events"), target.session.client("sqs")
    bus = target.outputs["BusName"]
    queue = sqs.create_queue(QueueName=f"{bus}-{NAME}")["QueueUrl"]
    try:
        found = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        arn = found["Attributes"]["QueueArn"]
        rule = events.put_rule(Name=NAME, EventBusName=bus, EventPattern=json.dumps(PATTERN))["RuleArn"]
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": _policy(arn, rule)})
        events.put_targets(Rule=NAME, EventBusName=bus, Targets=[{"Id": "queue", "Arn": arn}])
        try:
            yield RuleEvents(sqs, queue)
        finally:
            events.remove_targets(Rule=NAME, EventBusName=bus, Ids=["queue"])
            events.delete_rule(Name=NAME, EventBusName=bus)
    finally:
        sqs.delete_queue(QueueUrl=queue)


def sentence(event: Mapping[str, Any]) -> str:
    """What an event of the rule says."""
    return f"trial of {event['detail']['person']['email']} is slipping"


def _policy(queue: str, rule: str) -> str:
    """Lets the rule send to the queue."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": rule}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
