"""Imports as public JSON, for watching them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from peoplesync.use_cases.importing.progress import counts, objects_listed
from peoplesync.use_cases.importing.runs import ImportRun, ImportRuns
from peoplesync.use_cases.jobs.overview import Overview
from peoplesync.use_cases.jobs.progress import progress_of
from peoplesync.use_cases.public_json import iso


@dataclass(frozen=True)
class Imports(Overview[ImportRun]):
    """The imports of a connection. Their counts are how many Stripe objects are `listed`, `enqueued`,
    `applied` and `failed`; `waiting` are the lists with which a running one waits for Stripe, each with
    `since` when and the `reason`."""

    goes_on = "peoplesync import resume"

    runs: ImportRuns

    def counts(self, run: ImportRun) -> dict[str, Any]:
        lists = objects_listed(run, self.runs)
        return {**counts(progress_of(run, self.runs), lists), "lists": lists}

    def shown(self, run: ImportRun) -> dict[str, Any]:
        shown = super().shown(run)
        return {**shown, "waiting": self._waiting(run) if shown["status"] == "running" else []}

    def _waiting(self, run: ImportRun) -> list[dict[str, str]]:
        return [
            {"list": name, "since": iso(state.idle_since), "reason": state.reason}
            for name, state in sorted(self.runs.list_states(run).items())
            if state.idle_since is not None
        ]
