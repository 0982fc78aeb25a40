"""What DynamoDB counts for the requests of this process, and how often it asks to slow down.

PynamoDB asks for the consumed capacity with every request, and botocore shows each answer to who registers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pynamodb.models import Model

from peoplesync.use_cases.metrics import Metric

_READS: Final = frozenset({"GetItem", "BatchGetItem", "Query", "Scan"})
_THROTTLED: Final = frozenset(
    {
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ThrottlingException",
        "ThrottlingError",
    }
)


def count_units(measure: Callable[[Metric, float], None], *models: type[Model]) -> None:
    """Has the units that requests through these models, which share a client, consume measured."""

    def seen(parsed: dict[str, Any], model: Any, **_: Any) -> None:
        units = consumed(parsed)
        if units:
            measure(Metric.READ_UNITS if model.name in _READS else Metric.WRITE_UNITS, units)
        if _codes(parsed) & _THROTTLED:
            measure(Metric.TABLES_THROTTLED, 1)

    models[0]._get_connection().connection.client.meta.events.register("after-call.dynamodb", seen)


def consumed(parsed: dict[str, Any]) -> float:
    """The capacity units of an answer, of all its tables."""
    capacity = parsed.get("ConsumedCapacity") or []
    each = [capacity] if isinstance(capacity, dict) else capacity
    return sum(float(one.get("CapacityUnits", 0)) for one in each)


def _codes(parsed: dict[str, Any]) -> set[str]:
    reasons = parsed.get("CancellationReasons") or []
    return {parsed.get("Error", {}).get("Code", ""), *(str(reason.get("Code")) for reason in reasons)}
