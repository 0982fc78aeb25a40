"""Re-evaluations as public JSON, for watching them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from peoplesync.use_cases.jobs.overview import Overview
from peoplesync.use_cases.reevaluating.runs import Reevaluation

_TELLING: Final = {"running": 0, "succeeded": 1}


@dataclass(frozen=True)
class Reevaluations(Overview[Reevaluation]):
    """The re-evaluations of a connection, that with the newest definitions first. Their counts are the
    definitions' `version`, and of how many `people` how many are `evaluated` and `failed`."""

    goes_on = "peoplesync reevaluate start"

    def current(self) -> dict[str, Any] | None:
        """The run to show: of those with the newest definitions the one that is running,
        else one that succeeded, else the last."""
        every = self.every()
        shown = [self.shown(run) for run in every if run.version == every[0].version]
        return min(shown, key=lambda one: _TELLING.get(one["status"], len(_TELLING)), default=None)

    def every(self) -> list[Reevaluation]:
        return sorted(super().every(), key=lambda run: run.version, reverse=True)

    def counts(self, run: Reevaluation) -> dict[str, Any]:
        kept = {"people": run.people, "evaluated": run.evaluated, "failed": run.failed}
        return {"version": run.version, **(self.job.final_counts(run) if run.status == "running" else kept)}
