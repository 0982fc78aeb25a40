"""Stripe asked for single objects, by its own SDK, against the simulator."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from peoplesync.adapters.stripe.account import StripeAccount
from peoplesync.adapters.stripe.api import StripeApi
from peoplesync.domain.records.changes import Kind, ObjectKey
from peoplesync.domain.records.snapshots import GONE, Rank, Snapshot
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.ports import KeyRefused, Unavailable
from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.control import Simulator
from peoplesync_local.stripe_simulator.http.server import Server
from tests.support.builders import stripe as builders
from tests.support.builders.stripe import NOW
from tests.support.worlds.simulated_stripe import stripe_api

KEY = "rk_test_simulated"
CUSTOMER = ObjectKey("customer", "cus_1")


class FixedDate(Server):
    """The simulator, whose every answer is of `NOW`."""

    def __init__(self) -> None:
        super().__init__(0, [KEY], clock=SimulatedClock(frozen_at=NOW))

    def hold(self, objects: list[dict[str, Any]]) -> None:
        Simulator(self.url).hold(objects)

    def asked(self) -> dict[str, int]:
        return dict(Simulator(self.url).requests()["by_path"])


@contextmanager
def serving(server: HTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def simulated() -> Iterator[FixedDate]:
    server = FixedDate()
    with serving(server):
        yield server


def taking(seconds: float) -> Callable[[], float]:
    """A stopwatch that reads `seconds` more at the second look."""
    readings = iter([100.0, 100.0 + seconds])
    return lambda: next(readings)


def api(url: str, key: str | None = KEY, seconds: float = 0.0) -> StripeApi:
    return stripe_api(lambda connection: key, url, taking(seconds))


@pytest.mark.parametrize(
    ("seconds", "as_of"), [(0.0, NOW - 1), (0.3, NOW - 2), (1.0, NOW - 2), (3.5, NOW - 5)]
)
def test_an_answer_is_as_of_when_the_request_began_and_a_second_less(
    simulated: FixedDate, seconds: float, as_of: int
) -> None:
    simulated.hold([builders.customer(name="The truth")])

    answer = api(simulated.url, seconds=seconds).fetch("main", CUSTOMER)

    assert isinstance(answer.snapshot, Snapshot)
    assert answer.snapshot.as_of == as_of


@pytest.mark.parametrize(
    ("kind", "held"),
    [
        ("customer", builders.customer("x_1")),
        ("subscription", builders.subscription("x_1")),
        ("charge", builders.charge("x_1")),
        ("invoice", builders.invoice("x_1", status="paid", amount_paid=1900)),
    ],
)
def test_an_object_is_asked_for_where_stripe_has_it(
    simulated: FixedDate, kind: Kind, held: dict[str, Any]
) -> None:
    simulated.hold([held])

    answer = api(simulated.url).fetch("main", ObjectKey(kind, "x_1"))

    assert isinstance(answer.snapshot, Snapshot)
    assert answer.snapshot.content["id"] == "x_1"
    assert (answer.snapshot.event, answer.snapshot.rank) == ("", Rank.STATE)
    assert not answer.missing
    assert not answer.deleted
    assert list(simulated.asked().values()) == [1]


def test_a_canceled_subscription_is_terminal_when_it_is_fetched_too(simulated: FixedDate) -> None:
    simulated.hold([builders.subscription(status="canceled")])

    answer = api(simulated.url).fetch("main", ObjectKey("subscription", "sub_1"))

    assert isinstance(answer.snapshot, Snapshot)
    assert answer.snapshot.rank is Rank.TERMINAL


def test_what_stripe_does_not_know_is_missing(simulated: FixedDate) -> None:
    answer = api(simulated.url).fetch("main", CUSTOMER)

    assert (answer.snapshot, answer.missing, answer.deleted) == (GONE, True, False)


def test_a_deleted_customer_is_gone_but_not_missing(simulated: FixedDate) -> None:
    simulated.hold([builders.deleted_customer()])

    answer = api(simulated.url).fetch("main", CUSTOMER)

    assert (answer.snapshot, answer.missing, answer.deleted) == (GONE, False, True)


def test_each_connection_is_asked_with_its_own_key(simulated: FixedDate) -> None:
    simulated.hold([builders.customer()])
    keys = {"main": KEY, "shop": "rk_test_of_another_account"}

    assert stripe_api(keys.get, simulated.url, taking(0)).fetch("main", CUSTOMER).snapshot is not GONE
    with pytest.raises(Unavailable):
        stripe_api(keys.get, simulated.url, taking(0)).fetch("shop", CUSTOMER)


def test_a_key_that_was_just_replaced_is_not_called_refused(simulated: FixedDate) -> None:
    """A key is cached for a minute."""
    simulated.hold([builders.customer()])
    measured: list[Metric] = []
    stripe = StripeApi(
        lambda _: "rk_test_of_yesterday",
        simulated.url,
        taking(0),
        measure=lambda metric, _: measured.append(metric),
        fresh_key=lambda _: KEY,
    )

    assert stripe.fetch("main", CUSTOMER).snapshot is not GONE
    assert measured == [Metric.STRIPE_CALLS] * 2


def test_a_refused_key_that_is_still_the_connections_is_refused(simulated: FixedDate) -> None:
    measured: list[Metric] = []
    stripe = StripeApi(
        lambda _: "rk_test_of_yesterday",
        simulated.url,
        taking(0),
        measure=lambda metric, _: measured.append(metric),
        fresh_key=lambda _: "rk_test_of_yesterday",
    )

    with pytest.raises(KeyRefused):
        stripe.fetch("main", CUSTOMER)

    assert measured == [Metric.STRIPE_CALLS]


def test_a_revoked_key_can_be_replaced_so_it_is_a_matter_of_waiting(simulated: FixedDate) -> None:
    with pytest.raises(
        Unavailable, match=r"^Stripe does not accept the API key: it was revoked, or it has expired$"
    ):
        api(simulated.url, key="rk_test_revoked").fetch("main", CUSTOMER)


@pytest.mark.parametrize("key", [None, ""])
def test_a_connection_without_a_key_cannot_ask(simulated: FixedDate, key: str | None) -> None:
    with pytest.raises(Unavailable, match=r"^connection main has no API key$"):
        api(simulated.url, key=key).fetch("main", CUSTOMER)

    assert simulated.asked() == {}


def answering(status: int, body: str) -> HTTPServer:
    """A Stripe that always answers the same."""

    class Conversation(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Stripe-Should-Retry", "false")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    return HTTPServer(("127.0.0.1", 0), Conversation)


def error(**details: str) -> str:
    return json.dumps({"error": {"message": "rk_test_*** may not", **details}})


@pytest.mark.parametrize(
    ("status", "body", "because"),
    [
        (400, error(type="invalid_request_error", code="testmode_charges_only"), "testmode_charges_only"),
        (403, error(code="more_permissions_required"), "the key may not read customers"),
        (429, error(code="rate_limit"), "Stripe's rate limit is reached"),
        (500, error(type="api_error"), "APIError"),
        (503, "busy", "APIError"),
        (200, "no JSON", "APIError"),
        (200, "<html>Sign in to this network</html>", "APIError"),
        (200, "{}", "what answered is not its API"),
        (200, '{"status": "ok"}', "what answered is not its API"),
    ],
)
def test_when_stripe_cannot_answer_now_it_can_be_asked_later(status: int, body: str, because: str) -> None:
    with serving(answering(status, body)) as url, pytest.raises(Unavailable) as caught:
        api(url).fetch("main", CUSTOMER)

    assert str(caught.value).endswith(because)
    assert KEY not in str(caught.value)


def test_a_stripe_out_of_reach_can_be_asked_later() -> None:
    with serving(answering(200, "")) as url:
        pass  # from here on nobody listens at this address

    with pytest.raises(Unavailable, match=r"^Stripe cannot be asked: APIConnectionError$"):
        api(url).fetch("main", CUSTOMER)


@pytest.mark.parametrize(
    "shown",
    [
        {"id": "cus_1", "object": "customer"},
        {"id": "cus_1", "object": "customer", "created": "yesterday"},
        {"object": "customer", "created": NOW},
    ],
    ids=["without created", "mistyped", "without id"],
)
def test_an_answer_that_cannot_be_read_is_an_answer(shown: dict[str, Any]) -> None:
    with serving(answering(200, json.dumps(shown))) as url:
        answer = api(url).fetch("main", CUSTOMER)

    assert (answer.snapshot, answer.missing, answer.deleted) == (GONE, False, False)
    assert answer.unreadable is not None
    assert answer.unreadable.kind == "customer"


def test_an_answer_nested_too_deeply_cannot_be_read(simulated: FixedDate) -> None:
    deep: Any = {}
    for _ in range(200):
        deep = {"data": deep}
    shown = {"id": "cus_1", "object": "customer", "created": NOW, "address": deep}

    with serving(answering(200, json.dumps(shown))) as url:
        answer = api(url).fetch("main", CUSTOMER)

    assert str(answer.unreadable) == "customer cus_1: the object is nested too deeply"


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        '{"data": {}, "has_more": false}',
        '{"data": []}',
        '{"object": "list", "data": [], "has_more": "no"}',
    ],
)
def test_what_is_no_list_is_no_answer_of_stripes(body: str) -> None:
    with serving(answering(200, body)) as url, pytest.raises(Unavailable, match="is not its API"):
        api(url).page("main", "customers", {"limit": 1})


@pytest.mark.parametrize("body", ["[]", "5", "null", '"text"'])
def test_json_that_is_no_object_is_no_answer_of_stripes(body: str) -> None:
    with serving(answering(200, body)) as url:
        with pytest.raises(Unavailable):
            api(url).fetch("main", CUSTOMER)
        with pytest.raises(Unavailable):
            api(url).page("main", "customers", {"limit": 1})
        with pytest.raises(Unavailable):
            api(url).endpoint_state("main", "we_1")


@pytest.mark.parametrize(
    ("events", "version"),
    [
        ([{"api_version": "2018-11-08"}, {"api_version": "2026-10-28.endive"}], "2018-11-08"),
        ([{"api_version": None}], None),
        ([], None),
        ([None], None),
        ("none", None),
    ],
)
def test_the_version_of_events_is_known_from_asking_for_the_permission(
    events: Any, version: str | None
) -> None:
    with serving(answering(200, json.dumps({"object": "list", "data": events}))) as url:
        account = StripeAccount(KEY, url)
        assert account.events_version() is None
        assert account.may("rak_event_read")
        assert account.may("rak_customer_read")

    assert account.events_version() == version


def test_what_the_key_may_not_expand_does_not_hide_the_object() -> None:
    shown = json.dumps(builders.subscription(discounts=["di_1"]))

    class Restricted(BaseHTTPRequestHandler):
        """Shows subscriptions, and refuses whatever is to be expanded in them."""

        def do_GET(self) -> None:
            refused = "expand" in self.path
            body = error(code="more_permissions_required") if refused else shown
            self.send_response(403 if refused else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Restricted)) as url:
        answer = api(url).fetch("main", ObjectKey("subscription", "sub_1"))
    assert isinstance(answer.snapshot, Snapshot)
    assert answer.discounts == {}
