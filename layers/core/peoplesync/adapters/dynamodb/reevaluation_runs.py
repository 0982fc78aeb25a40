"""Re-evaluations in DynamoDB, beside the imports."""

from __future__ import annotations

from peoplesync.adapters.dynamodb.run_rows import RunRows
from peoplesync.use_cases.reevaluating.runs import Reevaluation


class ReevaluationRuns(RunRows[Reevaluation]):
    """The re-evaluations of a stack; see `use_cases.reevaluating.runs.ReevaluationRuns`."""

    kind = Reevaluation
    suffix = "#reevaluations"
