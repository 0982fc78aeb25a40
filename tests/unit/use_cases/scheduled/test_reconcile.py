"""Reconcile: what happened since the checkpoint is put on the bulk queue, slice by slice."""

from __future__ import annotations

import pytest

from peoplesync.domain.catalogue import EVENT_TYPES as CATALOGUE_EVENT_TYPES
from peoplesync.domain.quiet_period import QuietPeriodBaseline
from peoplesync.domain.records.changes import EVENT_TYPES
from peoplesync.use_cases.scheduled.reconcile import KEPT_BY_STRIPE, OVERLAP
from peoplesync.use_cases.stripe_reads.event_lists import PAGES_A_SLICE
from tests.support.builders.stripe import DAY, HOUR, MINUTE, NOW, charge, customer, event, product
from tests.support.fakes.event_list import Scene, checkpoint, told


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.connections.add(reconciled_until=NOW - 15 * MINUTE)
    return scene


def test_what_happened_since_the_checkpoint_is_put_on_the_bulk_queue(scene: Scene) -> None:
    scene.stripe.happens(told("old", NOW - HOUR), told("1", NOW - 10 * MINUTE), told("2", NOW - 9))

    turn = scene.run()["main"]

    assert sorted(scene.bulk.events()) == ["evt_1", "evt_2"]
    assert [message.cause for message in scene.bulk.messages()] == ["reconcile"]
    assert (turn.events, turn.messages, turn.done, turn.problem) == (2, 1, True, None)
    assert checkpoint(scene) == NOW - 1


def test_a_quiet_quarter_of_an_hour_takes_two_requests(scene: Scene) -> None:
    scene.run()

    assert len(scene.stripe.asked) == 2
    asked_for = [one for params in scene.stripe.asked for one in params["types"]]
    assert sorted(asked_for) == sorted(EVENT_TYPES | CATALOGUE_EVENT_TYPES)


def test_an_event_of_ten_minutes_before_the_checkpoint_is_read_again(scene: Scene) -> None:
    at = checkpoint(scene) - OVERLAP
    scene.stripe.happens(told("1", at), told("2", at - 1))

    scene.run()

    assert scene.bulk.events() == ["evt_1"]


def test_events_of_no_use_are_left_out(scene: Scene) -> None:
    guest = event("charge.succeeded", charge(customer=None), id="evt_guest", created=NOW - 60)
    connected = told("connect", NOW - 60) | {"account": "acct_1"}
    scene.stripe.happens(guest, connected, event("product.updated", product(), id="evt_p", created=NOW - 9))

    turn = scene.run()["main"]

    assert scene.bulk.events() == ["evt_p"]
    assert turn.events == 1


def test_an_event_is_slimmed_on_its_way(scene: Scene) -> None:
    one = event("customer.updated", customer(invoice_settings={"footer": "x"}), created=NOW - 9)
    scene.stripe.happens(one)

    scene.run()

    (message,) = scene.bulk.messages()
    assert message.chunk is not None
    assert "invoice_settings" not in message.chunk.events[0]["data"]["object"]


def test_events_of_one_second_at_a_slices_border_are_not_lost(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - 3 * DAY)
    borders = [NOW - 3 * DAY - OVERLAP + one * HOUR for one in (1, 3, 7, 15)]
    scene.stripe.happens(*(told(f"{at}-{one}", at + one // 3 - 1) for at in borders for one in range(9)))

    scene.run()

    assert set(scene.bulk.events()) == set(scene.stripe.events)
    assert len(scene.bulk.events()) == len(scene.stripe.events)


def test_an_event_that_becomes_visible_ten_minutes_late_is_found(scene: Scene) -> None:
    scene.stripe.happens(told("late", NOW - 5), visible_after=OVERLAP)
    scene.run()
    assert scene.bulk.events() == []

    scene.stripe.now = NOW - 5 + OVERLAP
    scene.run()

    assert scene.bulk.events() == ["evt_late"]


def test_however_often_it_polls_a_late_event_is_found(scene: Scene) -> None:
    scene.stripe.happens(told("late", NOW + 100), visible_after=OVERLAP)

    for _ in range(200):
        scene.run()
        scene.stripe.now += 4

    assert "evt_late" in scene.bulk.events()


def test_a_month_of_quiet_takes_few_requests(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - 29 * DAY)

    assert scene.run()["main"].done
    assert len(scene.stripe.asked) < 80


def test_more_events_than_a_slice_may_hold_are_read_in_shorter_ones(scene: Scene) -> None:
    many = [told(f"{one}", NOW - 60 - one // 4) for one in range(150 * PAGES_A_SLICE)]
    scene.stripe.happens(*many)

    assert scene.run()["main"].done

    assert sorted(scene.bulk.events()) == sorted(scene.stripe.events)
    assert len(scene.stripe.asked) < 5 * PAGES_A_SLICE


def test_a_single_second_is_read_whole_however_much_is_in_it(scene: Scene) -> None:
    scene.stripe.happens(*(told(f"{one}", NOW - 60) for one in range(101 * PAGES_A_SLICE)))

    assert scene.run()["main"].done

    assert sorted(scene.bulk.events()) == sorted(scene.stripe.events)


def test_a_run_whose_time_is_up_is_gone_on_with_by_the_next(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - 3 * DAY)
    scene.stripe.happens(*(told(f"{one}", NOW - one * MINUTE) for one in range(3 * 24 * 60)))
    scene.page_seconds = 1

    runs = scene.until_done(seconds=5)

    assert runs > 3
    assert set(scene.bulk.events()) == set(scene.stripe.events)


def test_a_checkpoint_older_than_stripe_keeps_events_is_a_gap(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - 40 * DAY)
    scene.stripe.happens(told("lost", NOW - 35 * DAY), told("kept", NOW - 29 * DAY))

    turn = scene.run()["main"]

    assert turn.since == NOW - KEPT_BY_STRIPE
    assert scene.bulk.events() == ["evt_kept"]
    assert scene.connections.every["main"].gap_since == NOW - 40 * DAY


def test_a_checkpoint_that_stripe_still_reaches_is_no_gap(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - 30 * DAY)

    scene.run()

    assert scene.connections.every["main"].gap_since is None


def test_what_was_read_makes_the_rhythm_but_for_the_last_ten_minutes(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - 6 * DAY)
    scene.stripe.happens(*(told(f"{one}", NOW - 3 * HOUR * one) for one in range(6 * 8)))

    scene.run()

    rhythm = scene.connections.every["main"].rhythm
    assert (rhythm.until, rhythm.last) == (NOW - 1 - OVERLAP, NOW - 3 * HOUR)
    assert rhythm.usual_gap(NOW) == 3 * HOUR
    assert rhythm.silence(NOW + 3 * HOUR, NOW - 3 * HOUR) == 2.0


def test_what_becomes_visible_late_is_part_of_the_rhythm_too(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR)
    scene.stripe.happens(told("1", NOW - HOUR), told("2", NOW - 60))
    scene.stripe.happens(told("late", NOW - OVERLAP + 20), visible_after=OVERLAP)
    for _ in range(3):
        scene.run()
        scene.stripe.now += 10 * MINUTE

    (gaps,) = scene.connections.every["main"].rhythm.days.values()
    assert gaps.count == 2


def test_an_event_too_young_at_the_end_of_its_slice_is_counted_with_the_next_one(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - HOUR + 5 * MINUTE)
    scene.stripe.happens(told("1", NOW - 30 * MINUTE), told("young", NOW - 6 * MINUTE))

    def slow(_: str) -> None:
        scene.stripe.now += 3 * MINUTE

    scene.stripe.before_page = slow
    scene.run()

    rhythm = scene.connections.every["main"].rhythm
    assert rhythm.last == NOW - 6 * MINUTE
    assert rhythm == QuietPeriodBaseline().with_events([NOW - 30 * MINUTE, NOW - 6 * MINUTE], rhythm.until)


def test_the_rhythm_is_kept_with_the_checkpoint_in_one_write(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - 6 * DAY)

    scene.run()

    slices = len(scene.stripe.asked) // 2
    assert scene.connections.writes == len(scene.connections.moves) == slices > 5


def test_by_hand_events_are_read_again_from_any_time(scene: Scene) -> None:
    before = checkpoint(scene)
    scene.stripe.happens(told("1", NOW - 2 * DAY), told("2", NOW - 60))

    turn = scene.run(name="main", since=NOW - 2 * DAY)["main"]

    assert turn.since == NOW - 2 * DAY
    assert sorted(scene.bulk.events()) == ["evt_1", "evt_2"]
    assert all(at > before for _, at in scene.connections.moves)


def test_by_hand_nothing_is_passed_over_that_nobody_has_read(scene: Scene) -> None:
    scene.connections.add(reconciled_until=NOW - DAY)
    scene.stripe.happens(told("1", NOW - HOUR))

    scene.run(name="main", since=NOW - 60)

    assert scene.bulk.events() == ["evt_1"]


def test_by_hand_only_the_named_connection_has_a_turn(scene: Scene) -> None:
    scene.connections.add("second", reconciled_until=NOW - HOUR)

    assert set(scene.run(name="second")) == {"second"}
    assert scene.run(name="nobody") == {}
