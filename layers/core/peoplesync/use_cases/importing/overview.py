"""Imports as public JSON, for watching them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from peoplesync.use_cases.importing.progress import final_counts
from peoplesync.use_cases.importing.runs import ImportRun, ImportRuns
from peoplesync.use_cases.jobs.overview import Overview
from peoplesync.use_cases.public_json import iso


@dataclass(frozen=True)
class Imports(Overview[ImportRun]):
    """The imports of a connection. Their counts are how many Stripe objects are `listed`, `enqueued`,
    `applied` and `failed`; `waiting` are the lists with which a running one waits for Stripe, each with
    `since` when and the `reason`."""

    goes_on = "peoplesync import resume"

    runs: ImportRuns

    def counts(self, run: ImportRun) -> dict[str, Any]:
        if run.figures is not None and run.status != "running":
            return dict(run.figures)
        found: dict[str, Any] = final_counts(run, self.runs)["figures"]
        if run.status == "succeeded":  # before figures were kept; it will not be gone on with
            self.runs.save(replace(run, figures=found))
        return found

    def shown(self, run: ImportRun) -> dict[str, Any]:
        shown = super().shown(run)
        return {**shown, "waiting": self._waiting(run) if shown["status"] == "running" else []}

    def _waiting(self, run: ImportRun) -> list[dict[str, str]]:
        return [
            {"list": name, "since": iso(state.idle_since), "reason": state.reason}
            for name, state in sorted(self.runs.list_states(run).items())
            if state.idle_since is not None
        ]
