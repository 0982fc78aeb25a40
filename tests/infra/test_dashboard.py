"""Facts about the CloudWatch dashboard: the template deploys it, and it shows what the code measures."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import combinations
from typing import Any

import pytest

from peoplesync.adapters.aws.measuring import NAMESPACE
from peoplesync.domain.segments.definitions import PREDEFINED
from peoplesync.use_cases.metrics import Metric
from peoplesync_local.stack.places import Places
from tests.support.stacks.sam_template import sam_template

CHECKOUT = Places().checkout
BODY: dict[str, Any] = json.loads((CHECKOUT / "infra" / "dashboard.json").read_text())
WIDGETS: list[dict[str, Any]] = BODY["widgets"]
# Measured, but not shown: each with the reason.
ABSENT: dict[str, str] = json.loads((CHECKOUT / "infra" / "absent_from_dashboard.json").read_text())
RESOURCES: dict[str, Any] = sam_template()["Resources"]
ALARMS = {
    resource["Properties"]["AlarmName"]["Fn::Sub"]: resource["Properties"]
    for resource in RESOURCES.values()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}
MEASURED = {metric.title: metric for metric in Metric}
GRAPHS = [widget["properties"] for widget in WIDGETS if widget["type"] == "metric"]
TITLES = [graph["title"] for graph in GRAPHS]


def metrics_on(graph: dict[str, Any]) -> Iterator[tuple[str, str, list[str], dict[str, Any]]]:
    """Namespace, name, dimensions and options of each metric, expressions apart."""
    for entry in graph["metrics"]:
        if len(entry) > 1:
            namespace, name, *dimensions, options = entry
            yield namespace, name, dimensions, options


SHOWN = {name for graph in GRAPHS for _, name, _, _ in metrics_on(graph)}


def test_the_template_holds_the_dashboard() -> None:
    properties = RESOURCES["Dashboard"]["Properties"]

    assert json.loads(properties["DashboardBody"]["Fn::Sub"]) == BODY
    assert properties["DashboardName"] == {"Ref": "AWS::StackName"}
    check = subprocess.run(
        [sys.executable, CHECKOUT / "infra" / "embed_dashboard.py", "--check"], capture_output=True, text=True
    )
    assert (check.returncode, check.stdout) == (0, "The template holds the dashboard.\n")


@pytest.mark.parametrize("graph", GRAPHS, ids=TITLES)
def test_every_metric_on_it_is_one_that_is_measured(graph: dict[str, Any]) -> None:
    for namespace, name, dimensions, _ in metrics_on(graph):
        assert namespace == NAMESPACE
        assert name in MEASURED
        service = ["service", "${AWS::StackName}"]
        if MEASURED[name] is Metric.SEGMENT_SIZE:
            assert dimensions[:3] == [*service, "segment"]
            assert dimensions[3] in {segment.id for segment in PREDEFINED}
        else:
            assert dimensions == service


def test_every_metric_is_on_it_or_absent_for_a_reason() -> None:
    assert MEASURED.keys() - SHOWN == ABSENT.keys()
    assert all(reason.endswith(".") for reason in ABSENT.values())


def test_every_predefined_segment_is_on_it() -> None:
    sizes = [
        dimensions[3]
        for graph in GRAPHS
        for _, name, dimensions, _ in metrics_on(graph)
        if name == Metric.SEGMENT_SIZE.title
    ]

    assert set(sizes) == {segment.id for segment in PREDEFINED}


@pytest.mark.parametrize("metric", Metric, ids=lambda metric: metric.title)
def test_every_metric_is_told_by_code(metric: Metric) -> None:
    told = [
        path
        for folder in ("functions", "layers/core/peoplesync")
        for path in (CHECKOUT / folder).rglob("*.py")
        if path.name != "metrics.py" and f"Metric.{metric.name}" in _words(path.read_text())
    ]

    assert told


def _words(code: str) -> set[str]:
    """The names in code, dotted as they are."""
    return set("".join(one if one.isalnum() or one in "_." else " " for one in code).split())


@pytest.mark.parametrize("graph", GRAPHS, ids=TITLES)
def test_counts_are_summed_gauges_are_at_their_worst_and_seconds_by_percentile(graph: dict[str, Any]) -> None:
    for _, name, _, options in metrics_on(graph):
        measure = MEASURED[name].value
        statistic = options.get("stat", graph["stat"])
        if measure.gauge:
            assert statistic == "Maximum", name
        elif measure.unit == "Seconds":
            assert statistic in {"p50", "p99"}, name
        else:
            assert statistic == "Sum", name


@pytest.mark.parametrize(
    "graph", [graph for graph in GRAPHS if graph["view"] == "timeSeries"], ids=lambda g: g["title"]
)
def test_a_count_is_zero_where_none_is_told_and_everything_drawn_has_a_label(graph: dict[str, Any]) -> None:
    filled = {entry[0]["expression"] for entry in graph["metrics"] if "expression" in entry[0]}
    for _, name, _, options in metrics_on(graph):
        measure = MEASURED[name].value
        if measure.gauge or measure.unit == "Seconds":
            assert options["label"]
        else:
            assert f"FILL({options['id']}, 0)" in filled
            assert options["visible"] is False
    assert all(entry[-1]["label"] for entry in graph["metrics"] if entry[-1].get("visible", True))
    assert graph["yAxis"]["left"]["label"]


def test_the_alarms_on_it_are_those_of_the_template() -> None:
    [widget] = [widget for widget in WIDGETS if widget["type"] == "alarm"]
    names = [arn.partition(":alarm:")[2] for arn in widget["properties"]["alarms"]]

    assert len(names) == len(set(names))
    assert set(names) == set(ALARMS)
    here = "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:"
    assert all(arn.startswith(here) for arn in widget["properties"]["alarms"])


@pytest.mark.parametrize(
    "graph", [graph for graph in GRAPHS if "annotations" in graph], ids=lambda g: g["title"]
)
def test_a_line_across_a_chart_is_the_threshold_of_the_alarm_that_it_names(graph: dict[str, Any]) -> None:
    for line in graph["annotations"]["horizontal"]:
        alarm = ALARMS["${AWS::StackName}-" + line["label"].removeprefix("alarm: ")]
        assert line["value"] == alarm["Threshold"]
        assert alarm["MetricName"] in {name for _, name, _, _ in metrics_on(graph)}
        if alarm.get("Statistic") == "Sum":
            assert graph["period"] == alarm["Period"]


def test_widgets_are_within_24_columns_and_none_lies_upon_another() -> None:
    for widget in WIDGETS:
        assert widget["x"] >= 0
        assert widget["x"] + widget["width"] <= 24
    for one, other in combinations(WIDGETS, 2):
        apart_across = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
        apart_down = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
        assert apart_across or apart_down


def test_each_part_is_headed_by_its_question() -> None:
    questions = [
        widget["properties"]["markdown"].partition("\n")[0] for widget in WIDGETS if widget["type"] == "text"
    ]

    assert questions == [
        "## Is it in sync?",
        "## How many customers?",
        "## How far behind?",
        "## Is anything dead?",
        "## What does Stripe say?",
        "## What do imports do?",
        "## What does it cost?",
    ]
