"""Runs of tasks as public JSON, for watching them; and what a query has found, page by page."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.use_cases.jobs.job import Unacceptable
from peoplesync.use_cases.jobs.overview import Overview
from peoplesync.use_cases.jobs.runs import Superseded
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.scheduled.found import Found
from peoplesync.use_cases.tasks.querying import IDS
from peoplesync.use_cases.tasks.runs import A_PAGE, TaskRun, TaskRuns
from peoplesync.use_cases.tasks.verification import whole_report

STARTS_WITHIN: Final = 60
"""Seconds within which an execution that nobody knows yet may be about to start."""

_CURSOR: Final = re.compile(r"(\d{1,6})\.(\d{1,4})")


@dataclass(frozen=True)
class TaskOverview(Overview[TaskRun]):
    """The runs of a kind, the latest first. Each has `id`, `kind`, `status` (running, succeeded, failed or
    stopped), what was asked for, how far it has come, when it started and ended, why it did not succeed, and
    the state machine's `execution`.

    A query has `rule`, `segment`, `sort`, `columns`, and how many people were `looked_at`, `of` how many
    (None: not counted yet), and `found`. A verification has `sample`, `repair` and its `report` once it has
    one, a reconciliation `since` and its `report` so far, both as the commands of that name print them; among
    others a verification's report is without its lists."""

    goes_on = "resume"

    runs: TaskRuns

    def one(self, run_id: str) -> dict[str, Any] | None:
        """One run, with its whole report; None where there is none of that id, or no longer."""
        run = self.runs.get(self.epoch, run_id)
        if run is None:
            return None
        whole = {"report": whole_report(run, self.runs)} if run.kind == "verification" else {}
        return {**self.shown(run), **whole}

    def shown(self, run: TaskRun) -> dict[str, Any]:
        shown = super().shown(run)
        return {"id": run.id, "kind": run.kind, **shown, "execution": run.execution}

    def counts(self, run: TaskRun) -> dict[str, Any]:
        given, progress = run.given, run.progress
        match run.kind:
            case "query":
                counted = {name: progress.get(name, 0) for name in ("looked_at", "found")}
                return {**given, "of": progress.get("of"), **counted}
            case "verification":
                return {**given, "report": progress.get("report")}
            case "reconciliation":
                since = given["since"]
                report = Found(**progress["found"]).public() if "found" in progress else None
                return {"since": None if since is None else iso(since), "report": report}

    def page(self, run_id: str, after: str | None, most: int) -> dict[str, Any]:
        """Of what a query has found at most so many `ids`, in its order, and where the `next` page begins:
        None where the query has ended and there are no more of them. `after` is the `next` of the page
        before. Raises `NotFound` or `Unacceptable`."""
        run = self.runs.get(self.epoch, run_id)
        if run is None:
            raise NotFound(f"there is no query {run_id}, or no longer; start it again")
        number, begins_at = _position(after)
        ids: list[str] = []
        for at, page in self.runs.results(run, IDS, number):
            if at >= _pages(run):
                break
            first = begins_at if at == number else 0
            some = page[first : first + most - len(ids)]
            ids += some
            if first + len(some) < len(page):
                return {"ids": ids, "next": f"{at}.{first + len(some)}"}
            after = f"{at + 1}.0"
        has_ended = self.shown(run)["status"] != "running"
        return {"ids": ids, "next": None if has_ended else after or "0.0"}

    def _if_stopped(self, run: TaskRun) -> TaskRun:
        if self.job.clock() - run.begun_at < STARTS_WITHIN:
            return run  # its execution may not have started yet
        with suppress(Superseded):
            return super()._if_stopped(run)
        return self.runs.get(run.epoch, run.id) or run


def _pages(run: TaskRun) -> int:
    """How many pages of its answer a query has: one more may have been stored than it has noted."""
    if run.given["sort"] is None:
        return int(run.progress.get("pages", 0))
    return -(-int(run.progress["found"]) // A_PAGE) if run.progress.get("sorted") else 0


def _position(after: str | None) -> tuple[int, int]:
    if after is None:
        return 0, 0
    if not (found := _CURSOR.fullmatch(after)):
        raise Unacceptable(f"{after!r} begins no page; take the `next` of the page before")
    return int(found[1]), int(found[2])
