"""Reconcile when Stripe refuses, the time is short, or the connection is not what it was."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.use_cases.ports import EndpointState, KeyRefused, NotPermitted, Page, RateLimited, Unavailable
from tests.support.builders.stripe import DAY, HOUR, MINUTE, NOW, customer, event
from tests.support.fakes.event_list import Scene, checkpoint, failing_after, told


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.connections.add(reconciled_until=NOW - 15 * MINUTE)
    return scene


def test_a_page_that_fails_moves_no_checkpoint_past_it(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - DAY)
    scene.stripe.happens(*(told(f"{one}", NOW - one * MINUTE) for one in range(24 * 60)))
    scene.stripe.before_page = failing_after(5, Unavailable("down"))

    turn = scene.run()["main"]

    assert (turn.done, turn.problem) == (False, "unavailable")
    assert NOW - DAY < checkpoint(scene) < NOW - HOUR
    before = {one for one in scene.stripe.events if scene.stripe.events[one]["created"] < checkpoint(scene)}
    assert before <= set(scene.bulk.events())


def test_a_rate_limit_stops_the_turn_and_loses_nothing(scene: Scene) -> None:
    before = checkpoint(scene)
    scene.stripe.happens(told("1", NOW - 60))
    scene.stripe.before_page = failing_after(0, RateLimited("slow down"))

    assert scene.run()["main"].problem == "rate_limited"
    assert checkpoint(scene) == before

    scene.stripe.before_page = lambda _: None
    scene.run()
    assert scene.bulk.events() == ["evt_1"]


def test_what_fails_now_and_then_does_not_stop_a_turn(scene: Scene) -> None:
    scene.stripe.happens(told("1", NOW - 60))
    refusals: list[Exception] = [RateLimited("slow down", retry_after=3), Unavailable("down")]

    def refuse(_: str) -> None:
        if refusals:
            raise refusals.pop(0)

    scene.stripe.before_page = refuse

    assert scene.run()["main"].done
    assert scene.bulk.events() == ["evt_1"]
    assert scene.slept == [3, 2.0]


def test_a_refused_key_is_noted_and_the_other_connections_go_on(scene: Scene) -> None:
    scene.connections.add("second", reconciled_until=NOW - HOUR)
    scene.stripe.happens(told("1", NOW - 60))

    def refuse(connection: str) -> None:
        if connection == "main":
            raise KeyRefused("revoked")

    scene.stripe.before_page = refuse
    turns = scene.run()

    assert (turns["main"].problem, turns["second"].done) == ("key_refused", True)
    assert scene.connections.every["main"].key_refused_at == NOW
    assert scene.bulk.events("second") == ["evt_1"]


def test_a_key_that_works_again_is_noted_too(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR, key_refused_at=NOW - DAY)

    scene.run()

    assert scene.connections.every["main"].key_refused_at is None


def test_since_when_a_key_is_refused_stays(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR, key_refused_at=NOW - DAY)
    scene.stripe.before_page = failing_after(0, KeyRefused("revoked"))

    scene.run()

    assert scene.connections.every["main"].key_refused_at == NOW - DAY


def test_a_key_that_may_not_read_events_is_a_problem_with_a_name(scene: Scene) -> None:
    scene.stripe.before_page = failing_after(0, NotPermitted("no", "rak_event_read"))

    assert scene.run()["main"].problem == "not_permitted"


def test_a_crash_in_one_turn_is_raised_when_all_had_theirs(scene: Scene) -> None:
    scene.connections.add("second", reconciled_until=NOW - HOUR)
    scene.stripe.happens(told("1", NOW - 60))

    def crash(connection: str) -> None:
        if connection == "main":
            raise ZeroDivisionError

    scene.stripe.before_page = crash
    with pytest.raises(ZeroDivisionError):
        scene.run()

    assert scene.bulk.events("second") == ["evt_1"]


def test_a_long_catch_up_does_not_starve_the_other_connections(scene: Scene) -> None:
    for name, behind in (("far", 29 * DAY), ("farther", 29 * DAY + HOUR)):
        scene.connections.add(name, reconciled_until=NOW - behind)
    scene.page_seconds = 1

    turns = scene.run(seconds=20)

    assert turns["main"].done
    assert not turns["far"].done
    assert turns["far"].until > NOW - 29 * DAY
    assert turns["farther"].until > NOW - 29 * DAY


def test_a_disconnected_connection_has_no_turn(scene: Scene) -> None:
    scene.connections.add("gone", reconciled_until=NOW - HOUR, disconnected_at=NOW - 60)

    assert set(scene.run()) == {"main"}


def test_events_of_the_other_mode_are_not_taken_for_the_connections(scene: Scene) -> None:
    before = checkpoint(scene)
    scene.stripe.happens(told("live", NOW - 60) | {"livemode": True})

    assert scene.run()["main"].problem == "wrong_mode"
    assert (scene.bulk.events(), checkpoint(scene)) == ([], before)


def test_a_turn_ends_where_the_connection_begins_a_new_epoch(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - 3 * DAY)

    def replaced(_: str) -> None:
        if len(scene.stripe.asked) == 3:
            was = scene.connections.every["main"]
            scene.connections.every["main"] = replace(was, epoch_number=2, reconciled_until=NOW)

    scene.stripe.before_page = replaced
    turn = scene.run()["main"]

    assert (turn.done, turn.problem) == (False, "replaced")
    assert checkpoint(scene) == NOW


def test_an_event_that_no_message_can_carry_is_counted_and_does_not_block(scene: Scene) -> None:
    huge = event(
        "customer.updated", customer("cus_big", name="x" * 1_100_000), id="evt_big", created=NOW - 60
    )
    scene.stripe.happens(huge, told("1", NOW - 50))

    turn = scene.run()["main"]

    assert (turn.too_large, turn.done) == (1, True)
    assert scene.bulk.events() == ["evt_1"]


@pytest.mark.parametrize(
    ("spoilt", "named"),
    [
        ({"id": "cus_bad", "object": "customer"}, ("customer", "cus_bad", "created is missing")),
        ({"id": "cus_bad", "object": [1]}, ("object", "cus_bad", "customer is missing")),
        ({"id": "in_1", "object": "invoice", "customer": 5}, ("invoice", "in_1", "customer is missing")),
    ],
    ids=["without created", "of no kind", "of a customer that is a number"],
)
def test_an_event_that_cannot_be_read_is_named_and_stops_nothing(
    scene: Scene, spoilt: dict[str, object], named: tuple[str, str, str]
) -> None:
    bad = event("customer.updated", spoilt, id="evt_bad", created=NOW - 60)
    scene.stripe.happens(told("1", NOW - 70), bad, told("2", NOW - 50))

    turn = scene.run()["main"]

    assert (turn.done, turn.problem, turn.events) == (True, None, 3)
    assert [tuple(one.values()) for one in turn.public()["unreadable"]] == [named]
    assert sorted(scene.bulk.events()) == ["evt_1", "evt_2", "evt_bad"], (
        "the worker dead-letters it, with its reason"
    )
    assert checkpoint(scene) == NOW - 1


@pytest.mark.parametrize("junk", [None, 5, "text", [], {}, {"id": 7, "type": ["a"]}])
@pytest.mark.parametrize("place", [0, 1])
def test_what_is_no_event_at_all_is_named_too(scene: Scene, junk: object, place: int) -> None:
    page = scene.stripe.page

    def with_junk(connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        shown = page(connection, resource, params)
        objects: list[Any] = [*shown.objects]
        if objects:
            objects.insert(place, junk)
        return replace(shown, objects=objects)

    scene.stripe.page = with_junk  # type: ignore[method-assign]
    scene.stripe.page_size = 1
    scene.stripe.happens(told("1", NOW - 70), told("2", NOW - 50))

    turn = scene.run()["main"]

    assert (turn.done, turn.problem, turn.events) == (True, None, 4)
    (named,) = turn.public()["unreadable"]
    assert named["kind"] == "event"
    assert checkpoint(scene) == NOW - 1


def test_a_list_that_shows_no_ids_is_read_again_later(scene: Scene) -> None:
    page = scene.stripe.page

    def without_ids(connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        return replace(page(connection, resource, params), objects=[None], has_more=True)

    scene.stripe.page = without_ids  # type: ignore[method-assign]
    before = checkpoint(scene)

    assert scene.run()["main"].problem == "unavailable"
    assert checkpoint(scene) == before


@pytest.mark.parametrize(
    ("state", "before", "after"),
    [
        ("gone", None, "gone"),
        ("disabled", None, "disabled"),
        ("disabled", "gone", "disabled"),
        ("enabled", "disabled", None),
    ],
)
def test_what_stripe_says_of_the_endpoint_is_noted(
    scene: Scene, state: EndpointState, before: str | None, after: str | None
) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR, endpoint_id="we_1", endpoint_problem=before)
    scene.endpoints.states["we_1"] = state

    turn = scene.run()["main"]

    assert (turn.done, turn.problem) == (True, None)
    assert scene.endpoints.asked == [("main", "we_1")]
    assert scene.connections.problems == [after]


@pytest.mark.parametrize(
    ("state", "problem"), [("gone", "gone"), ("disabled", "disabled"), ("enabled", None)]
)
def test_what_is_known_of_the_endpoint_is_not_noted_again(
    scene: Scene, state: EndpointState, problem: str | None
) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR, endpoint_id="we_1", endpoint_problem=problem)
    scene.endpoints.states["we_1"] = state

    scene.run()

    assert scene.connections.problems == []


def test_where_events_are_polled_stripe_is_asked_for_no_endpoint(scene: Scene) -> None:
    scene.run()

    assert scene.endpoints.asked == []


@pytest.mark.parametrize(
    "refusal",
    [NotPermitted("no", "rak_webhook_read"), Unavailable("down"), RateLimited("slow"), KeyRefused("revoked")],
    ids=lambda refusal: type(refusal).__name__,
)
def test_an_endpoint_that_cannot_be_asked_for_is_neither_fine_nor_a_problem(
    scene: Scene, refusal: Exception
) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR, endpoint_id="we_1", endpoint_problem="disabled")
    scene.endpoints.before_answer = failing_answer(refusal)

    turn = scene.run()["main"]

    assert (turn.done, turn.problem) == (True, None)
    assert len(scene.endpoints.asked) == 1
    assert scene.connections.every["main"].endpoint_problem == "disabled"
    assert scene.connections.every["main"].key_refused_at is None


@pytest.mark.parametrize("refusal", [KeyRefused("revoked"), Unavailable("down"), NotPermitted("no")])
def test_stripe_is_not_asked_for_the_endpoint_where_it_does_not_list_events(
    scene: Scene, refusal: Exception
) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR, endpoint_id="we_1")
    scene.stripe.before_page = failing_after(0, refusal)

    scene.run()

    assert scene.endpoints.asked == []


def test_a_key_of_the_other_mode_does_not_see_the_endpoint_and_says_nothing_of_it(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR, endpoint_id="we_1")
    scene.stripe.happens(told("live", NOW - 60) | {"livemode": True})

    scene.run()

    assert scene.connections.every["main"].endpoint_problem is None


def test_an_endpoint_that_is_replaced_meanwhile_is_not_said_to_be_gone(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR, endpoint_id="we_1")

    def replaced() -> None:
        was = scene.connections.every["main"]
        scene.connections.every["main"] = replace(was, endpoint_id="we_2")

    scene.endpoints.before_answer = replaced
    scene.run()

    assert scene.connections.every["main"].endpoint_problem is None


def failing_answer(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail
