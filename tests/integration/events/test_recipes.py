"""The recipes of docs/recipes: deployed beside the stack, an event goes over its bus, the target has it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import eventually
from tests.support.worlds.recipes import EXAMPLES, RECIPES, Json, address, receiver, resources, rule_of

SECONDS = 20
TYPES = {
    "api-destination": "Payment Failed",
    "signed-request": "Segment Entered",
    "lambda-target": "Segment Entered",
    "sns": "Payment Failed",
}
SECRET = "a-secret-of-this-test"


def event(type_: str, **detail: Any) -> Json:
    """The example of docs/events as it is on the bus, as of now."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    also = {"segment": "slipping_trials", "cause": "sweep"} if type_ == "Segment Entered" else {}
    return {**EXAMPLES[type_], "occurred_at": now, **also, **detail}


@dataclass(frozen=True)
class Stack:
    """The local stack, beside which recipes are deployed."""

    running: LocalStack

    def client(self, service: str) -> Any:
        return self.running.session().client(service)

    @property
    def bus(self) -> str:
        return self.running.outputs["BusName"]

    def put(self, type_: str, detail: Json) -> None:
        entry = {
            "EventBusName": self.bus,
            "Source": "peoplesync",
            "DetailType": type_,
            "Detail": json.dumps(detail),
        }
        assert self.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    @contextmanager
    def deployed(self, recipe: str, **parameters: str) -> Iterator[dict[str, str]]:
        """A stack of the recipe; its outputs."""
        cloudformation, name = self.client("cloudformation"), f"recipe-{recipe}"
        given = {"BusName": self.bus, **parameters}
        cloudformation.create_stack(
            StackName=name,
            # Here nobody serves HTTPS.
            TemplateBody=RECIPES[recipe].read_text().replace("https://.+", "http://.+"),
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
            Capabilities=["CAPABILITY_IAM"],
        )

        def described() -> Any:
            return cloudformation.describe_stacks(StackName=name)["Stacks"][0]

        try:
            eventually(
                lambda: described()["StackStatus"] != "CREATE_IN_PROGRESS", SECONDS, f"the stack {name}"
            )
            assert described()["StackStatus"] == "CREATE_COMPLETE", described()
            yield {one["OutputKey"]: one["OutputValue"] for one in described().get("Outputs", [])}
        finally:
            cloudformation.delete_stack(StackName=name)

    def logged(self, group: str) -> list[Json]:
        """The lines of JSON in a log group."""
        events = self.client("logs").filter_log_events(logGroupName=group)["events"]
        lines = (line for one in events for line in one["message"].splitlines())
        return [json.loads(line) for line in lines if line.startswith("{")]


@pytest.fixture
def stack(local_stack: LocalStack) -> Stack:
    return Stack(local_stack)


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_rule_asks_for_one_type_that_is_new_and_no_other(stack: Stack, recipe: str) -> None:
    events, wanted = stack.client("events"), TYPES[recipe]

    def matches(type_: str, **detail: Any) -> bool:
        whole = {
            "id": "1",
            "account": "123456789012",
            "source": "peoplesync",
            "time": "2026-03-01T12:00:00Z",
            "region": "us-east-1",
            "resources": [],
            "detail-type": type_,
            "detail": event(type_, **detail),
        }
        pattern = json.dumps(rule_of(recipe)["EventPattern"])
        return bool(events.test_event_pattern(EventPattern=pattern, Event=json.dumps(whole))["Result"])

    assert [type_ for type_ in EXAMPLES if matches(type_)] == [wanted]
    causes = {"live", "reconcile", "import", "sweep", "definition_changed", "moved", "erased"}
    by_clock = {"sweep"} if wanted == "Segment Entered" else set()
    assert {cause for cause in causes if matches(wanted, cause=cause)} == {"live"} | by_clock
    if wanted == "Segment Entered":
        assert not matches(wanted, segment="customers")
    else:
        assert not matches(wanted, age_seconds=3600)


def test_a_function_acts_on_who_entered_and_leaves_alone_what_is_old(stack: Stack) -> None:
    with stack.deployed("lambda-target") as outputs:
        stack.put("Segment Entered", event("Segment Entered", id="old", occurred_at="2026-01-01T00:00:00Z"))
        stack.put("Segment Entered", event("Segment Entered", id="imported", cause="import"))
        stack.put("Segment Entered", event("Segment Entered", id="new"))

        def said() -> dict[str, str]:
            return {one["id"]: one["message"] for one in stack.logged(outputs["LogGroup"]) if "id" in one}

        eventually(lambda: len(said()) >= 2, SECONDS, "the function's log")
        everything = said()

    person = EXAMPLES["Segment Entered"]["person"]["id"]
    assert everything == {"old": "too old, left alone", "new": f"{person} has entered slipping_trials"}


def test_a_signed_request_is_known_to_be_genuine_by_the_lines_in_the_readme(stack: Stack) -> None:
    stack.client("ssm").put_parameter(Name="/recipe/secret", Value=SECRET, Type="SecureString")
    is_genuine = receiver()
    with (
        address() as here,
        stack.deployed("signed-request", Url=here.url, SecretParameter="/recipe/secret"),
    ):
        sent = event("Segment Entered", id="signed")
        stack.put("Segment Entered", sent)
        eventually(lambda: bool(here.posts), SECONDS, "the signed request")

    ((headers, body),) = here.posts
    signature, secret = headers["Peoplesync-Signature"], SECRET.encode()
    assert json.loads(body) == sent
    assert is_genuine(signature, body, secret)
    assert not is_genuine(signature, body + b" ", secret)
    assert not is_genuine(signature, body, b"another")
    later = re.sub(r"t=\d+", f"t={int(time.time()) + 1}", signature)
    assert not is_genuine(later, body, secret)
    for malformed in (
        "",
        "t=1",
        "v1=",
        "t=\u0661,v1=x",
        "t=,v1=",
        f"t={'9' * 5_000},v1=x",
        signature.replace("v1", "v0"),
    ):
        assert not is_genuine(malformed, body, secret)


def test_a_topic_is_told_in_a_sentence(stack: Stack) -> None:
    sqs, sns = stack.client("sqs"), stack.client("sns")
    queue = sqs.create_queue(QueueName="told-by-topic")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    with stack.deployed("sns") as outputs:
        sns.subscribe(
            TopicArn=outputs["Topic"],
            Protocol="sqs",
            Endpoint=attributes["QueueArn"],
            Attributes={"RawMessageDelivery": "true"},
        )
        stack.put("Payment Failed", event("Payment Failed", age_seconds=7_200))
        stack.put("Payment Failed", event("Payment Failed", cause="reconcile"))
        stack.put("Payment Failed", event("Payment Failed"))
        told: list[str] = []

        def listen() -> list[str]:
            told.extend(one["Body"] for one in sqs.receive_message(QueueUrl=queue).get("Messages", []))
            return told

        eventually(lambda: bool(listen()), SECONDS, "the topic")
        listen()

    assert [one.strip('"') for one in told] == ["A payment of 2600.00 eur by cus_07 failed (in_00003)."]


def test_an_address_is_called_with_the_secret_header_and_the_detail(stack: Stack) -> None:
    found, events = resources("api-destination"), stack.client("events")
    rule, destination, connection = (found[name] for name in ("PaymentFailed", "Destination", "Connection"))
    key = {"ApiKeyName": "X-Api-Key", "ApiKeyValue": SECRET}
    assert {one["Ref"] for one in connection["AuthParameters"]["ApiKeyAuthParameters"].values()} == {
        "HeaderName",
        "HeaderValue",
    }
    with address() as here:
        # The emulator's CloudFormation does not know these types; its EventBridge does.
        made = events.create_connection(
            Name="recipe",
            AuthorizationType=connection["AuthorizationType"],
            AuthParameters={"ApiKeyAuthParameters": key},
        )
        called = events.create_api_destination(
            Name="recipe",
            ConnectionArn=made["ConnectionArn"],
            HttpMethod=destination["HttpMethod"],
            InvocationEndpoint=here.url,
            InvocationRateLimitPerSecond=destination["InvocationRateLimitPerSecond"],
        )
        pattern = json.dumps(rule["EventPattern"])
        events.put_rule(Name="recipe", EventBusName=stack.bus, EventPattern=pattern)
        (target,) = rule["Targets"]
        by_hand = {"Id": target["Id"], "InputPath": target["InputPath"], "Arn": called["ApiDestinationArn"]}
        events.put_targets(Rule="recipe", EventBusName=stack.bus, Targets=[by_hand])
        try:
            stack.put("Payment Failed", event("Payment Failed", id="old", age_seconds=7_200))
            stack.put("Payment Failed", event("Payment Failed", id="new"))
            eventually(lambda: bool(here.posts), SECONDS, "the call")
        finally:
            events.remove_targets(Rule="recipe", EventBusName=stack.bus, Ids=[target["Id"]])
            events.delete_rule(Name="recipe", EventBusName=stack.bus)

    ((headers, body),) = here.posts
    assert headers["X-Api-Key"] == SECRET
    assert json.loads(body)["id"] == "new"
