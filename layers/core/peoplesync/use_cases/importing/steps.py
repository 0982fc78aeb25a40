"""The steps of an import, as the state machine takes them.

Each answers with a `status`, by which the state machine chooses the next; expected failures are a status, not
an exception. An interrupted step is simply taken again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC
from peoplesync.domain.records.snapshots import NO_NEWS_WITHIN
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.use_cases.importing.lists import lists_of, optional_permission, stripe_list
from peoplesync.use_cases.importing.progress import UNSEEN, counts, figures, objects_listed, shortcoming
from peoplesync.use_cases.importing.reading_lists import READERS, ListReader, batches
from peoplesync.use_cases.importing.request import read_request
from peoplesync.use_cases.importing.runs import ImportRun, ImportRuns, ListState
from peoplesync.use_cases.jobs.job import (
    Answer,
    Job,
    Place,
    Unacceptable,
    failed,
    place_of,
    refused,
    step,
    timer,
)
from peoplesync.use_cases.jobs.members import IndexEnqueuer, Members
from peoplesync.use_cases.jobs.pages import BulkQueue, enqueue_page, missing_pages
from peoplesync.use_cases.jobs.progress import progress_of
from peoplesync.use_cases.jobs.runs import connection_of
from peoplesync.use_cases.messages.message import BulkBatch
from peoplesync.use_cases.ports import KeyRefused, Lists, NotPermitted, Unavailable
from peoplesync.use_cases.stripe_reads.pace import PER_ENDPOINT, Pace

WAIT: Final = 30
"""Seconds to leave Stripe alone after it did not answer."""

GIVES_UP_AFTER: Final = 3600
"""Seconds without a single page after which a run fails."""

SHOWN_WITHIN: Final = 30 + NO_NEWS_WITHIN
"""A snapshot from up to so many seconds before the start counts as seen: clocks differ, and what was listed
then is not noted again."""


@dataclass
class Importer:
    """The use case with what it needs. A step ends when it has taken `slice_seconds`, and goes on with the
    next; `share` is a run's part of Stripe's rate limit where it does not say. `close_gap` takes when
    a full import began that has made up for what was missed before."""

    job: Job[ImportRun]
    runs: ImportRuns
    close_gap: Callable[[Epoch, int], None]
    lists: Lists
    queue: BulkQueue
    members: Members
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    slice_seconds: float
    share: float
    readers: int = READERS

    def start(self, given: Mapping[str, Any], name: str, execution: str) -> Answer:
        """Begins a run, or goes on with one that stopped. `given` is the execution's input; `name` names a
        new run."""
        try:
            name_of_connection, to_resume, asked_for = read_request(given, self.share)
            connection = self.job.connection(name_of_connection)
            if to_resume:
                run = self.job.resume(self.job.resumable(to_resume, connection.epoch, execution), execution)
                self._waits_no_more(run)
            else:
                asked_for |= {"started_at": self.job.clock(), "execution": execution}
                run = self.job.begin(
                    name, connection.epoch, _refusal, lambda: ImportRun(name, connection.epoch, **asked_for)
                )
        except Unacceptable as problem:
            return refused(problem, "lists")
        place = place_of(run)
        return {
            **place,
            "status": "running",
            "lists": [{**place, "list": one.name} for one in lists_of(run, connection.permissions)],
        }

    def _waits_no_more(self, run: ImportRun) -> None:
        for name, state in self.runs.list_states(run).items():
            if state.idle_since is not None:
                self.runs.save_list_state(run, name, replace(state, idle_since=None, reason=""))

    @step
    def read_list(self, place: Place) -> Answer:
        """Reads one list for as long as a step may take: done, more, wait or failed."""
        run, connection = self._run(place)
        name, permissions = str(place["list"]), dict(connection.permissions)
        states = dict(self.runs.list_states(run))
        before = states.pop(name, ListState())
        if any(self._has_given_up(one) for one in states.values()):
            return failed("the other lists are not read after that")
        out_of_time = timer(self.slice_seconds, self.monotonic)
        while True:
            listing = stripe_list(run, permissions, name)
            if listing is None and not optional_permission(name):
                return failed(f"this version reads no list of {name}: start a new import")
            if listing is None:
                return {**place, "status": "done"}
            pace = Pace(run.share * PER_ENDPOINT, self.monotonic, self.sleep)
            reader = ListReader(
                run,
                listing,
                self.runs,
                self.job.connections,
                self.lists,
                self.queue,
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
                return failed(f"the list of {name} cannot be read: {lacking}")
            except (KeyRefused, UnreadableStripeObject) as end_of_it:
                return failed(str(end_of_it))
            except Unavailable as silence:
                done, problem = False, str(silence)
            break
        now = self.job.clock()
        idle_since = (before.idle_since or now) if problem else None
        state = ListState(before.refused + pace.refused, idle_since, problem)
        self.runs.save_list_state(run, name, state)
        if self._has_given_up(state):
            return failed(f"the list of {name} cannot be read, for an hour now: {problem}")
        if problem:
            return {**place, "status": "wait", "seconds": WAIT, "reason": problem}
        return {**place, "status": "done" if done else "more"}

    def _has_given_up(self, state: ListState) -> bool:
        return state.idle_since is not None and self.job.clock() - state.idle_since >= GIVES_UP_AFTER

    @step
    def look(self, place: Place) -> Answer:
        """Whether all that was enqueued is applied: applied, waiting (for `seconds`), missing or failed."""
        run, _ = self._run(place)
        progress = progress_of(run, self.runs)
        answer = {**place, **counts(progress, objects_listed(run, self.runs))}
        return self.job.look(run, progress, self.queue, answer)

    @step
    def relist(self, place: Place) -> Answer:
        """Lists again what is missing, once: done, wait or failed."""
        run, connection = self._run(place)
        for page in missing_pages(run, self.runs):
            if page.list == UNSEEN:
                self._unseen(run).again(page)
                continue
            listing = stripe_list(run, connection.permissions, page.list)
            if listing is None:
                continue
            try:
                again = self.lists.page(run.epoch.connection, listing.resource, page.params)
            except (Unavailable, NotPermitted) as problem:
                before = self.runs.list_states(run).get(page.list, ListState())
                since = before.idle_since or self.job.clock()
                waits = replace(before, idle_since=since, reason=str(problem))
                self.runs.save_list_state(run, page.list, waits)
                return {**place, "status": "wait", "seconds": WAIT, "reason": str(problem)}
            enqueue_page(run, page, batches(listing, again), self.queue, self.runs)
        self._waits_no_more(run)
        self.runs.save(replace(run, enqueued_again=True))
        return {**place, "status": "done"}

    @step
    def ask_for_unseen(self, place: Place) -> Answer:
        """Has Stripe asked for customers that no list showed, who may be deleted: done, more or failed."""
        run, _ = self._run(place)
        customers = self._unseen(run)
        done = not run.is_full or all(customers.shard(shard) for shard in range(self.members.shards))
        return {**place, "status": "done" if done else "more"}

    @step
    def finish(self, place: Place) -> Answer:
        """The run's end: succeeded only if everything is applied."""
        run, _ = self._run(place)
        progress = progress_of(run, self.runs)
        came_to = figures(progress, objects_listed(run, self.runs))
        failure = shortcoming(progress, self.runs.failures(run) if progress.failed else ())
        ended = self.job.end(run, failure, counts={"figures": came_to})
        if ended.status == "succeeded" and run.is_full:
            self.close_gap(run.epoch, run.started_at)
        return {**place, **came_to, "status": ended.status, "reason": failure}

    def _run(self, place: Place) -> tuple[ImportRun, Connection]:
        run = self.job.run(place)
        return run, connection_of(run, self.job.connections)

    def _unseen(self, run: ImportRun) -> IndexEnqueuer[ImportRun]:
        """Has everybody in sync gone through. The worker, which reads them anyway, asks Stripe only for those
        of whom nothing was heard since the import began: whom it did not show was deleted meanwhile."""
        out_of_time = timer(self.slice_seconds, self.monotonic)
        return IndexEnqueuer(
            run,
            self.runs,
            self.members,
            self.queue,
            UNSEEN,
            CUSTOMERS_IN_SYNC,
            lambda customers: BulkBatch(as_of=run.started_at - SHOWN_WITHIN, unseen=customers),
            lambda: not out_of_time(),
        )


def _refusal(other: ImportRun) -> str:
    return f"import {other.id} is running; a second one would only slow it down"
