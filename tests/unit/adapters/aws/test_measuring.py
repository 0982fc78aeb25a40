"""Measuring: what leaves a function as metrics, and what DynamoDB counts for it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from peoplesync.adapters.aws.measuring import Measuring
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.table_units import consumed, count_units
from peoplesync.adapters.dynamodb.tables import ConnectionRow
from peoplesync.domain.connections import Connection
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.ports import Unavailable
from tests.support.builders.stripe import NOW
from tests.support.stacks.lambda_functions import Printed
from tests.support.stacks.moto_stack import MotoStack, break_operation

ENVIRONMENT = {
    "PEOPLESYNC_STACK": "test",
    "PRICE_PER_MILLION_READ_UNITS": "0.125",
    "PRICE_PER_MILLION_WRITE_UNITS": "0.625",
}


@pytest.fixture
def measuring() -> Measuring:
    return Measuring(ENVIRONMENT)


def test_counts_add_up_and_what_is_zero_is_not_told(
    measuring: Measuring, capsys: pytest.CaptureFixture[str]
) -> None:
    @measuring.measured
    def handler() -> None:
        measuring.add(Metric.CHANGES_APPLIED, 2)
        measuring.add(Metric.CHANGES_APPLIED, 3)
        measuring.add(Metric.CHANGES_DEAD, 0)

    handler()

    assert Printed(capsys.readouterr().out).metrics == {"ChangesApplied": 5}


def test_a_gauge_is_told_also_where_it_is_zero(
    measuring: Measuring, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring.measured(lambda: measuring.add(Metric.DEAD_LETTERS, 0))()

    assert Printed(capsys.readouterr().out).metrics == {"DeadLetters": 0}


def test_each_lag_is_told_so_that_percentiles_can_be_taken(
    measuring: Measuring, capsys: pytest.CaptureFixture[str]
) -> None:
    @measuring.measured
    def handler() -> None:
        for seconds in range(130):
            measuring.add(Metric.CHANGE_LAG, seconds)

    handler()

    lines = Printed(capsys.readouterr().out).lines
    assert [value for line in lines for value in line["ChangeLag"]] == list(range(130))


def test_nothing_of_one_invocation_is_told_in_the_next(
    measuring: Measuring, capsys: pytest.CaptureFixture[str]
) -> None:
    handler = measuring.measured(lambda: measuring.add(Metric.STRIPE_CALLS))
    handler()
    handler()

    assert [line["StripeCalls"] for line in Printed(capsys.readouterr().out).lines] == [[1], [1]]


def test_a_handler_that_fails_tells_what_it_measured(
    measuring: Measuring, capsys: pytest.CaptureFixture[str]
) -> None:
    @measuring.measured
    def handler() -> None:
        measuring.add(Metric.STRIPE_CALLS)
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        handler()

    assert Printed(capsys.readouterr().out).metrics == {"StripeCalls": 1}


def test_nothing_measured_prints_nothing(measuring: Measuring, capsys: pytest.CaptureFixture[str]) -> None:
    measuring.measured(lambda: None)()

    assert capsys.readouterr().out == ""


def test_it_is_counted_from_many_threads(measuring: Measuring, capsys: pytest.CaptureFixture[str]) -> None:
    def handler() -> None:
        with ThreadPoolExecutor(16) as pool:
            list(pool.map(lambda _: measuring.add(Metric.STRIPE_CALLS), range(2_000)))

    measuring.measured(handler)()

    assert Printed(capsys.readouterr().out).metrics == {"StripeCalls": 2_000}


def test_the_stack_is_the_one_dimension_and_a_segments_size_has_the_segment_too(
    measuring: Measuring, capsys: pytest.CaptureFixture[str]
) -> None:
    measuring.size_of_segment("current_trials", 7)
    measuring.measured(lambda: measuring.add(Metric.PEOPLE, 9))()

    size, people = Printed(capsys.readouterr().out).lines
    assert size["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service", "segment"]]
    assert (size["service"], size["segment"], size["SegmentSize"]) == ("test", "current_trials", [7])
    assert people["_aws"]["CloudWatchMetrics"][0]["Dimensions"] == [["service"]]


def test_the_estimated_cost_is_the_units_by_their_prices(
    measuring: Measuring, capsys: pytest.CaptureFixture[str]
) -> None:
    def handler() -> None:
        measuring.add(Metric.READ_UNITS, 4_000_000)
        measuring.add(Metric.WRITE_UNITS, 2_000_000)

    measuring.measured(handler)()

    assert Printed(capsys.readouterr().out).metrics["EstimatedCost"] == pytest.approx(0.5 + 1.25)


@pytest.fixture
def counted(aws: MotoStack) -> list[tuple[Metric, float]]:
    found: list[tuple[Metric, float]] = []
    count_units(lambda metric, value: found.append((metric, value)), ConnectionRow)
    return found


def test_reads_and_writes_of_tables_are_counted_apart(counted: list[tuple[Metric, float]]) -> None:
    store = ConnectionsStore()
    store.create(Connection("main", False, 1, 1, NOW))
    store.get("main")

    assert [metric for metric, _ in counted] == [Metric.WRITE_UNITS, Metric.READ_UNITS]
    assert all(value > 0 for _, value in counted)


def test_an_answer_that_asks_to_slow_down_is_counted(counted: list[tuple[Metric, float]]) -> None:
    break_operation(ConnectionRow._get_connection().connection, "GetItem", "ThrottlingException")

    with pytest.raises(Unavailable):
        ConnectionsStore().get("main")

    assert counted == [(Metric.TABLES_THROTTLED, 1)]


@pytest.mark.parametrize(
    ("capacity", "units"),
    [
        (None, 0),
        ({"TableName": "people", "CapacityUnits": 2.5}, 2.5),
        ([{"CapacityUnits": 2.0}, {"CapacityUnits": 3.0}], 5.0),
    ],
)
def test_units_of_all_tables_of_an_answer_add_up(capacity: object, units: float) -> None:
    assert consumed({} if capacity is None else {"ConsumedCapacity": capacity}) == units
