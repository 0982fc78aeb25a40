"""`people list` and `feed` of very many: what is printed as it is read, and what the first lines cost."""

from __future__ import annotations

import io
import math
import sys
from collections.abc import Iterator

import pytest

from bench.units import Units
from peoplesync.adapters.dynamodb.tables import FeedRow, MemberRow, PersonRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import EVERYONE
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.output import lines
from peoplesync_cli.target import Target
from tests.support.builders.stored_stories import full_person, newcomer
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import MotoStack, people_store, write_one

MAIN = Epoch("main", 1)
MANY = 5_000


class Head(io.StringIO):
    """Stdout, of which somebody reads twenty lines; what it had `cost` when the next one was written."""

    def __init__(self, units: Units) -> None:
        super().__init__()
        self.units, self.cost = units, math.inf

    def write(self, text: str) -> int:
        if self.getvalue().count("\n") >= 20:
            self.cost = min(self.cost, self.units.read)
        return super().write(text)


@pytest.fixture
def units(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Units:
    """The units of commands on a stack of 5,000 people, one of them with 5,000 entries in the feed."""
    target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    write_one(people_store(), MAIN, newcomer(full_person("per_0000")), "live", NOW)
    ids, person = [f"per_{number:04}" for number in range(MANY)], PersonRow.get("main#1#per_0000")
    aws.seed(PersonRow(**{**person.attribute_values, "pk": PersonRow.key(MAIN, one)}) for one in ids[:200])
    members = sorted((MemberRow.key(MAIN, EVERYONE, one), one) for one in ids)
    aws.seed(MemberRow(*key, since=NOW) for key in members)
    content = {"plan_nickname": "Starter", "plan_price": "19.00", "currency": "usd", "subscription": "sub_1"}
    aws.seed(
        FeedRow(
            *(FeedRow.key(MAIN, "cus_1"), f"{NOW + number:011}#evt_{number}"),
            kind="trial_started",
            content_json=content,
            cause="live",
            written_at=NOW,
        )
        for number in range(MANY)
    )
    watched = Units()
    watched.watch(PersonRow._get_connection().connection.client)
    return watched


@pytest.mark.parametrize(
    ("arguments", "rows"), [(["people", "list"], 14), (["feed", "per_0000"], 1.5)], ids=["people", "feed"]
)
def test_the_first_twenty_lines_of_many_cost_what_they_show(
    units: Units, monkeypatch: pytest.MonkeyPatch, arguments: list[str], rows: float
) -> None:
    shown = Head(units)
    monkeypatch.setattr(sys, "stdout", shown)

    main([*arguments, "--limit", "50"], standalone_mode=False)

    assert len(shown.getvalue().splitlines()) > 50
    assert shown.cost <= rows + 1  # the connection


def test_a_table_is_as_wide_as_its_first_rows_and_a_longer_value_moves_its_line_only() -> None:
    read = []

    def rows() -> Iterator[tuple[str, int]]:
        for number in range(30):
            read.append(number)
            yield "x" * (60 if number == 25 else 2), number

    drawn = lines(("name", "no"), rows(), right=(1,))

    assert [next(drawn).plain for _ in range(3)] == ["name  no", "xx     0", "xx     1"]
    assert len(read) == 20
    assert [line.plain for line in drawn][23:25] == ["x" * 60 + "  25", "xx    26"]
