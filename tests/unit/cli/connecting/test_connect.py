"""`peoplesync connect`: what is asked, what is shown, and what is never shown."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.stripe.account import StripeAccount
from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.use_cases.connecting.permissions import PERMISSIONS, key_page
from peoplesync_cli.target import Target
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.connect_commands import LIVE_KEY, Commands, answer, done
from tests.support.worlds.simulated_stripe import KEY, simulated_stripe

SLUGS = [one.slug for one in PERMISSIONS]
REQUIRED = [one for one in PERMISSIONS if one.required]


@pytest.fixture(scope="module")
def stripe() -> Iterator[str]:
    with simulated_stripe() as url:
        Simulator(url, livemode=True).add_key(LIVE_KEY)
        yield url


@pytest.fixture
def run(aws: MotoStack, monkeypatch: pytest.MonkeyPatch, stripe: str) -> Commands:
    return Commands(aws, monkeypatch, stripe)


def test_three_steps_are_taken_with_a_hidden_key_and_two_answers(run: Commands) -> None:
    result = run("connect", key=None, answers=f"{KEY}\nstart\n")

    shown = done(result)
    assert "Step 1 of 3" in result.stderr
    assert key_page(livemode=False) in result.stderr
    assert key_page(livemode=True) in result.stderr
    assert f"Step 2 of 3. {len(FIELDS)} fields, all mapped automatically" in shown
    assert "Step 3 of 3" in result.stderr
    assert "main is connected in test mode" in shown
    assert run.imported == ["main"]


def test_the_table_says_of_every_permission_what_it_is_for(run: Commands) -> None:
    shown = done(run("connect", "--skip"))

    for one in PERMISSIONS:
        (row,) = [line for line in shown.splitlines() if one.purpose in line]
        assert row.startswith("✓")
        assert one.name in row
        assert ("optional" in row) is not one.required


@pytest.mark.parametrize("lacking", REQUIRED, ids=lambda one: one.slug)
def test_a_key_that_lacks_a_permission_is_refused_and_the_table_shows_which(
    run: Commands, stripe: str, aws: MotoStack, lacking: Any
) -> None:
    Simulator(stripe).add_key("rk_test_less", {*SLUGS} - {lacking.slug})

    result = run("connect", "--yes", key="rk_test_less")

    assert result.exit_code == 1
    assert [line for line in result.stdout.splitlines() if line.startswith("✗")] == [
        line for line in result.stdout.splitlines() if lacking.purpose in line
    ]
    assert f"{lacking.name}: {lacking.access}. Nothing was created." in result.stderr
    assert key_page(livemode=False) in result.stderr
    assert ConnectionsStore().all_even_disconnected() == []


def test_a_refusal_can_be_read_by_a_script(run: Commands, stripe: str) -> None:
    Simulator(stripe).add_key("rk_test_less", {*SLUGS} - {"rak_plan_read", "rak_coupon_read"})

    result = run("connect", "--yes", "--json", key="rk_test_less")

    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["state"], told["missing"]) == ("refused", ["rak_plan_read", "rak_coupon_read"])


def test_an_optional_permission_degrades_with_a_note(run: Commands, stripe: str) -> None:
    Simulator(stripe).add_key("rk_test_less", {*SLUGS} - {"rak_coupon_read"})

    shown = done(run("connect", "--skip", key="rk_test_less"))

    (row,) = [line for line in shown.splitlines() if line.startswith("✗")]
    assert "Coupons" in row
    assert "optional" in row
    assert "Without Coupons: read, MRR with a coupon stays an estimate" in shown


@pytest.mark.parametrize(
    ("key", "because"),
    [
        ("sk_test_4242", "This is a secret key"),
        ("pk_live_4242", "This is a publishable key"),
        ("rk_test_42…42", "This key is not whole"),
        ("rk_test_unknown", "Stripe does not accept the API key"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused_in_a_sentence(run: Commands, key: str, because: str) -> None:
    result = run("connect", "--yes", key=key)

    assert (result.exit_code, result.stdout) == (1, "")
    assert because in result.stderr
    assert key not in result.stderr


def test_a_script_gets_one_line(run: Commands) -> None:
    told = answer(run("connect", "--yes", "--json"))

    endpoint = told["endpoint_id"]
    assert told == {
        "connection": "main",
        "state": "connected",
        "mode": "test",
        "epoch": 1,
        "endpoint_id": endpoint,
        "webhook_url": "https://api.example.com/webhooks/stripe/main",
        "permissions": dict.fromkeys(SLUGS, True),
        "missing": [],
        "people_removed": 0,
        "warnings": [],
        "left_endpoint_id": None,
        "import": {"id": "imp_1", "status": "succeeded"},
    }
    assert endpoint.startswith("we_")


class OldAccount(StripeAccount):
    """An account whose events are of an old version."""

    def events_version(self) -> str | None:
        return "2018-11-08"


def test_events_of_an_old_version_are_warned_of_and_stop_nothing(
    run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Target, "stripe_account", lambda self, key: OldAccount(key, self.stripe_simulator))

    spoken = run("connect", "--yes")
    told = answer(run("connect", "--yes", "--json"))

    assert done(spoken)
    assert "events in API version 2018-11-08." in spoken.stderr
    (warning,) = told["warnings"]
    assert warning in spoken.stderr
    assert told["state"] == "connected"


@pytest.mark.parametrize(
    ("arguments", "answers", "imports"),
    [
        (["--import"], "", True),
        (["--skip"], "", False),
        (["--yes"], "", True),
        (["--yes", "--skip"], "", False),
        ([], "start\n", True),
        ([], "skip\n", False),
        ([], "\n", True),
    ],
)
def test_the_import_is_started_or_skipped(
    run: Commands, arguments: list[str], answers: str, imports: bool
) -> None:
    done(run("connect", *arguments, answers=answers))

    assert bool(run.imported) is imports


def test_an_import_that_failed_is_no_success_but_it_is_connected(run: Commands) -> None:
    run.imports_end = "failed"

    result = run("connect", "--import")

    assert result.exit_code == 1
    assert result.stdout.endswith("imp_1 ended\n")
    assert ConnectionsStore().get("main") is not None


def test_the_key_may_come_from_a_file(run: Commands, aws: MotoStack, tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\n")

    done(run("connect", "--skip", "--key-file", str(path), key="rk_test_of_the_environment"))

    assert aws.secrets.api_key("main") == KEY


def test_there_is_no_way_to_give_the_key_as_an_argument(run: Commands) -> None:
    assert run("connect", KEY).exit_code == 2
    assert run("connect", "--key", KEY).exit_code == 2


def test_where_stripe_cannot_reach_the_stack_events_are_polled(run: Commands) -> None:
    assert "its events are polled" in done(run("connect", "--skip", "--no-webhook"))
    assert "polled" in done(run("connections", "list"))


def test_going_live_asks_first_and_says_how_many_test_people_go(run: Commands, aws: MotoStack) -> None:
    done(run("connect", "--skip"))
    run.become_customer()

    refused = run("connect", "--skip", key=LIVE_KEY, answers="n\n")

    assert refused.exit_code == 1
    assert "its 1 person of test mode will be deleted. Go on?" in refused.stderr
    found = ConnectionsStore().get("main")
    assert found is not None
    assert not found.livemode

    told = answer(run("connect", "--skip", "--json", key=LIVE_KEY, answers="y\n"))
    assert (told["mode"], told["epoch"], told["people_removed"]) == ("live", 2, 1)
    bodies = [json.loads(one["Body"]) for one in aws.messages(aws.stack.bulk_queue_url)]
    assert [(one["epoch"], "purge" in one) for one in bodies] == [(1, True)]


def test_a_live_connection_does_not_go_back(run: Commands) -> None:
    done(run("connect", "--skip", key=LIVE_KEY))

    result = run("connect", "--yes")

    assert result.exit_code == 1
    assert "under another name: --connection NAME" in result.stderr


def test_when_stripe_has_no_time_one_is_told_to_run_it_again(run: Commands, stripe: str) -> None:
    Simulator(stripe).limit(lock_timeouts=1.0)
    try:
        result = run("connect", "--yes")
    finally:
        Simulator(stripe).limit()

    assert result.exit_code == 1
    assert "Nothing is lost: run it again." in result.stderr
