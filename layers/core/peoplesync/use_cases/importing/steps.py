"""The steps of an import, as the state machine takes them.

Each answers with a `status`, by which the state machine chooses the next; expected failures are a status, not
an exception. An interrupted step is simply taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.lists import event_lists, object_lists, optional_permission, stripe_list
from peoplesync.use_cases.importing.progress import UNSEEN, missing_pages, progress_of, shortcoming
from peoplesync.use_cases.importing.reading_lists import READERS, BulkQueue, ListReader, put_on_queue
from peoplesync.use_cases.importing.request import Request, Unacceptable, read_request
from peoplesync.use_cases.importing.runs import ImportRuns, ListState, Run, Superseded
from peoplesync.use_cases.importing.unseen import Members, UnseenCustomers
from peoplesync.use_cases.ports import KeyRefused, Lists, NotPermitted, Unavailable
from peoplesync.use_cases.stripe_reads.pace import Pace, pace_of

Answer = dict[str, Any]

WAIT: Final = 30
"""Seconds to leave Stripe alone after it did not answer."""

GIVES_UP_AFTER: Final = 3600
"""Seconds without a single page after which a run fails."""

QUIET_LOOKS: Final = 3
"""After so many looks at an empty queue, what is not applied counts as missing."""

LONGEST_LOOK: Final = 20
"""Seconds between two looks at most."""


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...

    def close_gap(self, epoch: Epoch, at: int) -> None:
        """Clears the gap: a full import that began at `at` has made up for events that were lost."""


class Executions(Protocol):
    def is_running(self, execution: str) -> bool: ...


@dataclass
class Importer:
    """The use case with what it needs. A step that has taken `slice_seconds` ends, and is continued by the
    next; `share` is a run's default share of Stripe's rate limit."""

    connections: Connections
    runs: ImportRuns
    lists: Lists
    queue: BulkQueue
    members: Members
    executions: Executions
    clock: Callable[[], int]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    slice_seconds: float
    share: float
    readers: int = READERS

    def start(self, given: Mapping[str, Any], name: str, execution: str) -> Answer:
        """Begins a run, or goes on with one that stopped. `given` is the execution's input; `name` names a
        new run."""
        try:
            request = read_request(given, self.share)
            connection = self.connections.get(request.connection)
            if connection is None:
                raise Unacceptable(
                    f"there is no connection {request.connection}; peoplesync connect makes one"
                )
            run = self._resumed(connection, request, execution) or self._new(
                connection, request, name, execution
            )
        except Unacceptable as problem:
            nowhere = {"connection": "", "epoch": 0, "run": "", "lists": [], "events": []}
            return {**nowhere, "status": "refused", "reason": str(problem)}
        place = {"connection": run.epoch.connection, "epoch": run.epoch.number, "run": run.id}
        return {
            **place,
            "status": "running",
            "lists": [{**place, "list": one.name} for one in object_lists(run, connection.permissions)],
            "events": [{**place, "list": one.name} for one in event_lists(run)],
        }

    def _new(self, connection: Connection, request: Request, name: str, execution: str) -> Run:
        for other in self.runs.all(connection.epoch):
            if other.id == name:
                return other  # this very execution has begun it, and was interrupted
            if other.status == "running" and self.executions.is_running(other.execution):
                raise Unacceptable(f"import {other.id} is running; a second one would only slow it down")
        run = Run(
            name,
            connection.epoch,
            self.clock(),
            created_after=request.created_after,
            share=request.share,
            charge_days=request.charge_days,
            event_days=request.event_days,
            execution=execution,
            publish=request.publish,
        )
        self.runs.create(run)
        return run

    def _resumed(self, connection: Connection, request: Request, execution: str) -> Run | None:
        if not request.resume:
            return None
        run = self.runs.get(connection.epoch, request.resume)
        if run is None:
            raise Unacceptable(f"there is no import {request.resume}; peoplesync import list shows them")
        if run.status == "succeeded":
            raise Unacceptable(f"import {run.id} has succeeded; start a new one")
        if run.execution not in ("", execution) and self.executions.is_running(run.execution):
            raise Unacceptable(f"import {run.id} is still running")
        again = replace(
            run,
            status="running",
            execution=execution,
            failure="",
            finished_at=None,
            relisted=False,
            quiet_looks=0,
        )
        self.runs.save(again)
        self._waits_no_more(again)
        return again

    def _waits_no_more(self, run: Run) -> None:
        for name, state in self.runs.list_states(run).items():
            if state.idle_since is not None:
                self.runs.save_list_state(run, name, replace(state, idle_since=None, reason=""))

    def read_list(self, place: Mapping[str, Any]) -> Answer:
        """Reads one list for as long as a step may take: done, more, wait or failed."""
        run, connection = self._run(place)
        if run is None or connection is None:
            return _failed("the connection has begun a new epoch, or no longer exists")
        name, permissions = str(place["list"]), dict(connection.permissions)
        before = self.runs.list_state(run, name)
        out_of_time = self._timer()
        while True:
            listing = stripe_list(run, permissions, name)
            if listing is None:
                return {**place, "status": "done"}
            pace = Pace(
                pace_of(connection.livemode, run.share, listing.part, listing.side_by_side),
                self.monotonic,
                self.sleep,
            )
            reader = ListReader(
                run,
                listing,
                self.lists,
                self.queue,
                self.runs,
                self.connections,
                pace,
                out_of_time,
                self.readers,
            )
            try:
                done = reader.read()
                problem = "" if reader.pages or done else "Stripe's rate limit left no room"
            except NotPermitted as lacking:
                slug = lacking.permission or optional_permission(name)
                if slug and slug == optional_permission(name) and permissions.get(slug, True):
                    permissions[slug] = False
                    continue
                return _failed(f"the list of {name} cannot be read: {lacking}")
            except (KeyRefused, Superseded, UnreadableStripeObject) as end:
                return _failed(str(end))
            except Unavailable as silence:
                done, problem = False, str(silence)
            break
        now = self.clock()
        idle_since = (before.idle_since or now) if problem else None
        self.runs.save_list_state(run, name, ListState(before.refused + pace.refused, idle_since, problem))
        if idle_since is not None and now - idle_since >= GIVES_UP_AFTER:
            return _failed(f"the list of {name} cannot be read, for an hour now: {problem}")
        if problem:
            return {**place, "status": "wait", "seconds": WAIT, "reason": problem}
        return {**place, "status": "done" if done else "more"}

    def look(self, place: Mapping[str, Any]) -> Answer:
        """Whether all that was enqueued is applied: applied, waiting (for `seconds`), missing or failed."""
        run, connection = self._run(place)
        if run is None or connection is None:
            return _failed("the connection has begun a new epoch, or no longer exists")
        progress = progress_of(run, self.runs)
        counts = {**place, **progress.public()}
        if progress.complete:
            return {**counts, "status": "applied"}
        done = progress.applied + progress.failed + progress.answered
        is_quiet = self.queue.depth() == 0 and done == run.applied_before
        run = replace(run, quiet_looks=run.quiet_looks + 1 if is_quiet else 0, applied_before=done)
        if run.quiet_looks >= QUIET_LOOKS:
            if run.relisted:
                return _failed(f"these chunks were never applied: {', '.join(progress.missing)}")
            self.runs.save(replace(run, quiet_looks=0))
            return {**counts, "status": "missing"}
        self.runs.save(run)
        seconds = min(LONGEST_LOOK, 1 + max(0, self.clock() - run.started_at) // 20)
        return {**counts, "status": "waiting", "seconds": seconds}

    def relist(self, place: Mapping[str, Any]) -> Answer:
        """Lists again what is missing, once: done, wait or failed."""
        run, connection = self._run(place)
        if run is None or connection is None:
            return _failed("the connection has begun a new epoch, or no longer exists")
        for page in missing_pages(self.runs.pages(run), self.runs.chunks_applied(run)):
            if page.list == UNSEEN:
                self._unseen(run).again(page)
                continue
            listing = stripe_list(run, connection.permissions, page.list)
            if listing is None:
                continue
            try:
                again = self.lists.page(run.epoch.connection, listing.resource, page.params)
            except (Unavailable, NotPermitted) as problem:
                before = self.runs.list_state(run, page.list)
                since = before.idle_since or self.clock()
                waits = replace(before, idle_since=since, reason=str(problem))
                self.runs.save_list_state(run, page.list, waits)
                return {**place, "status": "wait", "seconds": WAIT, "reason": str(problem)}
            window = Window(page.window, 0, 0, pages=page.number)
            put_on_queue(run, page.list, window, page.params, again, self.queue, self.runs)
        self._waits_no_more(run)
        self.runs.save(replace(run, relisted=True))
        return {**place, "status": "done"}

    def ask_for_unseen(self, place: Mapping[str, Any]) -> Answer:
        """Has Stripe asked for customers that no list showed, who may be deleted: done, more or failed."""
        run, connection = self._run(place)
        if run is None or connection is None:
            return _failed("the connection has begun a new epoch, or no longer exists")
        try:
            done = not run.is_full or self._unseen(run).ask()
        except Superseded as end:
            return _failed(str(end))
        return {**place, "status": "done" if done else "more"}

    def finish(self, place: Mapping[str, Any]) -> Answer:
        """The run's end: succeeded only if everything is applied."""
        run, connection = self._run(place)
        if run is None or connection is None:
            return _failed("the connection has begun a new epoch, or no longer exists")
        progress = progress_of(run, self.runs)
        failure = shortcoming(progress, self.runs.failures(run) if progress.failed else ())
        ended = self._end(run, failure)
        if ended.status == "succeeded" and run.is_full:
            self.connections.close_gap(run.epoch, run.started_at)
        return {
            **place,
            **progress.public(),
            "status": ended.status,
            "reason": failure,
            "lists": progress.lists,
        }

    def fail(self, place: Mapping[str, Any], reason: str) -> Answer:
        """Notes that the run has failed; it can be resumed."""
        run, _ = self._run(place, any_epoch=True)
        if run is not None and run.status == "running":
            self._end(run, reason or "the state machine was stopped")
        return {**place, "status": "failed", "reason": reason}

    def _end(self, run: Run, failure: str) -> Run:
        ended = replace(
            run, status="failed" if failure else "succeeded", failure=failure, finished_at=self.clock()
        )
        self.runs.save(ended)
        return ended

    def _run(
        self, place: Mapping[str, Any], *, any_epoch: bool = False
    ) -> tuple[Run | None, Connection | None]:
        epoch = Epoch(str(place["connection"]), int(place["epoch"]))
        connection = self.connections.get(epoch.connection)
        if not any_epoch and (connection is None or connection.epoch != epoch):
            return None, None
        return self.runs.get(epoch, str(place["run"])), connection

    def _unseen(self, run: Run) -> UnseenCustomers:
        return UnseenCustomers(run, self.runs, self.members, self.queue, self._timer())

    def _timer(self) -> Callable[[], bool]:
        ends_at = self.monotonic() + self.slice_seconds
        return lambda: self.monotonic() >= ends_at


def _failed(reason: str) -> Answer:
    return {"status": "failed", "reason": reason}
