"""Replay's facts, the stack that a command acts on, and the help that every command gives."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from peoplesync_cli import options
from peoplesync_cli.jobs.replay import Delivery, EventFile, Tally, last_snapshots
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import DAY, NOW, customer, deleted_customer, event, subscription
from tests.support.stacks.moto_stack import MotoStack

EVENTS = [event("customer.updated", customer(f"cus_{n}"), created=NOW + n) for n in range(40)]


def ids(events: Any) -> list[str]:
    return [one["id"] for one in events]


def test_in_order_and_without_duplicates_the_file_is_sent_as_it_is() -> None:
    assert list(Delivery(EVENTS, 0.0, 7, shuffled=False)) == EVENTS


def test_the_same_seed_makes_the_same_order_and_another_one_another() -> None:
    assert list(Delivery(EVENTS, 0.25, 7, shuffled=True)) == list(Delivery(EVENTS, 0.25, 7, shuffled=True))
    assert list(Delivery(EVENTS, 0.25, 7, shuffled=True)) != list(Delivery(EVENTS, 0.25, 8, shuffled=True))


def test_the_order_depends_on_nothing_but_the_seed() -> None:
    random.seed(1)
    first = list(Delivery(EVENTS, 0.25, 7, shuffled=True))
    random.seed(2)

    assert list(Delivery(EVENTS, 0.25, 7, shuffled=True)) == first


def test_shuffling_loses_and_adds_nothing() -> None:
    order = list(Delivery(EVENTS, 0.0, 7, shuffled=True))

    assert order != EVENTS
    assert Counter(ids(order)) == Counter(ids(EVENTS))


@pytest.mark.parametrize(("fraction", "twice"), [(0.0, 0), (0.1, 4), (0.25, 10), (1.0, 40)])
@pytest.mark.parametrize("shuffled", [False, True])
def test_the_share_that_is_sent_twice_is_as_asked_for(fraction: float, twice: int, shuffled: bool) -> None:
    sent = Counter(ids(Delivery(EVENTS, fraction, 7, shuffled=shuffled)))

    assert sorted(sent.values()) == [1] * (40 - twice) + [2] * twice


def test_unshuffled_the_second_time_comes_somewhere_later_and_all_else_keeps_its_order() -> None:
    order = ids(Delivery(EVENTS, 0.5, 7, shuffled=False))

    assert list(dict.fromkeys(order)) == ids(EVENTS)
    assert any(order.index(one) + 1 != len(order) - 1 - order[::-1].index(one) for one in set(order[-9:]))


def test_the_last_snapshot_in_the_files_order_is_the_truth_whatever_created_says() -> None:
    told = [
        event("customer.updated", customer(name="First"), created=NOW),
        event("customer.subscription.updated", subscription(status="trialing"), created=NOW),
        event("customer.updated", customer(name="Last"), created=NOW - DAY),
    ]

    assert list(last_snapshots(told)) == [customer(name="Last"), subscription(status="trialing")]


def test_a_deleted_customer_stays_deleted() -> None:
    told = [
        event("customer.updated", customer(), created=NOW),
        event("customer.deleted", customer(name="At the end"), created=NOW),
        event("customer.updated", customer(name="Late"), created=NOW),
    ]

    assert list(last_snapshots(told)) == [customer(name="At the end") | {"deleted": True}]


def test_a_stub_of_a_deleted_customer_is_one_too() -> None:
    assert list(last_snapshots([event("customer.deleted", deleted_customer(), created=NOW)])) == [
        deleted_customer()
    ]


def test_objects_of_one_id_but_two_kinds_are_two_objects() -> None:
    told = [
        event("customer.updated", customer("x_1"), created=NOW),
        event("customer.subscription.updated", subscription("x_1"), created=NOW),
    ]

    assert len(list(last_snapshots(told))) == 2


@pytest.mark.parametrize(
    "told",
    [
        {"type": "customer.updated"},
        {"type": "customer.updated", "data": None},
        {"type": "customer.updated", "data": {"object": "cus_1"}},
        {"type": "invoice.upcoming", "data": {"object": {"object": "invoice"}}},
        {"type": "customer.updated", "data": {"object": {"id": "cus_1"}}},
    ],
)
def test_an_event_without_an_object_of_its_own_tells_no_truth(told: dict[str, Any]) -> None:
    assert list(last_snapshots([told])) == []


def test_a_tally_is_one_line() -> None:
    assert str(Tally(sent=5, accepted=4, refused=1, applied=3, dead=1)) == (
        "sent 5 accepted 4 refused 1 applied 3 dead 1"
    )


def test_empty_lines_between_events_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text("\n" + "\n\n".join(json.dumps(one) for one in EVENTS) + "\n  \n", "utf-8")

    assert list(EventFile(file)) == EVENTS


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_only_a_newline_ends_a_line(tmp_path: Path, separator: str) -> None:
    told = event("customer.updated", customer(name=f"Two{separator}lines"), created=NOW)
    file = tmp_path / "events.ndjson"
    file.write_text(json.dumps(told, ensure_ascii=False) + "\n", "utf-8")

    assert list(EventFile(file)) == [told]


GOOD = json.dumps(EVENTS[0])


@pytest.mark.parametrize(
    ("lines", "sentence"),
    [
        ([GOOD, "nonsense"], "line 2: not JSON"),
        ([GOOD, "", GOOD, '{"id": '], "line 4: not JSON"),
        ([GOOD, "[]"], "line 2: not a Stripe event"),
        (['{"id": "evt_1"}', GOOD], "line 1: not a Stripe event"),
        (['{"id": "evt_1", "type": 7}'], "line 1: not a Stripe event"),
        (["", " "], "holds no events."),
    ],
)
def test_a_bad_line_is_named_before_anything_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, aws: MotoStack, lines: list[str], sentence: str
) -> None:
    file = tmp_path / "events.ndjson"
    file.write_text("\n".join(lines), "utf-8")
    nowhere = Target("test", aws.stack, "http://127.0.0.1:9", aws.session)
    monkeypatch.setattr(options, "resolve", lambda stack: nowhere)

    result = CliRunner().invoke(main, ["replay", str(file)])

    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr.replace("\n", " ")
