"""Beginning a re-evaluation: with the definitions as they are, everybody is evaluated at least once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.reevaluating.overview import Reevaluations


def begin(connection: Connection, overview: Reevaluations, start: Callable[[Mapping[str, Any]], str]) -> str:
    """The id of the run that evaluates everybody: one that is running already, one that stopped and is
    resumed, or a new one. `start` starts an execution with an input; raises what that raises."""
    given: dict[str, Any] = {"connection": connection.name}
    latest = overview.current()
    if latest is not None and latest["version"] == connection.definitions_version:
        if latest["status"] == "running":
            return str(latest["id"])
        # A resumed run would count its dead letters as failed for ever, so a new one is begun.
        if latest["status"] == "failed" and not latest["failed"]:
            given["resume"] = str(latest["id"])
    return start(given)
