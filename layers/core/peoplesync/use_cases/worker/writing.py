"""Writing: write sets, each in full or not at all, and what has to follow them.

When a write's result is there, all that it makes necessary is on the queue, and the feeds of erased records
are gone or will be. Only then may the tasks of the write set be done: what crashes before is delivered again.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from peoplesync.domain.catalogue import Catalogue
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person, record_identity
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.use_cases.messages.message import Erase, Message, first_cause
from peoplesync.use_cases.ports import Queue, TooLarge, Unavailable, VersionConflict, WorkerPorts
from peoplesync.use_cases.worker.asking import Questions
from peoplesync.use_cases.worker.feed_deletion import delete_feeds
from peoplesync.use_cases.worker.folding import FoldedBatch
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.worker_metrics import WorkerMetrics
from peoplesync.use_cases.worker.tasks import ErasePerson, FoldChange, PeopleTask, PeopleTasks, ReviewPerson


@dataclass(frozen=True)
class PlannedWrite:
    """A write set, with the tasks that it is written for."""

    write_set: WriteSet
    tasks: PeopleTasks


Refusal = VersionConflict | Unavailable | TooLarge


@dataclass(frozen=True)
class WriteResult:
    """What came of a write: the write set is written, unless there is a `refusal`."""

    write_set: WriteSet
    tasks: PeopleTasks
    refusal: Refusal | None = None


def plan_writes(folded: FoldedBatch) -> tuple[list[PlannedWrite], PeopleTasks]:
    """The write sets of a batch with their tasks, and the tasks for which nothing has to be written."""
    plans, left = [], dict(folded.tasks)
    for write_set in folded.write_sets:
        messages = {change.message for change in write_set.changes}
        tasks = {name: task for name, task in left.items() if _belongs(name, task, write_set, messages)}
        left = {name: task for name, task in left.items() if name not in tasks}
        plans.append(PlannedWrite(write_set, tasks))
    return plans, left


def _belongs(name: str, task: PeopleTask, write_set: WriteSet, messages: Collection[str]) -> bool:
    match task:
        case FoldChange():
            return name in messages
        case ErasePerson(erase=erase):
            return erase.person in write_set.reviewed
        case ReviewPerson(person=person):
            return person in write_set.reviewed


@dataclass(frozen=True)
class Writer:
    """Writes the write sets of one epoch."""

    ports: WorkerPorts
    epoch: Epoch
    results: BatchResults
    questions: Questions
    metrics: WorkerMetrics

    def write(self, planned: Sequence[PlannedWrite], catalogue: Catalogue) -> Iterator[WriteResult]:
        """Writes people, entries, members and identities: those of a write set at once, or not at all. What
        follows from a write is sent before its result is returned.

        `catalogue` is what they were folded with. Raises Unavailable where something that follows cannot be
        done now; and after the other results what a write crashed with.
        """
        if not planned:
            return
        for one in planned:
            self._announce_erasures(one.write_set, one.tasks)
        writes = [(one.write_set, _cause(one.tasks)) for one in planned]
        refusals = self.ports.people.write(self.epoch, writes, self.ports.clock())
        crashes: list[Exception] = []
        for one, refusal in zip(planned, refusals, strict=True):
            if refusal is None:
                self._follow(one.write_set, one.tasks, catalogue)
            if refusal is None or isinstance(refusal, Refusal):
                yield WriteResult(one.write_set, one.tasks, refusal)
            else:
                crashes.append(refusal)
        for crash in crashes:
            raise crash

    def _follow(self, write_set: WriteSet, tasks: PeopleTasks, catalogue: Catalogue) -> None:
        """Does what is necessary now that a write set is written."""
        self.metrics.note_written(write_set, tasks)
        self.results.report.counts["entries"] += len(write_set.entries)
        self.ask_stripe(write_set.after.values(), catalogue, tasks)
        left = self._delete_feeds(write_set)
        if tasks:
            queue = next(iter(tasks.values())).origin.delivery.queue
            self._review_crowded(write_set, queue)
            self._erase_rest(write_set, left, queue)

    def ask_stripe(self, people: Iterable[Person | None], catalogue: Catalogue, tasks: PeopleTasks) -> None:
        """Has Stripe asked for what is not known of people's terms; also where nothing was written, since a
        message may be delivered again that was interrupted just before this."""
        if not tasks:
            return
        origins = [task.origin for task in tasks.values()]
        cause = _cause(tasks)
        asks = [origin.message.ask for origin in origins]
        answered = {ask.id for ask in asks if ask} if all(asks) else None
        known = [person for person in people if person is not None]
        self.questions.ask(known, catalogue, origins[0].delivery.queue, cause, self.ports.clock(), answered)

    def _announce_erasures(self, write_set: WriteSet, tasks: PeopleTasks) -> None:
        """Where somebody to be erased has more records than the message names, another message names them all
        before they are written: after an interruption it says whose feeds are to be deleted."""
        for task in tasks.values():
            if not isinstance(task, ErasePerson):
                continue
            before = write_set.before.get(task.erase.person)
            named = {*task.erase.records, *(before.records if before else ())}
            if len(named) > len(task.erase.records):
                self._send_erasure(task.origin.delivery.queue, task.erase.person, named)

    def _delete_feeds(self, write_set: WriteSet) -> Mapping[str, Sequence[str]]:
        """Deletes the feeds of erased records; by person, the records whose feeds may not be gone yet."""
        unfinished: dict[str, Sequence[str]] = {}
        for person, before in write_set.before.items() if write_set.erased else ():
            records = before.records if before else ()
            erased = [record for record in records if record_identity(record) in write_set.erased]
            entries, left = delete_feeds(self.ports.people, self.epoch, erased)
            if left:
                unfinished[person] = left
            if person in write_set.erasing:
                all_gone = write_set.after[person] is None and not left
                now = self.ports.clock()
                self.ports.people.note_forgotten(self.epoch, person, entries, now, all_gone=all_gone)
        return unfinished

    def _review_crowded(self, write_set: WriteSet, queue: Queue) -> None:
        """A person with too many records for one e-mail is reviewed until that is resolved."""
        if write_set.unsharing:
            unsharing = tuple(sorted(write_set.unsharing))
            queue.send(Message(self.epoch, review=unsharing, cause="moved").encode())

    def _erase_rest(self, write_set: WriteSet, left: Mapping[str, Sequence[str]], queue: Queue) -> None:
        """A person with too many records or too long feeds for one step is erased in several."""
        for person in sorted(write_set.erasing | left.keys()):
            after = write_set.after[person] if person in write_set.erasing else None
            if records := {*left.get(person, ()), *(after.records if after else ())}:
                self._send_erasure(queue, person, records)

    def _send_erasure(self, queue: Queue, person: str, records: Iterable[str]) -> None:
        erase = Erase(person, tuple(sorted(records)))
        queue.send(Message(self.epoch, erase=erase, cause="erased").encode())


def _cause(tasks: PeopleTasks) -> str:
    return first_cause(task.origin.message.cause for task in tasks.values())
