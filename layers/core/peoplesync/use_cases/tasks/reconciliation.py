"""Reconciliations: what the webhook missed is read now, from any time on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Protocol

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.jobs.job import Answer, Unacceptable, failed
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.scheduled.found import PASSES, PATIENCE, PAUSE, PROBLEMS, Found
from peoplesync.use_cases.scheduled.reconcile import Reconciled
from peoplesync.use_cases.tasks.runs import Json, Turn
from peoplesync.use_cases.tasks.steps import DONE, MORE, waiting


class Reconciles(Protocol):
    def reconcile(
        self, seconds: float, name: str | None = None, since: int | None = None
    ) -> Sequence[Reconciled]: ...


def reconciliation_request(_connection: Connection, given: Json) -> dict[str, Any]:
    """What a reconciliation may be given, checked: `since` which instant (ISO 8601) events are read again;
    without it from the checkpoint on. Raises `Unacceptable`."""
    since = given.get("since")
    if since is None:
        return {"since": None}
    try:
        moment = datetime.fromisoformat(since)
    except (TypeError, ValueError) as error:
        raise Unacceptable(f"since is an instant such as 2026-01-31T00:00:00Z; {since!r} is not") from error
    if moment.tzinfo is None:
        raise Unacceptable(f"since names no time zone; write {since}Z for UTC")
    return {"since": int(moment.timestamp())}


@dataclass(frozen=True)
class ReconciliationWork:
    """What a turn of a reconciliation does: the reconciler's, which goes on for `seconds`. An interrupted
    turn is taken again, and its events once more put on the queue, which changes nothing."""

    reconciler: Reconciles
    measure: Callable[[Metric, float], None]
    seconds: float

    def __call__(self, connection: Connection, turn: Turn) -> Answer:
        progress = turn.progress
        since = progress.get("next", turn.run.given["since"])
        turns = self.reconciler.reconcile(self.seconds, connection.name, since)
        if not turns:
            return failed(f"connection {connection.name} is not there to be reconciled")
        taken = turns[0]
        self.measure(Metric.EVENTS_RECONCILED, taken.events)
        self.measure(Metric.RECONCILE_PROBLEMS, taken.problem is not None)
        shown = taken.public()
        found = Found(**progress["found"]) if "found" in progress else Found.beginning_with(shown)
        found.add(shown)
        # From some time on each goes on where the last one stopped, else from the checkpoint.
        after = None if since is None else max(since, taken.until)
        tries = turn.run.tries + 1 if taken.problem else 0
        turn.keep(found=asdict(found), next=after, tries=tries)
        if taken.done:
            return DONE
        if taken.problem is None:
            return MORE
        if taken.problem in PASSES and tries < PATIENCE:
            return waiting(PAUSE)
        return failed(PROBLEMS.get(taken.problem, taken.problem))
