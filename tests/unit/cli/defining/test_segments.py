"""The commands that define segments: what they print, how they end, and what is stored then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync_cli.defining import changes as defining
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.defining_commands import (
    EPOCH,
    Run,
    invoke,
    left_as_it_was,
    printed,
    stack_with_people,
    stored,
    target_of,
    words,
)

TRIALS = '{"field": "subscription_status", "in": ["trialing"]}'
PAYERS = "any:\n  - {field: subscription_status, in: [active, past_due]}\n"
CREATE = ["segments", "create", "-", "--title", "X"]


@pytest.fixture(scope="module")
def aws() -> Iterator[MotoStack]:
    """For all tests: each leaves it as it was."""
    with stack_with_people() as stack:
        yield stack


@pytest.fixture
def untouched(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Target:
    """The stack, for what changes nothing."""
    return target_of(aws, monkeypatch)


@pytest.fixture
def target(aws: MotoStack, untouched: Target) -> Iterator[Target]:
    with left_as_it_was(aws):
        yield untouched


@pytest.fixture
def run(target: Target) -> Run:
    return invoke


@pytest.mark.parametrize(("rule", "name"), [(TRIALS, "rule.json"), (PAYERS, "rule.yaml")])
def test_a_segment_has_its_people_when_the_command_ends(
    run: Run, target: Target, tmp_path: Path, rule: str, name: str
) -> None:
    file = tmp_path / name
    file.write_text(rule)

    result = run("segments", "create", str(file), "--title", "Those")

    assert result.exit_code == 0, result.output
    assert result.stdout == "Those (those): 1 person is in it.\n"
    (member,) = target.people.ids(EPOCH, "those")
    shown = printed(run("people", "get", member, "--json"))
    assert "those" in shown[0]["segments"]


def test_a_created_segment_as_json(run: Run) -> None:
    assert printed(
        run("segments", "create", "-", "--title", "Those", "--id", "t1", "--json", given=TRIALS)
    ) == [
        {
            "id": "t1",
            "title": "Those",
            "count": 1,
            "rule": json.loads(TRIALS),
            "enabled": True,
            "predefined": False,
            "reevaluation": {"id": "reevaluate-1", "status": "succeeded", "people": 3, "reason": ""},
        }
    ]


def test_a_detached_command_says_how_to_go_on_watching(run: Run) -> None:
    result = run("segments", "create", "-", "--title", "Those", "--detach", given=TRIALS)

    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, "Those (those) is stored.")
    assert "`peoplesync reevaluate watch`" in result.stdout


def test_a_change_moves_people_and_a_new_title_does_not(run: Run, target: Target) -> None:
    run("segments", "create", "-", "--title", "Those", given=TRIALS)
    before = target.people.ids(EPOCH, "those")

    assert "1 person is in it" in run("segments", "change", "those", "-", given=PAYERS).stdout
    assert target.people.ids(EPOCH, "those") not in ([], before)
    version = stored(target).version
    assert run("segments", "rename", "those", "Payers").stdout == "Payers (those): 1 person is in it.\n"
    assert stored(target).version == version


def test_segments_are_disabled_enabled_and_deleted(run: Run, target: Target) -> None:
    run("segments", "create", "-", "--title", "Those", given=TRIALS)

    disabled = run("segments", "disable", "those", "customers")
    assert "Those (those) is disabled: `peoplesync segments enable those`" in words(disabled.stdout)
    assert target.people.ids(EPOCH, "those") == target.people.ids(EPOCH, "customers") == []
    assert "own, disabled" in run("segments", "list").stdout
    assert "predefined, disabled" in run("segments", "list").stdout

    assert "1 person is in it" in run("segments", "enable", "those").stdout
    refused = run("segments", "delete", "those", given="n\n")
    assert (refused.exit_code, "those" in [one.id for one in stored(target).segments]) == (1, True)
    assert run("segments", "delete", "those", "--yes").stdout == "those is deleted.\n"
    assert target.people.ids(EPOCH, "those") == []
    assert "those" not in [one.id for one in stored(target).segments]


def test_a_copy_is_shown_with_its_rule_and_has_nobody_yet(run: Run) -> None:
    run("segments", "duplicate", "customers", "--title", "Payers")

    shown = run("segments", "show", "payers").stdout
    assert "own, disabled, 0 people are in it" in shown
    assert '"past_due"' in shown
    (found,) = printed(run("segments", "show", "payers", "--json"))
    assert (found["enabled"], found["predefined"], found["count"]) == (False, False, 0)


def test_what_is_exported_can_be_imported(run: Run, target: Target, tmp_path: Path) -> None:
    run("segments", "create", "-", "--title", "Norway: yes", "--id", "norway", "--detach", given=TRIALS)
    run("segments", "disable", "customers", "--detach")
    before, file = stored(target), tmp_path / "segments"
    for form in ([], ["--json"], ["--yaml"]):
        file.write_text(run("segments", "export", *form).stdout)
        assert "already" in run("segments", "import", str(file)).stdout
    assert stored(target) == before

    run("segments", "delete", "norway", "--yes", "--detach")
    run("segments", "enable", "customers", "--detach")
    refused = run("segments", "import", str(file))
    assert (refused.exit_code, "--replace takes" in words(refused.stderr)) == (1, True)
    imported = run("segments", "import", str(file), "--replace")

    assert imported.exit_code == 0, imported.output
    assert "Norway: yes (norway): 1 person is in it." in imported.stdout
    assert stored(target).segments == before.segments


def test_some_segments_are_exported(run: Run) -> None:
    content = json.loads(run("segments", "export", "customers", "current_trials").stdout)

    assert [one["id"] for one in content["segments"]] == ["customers", "current_trials"]


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        (CREATE, "{", 2, "<stdin> is not JSON"),
        (
            ["segments", "create", "-", "--title", "X"],
            "field: a\nfield: b",
            2,
            "line 2: 'field' is there twice",
        ),
        (
            ["segments", "create", "-", "--title", "X"],
            "all: nothing",
            2,
            "The rule in <stdin> is not valid. rule:",
        ),
        (["segments", "create", "-", "--title", ""], TRIALS, 1, "A title cannot be empty."),
        (["segments", "change", "customers", "-"], TRIALS, 1, "customers"),
        (["segments", "change", "gone", "-"], TRIALS, 1, "There is no segment gone; there are syncing_with"),
        (["segments", "show", "gone"], "", 1, "There is no segment gone"),
        (["segments", "delete", "customers", "--yes"], "", 1, "disable it instead"),
        (["segments", "delete", "gone"], "", 1, "There is no segment gone"),
        (["segments", "export", "gone"], "", 1, "There is no segment gone"),
        (["segments", "import", "-"], "[]", 1, "<stdin>: A file of segments is"),
        (
            ["segments", "import", "-"],
            '{"segments": [{"id": "x", "title": "X", "rule": {"all": [{"hat": "x"}]}}]}',
            2,
            "segments[0] (x): rule.all[0]: write all, any or none",
        ),
        (["segments", "list", "--connection", "shop"], "", 1, "There is no connection shop"),
    ],
)
def test_what_is_refused_is_said_and_leaves_everything_as_it_was(
    untouched: Target, arguments: list[str], given: str, code: int, said: str
) -> None:
    before = stored(untouched)

    result = invoke(*arguments, given=given)

    assert (result.exit_code, result.stdout) == (code, "")
    assert said in words(result.stderr)
    assert stored(untouched) == before


def test_a_disconnected_connection_is_not_changed(run: Run, target: Target) -> None:
    ConnectionsStore().disconnect(EPOCH, NOW, for_good=False)

    result = run("segments", "disable", "customers")

    assert (result.exit_code, "main is disconnected" in words(result.stderr)) == (1, True)
    assert run("segments", "export").exit_code == 0


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A re-evaluation that ends like this."""
    shown: dict[str, Any] = {"id": "r1", "people": 3, "evaluated": 1, "failed": 0, "reason": "it was stopped"}
    monkeypatch.setattr(defining, "begin_and_watch", lambda *_, **__: shown)
    return shown


def test_where_people_could_not_all_be_evaluated_the_command_fails(
    run: Run, target: Target, ended: dict[str, Any]
) -> None:
    ended["status"] = "failed"

    result = run("segments", "create", "-", "--title", "Those", given=TRIALS)

    assert result.exit_code == 1
    assert "Those (those) is stored." in result.stdout
    assert "peoplesync reevaluate start" in words(result.stdout)
    assert stored(target).segments[-1].id == "those"


def test_what_was_changed_again_meanwhile_is_said(run: Run, ended: dict[str, Any]) -> None:
    ended["status"] = "superseded"

    result = run("segments", "disable", "customers")

    assert (result.exit_code, "have changed again" in words(result.stdout)) == (0, True)
