"""The two functions: what they answer, what they log, what they count."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.messages.message import Message, decode
from peoplesync_local.stripe_simulator.control import Simulator
from peoplesync_local.stripe_simulator.http.server import Server
from tests.support.builders import stripe as builders
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.batches import messages, tie, told_of
from tests.support.fakes.ready_connections import connect, keep_secrets
from tests.support.stacks.lambda_functions import Function, Printed, batch, cold_start, webhook
from tests.support.stacks.moto_stack import MotoStack, break_operation

MAIN = Epoch("main", 1)
SECRET, API_KEY = "whsec_test_of_main", "rk_test_of_main"
PERSONAL: dict[str, Any] = {"email": "trial-07@example.com", "name": "Zoë Seven", "phone": "+1 555 0100"}
SENT = told_of(customer("cus_1", **PERSONAL))


@pytest.fixture
def main(aws: MotoStack) -> MotoStack:
    """A stack with the connection `main`."""
    connect("main", API_KEY, SECRET, ConnectionsStore(), aws.secrets, NOW)
    return aws


@pytest.fixture
def receive(main: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Function:
    return cold_start("receive_webhook", main, monkeypatch)


@pytest.fixture
def apply(main: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Function:
    return cold_start("apply_changes", main, monkeypatch)


def body_of(sent: Any) -> bytes:
    return json.dumps(sent, ensure_ascii=False).encode()


def signed(sent: Any, *, secret: str = SECRET, **arguments: Any) -> dict[str, Any]:
    body = body_of(sent)
    return webhook(body, builders.sign(secret, body, NOW), **arguments)


def assert_nothing_personal_or_secret(text: str) -> None:
    hidden = (*PERSONAL.values(), "Zo\\u00eb", SECRET, API_KEY, "v1=")
    assert not [one for one in hidden if one in text]


@pytest.mark.parametrize("encoded", [False, True], ids=["text", "base64"])
def test_a_genuine_webhook_is_answered_when_it_is_on_the_live_queue(
    receive: Function, main: MotoStack, encoded: bool
) -> None:
    answer = receive(signed(SENT, encoded=encoded))

    assert answer == {
        "statusCode": 200,
        "headers": {"content-type": "application/json"},
        "body": '{"outcome": "enqueued"}',
    }
    (message,) = main.messages(main.stack.live_queue_url)
    assert decode(message["Body"]) == Message(MAIN, SENT)


def test_a_webhook_of_no_use_is_answered_with_the_reason(receive: Function, main: MotoStack) -> None:
    guest = event("charge.succeeded", builders.charge(customer=None), created=NOW)

    answer = receive(signed(guest))

    assert (answer["statusCode"], json.loads(answer["body"])) == (
        200,
        {"outcome": "dropped", "reason": "guest"},
    )
    assert main.messages(main.stack.live_queue_url) == []


def test_strangers_get_one_answer_whatever_was_wrong(receive: Function, main: MotoStack) -> None:
    answers = [
        receive(signed(SENT, secret="whsec_of_someone_else")),
        receive(signed(SENT, connection="nobody")),
        receive(webhook(body_of(SENT), None)),
        receive(webhook(body_of(SENT), "t=" + "9" * 5_000 + ",v1=0")),
        receive(webhook(b"", "nonsense")),
    ]

    refused = {
        "statusCode": 400,
        "headers": {"content-type": "application/json"},
        "body": '{"outcome": "refused", "reason": "not_accepted"}',
    }
    assert answers == [refused] * 5
    assert main.messages(main.stack.live_queue_url) == []


@pytest.mark.parametrize(
    ("sent", "reason"),
    [(["no event"], "malformed"), (SENT | {"livemode": True}, "wrong_mode")],
)
def test_who_knows_the_secret_is_told_what_is_wrong(receive: Function, sent: Any, reason: str) -> None:
    answer = receive(signed(sent))

    assert (answer["statusCode"], json.loads(answer["body"])) == (
        400,
        {"outcome": "refused", "reason": reason},
    )


def test_a_request_without_a_body_is_refused(receive: Function) -> None:
    request = signed(SENT)
    del request["body"]

    assert receive(request)["statusCode"] == 400


def test_a_rolled_secret_is_accepted_by_a_warm_function(receive: Function, main: MotoStack) -> None:
    receive(signed(SENT))
    keep_secrets(main.secrets, "main", "whsec_rolled", API_KEY)

    assert receive(signed(SENT, secret="whsec_rolled"))["statusCode"] == 200


def test_the_door_logs_which_event_it_took_and_counts_it(
    receive: Function, capsys: pytest.CaptureFixture[str]
) -> None:
    receive(signed(SENT))
    printed = Printed(capsys.readouterr().out)

    (line,) = printed.log
    assert (line["level"], line["message"], line["service"]) == (
        "INFO",
        "webhook enqueued",
        "receive_webhook",
    )
    assert (line["event"], line["type"], line["created_at"]) == (SENT["id"], "customer.updated", NOW - 60)
    assert line["function_request_id"]
    counted = {name: value for name, value in printed.metrics.items() if name.startswith("Webhooks")}
    assert counted == {"WebhooksReceived": 1, "WebhooksEnqueued": 1}
    assert printed.metrics["EstimatedCost"] == printed.metrics["ReadUnits"] * 0.125 / 1_000_000 > 0
    assert_nothing_personal_or_secret(printed.text)


@pytest.mark.parametrize(
    ("request_event", "because", "counted"),
    [
        (signed(SENT, connection="nobody"), "unknown connection", "Connection"),
        (
            signed(SENT, secret="whsec_of_someone_else"),
            "signature does not match the signing secret",
            "Signature",
        ),
        (webhook(body_of(SENT), None), "no Stripe-Signature header", "Signature"),
        (signed(SENT | {"livemode": True}), "the connection is in test mode", "Mode"),
        (signed([PERSONAL]), "body is not a Stripe event", "Malformed"),
    ],
)
def test_a_refusal_tells_the_operator_why_and_nothing_personal(
    receive: Function, capsys: pytest.CaptureFixture[str], request_event: Any, because: str, counted: str
) -> None:
    receive(request_event)
    printed = Printed(capsys.readouterr().out)

    (line,) = printed.log
    assert (line["level"], line["message"], line["because"]) == ("WARNING", "webhook refused", because)
    counts = {name: value for name, value in printed.metrics.items() if name.startswith("Webhooks")}
    assert counts == {"WebhooksReceived": 1, f"WebhooksRefused{counted}": 1}
    assert_nothing_personal_or_secret(printed.text)


@pytest.mark.parametrize("queue", ["LiveQueue", "BulkQueue"])
def test_a_batch_is_applied_and_nothing_is_to_be_delivered_again(
    apply: Function, capsys: pytest.CaptureFixture[str], queue: str
) -> None:
    paid = event("charge.succeeded", builders.charge(), created=NOW)

    answer = apply(batch(*messages(SENT, paid, paid), queue=queue))

    assert answer == {"batchItemFailures": []}
    person = PeopleReader().person_of(MAIN, "email:trial-07@example.com")
    assert person is not None
    assert person.fields["last_amount_paid"] == "19.00"
    assert person.last_sync_at == NOW
    printed = Printed(capsys.readouterr().out)
    assert printed.metrics["ChangesApplied"] == 3
    assert printed.metrics["FeedEntries"] == 1
    assert [(line["level"], line["message"], line["applied"]) for line in printed.log] == [
        ("INFO", "batch applied", 3)
    ]
    assert_nothing_personal_or_secret(printed.text)


def test_poison_is_acknowledged_dead_lettered_and_logged_without_its_values(
    apply: Function, main: MotoStack, capsys: pytest.CaptureFixture[str]
) -> None:
    poison = messages(told_of(customer("cus_2", **{**PERSONAL, "phone": [PERSONAL["phone"]]})))[0]

    answer = apply(batch(poison, *messages(SENT)))

    assert answer == {"batchItemFailures": []}
    (dead,) = main.messages(main.stack.live_dead_letter_queue_url)
    assert dead["Body"] == poison
    assert dead["MessageAttributes"]["reason"]["StringValue"] == (
        "customer cus_2: phone should be text, not a list"
    )
    printed = Printed(capsys.readouterr().out)
    assert [line["reason"] for line in printed.log if line["level"] == "ERROR"] == [
        "customer cus_2: phone should be text, not a list"
    ]
    assert (printed.metrics["ChangesDead"], printed.metrics["ChangesApplied"]) == (1, 1)
    assert_nothing_personal_or_secret(printed.text)


def test_poison_from_the_bulk_queue_lies_with_the_dead_of_the_bulk_queue(
    apply: Function, main: MotoStack
) -> None:
    apply(batch("nonsense", queue="BulkQueue"))

    assert [one["Body"] for one in main.messages(main.stack.bulk_dead_letter_queue_url)] == ["nonsense"]
    assert main.messages(main.stack.live_dead_letter_queue_url) == []


def test_only_the_message_that_crashed_is_delivered_again(apply: Function, main: MotoStack) -> None:
    main.client("dynamodb").put_item(  # a row that no fold can read
        TableName=main.stack.identities_table,
        Item={"pk": {"S": "main#1#customer:cus_bad"}, "person": {"S": "per_nobody"}},
    )

    answer = apply(batch(*messages(SENT, told_of(customer("cus_bad")), told_of(customer("cus_3")))))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-1"}]}
    assert PeopleReader().person_of(MAIN, "customer:cus_1")
    assert PeopleReader().person_of(MAIN, "customer:cus_3")


def test_a_batch_that_crashed_as_a_whole_is_delivered_again_as_a_whole(apply: Function) -> None:
    connection = apply.module.worker.people.connection
    break_operation(connection, "TransactWriteItems", "ValidationException")

    answer = apply(batch(*messages(SENT, told_of(customer("cus_2")))))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "message-0"}, {"itemIdentifier": "message-1"}]}


def test_throttled_changes_are_acknowledged_and_put_back(
    apply: Function, main: MotoStack, capsys: pytest.CaptureFixture[str]
) -> None:
    connection = apply.module.worker.people.connection
    break_operation(connection, "TransactWriteItems", "ThrottlingException")

    assert apply(batch(*messages(SENT), queue="BulkQueue")) == {"batchItemFailures": []}
    assert Printed(capsys.readouterr().out).metrics["ChangesWaiting"] == 1
    depths = main.client("sqs").get_queue_attributes(
        QueueUrl=main.stack.bulk_queue_url, AttributeNames=["ApproximateNumberOfMessagesDelayed"]
    )
    assert depths["Attributes"]["ApproximateNumberOfMessagesDelayed"] == "1"


def test_a_tie_is_settled_at_the_stripe_that_the_environment_names(
    main: MotoStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Server(0, [API_KEY]) as stripe:
        threading.Thread(target=stripe.serve_forever, args=(0.01,), daemon=True).start()
        Simulator(stripe.url).hold([customer(name="The truth")])
        apply = cold_start("apply_changes", main, monkeypatch, PEOPLESYNC_STRIPE_API_URL=stripe.url)
        apply(batch(*messages(*tie())))
        asked = Simulator(stripe.url).requests()["by_path"]
        stripe.shutdown()

    person = PeopleReader().person_of(MAIN, "customer:cus_1")
    assert person is not None
    assert person.fields["customer_name"] == "The truth"
    assert asked == {"/v1/customers/cus_1": 1}
