"""Webhooks as the simulator delivers them: kindly, and as unkindly as Stripe can."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
import stripe

from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.worlds.simulated_stripe import NOW, ask, client, simulated_stripe

DAY = 86_400
HOUR = 3600


class Receiver(ThreadingHTTPServer):
    """Takes deliveries, and answers with `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Taking)
        self.status = 200
        self.deliveries: list[tuple[bytes, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/webhooks/stripe/main"

    def events(self, secret: str) -> list[Any]:
        """The events taken, each with its signature checked by Stripe's SDK."""
        return [
            stripe.Webhook.construct_event(body, signature, secret, tolerance=1 << 40)
            for body, signature in self.deliveries
        ]


class _Taking(BaseHTTPRequestHandler):
    server: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.deliveries.append((body, self.headers["Stripe-Signature"]))
        self.send_response(self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with simulated_stripe() as url:
        yield url


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        threading.Thread(target=receiver.serve_forever, args=(0.01,), daemon=True).start()
        yield receiver
        receiver.shutdown()


def endpoint(url: str, receiver: Receiver, *types: str, **params: Any) -> Any:
    asked = {"url": receiver.url, "enabled_events": list(types or ["customer.created"]), **params}
    return client(url).v1.webhook_endpoints.create(asked)  # type: ignore[arg-type]  # plain dictionary


def sign_up(url: str, count: int = 1) -> list[str]:
    """Customers that are created now, one after another."""
    return [client(url).v1.customers.create({"name": f"{number}"}).id for number in range(count)]


def events(url: str, **params: Any) -> list[Any]:
    listed: list[Any] = ask(url, "/v1/events", {"type": "customer.created", **params}).data["data"]
    return listed


def delivered(receiver: Receiver, secret: str) -> list[str]:
    return [event.data.object.id for event in receiver.events(secret)]


def test_an_event_is_delivered_signed(url: str, receiver: Receiver) -> None:
    made = endpoint(url, receiver)
    customers = sign_up(url, 3)

    assert Simulator(url).flush() == {"sent": 3, "failed": 0, "pending": 0, "given_up": 0}
    assert sorted(delivered(receiver, made.secret)) == customers
    body, signature = receiver.deliveries[0]
    assert signature.startswith(f"t={NOW},v1=")
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events("whsec_another")
    assert b'"api_version": "2026-10-28.endive"' in body


def test_an_endpoint_gets_only_what_it_is_for(url: str, receiver: Receiver) -> None:
    endpoint(url, receiver, "customer.deleted")
    disabled = endpoint(url, receiver)
    client(url).v1.webhook_endpoints.update(disabled.id, {"disabled": True})
    deleted = endpoint(url, receiver)
    client(url).v1.webhook_endpoints.delete(deleted.id)
    sign_up(url)

    assert Simulator(url).flush()["sent"] == 0
    assert [event["pending_webhooks"] for event in events(url, delivery_success=True)] == [0]


def test_every_endpoint_gets_its_own_delivery_in_its_own_version(url: str, receiver: Receiver) -> None:
    endpoint(url, receiver, "*")
    endpoint(url, receiver, api_version="2024-06-20")
    sign_up(url)

    assert Simulator(url).flush()["sent"] == 2
    versions = [b"2026-10-28.endive" in body for body, _ in receiver.deliveries]
    assert sorted(versions) == [False, True]


def test_while_a_secret_is_rolled_both_sign(url: str, receiver: Receiver) -> None:
    made = endpoint(url, receiver)
    new = Simulator(url).roll_secret(made.id, expires_in=DAY)
    sign_up(url)
    Simulator(url).flush()

    assert receiver.events(made.secret) == receiver.events(new)
    Simulator(url).advance(DAY)
    receiver.deliveries.clear()
    sign_up(url)
    Simulator(url).flush()
    assert len(receiver.events(new)) == 1
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events(made.secret)


def test_duplicates_are_one_event_delivered_twice(url: str, receiver: Receiver) -> None:
    made = endpoint(url, receiver)
    Simulator(url).deliver(duplicate=0.5, seed=4)
    customers = sign_up(url, 40)
    Simulator(url).flush()

    times = Counter(delivered(receiver, made.secret))
    assert set(times) == set(customers)
    assert set(times.values()) == {1, 2}
    assert len({event.id for event in receiver.events(made.secret)}) == 40


def test_shuffled_deliveries_are_held_back_until_there_are_enough(url: str, receiver: Receiver) -> None:
    made = endpoint(url, receiver)
    Simulator(url).deliver(shuffle=20, seed=4)
    customers = sign_up(url, 19)

    assert Simulator(url).deliveries() == {"sent": 0, "failed": 0, "pending": 19, "given_up": 0}
    customers += sign_up(url, 1)
    Simulator(url).flush()
    assert sorted(delivered(receiver, made.secret)) == customers
    assert delivered(receiver, made.secret) != customers


def test_what_is_held_back_is_sent_by_a_flush(url: str, receiver: Receiver) -> None:
    endpoint(url, receiver)
    Simulator(url).deliver(shuffle=20)
    sign_up(url, 3)

    assert Simulator(url).flush()["sent"] == 3


def test_tied_events_share_one_second_for_whoever_asks(url: str, receiver: Receiver) -> None:
    made = endpoint(url, receiver)
    simulator = Simulator(url)
    simulator.deliver(tie=True)
    simulator.freeze(NOW - NOW % 4 + 4)
    for _ in range(4):
        sign_up(url)
        simulator.advance(1)
    simulator.flush()

    assert {event.created for event in receiver.events(made.secret)} == {NOW - NOW % 4 + 4}
    assert {event["created"] for event in events(url)} == {NOW - NOW % 4 + 4}


def test_a_late_delivery_comes_when_its_time_has_come(url: str, receiver: Receiver) -> None:
    endpoint(url, receiver)
    simulator = Simulator(url)
    simulator.deliver(late_seconds=90)
    sign_up(url)

    simulator.advance(89)
    assert simulator.flush() == {"sent": 0, "failed": 0, "pending": 1, "given_up": 0}
    simulator.advance(1)
    assert simulator.flush()["sent"] == 1
    assert receiver.deliveries[0][1].startswith(f"t={NOW + 90},")


def test_while_deliveries_pause_nothing_is_tried(url: str, receiver: Receiver) -> None:
    endpoint(url, receiver)
    simulator = Simulator(url)
    simulator.deliver(pause=True)
    sign_up(url)
    simulator.advance(HOUR)

    assert simulator.flush() == {"sent": 0, "failed": 0, "pending": 1, "given_up": 0}
    simulator.deliver()
    assert simulator.flush() == {"sent": 1, "failed": 0, "pending": 0, "given_up": 0}


def test_a_refused_event_is_tried_again_ever_more_rarely(url: str, receiver: Receiver) -> None:
    endpoint(url, receiver)
    simulator = Simulator(url)
    receiver.status = 500
    sign_up(url)
    tries = []
    for passed in (0, 299, 1, 1799, 1, 2 * HOUR - 1, 1):
        simulator.advance(passed)
        tries.append(simulator.flush()["failed"])

    assert tries == [1, 1, 2, 2, 3, 3, 4]
    receiver.status = 200
    simulator.advance(5 * HOUR)
    assert simulator.flush() == {"sent": 1, "failed": 4, "pending": 0, "given_up": 0}


def test_what_could_not_be_delivered_for_three_days_is_given_up(url: str, receiver: Receiver) -> None:
    made = endpoint(url, receiver)
    simulator = Simulator(url)
    simulator.deliver(refuse=True)
    (first,) = sign_up(url)
    simulator.advance(2 * DAY)
    (second,) = sign_up(url)
    simulator.advance(DAY)
    simulator.deliver()
    simulator.advance(3 * DAY)
    counts = simulator.flush()

    assert delivered(receiver, made.secret) == [second]
    assert (counts["sent"], counts["given_up"], counts["pending"]) == (1, 1, 0)
    assert [event["data"]["object"]["id"] for event in events(url, delivery_success=False)] == [first]
    assert [event["data"]["object"]["id"] for event in events(url, delivery_success=True)] == [second]


def test_an_endpoint_that_nobody_listens_at_is_tried_again(url: str, receiver: Receiver) -> None:
    made = endpoint(url, receiver)
    client(url).v1.webhook_endpoints.update(made.id, {"url": "http://127.0.0.1:9/nobody"})
    sign_up(url)

    assert Simulator(url).flush() == {"sent": 0, "failed": 1, "pending": 1, "given_up": 0}
    assert [event["pending_webhooks"] for event in events(url)] == [1]


def test_a_deleted_endpoint_gets_nothing_more(url: str, receiver: Receiver) -> None:
    made = endpoint(url, receiver)
    simulator = Simulator(url)
    simulator.deliver(pause=True)
    sign_up(url)
    client(url).v1.webhook_endpoints.delete(made.id)
    simulator.deliver()

    assert simulator.flush() == {"sent": 0, "failed": 0, "pending": 0, "given_up": 0}


def test_events_are_kept_for_thirty_days(url: str) -> None:
    sign_up(url)
    (event,) = events(url)
    Simulator(url).advance(30 * DAY)
    assert events(url) == [event]
    Simulator(url).advance(1)

    assert events(url) == []
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        ask(url, f"/v1/events/{event['id']}")


def test_events_can_be_listed_later_than_they_happened(url: str) -> None:
    simulator = Simulator(url)
    simulator.deliver(listed_late_seconds=9)
    customers = sign_up(url, 20)
    seen = []
    for _ in range(10):
        seen.append(len(events(url, limit=100)))
        simulator.advance(1)

    assert seen[0] < 10 < seen[-1] == len(customers)
    assert seen == sorted(seen)
    assert {event["created"] for event in events(url)} == {NOW}


def test_events_are_listed_by_at_most_twenty_types(url: str) -> None:
    sign_up(url)
    types = [f"customer.subscription.{number}" for number in range(20)]

    def listed(**params: Any) -> int:
        return len(ask(url, "/v1/events", params).data["data"])

    assert listed(types=["customer.created", *types[:19]]) == listed(type="customer.*") == 1
    assert listed(types=types) == 0
    with pytest.raises(stripe.InvalidRequestError) as refused:
        listed(types=["customer.created", *types])
    assert refused.value.param == "types"
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        listed(types=["customer.created"], type="customer.created")
