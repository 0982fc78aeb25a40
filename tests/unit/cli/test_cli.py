"""What the commands that look print: the JSON contract, and words for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters import clock
from peoplesync.adapters.aws.queues import ChangeQueue
from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.worker.apply import Applier
from peoplesync.use_cases.worker.outcome.report import Delivery
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    charge,
    customer,
    deleted_customer,
    event,
    invoice,
    item,
    line,
    price,
    subscription,
)
from tests.support.fakes.ready_connections import connect
from tests.support.fakes.world import AtWork, FakeOldRows, FakeQueue, FakeRuns, FakeStripe, nobody_erased
from tests.support.stacks.indexed import indexed
from tests.support.stacks.moto_stack import REGION, MotoStack, moto_stack

GOLDEN = Path(__file__).parents[2] / "golden"
Run = Callable[..., Result]


def story() -> Iterator[StripeObject]:
    """A trial that slips, a person of two customers who pays in yen and dollars, one who was deleted."""
    trial = customer("cus_trial", email="Trial-07@Example.com", name="Zoë Trial", created=NOW - 5 * DAY)
    trialing = subscription("sub_trial", customer="cus_trial", status="trialing", created=NOW - 5 * DAY)
    yield event("customer.created", trial, created=NOW - 5 * DAY)
    yield event("customer.subscription.created", trialing, created=NOW - 5 * DAY)

    address = {"line1": "1 Test Street", "line2": "Floor 2", "city": "Testville", "state": "TS"}
    place = address | {"country": "JP", "postal_code": "00001"}
    facts: dict[str, Any] = {"email": "team-03@example.com", "created": NOW - 40 * DAY}
    yen = price("price_yen", product="prod_team", unit_amount=2500, currency="jpy", nickname="Team ¥")
    yield event(
        "customer.updated", customer("cus_yen", name="Team 03", address=place, **facts), created=NOW - DAY
    )
    yield event("customer.updated", customer("cus_usd", delinquent=True, **facts), created=NOW - DAY)
    in_yen = subscription(
        "sub_yen",
        customer="cus_yen",
        items=[item(price=yen, quantity=2)],
        currency="jpy",
        created=NOW - 40 * DAY,
    )
    yield event("customer.subscription.created", in_yen, created=NOW - 40 * DAY)
    yield event(
        "customer.subscription.updated",
        subscription("sub_usd", customer="cus_usd", status="past_due", created=NOW - 60 * DAY),
        previous={"status": "active"},
        created=NOW - 2 * DAY,
    )
    billed = line(price=yen, quantity=2, description="2 × Team (at ¥2,500 / month)")
    paid = invoice("in_yen", customer="cus_yen", lines=[billed], currency="jpy", status="paid")
    paid |= {"amount_paid": 5000, "created": NOW - 3 * DAY, "status_transitions": {"paid_at": NOW - 3 * DAY}}
    yield event("invoice.paid", paid, created=NOW - 3 * DAY)
    yield event(
        "charge.succeeded",
        charge("ch_yen", customer="cus_yen", amount=5000, currency="jpy", created=NOW - 3 * DAY - 5),
        created=NOW - 3 * DAY,
    )
    failed = invoice("in_usd", customer="cus_usd", attempt_count=2, amount_due=1900)
    yield event("invoice.payment_failed", failed, created=NOW - 2 * DAY)

    yield event(
        "customer.updated", customer("cus_gone", email=None, created=NOW - 90 * DAY), created=NOW - 90 * DAY
    )
    yield event("customer.deleted", deleted_customer("cus_gone"), created=NOW - HOUR)


def tell(aws: MotoStack) -> None:
    """Brings the stack to where the story ends; ids and times are always the same."""
    connections, numbers = ConnectionsStore(), count(1)
    connect("main", "rk_test_1", "whsec_1", connections, aws.secrets, NOW)
    applier = Applier(
        people=PeopleStore(PynamoConnection(region=REGION), 400, nobody_erased()),
        catalogue=CatalogueStore(),
        stripe=FakeStripe(),
        connections=connections,
        runs=FakeRuns(),
        old_rows=FakeOldRows(),
        clock=lambda: NOW,
        new_id=lambda: f"per_{next(numbers):026d}",
        jitter=lambda: 0.5,
        sleep=lambda _: None,
    )
    with indexed():
        for place, told in enumerate(story()):
            message = Message(Epoch("main", 1), told | {"id": f"evt_{place}"})
            report = applier.apply([Delivery(f"m{place}", message.encode(), FakeQueue())])
            assert report.counts["applied"] == 1
    live = ChangeQueue(aws.client("sqs"), aws.stack.live_queue_url, aws.stack.live_dead_letter_queue_url)
    live.send("{}", delay=900)
    live.dead_letter("{}", "reason")


@pytest.fixture(scope="module")
def target() -> Iterator[Target]:
    """A stack in memory at the end of the story; these commands only look."""
    with moto_stack() as aws:
        tell(aws)
        target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
        vars(target)["worker_mappings"] = vars(target)["publisher_mappings"] = AtWork()
        yield target


@pytest.fixture
def run(target: Target, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs `peoplesync` with these arguments on that stack."""
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def printed(result: Result) -> list[Any]:
    """What was printed as JSON, one object a line."""
    assert result.exit_code == 0, result.output
    return [json.loads(text) for text in result.stdout.splitlines()]


def golden(name: str) -> Any:
    return json.loads((GOLDEN / f"{name}.json").read_text("utf-8"))


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("people_get", ["people", "get", "team-03@example.com"]),
        ("people_list", ["people", "list"]),
        ("people_list_of_segment", ["people", "list", "--segment", "slipping_trials"]),
        ("feed", ["feed", "team-03@example.com"]),
        ("segments_list", ["segments", "list"]),
        ("fields_list", ["fields", "list"]),
        ("status", ["status"]),
    ],
)
def test_json_is_as_promised(run: Run, name: str, arguments: list[str]) -> None:
    """Every value, and the order of every object's keys."""
    found = printed(run(*arguments, "--json"))

    assert json.dumps(found, indent=2) == json.dumps(golden(name), indent=2)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("people_get", ["id", "email", "fields", "segments", "customers", "users"]),
        ("people_list", ["id", "email", "fields", "segments", "customers", "users"]),
        ("segments_list", ["id", "title", "count", "rule", "enabled", "predefined"]),
        ("fields_list", ["key", "title", "group", "type", "builtin", "source", "enabled"]),
        (
            "status",
            [
                *["state", "headline", "reason", "what_to_do", "runbook", "also", "customers_in_sync"],
                *[
                    "people",
                    "counted_as_of",
                    "last_event_at",
                    "silence",
                    "lag_seconds",
                    "queue",
                    "queues",
                    "dead",
                ],
                *["due_seconds", "checkpoint", "behind_seconds", "webhook", "webhook_heard_at"],
                *["webhook_missed", "gap_since", "degraded", "last_import", "last_reevaluation"],
            ],
        ),
    ],
)
def test_the_promised_keys_are_all_there_are(name: str, keys: list[str]) -> None:
    assert {tuple(one) for one in golden(name)} == {tuple(keys)}


def test_a_feed_line_begins_with_id_instant_and_kind_and_the_newest_is_first() -> None:
    lines = golden("feed")

    assert {tuple(one)[:3] for one in lines} == {("id", "at", "kind")}
    assert [one["at"] for one in lines] == sorted((one["at"] for one in lines), reverse=True)
    assert len({one["kind"] for one in lines}) >= 4


def test_a_person_is_the_same_in_the_list_as_alone() -> None:
    (person,) = golden("people_get")

    assert person in golden("people_list")


@pytest.mark.parametrize(
    "who", ["team-03@example.com", " Team-03@EXAMPLE.com", "cus_yen", "cus_usd", f"per_{2:026d}"]
)
def test_a_person_is_found_by_email_customer_or_id(run: Run, who: str) -> None:
    assert printed(run("people", "get", who, "--json")) == golden("people_get")


def test_lists_can_be_read_by_people_who_have_no_email(run: Run) -> None:
    assert f"per_{3:026d}" in run("people", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["people", "get", "team-03@example.com"],
            ["Team 03", "2500", "cus_usd, cus_yen", "Floor 2"],
        ),
        (["people", "get", "cus_gone"], ["cus_gone (deleted)", "no e-mail"]),
        (["people", "list"], ["team-03@example.com", "trial-07@example.com", "5000 JPY", "3 people"]),
        (["people", "list", "--segment", "current_trials"], ["Zoë Trial", "trialing", "1 person"]),
        (["feed", "team-03@example.com"], ["payment failed", "19.00 USD", "active → past_due", "5000 JPY"]),
        (["segments", "list"], ["slipping_trials", "Slipping Trials (Stripe)"]),
        (["fields", "list"], ["customer_mrr", "money by currency"]),
        (
            ["status"],
            ["Attention: 1 dead letter", "customers in sync", "2026-03-01T11:00:00Z", "peoplesync dead list"],
        ),
    ],
)
def test_without_json_there_are_words_for_people(run: Run, arguments: list[str], words: list[str]) -> None:
    result = run(*arguments)

    assert result.exit_code == 0
    assert not [word for word in words if word.lower() not in result.stdout.lower()]


@pytest.mark.parametrize(
    "arguments", [["status"], ["people", "list"], ["people", "get", "cus_yen"], ["fields", "list", "--json"]]
)
def test_the_first_line_of_stderr_names_the_stack_and_stdout_is_data(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)

    assert result.stderr == "peoplesync · test (in memory)\n"
    assert "test (in memory)" not in result.stdout


@pytest.mark.parametrize("command", [["people", "get"], ["feed"]])
@pytest.mark.parametrize("as_json", [[], ["--json"]])
@pytest.mark.parametrize("who", ["nobody@example.com", "cus_nobody", "per_nobody"])
def test_nobody_found_is_said_in_a_sentence_and_fails(
    run: Run, command: list[str], as_json: list[str], who: str
) -> None:
    result = run(*command, who, *as_json)

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == f"Error: No person matches {who}."


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_an_unknown_segment_fails_with_those_that_there_are(run: Run, as_json: list[str]) -> None:
    result = run("people", "list", "--segment", "sleepers", *as_json)

    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no segment sleepers; there are syncing_with_stripe, current_trials" in result.stderr


@pytest.mark.parametrize(
    "arguments", [["people", "get", "cus_yen"], ["people", "list"], ["feed", "cus_yen"], ["status"]]
)
def test_an_unknown_connection_fails_with_those_that_there_are(run: Run, arguments: list[str]) -> None:
    result = run(*arguments, "--connection", "shop")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "There is no connection shop; there are: main." in result.stderr
