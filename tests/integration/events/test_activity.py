"""The app's activity through the deployed API and the bus: from Segment's own clients to people."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from segment.analytics.client import Client

from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Commands, Company, eventually

SECONDS = 120
EVENTS = 50
NODE = Path(__file__).parents[2] / "clients" / "node"
EXPORTS = {"event": "tracked:Report Exported", "at_least": 3, "within": "30d"}
EMAIL = "trial-00@example.com"


@dataclass(frozen=True)
class App:
    """An app whose users' activity is told to a connection, by a write key of its own."""

    company: Company
    key: str

    @property
    def commands(self) -> Commands:
        return Commands(self.company)

    @property
    def address(self) -> str:
        return self.company.target.api_url.rstrip("/")

    def client(self, errors: list[Exception], **options: Any) -> Client:
        """Segment's client, as its users make it."""
        return Client(self.key, host=self.address, on_error=lambda error, _: errors.append(error), **options)

    def post(self, method: str, body: Any, key: str | None = None) -> tuple[int, dict[str, Any]]:
        answer = requests.post(
            f"{self.address}/v1/{method}", json=body, auth=(key or self.key, ""), timeout=20
        )
        return answer.status_code, answer.json()

    def person(self, email: str = EMAIL) -> dict[str, Any] | None:
        """The person as `peoplesync people get` shows them; None while nobody has that e-mail."""
        result = self.commands("people", "get", email, "--json")
        return json.loads(result.stdout) if result.exit_code == 0 else None

    def feed(self, email: str = EMAIL) -> list[dict[str, Any]]:
        return self.commands.json("feed", email)

    def members(self, segment: str) -> list[str]:
        return [one["email"] for one in self.commands.json("people", "list", "--segment", segment)]


def app(running: LocalStack, name: str) -> App:
    company = Company(running, name)
    company.connect()
    (made,) = Commands(company).json("keys", "create", "app")
    return App(company, made["write_key"])


def define_exporters(told: App, folder: Path) -> None:
    """A segment of those who exported three reports or more."""
    rule = folder / "rule.json"
    rule.write_text(json.dumps(EXPORTS))
    named = ("--title", "Exporters", "--id", "exporters")
    # Nobody is there yet who would have to be evaluated again.
    defined = told.commands("segments", "create", str(rule), *named, "--detach")
    assert defined.exit_code == 0, defined.output


def email_of(user: int) -> str:
    return f"trial-{user:02}@example.com"


def told_by_segments_client(running: LocalStack, name: str, folder: Path, users: int) -> None:
    """So many users do `EVENTS` things each."""
    told = app(running, name)
    define_exporters(told, folder)
    errors: list[Exception] = []
    client = told.client(errors)
    for user in range(users):
        client.identify(f"user-{user}", {"email": email_of(user), "tier": "gold"})
        for number in range(EVENTS):
            client.track(f"user-{user}", "Report Exported", {"number": number})
    client.track("somebody", "Report Exported")
    client.shutdown()
    last = datetime.now(UTC)
    told.company.drain(SECONDS)

    assert errors == []
    everything_follows(told, users, last)


def everything_follows(told: App, users: int, last: datetime) -> None:
    """The last activity, the feed and the event segment are as what these users did makes them."""
    everybody = [email_of(user) for user in range(users)]
    # Of somebody else nobody knows the e-mail, so nobody is made of them.
    assert sorted(one["email"] for one in told.commands.json("people", "list")) == everybody
    assert sorted(told.members("exporters")) == everybody
    for email in (everybody[0], everybody[-1]):
        person = told.person(email)
        assert person is not None
        assert person["segments"] == ["exporters"]
        active_at = datetime.fromisoformat(person["fields"]["last_activity_at"])
        assert timedelta(0) <= last - active_at < timedelta(minutes=2)
        feed = told.feed(email)
        assert {one["kind"] for one in feed} == {"tracked:Report Exported"}
        assert sorted(one["properties"]["number"] for one in feed) == list(range(EVENTS))
    assert told.company.target.depths.dead() == 0


def test_segments_own_client_has_last_activity_feed_and_segment_follow(
    local_stack: LocalStack, tmp_path: Path
) -> None:
    told_by_segments_client(local_stack, "told-briefly", tmp_path, users=1)


@pytest.mark.long
def test_segments_own_client_delivers_a_thousand_events(local_stack: LocalStack, tmp_path: Path) -> None:
    told_by_segments_client(local_stack, "told-at-length", tmp_path, users=1_000 // EVENTS)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("node") is None, reason="node is not on PATH")
def test_segments_client_for_node_delivers_a_thousand_events(local_stack: LocalStack, tmp_path: Path) -> None:
    told, users = app(local_stack, "told-by-node"), 1_000 // EVENTS
    define_exporters(told, tmp_path)
    folder = tmp_path / "node"
    shutil.copytree(NODE, folder, ignore=shutil.ignore_patterns("node_modules"))
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], folder)

    run(["node", "send.mjs", told.address, told.key, str(users), str(EVENTS)], folder)
    last = datetime.now(UTC)
    told.company.drain(SECONDS)

    everything_follows(told, users, last)


def run(command: Sequence[str], folder: Path) -> None:
    ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_wrong_keys_bad_items_and_repetitions_are_told_and_nothing_is_stored_by_halves(
    local_stack: LocalStack,
) -> None:
    told = app(local_stack, "told-badly")
    now = datetime.now(UTC).isoformat()
    good = {"type": "track", "userId": "user-1", "event": "Opened", "messageId": "m-1", "timestamp": now}
    identify = {"type": "identify", "userId": "user-1", "traits": {"email": EMAIL}, "messageId": "m-2"}

    assert told.post("batch", {"batch": [good]}, key="ps_" + "a" * 32)[0] == 401
    assert told.post("batch", {"batch": [good] * 5_000})[0] == 413
    assert told.post("track", good | {"event": ""})[0] == 400
    status, answer = told.post("batch", {"batch": [good, good | {"type": "page"}, identify]})
    assert (status, answer["accepted"], [one["index"] for one in answer["rejected"]]) == (200, 2, [1])
    assert told.post("batch", {"batch": [good]}) == (200, {"success": True})
    told.company.drain(SECONDS)

    assert [one["kind"] for one in told.feed()] == ["tracked:Opened"]


def test_an_event_on_the_bus_needs_no_key(local_stack: LocalStack) -> None:
    told = app(local_stack, "told-by-bus")
    events = told.company.target.session.client("events")
    messages = [
        {"type": "identify", "userId": "user-1", "traits": {"email": EMAIL}},
        {"type": "track", "userId": "user-1", "event": "Opened"},
    ]
    detail = {"connection": told.company.name, "batch": messages}

    answer = events.put_events(
        Entries=[
            {
                "Source": "my.app",
                "DetailType": "Activity",
                "Detail": json.dumps(detail),
                "EventBusName": local_stack.outputs["BusName"],
            }
        ]
    )

    assert answer["FailedEntryCount"] == 0
    eventually(lambda: told.person() is not None, SECONDS, "the user as a person")
    assert [one["kind"] for one in told.feed()] == ["tracked:Opened"]
