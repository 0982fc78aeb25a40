"""What the dashboard's picture is drawn from: logged lines, their statistics, axes, and alarms."""

from __future__ import annotations

from typing import Any

import pytest

from peoplesync.use_cases.metrics import Metric
from peoplesync_local.dashboard.alarms import evaluated
from peoplesync_local.dashboard.axes import amount, beside, length, moment, moments, ticks
from peoplesync_local.dashboard.emf import Sample, Samples, Series, samples
from peoplesync_local.dashboard.series import Span, newest, period_for, points, span_of, statistic
from tests.support.fakes.emf_lines import HOUR, MIDNIGHT, MINUTE, STACK, emf_line


def of(metric: Metric, **dimensions: str) -> Series:
    return Series("peoplesync", metric.title, frozenset({"service": STACK, **dimensions}.items()))


class TestReading:
    def test_a_line_tells_each_of_its_metrics_by_its_dimensions(self) -> None:
        read = samples(
            [
                emf_line(MIDNIGHT, {Metric.CHANGES_APPLIED: 3, Metric.CHANGE_LAG: [0.5, 2.0]}),
                emf_line(MIDNIGHT + 1, {Metric.SEGMENT_SIZE: 7}, segment="customers"),
            ]
        )

        assert read == {
            of(Metric.CHANGES_APPLIED): [Sample(MIDNIGHT, 3)],
            of(Metric.CHANGE_LAG): [Sample(MIDNIGHT, 0.5), Sample(MIDNIGHT, 2)],
            of(Metric.SEGMENT_SIZE, segment="customers"): [Sample(MIDNIGHT + 1, 7)],
        }

    def test_other_lines_are_left_out(self) -> None:
        other = [
            '{"level":"INFO"}',
            "START RequestId: 1",
            '"_aws" but no JSON',
            '["_aws"]',
            '{"_aws": 1}',
            "",
        ]

        assert samples(other) == {}

    def test_samples_are_in_the_order_of_time_whatever_the_order_of_lines(self) -> None:
        lines = [emf_line(MIDNIGHT + at, {Metric.PEOPLE: at}) for at in (9, 1, 5)]

        assert [one.value for one in samples(lines)[of(Metric.PEOPLE)]] == [1, 5, 9]


class TestAggregating:
    @pytest.mark.parametrize(
        ("name", "value"),
        [("Sum", 10), ("Average", 2.5), ("Minimum", 1), ("Maximum", 4), ("SampleCount", 4), ("p50", 2.5)],
    )
    def test_a_statistic_makes_one_value_of_many(self, name: str, value: float) -> None:
        assert statistic([4, 1, 3, 2], name) == value

    def test_a_percentile_of_one_value_is_that_value(self) -> None:
        assert statistic([7], "p99") == 7

    def test_an_unknown_statistic_is_refused(self) -> None:
        with pytest.raises(ValueError, match="IQM"):
            statistic([1], "IQM")

    def test_points_are_at_the_beginning_of_their_period(self) -> None:
        told = [Sample(60, 1), Sample(119, 2), Sample(300, 4)]

        found = points(told, "Sum", 60, Span(60, 360))

        assert [(point.at, point.value) for point in found] == [(60, 3), (300, 4)]

    def test_a_count_is_zero_where_none_is_told(self) -> None:
        found = points([Sample(130, 2)], "Sum", 60, Span(60, 250), fill=0)

        assert [(point.at, point.value) for point in found] == [(60, 0), (120, 2), (180, 0), (240, 0)]

    def test_nothing_told_at_all_is_not_zero(self) -> None:
        assert points([], "Sum", 60, Span(0, 600), fill=0) == []

    def test_the_newest_value_is_of_the_newest_period_that_has_one(self) -> None:
        assert newest([Sample(10, 5), Sample(70, 3), Sample(80, 4)], "Maximum", 60, Span(0, 600)) == 4

    def test_the_span_is_from_the_first_sample_to_the_last_and_a_minute_at_least(self) -> None:
        long: Samples = {of(Metric.PEOPLE): [Sample(100, 1), Sample(700, 1)]}

        assert span_of(long) == Span(100, 700)
        assert span_of({of(Metric.PEOPLE): [Sample(100, 1)]}) == Span(40, 100)
        with pytest.raises(ValueError, match="no samples"):
            span_of({})

    @pytest.mark.parametrize(
        ("span", "wanted", "period"),
        [
            (24 * HOUR, 300, 300),
            (10 * MINUTE, 300, 30),
            (24 * HOUR, 86_400, 3600),
            (14 * 24 * HOUR, 300, 3600),
        ],
    )
    def test_a_period_is_shorter_in_a_short_span_and_longer_in_a_long_one(
        self, span: int, wanted: int, period: int
    ) -> None:
        assert period_for(Span(0, span), wanted) == period


class TestAxes:
    def test_ticks_are_round_and_leave_room_above(self) -> None:
        assert ticks(300, whole=True) == [0, 100, 200, 300, 400]
        assert ticks(1, whole=True) == [0, 1, 2]
        assert ticks(0.3, whole=False) == [0, 0.1, 0.2, 0.3, 0.4]
        assert ticks(0, whole=True) == [0, 1]

    def test_ticks_are_all_in_one_unit(self) -> None:
        assert beside([0, 5000, 10_000]) == ["0", "5k", "10k"]
        assert beside([0, 1000, 2000]) == ["0", "1,000", "2,000"]

    @pytest.mark.parametrize(
        ("value", "words"),
        [(0, "0"), (1955, "1,955"), (12_500, "12.5k"), (0.0123, "0.0123"), (2_000_000, "2M")],
    )
    def test_amounts_are_short(self, value: float, words: str) -> None:
        assert amount(value) == words

    @pytest.mark.parametrize(
        ("seconds", "words"), [(30, "30 s"), (300, "5 min"), (5400, "1.5 h"), (86_400, "1 d")]
    )
    def test_lengths_of_time_are_in_their_largest_unit(self, seconds: int, words: str) -> None:
        assert length(seconds) == words

    def test_moments_are_round_and_in_utc(self) -> None:
        span = Span(MIDNIGHT + 7, MIDNIGHT + 24 * HOUR)

        told = [moment(at, span) for at in moments(span, 4)]

        assert told == ["06:00", "12:00", "18:00", "00:00"]


def alarm(**changed: Any) -> dict[str, Any]:
    """Dead letters, at least one within the newest five minutes."""
    return {
        "AlarmName": f"{STACK}-dead-letters",
        "AlarmDescription": "Is anything dead? What to do: https://runbooks.example.com/dead-letters.md",
        "Namespace": "peoplesync",
        "MetricName": "DeadLetters",
        "Dimensions": [{"Name": "service", "Value": STACK}],
        "Statistic": "Maximum",
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1.0,
        "Period": 300,
        "EvaluationPeriods": 1,
        "TreatMissingData": "notBreaching",
    } | changed


def dead_letters(*values: float) -> Samples:
    """One value every five minutes, the last at 10,000."""
    told = [Sample(10_000 - 300 * place, value) for place, value in enumerate(reversed(values))]
    return {of(Metric.DEAD_LETTERS): sorted(told), of(Metric.PEOPLE): [Sample(10_000, 1)]}


class TestAlarms:
    @pytest.mark.parametrize(
        ("definition", "values", "state"),
        [
            (alarm(), (0, 0, 1), "ALARM"),
            (alarm(), (1, 1, 0), "OK"),
            (alarm(EvaluationPeriods=3), (0, 1, 1), "OK"),
            (alarm(EvaluationPeriods=3), (1, 1, 1), "ALARM"),
            (alarm(EvaluationPeriods=3, DatapointsToAlarm=2), (0, 1, 1), "ALARM"),
            (alarm(), (), "OK"),
            (alarm(TreatMissingData="breaching"), (), "ALARM"),
            (alarm(TreatMissingData="missing"), (), "no data"),
            (alarm(Statistic="SampleCount", ComparisonOperator="LessThanThreshold"), (0,), "OK"),
            (alarm(ComparisonOperator="GreaterThanThreshold"), (1,), "OK"),
            (alarm(Namespace="AWS/SQS"), (1,), "no data"),
        ],
    )
    def test_it_is_on_by_its_own_definition(
        self, definition: dict[str, Any], values: tuple[float, ...], state: str
    ) -> None:
        told = dead_letters(*values)
        told = {series: each for series, each in told.items() if each}

        assert evaluated(definition, told, 10_000).state == state

    def test_a_percentile_is_evaluated_too(self) -> None:
        definition = alarm(MetricName="ChangeLag", Threshold=300.0, ExtendedStatistic="p99")
        del definition["Statistic"]
        slow: Samples = {of(Metric.CHANGE_LAG): [Sample(9_990, 10), Sample(9_991, 400)]}

        assert evaluated(definition, slow, 10_000).state == "ALARM"

    def test_it_asks_its_question_and_names_its_page(self) -> None:
        told = evaluated(alarm(), dead_letters(1), 10_000)

        assert (told.question, told.page) == ("Is anything dead?", "dead-letters.md")
