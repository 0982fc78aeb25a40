"""What readers of the read models cost, in units (`bench/units.py`), however many people there are."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import product
from string import ascii_lowercase
from typing import Any, Final

import pytest
from pynamodb.models import Model

from bench.units import Units
from peoplesync.adapters import clock
from peoplesync.adapters.aws.measuring import Measuring
from peoplesync.adapters.dynamodb.read_models.stored_days import HEAD, PARTS, to_row
from peoplesync.adapters.dynamodb.tables import MemberRow, PersonRow, ReadModelRow, shard_of
from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.domain.read_models.contribution import KINDS, Kind
from peoplesync.domain.read_models.days import DAY, Counts, Day
from peoplesync.domain.segments.definitions import PREDEFINED, PREDEFINED_IDS, Definitions
from peoplesync.use_cases.read_models.overview import STEPS
from peoplesync_cli.target import Target
from tests.support.builders.many_people import store_people
from tests.support.builders.stripe import NOW
from tests.support.fakes.world import CONNECTED, AtWork
from tests.support.stacks.moto_stack import MotoStack, moto_stack

MAIN: Final = CONNECTED.epoch
TODAY: Final = NOW // DAY
MONTH: Final = 31

SEGMENTS: Final = (*sorted(PREDEFINED_IDS), *(f"segment_of_ours_{number}" for number in range(15)))[:15]
CAUSES: Final = "live import reconcile sweep definition_changed activity moved reindex".split()
CURRENCIES: Final = ("eur", "gbp", "usd")
MOVEMENTS: Final = (
    "new expanded contracted churned reactivated imported corrected transferred removed".split()
)
PLANS: Final = ["".join(random.Random(number).choices(ascii_lowercase, k=12)) for number in range(30)]
"""Names that have nothing in common."""

PRICE: Final = 1_900
PAYING: Final = ("active", "past_due")
STATUSES: Final = (*PAYING, "trialing", "canceled", "unpaid")

FOUND: Final = 10_000
SHOWN: Final = 50


@dataclass(frozen=True)
class Company:
    """A stack of so many people: their read models, with each day of a month and the one before in all parts,
    who is in an index, who is due, and some of them whole."""

    people: int
    aws: MotoStack

    @cached_property
    def target(self) -> Target:
        target = Target("test (in memory)", self.aws.stack, "https://api.example.com", self.aws.session)
        named: dict[str, Any] = vars(target)
        named["worker_mappings"] = named["publisher_mappings"] = AtWork()
        named["measuring"] = Measuring(self.aws.environment)
        return target

    def store(self) -> None:
        self.target.connections.create(CONNECTED)
        self.target.connections.define(MAIN, FIELDS, PREDEFINED)
        store_people(CONNECTED, Definitions(1, PREDEFINED), SHOWN, NOW)
        self.aws.seed(self.read_models())
        self.aws.seed(self.members_and_due())
        names = (f"anna {number:06}" for number in range(FOUND))
        key = ReadModelRow.terms(MAIN, "ann")
        self.aws.seed(ReadModelRow(key, f"{name}#per_{name.split()[1]}") for name in names)

    def read_models(self) -> Iterator[Model]:
        rng = random.Random(self.people)
        for part, back in product(range(PARTS), range(MONTH + 1)):
            for kind in KINDS:
                day = Day(TODAY - back, *self.counts(kind, rng))
                yield to_row(MAIN, part, kind, day)
        for part in range(PARTS):
            yield ReadModelRow(ReadModelRow.part(MAIN, part), HEAD, version=1, content={"as_of": NOW})

    def counts(self, kind: Kind, rng: random.Random) -> tuple[Counts, Counts]:
        """Totals and flows with all keys that there may be; of plans, as many people as there are."""
        people = self.people // PARTS
        totals: Counts = Counter()
        flows: Counts = Counter()
        match kind:
            case "segments":
                for index in (EVERYONE, CUSTOMERS_IN_SYNC, *SEGMENTS):
                    totals[index,] = rng.randint(1, people)
                for key in product(SEGMENTS, CAUSES, ("entered", "left")):
                    flows[key] = rng.randint(1, people // 50)
            case "mrr":
                for currency in CURRENCIES:
                    totals[currency,] = rng.randint(1, people * 10_000)
                for currency, movement in product(CURRENCIES, MOVEMENTS):
                    flows[currency, movement, "amount"] = rng.randint(1, people * 200)
                    flows[currency, movement, "count"] = rng.randint(1, people // 50)
            case "plans":
                cell = 2 * people // len(PLANS) // len(STATUSES)
                for status, plan in product(STATUSES, PLANS):
                    totals[status, plan, ""] = rng.randint(1, cell)
                for status, plan, currency in product(PAYING, PLANS, CURRENCIES):
                    totals[status, plan, currency] = rng.randint(1, cell) * PRICE
                for cause, step in product(CAUSES, STEPS):
                    flows[cause, step] = rng.randint(1, people // 50)
        return totals, flows

    def members_and_due(self) -> Iterator[Model]:
        """As many as would show if somebody read them all."""
        for number in range(self.people // 50):
            one = f"per_later_{number}"
            for index in (EVERYONE, CUSTOMERS_IN_SYNC, "customers"):
                yield MemberRow(MemberRow.key(MAIN, index, one), one, since=NOW)
            yield PersonRow(
                PersonRow.key(MAIN, one),
                version=1,
                created_at=NOW,
                evaluated_at=NOW,
                definitions_version=1,
                cause="live",
                records={},
                fields_json={},
                segments_json={},
                due_shard=f"{MAIN}#{shard_of(one)}",
                review_at=NOW - 60,
            )


@pytest.fixture(scope="module", params=[1_000, 10_000, 50_000], ids="{:,}".format)
def company(request: pytest.FixtureRequest) -> Iterator[Company]:
    with moto_stack() as aws, pytest.MonkeyPatch.context() as patch:
        patch.setattr(clock, "now", lambda: NOW)
        found = Company(request.param, aws)
        found.store()
        yield found


def units_of(read: Callable[[], object]) -> Units:
    units = Units()
    units.watch(PersonRow._get_connection().connection.client)
    read()
    return units


def sizes(target: Target) -> None:
    assert target.read_models.sizes(CONNECTED)


def health(target: Target) -> None:
    assert target.health_reporter().report()


def status(target: Target) -> None:
    assert target.status("main")["people"]


def segments(target: Target) -> None:
    assert all(one["count"] for one in target.browser("main").list_segments())


def month(kind: Kind, target: Target) -> None:
    days = target.read_models.days(MAIN, kind, TODAY - MONTH + 1, TODAY)
    assert len(days) == MONTH
    assert all(day.totals for day in days)


def history(target: Target) -> None:
    found = target.history_of(CONNECTED).history("customers", MONTH)
    assert len(found["days"]) == MONTH
    assert all(one["by_cause"] for one in found["days"])


def overview(target: Target) -> None:
    found = target.overview_of(CONNECTED).overview()
    assert all(one["started"] for one in found["trials"])


def report(target: Target) -> None:
    found = target.mrr_report_of(CONNECTED).report("2026-02")  # all of whose days are there
    assert len(found["currencies"]) == len(CURRENCIES)


def search(target: Target) -> None:
    assert len(target.read_models.find(MAIN, "ann", 20)) == 20


def page(target: Target) -> None:
    found = target.read_models.find(MAIN, "ann", SHOWN)
    assert len(list(target.people.of_ids(MAIN, [person for _, person in found]))) == SHOWN


def listed(target: Target) -> None:
    shown, following = target.browser("main").page(None, "", SHOWN)
    assert (len(shown), bool(following)) == (SHOWN, True)


def test_a_page_costs_what_it_shows(company: Company) -> None:
    assert units_of(lambda: listed(company.target)).read <= 34  # of eight shards, and half a unit a person


@pytest.mark.parametrize(
    ("read", "units"),
    [
        (sizes, 4),  # four parts and their heads
        (health, 13.5),
        (status, 11.5),
        (segments, 6),
        (search, 0.5),
        (page, 25.5),  # half a unit a person
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_it_costs_the_same_however_many_people_there_are(
    company: Company, read: Callable[[Target], None], units: float
) -> None:
    spent = units_of(partial(read, company.target))

    assert spent.read == units
    assert "MemberRow" not in spent.read_from


@pytest.mark.parametrize("kind", KINDS)
def test_a_month_with_changes_every_day_costs_twenty_units_at_most(company: Company, kind: Kind) -> None:
    assert units_of(partial(month, kind, company.target)).read <= 20


@pytest.mark.parametrize(
    ("read", "most"),
    [
        (history, 17),
        (overview, 33),
        (report, 20),
    ],
    ids=lambda one: getattr(one, "__name__", None),
)
def test_numbers_of_many_days_cost_so_many_units_at_most(
    company: Company, read: Callable[[Target], None], most: float
) -> None:
    """Of more people the numbers have more digits, and nothing else is read."""
    spent = units_of(partial(read, company.target))

    assert spent.read <= most
    assert spent.read_from.keys() <= {"ReadModelRow", "SegmentRow"}
