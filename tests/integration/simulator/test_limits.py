"""Rate limits, lock timeouts, Stripe's own errors, and what may be asked again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from peoplesync_local.stripe_simulator.control import Refused, Simulator
from peoplesync_local.stripe_simulator.http.throttle import Limits, Throttle
from peoplesync_local.stripe_simulator.parameters.errors import Refusal
from tests.support.worlds.simulated_stripe import ask, client, simulated_stripe

REASON = "Stripe-Rate-Limited-Reason"


@pytest.fixture
def url() -> Iterator[str]:
    with simulated_stripe() as url:
        yield url


class Stopwatch:
    """Real time, for a throttle that must not be waited for."""

    def __init__(self) -> None:
        self.at = 0.0

    def read(self) -> float:
        return self.at

    def wait(self, seconds: float) -> None:
        self.at += seconds


def refused(throttle: Throttle, endpoint: str = "GET customers list") -> bool:
    try:
        throttle.admit("main", endpoint)
    except Refusal:
        return True
    return False


def test_beyond_its_rate_an_endpoint_answers_429_with_the_reason(url: str) -> None:
    Simulator(url).limit(requests_per_second_per_endpoint=0.5)
    ask(url, "/v1/customers")

    with pytest.raises(stripe.RateLimitError) as limited:
        ask(url, "/v1/customers")

    assert limited.value.http_status == 429
    assert limited.value.headers[REASON] == "endpoint-rate"  # type: ignore[index]  # headers there are
    ask(url, "/v1/subscriptions")
    Simulator(url).limit()
    ask(url, "/v1/customers")


def test_beyond_its_rate_an_account_answers_429_at_every_endpoint(url: str) -> None:
    Simulator(url).limit(requests_per_second=0.5)
    ask(url, "/v1/customers")

    with pytest.raises(stripe.RateLimitError) as limited:
        ask(url, "/v1/subscriptions")

    assert limited.value.headers[REASON] == "global-rate"  # type: ignore[index]  # headers there are


def test_a_lock_timeout_is_a_429_without_reason(url: str) -> None:
    Simulator(url).limit(lock_timeouts=1)

    with pytest.raises(stripe.RateLimitError) as limited:
        ask(url, "/v1/customers")

    assert REASON not in limited.value.headers  # type: ignore[operator]  # headers there are
    assert limited.value.error is not None
    assert limited.value.error.code == "lock_timeout"


def test_stripes_own_errors_are_500(url: str) -> None:
    Simulator(url).limit(server_errors=1)

    with pytest.raises(stripe.APIError) as failed:
        ask(url, "/v1/customers")

    assert failed.value.http_status == 500


def test_misfortune_follows_from_the_seed() -> None:
    def refusals(seed: int) -> list[bool]:
        throttle = Throttle(Limits(lock_timeouts=0.2, server_errors=0.2, seed=seed))
        return [refused(throttle) for _ in range(50)]

    assert refusals(1) == refusals(1) != refusals(2)
    assert 5 < sum(refusals(1)) < 35


def test_who_keeps_to_the_rate_is_never_refused() -> None:
    stopwatch = Stopwatch()
    throttle = Throttle(Limits(requests_per_second_per_endpoint=25), stopwatch.read, stopwatch.wait)
    refusals = []
    for _ in range(200):
        refusals.append(refused(throttle))
        stopwatch.wait(0.0401)

    assert not any(refusals)


def test_who_asks_twice_as_fast_is_refused_every_other_time() -> None:
    stopwatch = Stopwatch()
    throttle = Throttle(Limits(requests_per_second_per_endpoint=25), stopwatch.read, stopwatch.wait)
    refusals = []
    for _ in range(400):
        refusals.append(refused(throttle))
        stopwatch.wait(0.02)

    assert sum(refusals[200:]) in range(95, 106)


def test_latency_is_waited_in_every_request() -> None:
    stopwatch = Stopwatch()
    throttle = Throttle(Limits(latency_ms=250), stopwatch.read, stopwatch.wait)
    for _ in range(4):
        throttle.admit("main", "GET customers list")

    assert stopwatch.at == 1.0


def test_an_unknown_limit_is_a_mistake(url: str) -> None:
    with pytest.raises(Refused, match="no such setting: patience"):
        Simulator(url)._ask("POST", "/_limits", {"patience": 3})


def test_it_tells_how_often_what_was_asked_for(url: str) -> None:
    for _ in range(3):
        ask(url, "/v1/customers", {"limit": 1})
    with pytest.raises(stripe.InvalidRequestError):
        ask(url, "/v1/customers/cus_none")
    with pytest.raises(stripe.AuthenticationError):
        ask(url, "/v1/customers", key="rk_test_wrong")
    Simulator(url).limit(lock_timeouts=1)
    with pytest.raises(stripe.RateLimitError):
        ask(url, "/v1/customers")

    assert Simulator(url).requests() == {
        "count": 4,
        "by_path": {"/v1/customers": 3, "/v1/customers/cus_none": 1},
        "by_endpoint": {"/v1/customers": {"list": 3, "get": 1}},
        "throttled": 1,
    }
    Simulator(url).reset_requests()
    assert Simulator(url).requests()["count"] == 0


def create(url: str, email: str, key: str) -> Any:
    return client(url).v1.customers.create({"email": email}, {"idempotency_key": key})


def test_the_same_request_with_the_same_idempotency_key_is_done_once(url: str) -> None:
    first, second = create(url, "a@example.com", "once"), create(url, "a@example.com", "once")

    assert first.id == second.id
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert len(client(url).v1.customers.list().data) == 1
    assert create(url, "a@example.com", "again").id != first.id


def test_an_idempotency_key_is_for_one_request_only(url: str) -> None:
    create(url, "a@example.com", "once")

    with pytest.raises(stripe.IdempotencyError):
        create(url, "b@example.com", "once")


def test_what_was_refused_may_be_asked_again_with_the_same_idempotency_key(url: str) -> None:
    Simulator(url).limit(server_errors=1)
    with pytest.raises(stripe.APIError):
        create(url, "a@example.com", "once")
    Simulator(url).limit()

    assert create(url, "a@example.com", "once").email == "a@example.com"


def test_the_clock_moves_when_told_to_and_only_forward(url: str) -> None:
    simulator = Simulator(url)
    before = simulator.now()
    simulator.advance(3600)

    assert simulator.now() == before + 3600
    assert simulator.freeze(before + 7200) == before + 7200
    with pytest.raises(Refused, match="cannot go back"):
        simulator.advance(-1)


def test_the_same_seed_gives_the_same_ids() -> None:
    made = []
    for _ in range(2):
        with simulated_stripe() as url:
            made.append([create(url, f"{number}@example.com", str(number)).id for number in range(3)])

    assert made[0] == made[1] == sorted(made[0])
    assert all(len(each) == len("cus_") + 14 for each in made[0])
