"""Applying tasks to people: fold them, write each write set, and conclude what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import record_identity
from peoplesync.domain.people.write_set import LoadedState, WriteSet
from peoplesync.use_cases.ports import TooLarge, Unavailable, VersionConflict, WorkerPorts
from peoplesync.use_cases.worker.folding import FoldedBatch, Folder
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.duplicates import is_duplicate
from peoplesync.use_cases.worker.outcome.report import Disposition
from peoplesync.use_cases.worker.tasks import FoldChange, PeopleTask, PeopleTasks
from peoplesync.use_cases.worker.writing import Writer, WriteResult, plan_writes

FIRST_BACK_OFF: Final = 0.1
"""Seconds for which the worker sleeps after the first version conflict, at most; doubled with each."""

MAX_CONFLICTS: Final = 5
"""How often tasks are folded again because someone else wrote their people first."""


@dataclass(frozen=True)
class PeopleChanges:
    """Applies tasks of one epoch to people."""

    ports: WorkerPorts
    epoch: Epoch
    results: BatchResults
    folder: Folder
    writer: Writer

    def apply(self, tasks: PeopleTasks, loaded: LoadedState | None = None) -> None:
        """Folds and writes until every task is done or waits; `loaded` is what was read for them already.
        Raises Unavailable where nothing can be read or sent; then some tasks are not done."""
        for conflicts in range(1 + MAX_CONFLICTS):
            if not tasks:
                return
            if conflicts:
                self._back_off(conflicts)
            if conflicts or loaded is None:
                loaded = self.folder.load(tasks, again=conflicts > 0)
            tasks = self._fold_and_write(tasks, loaded)
            self.results.report.counts["races"] += len(tasks)
        self.results.wait(tasks)

    def _back_off(self, conflicts: int) -> None:
        """Backs off before the next fold, or we collide with the same writers."""
        self.ports.sleep(FIRST_BACK_OFF * 2 ** (conflicts - 1) * self.ports.jitter())

    def _fold_and_write(self, tasks: PeopleTasks, loaded: LoadedState) -> PeopleTasks:
        """Folds and writes once; returns the tasks that must be folded again."""
        folded = self.folder.fold(tasks, loaded)
        planned, unwritten = plan_writes(folded)
        results: list[WriteResult] = []
        try:
            for result in self.writer.write(planned, folded.loaded.catalogue):
                results.append(result)
            self._conclude_unwritten(folded, unwritten)
        except Exception:
            # What is written already is not applied again, as all is that is not done.
            self._conclude(folded, results)
            raise
        return self._conclude(folded, results)

    def _conclude_unwritten(self, folded: FoldedBatch, tasks: PeopleTasks) -> None:
        """Finishes the tasks that brought nothing new, or nothing more than was written for them before."""
        written = {person for one in folded.write_sets for person in one.before}
        others = [person for name, person in folded.loaded.people.items() if name not in written]
        self.writer.ask_stripe(others, folded.loaded.catalogue, tasks)
        applied = self.results.written(tasks)
        stale = {name: task for name, task in tasks.items() if name not in applied}
        changes = [task.change for task in stale.values() if isinstance(task, FoldChange)]
        duplicates = sum(is_duplicate(folded.loaded, change) for change in changes)
        self.results.report.counts["duplicate"] += duplicates
        self.results.finish(Disposition.APPLIED, applied)
        self.results.finish(Disposition.STALE, stale)

    def _conclude(self, folded: FoldedBatch, results: Sequence[WriteResult]) -> PeopleTasks:
        """Finishes what was written, and has wait what cannot be written now. Returns the tasks that must be
        folded again."""
        again: dict[str, PeopleTask] = {}
        too_large: list[tuple[PeopleTasks, TooLarge]] = []
        written: list[WriteResult] = []
        for result in results:
            match result.refusal:
                case VersionConflict():
                    again |= result.tasks
                case Unavailable():
                    self.results.wait(result.tasks)
                case TooLarge() as limit:
                    too_large.append((result.tasks, limit))
                case None:
                    written.append(result)
        again |= self._conclude_written(folded, written)
        for tasks, limit in too_large:
            self._split(tasks, limit)
        return again

    def _conclude_written(self, folded: FoldedBatch, written: Sequence[WriteResult]) -> PeopleTasks:
        """Finishes what was written, but for the tasks that must be folded again, which it returns: what they
        were folded with had changed before they were written, so that the change may have missed them."""
        if not written:
            return {}
        for one in written:
            self.results.note_written(one.tasks)
        version, revision = self.ports.people.versions(self.epoch)
        outdated: Sequence[WriteResult] = ()
        if version > folded.definitions_version:
            # The job that evaluates everybody may have passed these before, and writes only whom it changes.
            outdated = written
        elif revision > folded.loaded.catalogue_revision:
            first_users = [one for one in written if one.write_set.uses_new_catalogue_items]
            outdated = first_users if first_users and self._catalogue_changed(folded) else ()
        again = {name: task for one in outdated for name, task in one.tasks.items()}
        for one in written:
            if again.keys().isdisjoint(one.tasks):
                self._finish(one)
        return again

    def _catalogue_changed(self, folded: FoldedBatch) -> bool:
        """The walk through the users of a changed entry may have passed before the new ones were there."""
        before = folded.loaded.catalogue
        now = self.ports.catalogue.read(self.epoch, before.keys())
        return any(now[key].revision != entry.revision for key, entry in before.items())

    def _finish(self, result: WriteResult) -> None:
        rejected = {name: task for name, task in result.tasks.items() if _is_rejected(task, result.write_set)}
        applied = {name: task for name, task in result.tasks.items() if name not in rejected}
        self.results.finish(Disposition.DROPPED, rejected)
        self.results.finish(Disposition.APPLIED, applied)

    def _split(self, tasks: PeopleTasks, limit: TooLarge) -> None:
        """Applies in halves what is too large for one transaction; dead-letters what is too large alone."""
        names = list(tasks)
        if len(names) == 1:
            self.results.dead_letter_task(names[0], tasks[names[0]], str(limit))
            return
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            self.apply({name: tasks[name] for name in half})


def _is_rejected(task: PeopleTask, write_set: WriteSet) -> bool:
    """Whether a task is about a record that is not kept, since its e-mail is an erased person's."""
    return isinstance(task, FoldChange) and record_identity(task.change.record) in write_set.erased
