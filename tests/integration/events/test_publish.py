"""Events that go out: from a webhook, through the deployed streams, to a queue behind a rule on the bus."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner

from peoplesync_cli import options
from peoplesync_cli.local_stack.invoking import HEALTH, invoke
from peoplesync_cli.main import main
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.http_client import HttpClient
from tests.support.stacks.stack_company import Company, eventually

SECONDS = 20
Event = dict[str, Any]


@contextmanager
def rule(running: LocalStack, connection: str, **pattern: Any) -> Iterator[Callable[[], list[Event]]]:
    """A queue that is the target of a rule for the events of a connection; tells all that came so far."""
    events, sqs = (running.session().client(service) for service in ("events", "sqs"))
    bus = running.outputs["BusName"]
    queue = sqs.create_queue(QueueName=f"heard-{connection}")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    wanted = {"source": ["peoplesync"], **pattern}
    wanted["detail"] = {"connection": [connection], **pattern.get("detail", {})}
    events.put_rule(Name=connection, EventBusName=bus, EventPattern=json.dumps(wanted))
    target = {"Id": "queue", "Arn": attributes["QueueArn"]}
    events.put_targets(Rule=connection, EventBusName=bus, Targets=[target])
    heard: list[Event] = []

    def listen() -> list[Event]:
        while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                heard.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
        return heard

    try:
        yield listen
    finally:
        events.remove_targets(Rule=connection, EventBusName=bus, Ids=["queue"])
        events.delete_rule(Name=connection, EventBusName=bus)
        sqs.delete_queue(QueueUrl=queue)


def types(heard: list[Event]) -> list[str]:
    return sorted(event["detail-type"] for event in heard)


def test_what_the_webhook_brings_is_heard_once_by_whoever_asks_for_it(local_stack: LocalStack) -> None:
    company = Company(local_stack, "publisher")
    company.connect()
    stripe = company.stripe()
    with rule(local_stack, company.name) as heard:
        customer = stripe.v1.customers.create({"email": "trial-07@example.com", "name": "Trial Seven"})
        eventually(lambda: len(heard()) >= 2, SECONDS, "the customer on the bus")
        stripe.v1.customers.update(customer.id, {"name": "Trial Eight"})
        eventually(lambda: len(heard()) >= 3, SECONDS, "the new name on the bus")
        stripe.v1.customers.delete(customer.id)
        eventually(lambda: "Customer Deleted" in types(heard()), SECONDS, "the deletion on the bus")
        eventually(lambda: "Segment Left" in types(heard()), SECONDS, "the way out of the segment")
        everything = heard()
    feed = HttpClient(company.target, "viewer").get(f"api/v1/connections/publisher/people/{customer.id}/feed")

    assert types(everything) == [
        "Customer Deleted",
        "Person Created",
        "Person Updated",
        "Segment Entered",
        "Segment Left",
    ]
    details = {event["detail-type"]: event["detail"] for event in everything}
    (deleted,) = feed["items"]
    assert {**deleted} == {"id": deleted["id"], "at": deleted["at"], "kind": "customer_deleted"} | (
        details["Customer Deleted"]["event"]
    ), "what the bus says of it is what the API says"
    assert {detail["cause"] for detail in details.values()} == {"live"}
    assert {detail["person"]["email"] for detail in details.values()} == {"trial-07@example.com"}
    assert details["Person Updated"]["changes"]["customer_name"] == {
        "old": "Trial Seven",
        "new": "Trial Eight",
    }
    assert len({detail["id"] for detail in details.values()}) == len(everything)


def test_an_import_that_is_to_be_told_of_is_heard(local_stack: LocalStack) -> None:
    company = Company(local_stack, "loudly-imported")
    stripe = company.stripe()
    for number in (1, 2, 3):
        stripe.v1.customers.create({"email": f"team-{number:02d}@example.com"})
    company.connect()
    with rule(local_stack, company.name, **{"detail-type": ["Person Created"]}) as heard:
        arn = company.start_import(publish=True, event_days=0)
        assert company.ended(arn)["status"] == "SUCCEEDED"
        eventually(lambda: len(heard()) >= 3, SECONDS, "the imported customers on the bus")
        everything = heard()

    assert {event["detail"]["cause"] for event in everything} == {"import"}
    assert sorted(event["detail"]["person"]["email"] for event in everything) == [
        "team-01@example.com",
        "team-02@example.com",
        "team-03@example.com",
    ]


def test_what_happens_while_publishing_is_paused_is_heard_when_it_goes_on(
    local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    company = Company(local_stack, "paused-publisher")
    company.connect()
    monkeypatch.setattr(options, "resolve", lambda stack: company.target)
    with rule(local_stack, company.name) as heard:
        paused = CliRunner().invoke(main, ["publish", "pause"])
        company.stripe().v1.customers.create({"email": "trial-07@example.com"})
        eventually(lambda: len(company.people()) == 1, SECONDS, "the customer")
        assert company.target.status(company.name)["headline"] == "Attention: publishing paused"
        assert invoke(company.target, HEALTH, {})[company.name] == "Attention: publishing paused"
        assert heard() == []

        resumed = CliRunner().invoke(main, ["publish", "resume"])
        eventually(lambda: len(heard()) >= 2, SECONDS, "the customer on the bus")
        everything = heard()

    assert (paused.exit_code, resumed.exit_code) == (0, 0), (paused.output, resumed.output)
    assert types(everything) == ["Person Created", "Segment Entered"]
    assert company.target.status(company.name)["state"] == "in_sync"


def test_a_rule_hears_what_its_pattern_asks_for(local_stack: LocalStack) -> None:
    company = Company(local_stack, "picky")
    company.connect()
    entered = {"segment": ["syncing_with_stripe"], "cause": ["live"]}
    pattern = {"detail-type": ["Segment Entered"], "detail": entered}
    with rule(local_stack, company.name, **pattern) as heard:
        company.stripe().v1.customers.create({"email": "trial-07@example.com"})
        eventually(lambda: bool(heard()), SECONDS, "the segment on the bus")
        everything = heard()

    assert types(everything) == ["Segment Entered"]


@pytest.mark.parametrize("stream", ["People", "Feed"])
def test_the_streams_are_followed_as_the_template_says(
    local_stack: LocalStack, places: Places, stream: str
) -> None:
    table = local_stack.outputs[f"{stream}Table"]
    mappings = local_stack.session().client("lambda").list_event_source_mappings()["EventSourceMappings"]

    of_table = [one for one in mappings if f":table/{table}/stream/" in one["EventSourceArn"]]
    (mapping,) = [one for one in of_table if "PublishChanges" in one["FunctionArn"]]

    assert len(of_table) == {"People": 2, "Feed": 1}[stream], "people are also counted and indexed"
    assert mapping["State"] == "Enabled"
    assert mapping["BisectBatchOnFunctionError"] is True
    assert (mapping["MaximumRetryAttempts"], mapping["MaximumRecordAgeInSeconds"]) == (10, 21_600)
    assert mapping["DestinationConfig"]["OnFailure"]["Destination"].startswith("arn:aws:s3:::")
