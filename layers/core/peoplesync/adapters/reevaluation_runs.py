"""Re-evaluations in DynamoDB, beside the imports."""

from __future__ import annotations

from peoplesync.adapters.run_rows import RunRows
from peoplesync.sync.reevaluating.runs import Reevaluation


class ReevaluationRuns(RunRows[Reevaluation]):
    """The re-evaluations of a stack; see `sync.reevaluating.runs.ReevaluationRuns`."""

    kind = Reevaluation
    suffix = "#reevaluations"
