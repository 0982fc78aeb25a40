"""Metrics as the functions log them, in CloudWatch's embedded metric format (EMF).

A line is a JSON object whose `_aws` says which of its other keys are metrics and which are dimensions:
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from peoplesync_local.stack.stack import LocalStack


@dataclass(frozen=True)
class Series:
    """What CloudWatch keeps values apart by; `dimensions` are pairs of name and value."""

    namespace: str
    metric: str
    dimensions: frozenset[tuple[str, str]]


@dataclass(frozen=True, order=True)
class Sample:
    """A value, and when it was reported: seconds since 1970 by the system's time."""

    at: float
    value: float


Samples = dict[Series, list[Sample]]


def logged(stack: LocalStack) -> Iterator[str]:
    """Every line that the functions of a running stack have logged."""
    client = stack.session().client("logs")
    for group in stack.log_groups.values():
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group):
            for event in page["events"]:
                yield from event["message"].splitlines()


def samples(lines: Iterable[str]) -> Samples:
    """The samples of each series, by time. Lines that are not EMF are left out."""
    found: defaultdict[Series, list[Sample]] = defaultdict(list)
    for line in lines:
        if '"_aws"' not in line:
            continue
        try:
            document = json.loads(line)
        except json.JSONDecodeError:
            continue
        if isinstance(document, dict) and isinstance(document.get("_aws"), dict):
            for series, sample in _samples_of(document):
                found[series].append(sample)
    return {series: sorted(each) for series, each in found.items()}


def _samples_of(document: dict[str, Any]) -> Iterator[tuple[Series, Sample]]:
    at = document["_aws"]["Timestamp"] / 1000
    for directive in document["_aws"]["CloudWatchMetrics"]:
        for names in directive["Dimensions"]:
            dimensions = frozenset((name, str(document[name])) for name in names)
            for metric in directive["Metrics"]:
                series = Series(directive["Namespace"], metric["Name"], dimensions)
                value = document[metric["Name"]]
                for one in value if isinstance(value, list) else [value]:
                    yield series, Sample(at, float(one))
