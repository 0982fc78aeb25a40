"""Preview: who would be in a segment, before there is one."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from click.testing import CliRunner

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.use_cases.queries.preview import EXACT, SAMPLE, interval, preview
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import TEST
from tests.support.stacks.moto_stack import MotoStack

FEW = {"field": "subscription_status", "in": ["trialing"]}


@dataclass
class Crowd:
    """So many people, every tenth of whom is on trial; counts whom it was asked for."""

    many: int
    asked: list[str] = field(default_factory=list)

    def ids(self, epoch: Epoch, index: str) -> Sequence[str]:
        return [f"{number:06}" for number in range(self.many)]

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Iterator[Person]:
        for one in ids:
            self.asked.append(one)
            status = "active" if int(one) % 10 else "trialing"
            yield Person(f"per_{one}", NOW, fields={"subscription_status": status})


def test_everybody_is_looked_at_where_there_are_not_too_many() -> None:
    crowd = Crowd(EXACT)

    found = preview(crowd, TEST, FEW, NOW, random.Random(1), most=2)

    assert (found.count, found.low, found.high, found.everybody, found.exact) == (2_000,) * 3 + (EXACT, True)
    assert [one["id"] for one in found.people] == ["per_000000", "per_000010"]
    assert len(crowd.asked) == EXACT


def test_of_more_a_sample_is_looked_at_and_the_error_is_said() -> None:
    crowd = Crowd(EXACT + 30_000)

    found = preview(crowd, TEST, FEW, NOW, random.Random(1))

    assert len(crowd.asked) == len(set(crowd.asked)) == SAMPLE
    assert not found.exact
    assert found.low < found.count < found.high
    assert found.high - found.low < 0.02 * found.everybody
    assert found.everybody == 50_000


def test_the_range_holds_the_truth_in_19_of_20_samples() -> None:
    crowd, held = Crowd(EXACT + 1), 0
    for seed in range(40):
        found = preview(crowd, TEST, FEW, NOW, random.Random(seed))
        held += found.low <= len(range(0, crowd.many, 10)) <= found.high

    assert held >= 36


@pytest.mark.parametrize(
    ("found", "looked_at", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 100, 0.0, 0.037), (100, 100, 0.963, 1.0), (50, 100, 0.404, 0.596)],
)
def test_an_interval_is_wilsons(found: int, looked_at: int, low: float, high: float) -> None:
    assert interval(found, looked_at) == pytest.approx((low, high), abs=0.0005)


def test_a_rule_that_is_none_is_refused_before_anybody_is_read() -> None:
    crowd = Crowd(5)

    with pytest.raises(InvalidRule, match=r"rule\.field: there is no field 'shoe_size'"):
        preview(crowd, TEST, {"field": "shoe_size", "in": [42]}, NOW, random.Random(1))

    assert crowd.asked == []


@pytest.fixture
def target(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Target:
    from tests.unit.cli.test_cli import tell

    tell(aws)
    target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return target


def run(*arguments: str, given: str = "") -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["segments", "preview", *arguments], input=given)
    return result.exit_code, result.stdout, result.stderr


def test_the_command_names_people_and_counts_them(target: Target, tmp_path: Path) -> None:
    rule = tmp_path / "trials.json"
    rule.write_text(json.dumps(FEW))

    code, told, _ = run(str(rule))

    assert code == 0
    assert "trial-07@example.com" in told
    assert told.splitlines()[-1] == "1 of 3 people would be in it"


def test_the_command_reads_stdin_and_tells_json(target: Target) -> None:
    code, told, _ = run("-", "--json", given='{"field": "subscription_status", "exists": true}')

    found = json.loads(told)
    assert (code, found["of"], found["exact"]) == (0, 3, True)
    assert found["count"] == found["low"] == found["high"] == len(found["people"])
    assert len(PeopleReader().ids(target.connection("main").epoch, "everyone")) == 3


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("{", "<stdin> is not JSON"),
        ('{"any": [{"field": "customer_mrr", "over": "much"}]}', "rule.any[0].over: 'much' is not a number"),
    ],
)
def test_the_command_says_what_is_wrong_with_a_rule(target: Target, given: str, said: str) -> None:
    code, told, error = run("-", given=given)

    assert (code, told) == (2, "")
    assert said in " ".join(error.split())
