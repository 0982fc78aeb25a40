"""Whether an alarm would be on: the emulator keeps alarms, but evaluates none on metrics that are logged.

CloudWatch looks at aligned periods and somewhat beyond the evaluated ones when some are missing; here the
periods end with the newest sample, so that the last one is not cut short. AWS's own metrics are not known.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from peoplesync_local.dashboard.emf import Samples, Series
from peoplesync_local.dashboard.series import statistic
from peoplesync_local.stack.stack import LocalStack

State = Literal["ALARM", "OK", "no data"]

_COMPARISONS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


@dataclass(frozen=True)
class Alarm:
    """An alarm by its full name, what its description asks, and the page that it refers to, if any."""

    name: str
    state: State
    question: str = ""
    page: str = ""


def definitions(stack: LocalStack) -> list[dict[str, Any]]:
    """The alarms of a running stack as CloudWatch describes them."""
    pages = stack.session().client("cloudwatch").get_paginator("describe_alarms").paginate()
    return [alarm for page in pages for alarm in page["MetricAlarms"]]


def evaluated(definition: Mapping[str, Any], samples: Samples, end: float) -> Alarm:
    """The alarm at `end`, which is when the newest sample of all was reported."""
    question, _, address = definition.get("AlarmDescription", "").partition(" What to do: ")
    page = address.rpartition("/")[2]
    return Alarm(definition["AlarmName"], _state(definition, samples, end), question, page)


def _state(definition: Mapping[str, Any], samples: Samples, end: float) -> State:
    dimensions = frozenset((one["Name"], one["Value"]) for one in definition.get("Dimensions", []))
    series = Series(definition["Namespace"], definition["MetricName"], dimensions)
    if series.namespace not in {one.namespace for one in samples}:
        return "no data"
    breaches = _breaches(definition, series, samples, end)
    match definition.get("TreatMissingData", "missing"):
        case "breaching":
            breaches = [breach is not False for breach in breaches]
        case "notBreaching":
            breaches = [breach is True for breach in breaches]
    if all(breach is None for breach in breaches):
        return "no data"
    wanted = definition.get("DatapointsToAlarm", len(breaches))
    return "ALARM" if sum(breach is True for breach in breaches) >= wanted else "OK"


def _breaches(
    definition: Mapping[str, Any], series: Series, samples: Samples, end: float
) -> list[bool | None]:
    """Whether each evaluated period breaches the threshold, the newest first; None where there is no
    sample."""
    breaches_threshold = _COMPARISONS[definition["ComparisonOperator"]]
    name = definition.get("ExtendedStatistic") or definition["Statistic"]
    period = definition["Period"]
    breaches: list[bool | None] = []
    for number in range(definition["EvaluationPeriods"]):
        until = end - number * period
        values = [one.value for one in samples.get(series, []) if until - period < one.at <= until]
        breaches.append(
            breaches_threshold(statistic(values, name), definition["Threshold"]) if values else None
        )
    return breaches
