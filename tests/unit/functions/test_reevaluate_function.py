"""The function that takes the steps of a re-evaluation, as Lambda runs it."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.import_runs import ImportRuns
from peoplesync.adapters.dynamodb.tables import MemberRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.messages.message import decode
from tests.support.builders.stripe import NOW
from tests.support.fakes.ready_connections import connect
from tests.support.stacks.lambda_functions import Function, Printed, cold_start
from tests.support.stacks.moto_stack import MotoStack

MAIN = Epoch("main", 1)
PEOPLE = 60


@pytest.fixture
def reevaluate(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Function:
    connect("main", "rk_test_1", "whsec_1", ConnectionsStore(), aws.secrets, NOW)
    for number in range(PEOPLE):
        person = f"per_{number:03}"
        MemberRow(pk=MemberRow.key(MAIN, EVERYONE, person), sk=person, since=NOW).save()
    return cold_start("reevaluate_people", aws, monkeypatch, REEVALUATE_SLICE_SECONDS="60")


def begun(reevaluate: Function) -> dict[str, Any]:
    asked = {"step": "start", "input": {"connection": "main"}, "name": "re_1", "execution": "arn:re_1"}
    answer: dict[str, Any] = reevaluate(asked)
    assert answer["status"] == "running"
    return answer


def test_everybody_is_enqueued_and_what_is_applied_is_counted(
    reevaluate: Function, aws: MotoStack, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = begun(reevaluate)
    place = {key: answer[key] for key in ("connection", "epoch", "run", "execution")}
    enqueued = [reevaluate({"step": "hand out", "place": shard}) for shard in answer["shards"]]
    messages = [decode(one["Body"]) for one in aws.messages(aws.stack.bulk_queue_url)]
    chunks = [one.chunk for one in messages if one.chunk]

    assert {one["status"] for one in enqueued} == {"done"}
    assert sorted(person for one in chunks for person in one.people) == [
        f"per_{number:03}" for number in range(PEOPLE)
    ]
    assert reevaluate({"step": "look", "place": place})["status"] == "waiting"

    for chunk in chunks:
        ImportRuns().applied(MAIN, chunk.run, chunk.id, 0)

    assert reevaluate({"step": "look", "place": place})["status"] == "applied"
    capsys.readouterr()
    ended = reevaluate({"step": "finish", "place": place})
    assert (ended["status"], ended["people"], ended["evaluated"]) == ("succeeded", PEOPLE, PEOPLE)
    assert Printed(capsys.readouterr().out).metrics["ReevaluationsSucceeded"] == 1


def test_a_failure_is_noted_and_counted(reevaluate: Function, capsys: pytest.CaptureFixture[str]) -> None:
    answer = begun(reevaluate)
    place = {key: answer[key] for key in ("connection", "epoch", "run", "execution")}
    capsys.readouterr()

    failed = reevaluate({"step": "fail", "place": place, "reason": "Lambda.Unknown: killed"})

    assert (failed["status"], failed["reason"]) == ("failed", "Lambda.Unknown: killed")
    assert Printed(capsys.readouterr().out).metrics["ReevaluationsFailed"] == 1
    with pytest.raises(ValueError, match="a re-evaluation has no step 'dance'"):
        reevaluate({"step": "dance"})
