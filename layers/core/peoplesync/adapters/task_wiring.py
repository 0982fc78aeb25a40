"""Wiring for functions/run_tasks, which does what operators do besides, and for longer than they like to
wait."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from peoplesync.adapters import clock
from peoplesync.adapters.operator_wiring import OperatorWiring

if TYPE_CHECKING:
    from peoplesync.domain.connections import Connection
    from peoplesync.use_cases.tasks.runs import Kind
    from peoplesync.use_cases.tasks.steps import TaskRunner

RECONCILE_SECONDS: Final = 150
"""How long a turn of the reconciler may go on to begin slices, of which one may take long."""


class TaskWiring(OperatorWiring):
    """What has tasks take their turns."""

    def task_runner(self) -> TaskRunner:
        from peoplesync.use_cases.tasks.querying import QueryWork
        from peoplesync.use_cases.tasks.reconciliation import ReconciliationWork
        from peoplesync.use_cases.tasks.runs import COLLECTIONS
        from peoplesync.use_cases.tasks.steps import TaskRunner, Work
        from peoplesync.use_cases.tasks.verification import VerificationWork

        def note_counted(connection: Connection) -> None:
            self.connections.note_counted(connection.epoch)

        work: dict[Kind, Work] = {
            "query": QueryWork(self.people, self.connections),
            "verification": VerificationWork(
                verifier=self.verifier(lambda _: None),
                reindexer=self.reindexer(lambda _: None),
                bulk=self.queues["bulk"],
                note_counted=note_counted,
                clock=clock.now,
                monotonic=time.monotonic,
            ),
            "reconciliation": ReconciliationWork(self.reconciler(), self.measure, RECONCILE_SECONDS),
        }
        runs = {kind: self.task_runs(kind) for kind in COLLECTIONS}
        return TaskRunner(
            jobs={kind: self.task_job(kind, runs[kind]) for kind in COLLECTIONS},
            runs=runs,
            work=work,
            monotonic=time.monotonic,
            slice_seconds=float(self.environ["TASK_SLICE_SECONDS"]),
        )
