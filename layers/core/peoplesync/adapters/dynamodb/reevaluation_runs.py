"""Re-evaluations in DynamoDB, beside the imports."""

from __future__ import annotations

from types import MappingProxyType

from peoplesync.adapters.dynamodb.run_rows import RunRows
from peoplesync.use_cases.reevaluating.runs import Reevaluation


class ReevaluationRuns(RunRows[Reevaluation]):
    """The re-evaluations of a stack; see `use_cases.jobs.runs.RunStore`."""

    kind = Reevaluation
    kept_as = MappingProxyType({"enqueued_again": "handed_again"})
    suffix = "#reevaluations"
