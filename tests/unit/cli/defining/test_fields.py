"""The commands that define fields: what they print, how they end, and how a field is filled then."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync.adapters.dynamodb.tables import PersonRow
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.messages.message import Message
from peoplesync_cli.defining import changes as defining
from peoplesync_cli.failure import Failure
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW, customer, event
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.defining_commands import (
    EPOCH,
    Run,
    apply,
    invoke,
    left_as_it_was,
    printed,
    stack_with_people,
    stored,
    target_of,
    words,
)

FROM_A = ["--from", "traits.a"]


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


@pytest.mark.parametrize(
    ("arguments", "given", "code", "said"),
    [
        (["fields", "add", "Tier", "--from", "traits.tier"], "", 2, "'Tier' is not a valid key for a field"),
        (
            ["fields", "add", "tier", "--from", "traits"],
            "",
            2,
            "'traits' is not a path that a field can be made of",
        ),
        (
            ["fields", "add", "tier", "--from", "traits.a", "--type", "date"],
            "",
            2,
            "'date' is not one of 'text'",
        ),
        (["fields", "add", "mrr", "--from", "traits.mrr"], "", 1, "There is a field mrr already"),
        (["fields", "rename", "gone", "X"], "", 1, "There is no field gone; `peoplesync fields list`"),
        (["fields", "disable", "subscription_status"], "", 1, "is used by current_trials, slipping_trials,"),
        (["fields", "remove", "mrr"], "", 1, "disable it instead: `peoplesync fields disable mrr`"),
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


@pytest.fixture
def with_tiers(target: Target) -> None:
    """What Stripe tells later: a tier for each of two customers."""
    for name, metadata in (("cus_trial", {"tier": "gold", "seats": "3"}), ("cus_yen", {"seats": "a few"})):
        email = "trial-07@example.com" if name == "cus_trial" else "team-03@example.com"
        shown = customer(name, email=email, metadata=metadata, created=NOW - 40 * 86_400)
        apply(Message(EPOCH, event("customer.updated", shown, id=f"evt_{name}", created=NOW - 5)))


def test_a_field_fills_itself_and_can_be_asked_for(run: Run, with_tiers: None) -> None:
    result = run("fields", "add", "tier", "--from", "customer.metadata.tier")

    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == ["Tier (tier) is there.", "1 of 3 people have a value."]
    found = printed(run("people", "get", "trial-07@example.com", "--json"))[0]
    assert found["fields"]["tier"] == "gold"
    assert "Custom" in run("people", "get", "trial-07@example.com").stdout
    gold = '{"field": "tier", "in": ["gold"]}'
    assert run("segments", "preview", "-", given=gold).stdout.splitlines()[-1].startswith("1 of 3 people")
    assert "1 person is in it" in run("segments", "create", "-", "--title", "Gold", given=gold).stdout


def test_what_cannot_be_converted_is_told_of_each_person(run: Run, with_tiers: None) -> None:
    result = run("fields", "add", "seats", "--from", "customer.metadata.seats", "--type", "number")

    assert result.stdout.splitlines()[1:] == [
        "1 of 3 people have a value.",
        "1 could not be converted to number:",
        f'  per_{2:026d}  "a few" is not a number',
    ]
    assert (
        'cannot be converted: "a few" is not a number' in run("people", "get", "team-03@example.com").stdout
    )
    told = printed(run("people", "explain", "team-03@example.com", "--json"))[0]
    assert told["errors"] == {"seats": '"a few" is not a number'}
    assert "errors" not in printed(run("people", "get", "trial-07@example.com", "--json"))[0]


def test_where_metadata_is_not_known_an_import_is_said_to_bring_it(
    run: Run, target: Target, aws: MotoStack
) -> None:
    table = aws.stack.people_table
    for item in aws.items(table):
        row = PersonRow.from_raw_data(item)
        row.records = json.loads(json.dumps(row.records).replace('"metadata": {}', '"older": {}'))
        row.save()

    result = run("fields", "add", "tier", "--from", "customer.metadata.tier")

    assert "Of 3 the customer's metadata is not known" in words(result.stdout)
    assert "`peoplesync import start`" in result.stdout


def test_a_field_as_json(run: Run, with_tiers: None) -> None:
    (added,) = printed(
        run("fields", "add", "tier", "--from", "customer.metadata.tier", "--title", "Level", "--json")
    )

    assert added == {
        "key": "tier",
        "title": "Level",
        "group": "Custom",
        "type": "text",
        "builtin": False,
        "source": "customer.metadata.tier",
        "enabled": True,
        "filling": {
            "people": 3,
            "with_value": 1,
            "not_converted": 0,
            "not_known": 0,
            "exact": True,
            "reasons": {},
        },
        "reevaluation": {"id": "reevaluate-1", "status": "succeeded", "people": 3, "reason": ""},
    }


def test_fields_are_renamed_disabled_enabled_and_removed(run: Run, target: Target, with_tiers: None) -> None:
    run("fields", "add", "tier", "--from", "customer.metadata.tier", "--detach")
    assert run("fields", "rename", "customer_city", "Town").stdout == "Town (customer_city) is there.\n"
    assert "Town" in run("people", "get", "cus_yen").stdout

    run("fields", "disable", "customer_city", "--detach")
    assert "is disabled: it is neither written nor shown" in run("fields", "disable", "tier").stdout
    (found,) = printed(run("people", "get", "cus_yen", "--json"))
    assert not {"tier", "customer_city"} & found["fields"].keys()
    assert "own, disabled" in run("fields", "list").stdout
    assert not any("gold" in str(person.fields) for person in target.people.members(EPOCH, EVERYONE))
    refused = run("segments", "preview", "-", given='{"field": "tier", "in": ["gold"]}')
    assert (refused.exit_code, "there is no field 'tier'" in words(refused.stderr)) == (2, True)

    assert "1 of 3 people have a value." in run("fields", "enable", "tier").stdout
    assert run("fields", "remove", "tier", "--detach").stdout.startswith("tier is removed. ")
    assert "tier" not in [one.key for one in stored(target).fields]


def test_without_the_name_and_plan_people_can_still_be_listed(run: Run) -> None:
    for key in ("customer_name", "plan_nickname"):
        assert run("fields", "disable", key, "--detach").exit_code == 0

    assert "trial-07@example.com" in run("people", "list").stdout
    assert run("people", "get", "trial-07@example.com").exit_code == 0


def test_where_no_evaluation_begins_the_change_is_said_to_be_stored(
    run: Run, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise Failure("The re-evaluation could not be started: no such machine.")

    monkeypatch.setattr(defining, "begin_and_watch", refuse)

    result = run("fields", "add", "tier", "--from", "traits.tier")

    assert (result.exit_code, result.stdout) == (1, "")
    assert "The change is stored, but people are not evaluated yet" in words(result.stderr)
    assert stored(target).fields[-1].key == "tier"
