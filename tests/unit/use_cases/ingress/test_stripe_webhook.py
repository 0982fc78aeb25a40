"""What the webhook takes, drops and refuses, and what it puts on the queue."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.ingress.stripe_webhook import Receiver, WebhookReceipt
from peoplesync.use_cases.messages.message import Message, decode
from peoplesync.use_cases.ports import Unavailable
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders import stripe as builders
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import FakeQueue

TEST_SECRET, LIVE_SECRET = "whsec_test_mode", "whsec_live_mode"
PERSONAL: dict[str, Any] = {"email": "trial-07@example.com", "name": "Trial Seven", "phone": "+1 555 0100"}


@dataclass
class Connections:
    """Two connections: `main` in test mode, in its third epoch, and `shop` in live mode."""

    by_name: dict[str, Connection] = field(
        default_factory=lambda: {
            "main": Connection("main", False, 3, 1, 0),
            "shop": Connection("shop", True, 1, 1, 0),
        }
    )

    refused: list[tuple[str, int]] = field(default_factory=list)

    def get(self, name: str) -> Connection | None:
        return self.by_name.get(name)

    def note_refused_signature(self, connection: Connection, at: int) -> None:
        self.refused.append((connection.name, at))


@dataclass
class SigningSecrets:
    """The secrets as they are `cached`, and as they are `stored` for those who look again."""

    stored: dict[str, list[str]] = field(
        default_factory=lambda: {"main": [TEST_SECRET], "shop": [LIVE_SECRET]}
    )
    cached: dict[str, list[str]] = field(default_factory=dict)
    looked_again: int = 0

    def signing_secrets(self, connection: str, *, fresh: bool = False) -> Sequence[str]:
        self.looked_again += fresh
        known = self.stored if fresh else {**self.stored, **self.cached}
        return known.get(connection, [])


@dataclass
class Door:
    """The use case with its fakes, and Stripe in front of it."""

    connections: Connections = field(default_factory=Connections)
    secrets: SigningSecrets = field(default_factory=SigningSecrets)
    queue: FakeQueue = field(default_factory=FakeQueue)

    def knock(
        self,
        sent: StripeObject | bytes,
        *,
        name: str = "main",
        secret: str = TEST_SECRET,
        header: str | None = "",
        at: int = NOW,
    ) -> WebhookReceipt:
        """Posts an event, signed by Stripe unless a `header` is given."""
        body = sent if isinstance(sent, bytes) else json.dumps(sent, ensure_ascii=False).encode()
        receiver = Receiver(self.connections, self.secrets, self.queue)
        return receiver.receive(name, body, builders.sign(secret, body, at) if header == "" else header, NOW)

    @property
    def message(self) -> Message:
        """The one message on the queue."""
        ((body, delay),) = self.queue.sent
        assert delay == 0
        return decode(body)


@pytest.fixture
def door() -> Door:
    return Door()


def an_event(**facts: Any) -> StripeObject:
    return event("customer.updated", customer("cus_1", **PERSONAL), created=NOW - 5, **facts)


def test_a_genuine_event_is_on_the_queue_when_it_is_answered(door: Door) -> None:
    receipt = door.knock(an_event())

    assert (receipt.status, receipt.outcome, receipt.reason) == (200, "enqueued", "")
    assert door.message == Message(Epoch("main", 3), an_event(), cause="live", attempt=0)


def test_a_live_event_reaches_the_live_connection(door: Door) -> None:
    receipt = door.knock(an_event(livemode=True), name="shop", secret=LIVE_SECRET)

    assert receipt.outcome == "enqueued"
    assert door.message.epoch == Epoch("shop", 1)


def test_the_log_can_name_the_event_that_was_taken(door: Door) -> None:
    sent = an_event()

    assert door.knock(sent).detail == {
        "event": sent["id"],
        "type": "customer.updated",
        "created_at": NOW - 5,
    }


@pytest.mark.parametrize(
    "name",
    ["", "nobody", "Main", "main ", "main\n", "1main", "-main", "ma/in", "../main", "main#1", "m" * 33, "é"],
)
def test_an_unknown_or_impossible_connection_is_refused(door: Door, name: str) -> None:
    door.connections.by_name |= {bad: Connection(bad, False, 1, 1, 0) for bad in [name] if bad != "nobody"}

    receipt = door.knock(an_event(), name=name)

    assert (receipt.status, receipt.outcome) == (400, "refused")
    assert receipt.detail == {"because": "unknown connection", "connection": name}
    assert not door.queue.sent


def test_a_name_of_a_stranger_fills_no_log(door: Door) -> None:
    assert len(door.knock(an_event(), name="x" * 10_000).detail["connection"]) == 64


@pytest.mark.parametrize(
    ("arguments", "because"),
    [
        ({"header": None}, "no Stripe-Signature header"),
        ({"header": "v1=00"}, "Stripe-Signature header without t or v1"),
        ({"secret": "whsec_of_someone_else"}, "signature does not match the signing secret"),
        ({"secret": LIVE_SECRET}, "signature does not match the signing secret"),
        ({"at": NOW - 301}, "signature is 301 s old, 300 s are allowed"),
        ({"at": NOW + 301}, "signature is 301 s ahead, 300 s are allowed"),
    ],
)
def test_what_stripe_did_not_sign_is_refused(door: Door, arguments: Any, because: str) -> None:
    receipt = door.knock(an_event(), **arguments)

    assert (receipt.status, receipt.outcome) == (400, "refused")
    assert receipt.detail == {"because": because}
    assert not door.queue.sent


def test_a_stranger_cannot_tell_a_wrong_secret_from_a_wrong_name(door: Door) -> None:
    answers = [
        door.knock(an_event(), name="nobody"),
        door.knock(an_event(), secret="whsec_of_someone_else"),
        door.knock(an_event(), header=None),
        door.knock(b"not even JSON", secret="whsec_of_someone_else"),
        door.knock(an_event(livemode=True), secret="whsec_of_someone_else"),
    ]

    assert {(answer.status, answer.outcome, answer.reason) for answer in answers} == {
        (400, "refused", "not_accepted")
    }


def test_a_connection_without_a_secret_accepts_nobody(door: Door) -> None:
    door.secrets.stored.clear()

    assert door.knock(an_event(), secret="").reason == "not_accepted"


def test_a_rolled_secret_works_at_once(door: Door) -> None:
    door.secrets.cached["main"] = ["whsec_before_the_roll"]

    assert door.knock(an_event()).outcome == "enqueued"
    assert door.secrets.looked_again == 1


def test_it_is_remembered_when_what_looks_like_stripe_has_a_wrong_signature(door: Door) -> None:
    door.knock(an_event(), secret="whsec_other")

    assert door.connections.refused == [("main", NOW)]


def test_that_it_cannot_be_remembered_now_changes_no_answer(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable(connection: Connection, at: int) -> None:
        raise Unavailable("throttled")

    monkeypatch.setattr(door.connections, "note_refused_signature", unavailable)

    assert door.knock(an_event(), secret="whsec_other").status == 400


def test_what_does_not_even_look_like_stripe_is_not_remembered(door: Door) -> None:
    door.knock(b"{}", secret="whsec_other")
    door.knock(an_event(), header=None)
    door.knock(an_event() | {"livemode": True}, secret="whsec_other")

    assert door.connections.refused == []


def test_a_good_signature_does_not_make_us_look_again(door: Door) -> None:
    door.knock(an_event())

    assert door.secrets.looked_again == 0


@pytest.mark.parametrize(
    ("name", "secret", "livemode", "mode"),
    [("main", TEST_SECRET, True, "test"), ("shop", LIVE_SECRET, False, "live")],
)
def test_an_event_of_the_other_mode_is_refused(
    door: Door, name: str, secret: str, livemode: bool, mode: str
) -> None:
    receipt = door.knock(an_event(livemode=livemode), name=name, secret=secret)

    assert (receipt.status, receipt.outcome, receipt.reason) == (400, "refused", "wrong_mode")
    assert receipt.detail["because"] == f"the connection is in {mode} mode"
    assert not door.queue.sent


@pytest.mark.parametrize("livemode", [None, 0, "false"])
def test_an_event_that_does_not_tell_its_mode_is_refused(door: Door, livemode: Any) -> None:
    assert door.knock(an_event() | {"livemode": livemode}).reason == "wrong_mode"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"nonsense",
        b"{",
        b"[]",
        b'"text"',
        b"null",
        b"\xff\xfe\xfd",
        b'{"id":"evt_1","type":"customer.updated","name":"\xff"}',
        b'{"type":"customer.updated","livemode":false}',
        b'{"id":"evt_1","livemode":false}',
        b'{"id":7,"type":"customer.updated","livemode":false}',
        b'{"id":"evt_1","type":null,"livemode":false}',
    ],
)
def test_a_signed_body_that_is_no_event_is_refused_as_malformed(door: Door, body: bytes) -> None:
    receipt = door.knock(body)

    assert (receipt.status, receipt.outcome, receipt.reason) == (400, "refused", "malformed")
    assert receipt.detail == {"because": "body is not a Stripe event"}
    assert not door.queue.sent


def without_data(envelope: StripeObject) -> StripeObject:
    return {key: value for key, value in envelope.items() if key != "data"}


THIN = {
    "id": "evt_test_1",
    "object": "v2.core.event",
    "type": "v1.billing.meter.error_report_triggered",
    "livemode": False,
    "created": "2026-03-01T12:00:00.000Z",
    "related_object": {"id": "mtr_1", "type": "billing.meter", "url": "/v1/billing/meters/mtr_1"},
}
UPCOMING = builders.invoice()
del UPCOMING["id"]
NO_USE: list[tuple[str, StripeObject]] = [
    ("unsupported", event("payout.paid", {"id": "po_1", "object": "payout"}, created=NOW)),
    ("unsupported", event("invoice.upcoming", UPCOMING, created=NOW)),
    ("unsupported", THIN),
    ("no_id", event("invoice.created", UPCOMING, created=NOW)),
    ("no_id", event("customer.updated", customer() | {"id": ""}, created=NOW)),
    ("no_id", without_data(an_event())),
    ("no_id", an_event() | {"data": None}),
    ("no_id", an_event() | {"data": []}),
    ("no_id", an_event() | {"data": {"object": "cus_1"}}),
    ("guest", event("charge.succeeded", builders.charge(customer=None), created=NOW)),
    ("guest", event("checkout.session.completed", builders.checkout_session(customer=None), created=NOW)),
    ("connect", an_event(account="acct_1")),
    ("connect", event("payout.paid", {"id": "po_1", "object": "payout"}, created=NOW, account="acct_1")),
]


@pytest.mark.parametrize(("reason", "sent"), NO_USE)
def test_a_genuine_event_of_no_use_is_acknowledged_and_dropped(
    door: Door, reason: str, sent: StripeObject
) -> None:
    receipt = door.knock(sent)

    assert (receipt.status, receipt.outcome, receipt.reason) == (200, "dropped", reason)
    assert receipt.detail == {"event": sent["id"], "type": sent["type"], "created_at": sent["created"]}
    assert not door.queue.sent


def test_an_expanded_customer_is_no_guest(door: Door) -> None:
    charge = builders.charge(customer=customer("cus_1"))

    assert door.knock(event("charge.succeeded", charge, created=NOW)).outcome == "enqueued"


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"name": "nobody"},
        {"name": "shop", "secret": LIVE_SECRET},
        {"secret": "whsec_of_someone_else"},
        {"header": None},
        {"at": 0},
    ],
)
@pytest.mark.parametrize("facts", [{}, {"account": "acct_1"}, {"livemode": True}])
def test_nothing_personal_and_nothing_secret_is_in_the_detail_for_the_log(
    door: Door, arguments: Any, facts: Any
) -> None:
    logged = repr(door.knock(an_event(previous=PERSONAL, **facts), **arguments))

    assert not [one for one in (*PERSONAL.values(), TEST_SECRET, LIVE_SECRET, "v1=") if one in logged]
