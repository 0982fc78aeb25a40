"""Apply: changes from a queue are folded into people. Only this writes people.

A batch is read once, folded, and written one transaction per household. Only poison dies; what cannot be done
now is sent again with a delay and loses nothing:

- A message that cannot be read, or that breaks a limit, is buried in the dead-letter queue with its reason.
- A tie that Stripe cannot settle now, throttling, or a race lost after five new folds: the message waits.
- Anything else is a crash: the queue delivers the message again, and five crashes bury it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from peoplesync.domain.catalogue import Catalogue
from peoplesync.domain.changes import Answer, ObjectKey
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fold import entries_in, fold, identities_in
from peoplesync.domain.households import Household, Known, Outcome
from peoplesync.domain.profile import uses_of
from peoplesync.domain.segments import Definitions
from peoplesync.sync.apply_catalogue import apply_to_catalogue
from peoplesync.sync.fates import Delivery, Fates, Report, Task, Tasks
from peoplesync.sync.messages import Message, first_cause
from peoplesync.sync.observing import Observer
from peoplesync.sync.ports import (
    Catalogues,
    Connections,
    LostRace,
    OldRows,
    People,
    Runs,
    Stripe,
    TooLarge,
    Unavailable,
)
from peoplesync.sync.reading import Reader
from peoplesync.sync.told_again import is_told_again

MAX_RACES: Final = 5
"""How often a household is folded again because someone else wrote it first."""

PATIENCE_WITH_STRIPE: Final = 5
"""Seconds after which a batch asks Stripe no more; what is not settled then waits."""


@dataclass
class Applier:
    """The use case with what it needs. `jitter` draws from [0, 1); `new_id` names new people."""

    people: People
    catalogue: Catalogues
    stripe: Stripe
    connections: Connections
    runs: Runs
    old_rows: OldRows
    clock: Callable[[], int]
    new_id: Callable[[], str]
    jitter: Callable[[], float]

    def apply(self, deliveries: Sequence[Delivery]) -> Report:
        """Folds a batch; every message has been dealt with when it returns, but for those that crashed."""
        fates = Fates(self.jitter)
        batch, reader = _Batch(self, fates), Reader(self.people, self.connections, self.old_rows, fates)
        by_epoch: dict[Epoch, dict[str, Task]] = {}
        for delivery in deliveries:
            for name, task in reader.read(delivery).items():
                by_epoch.setdefault(task.message.epoch, {})[name] = task
        for epoch, tasks in by_epoch.items():
            batch.apply_epoch(epoch, tasks)
        for delivery, message in reader.chunks:
            self._note_applied(delivery, message, fates)
        fates.send_what_waits()
        return fates.report

    def _note_applied(self, delivery: Delivery, message: Message, fates: Fates) -> None:
        """An import knows by this what is applied; a chunk that is not noted is delivered again."""
        if message.chunk is None or not message.chunk.run or not fates.is_complete(delivery):
            return
        try:
            connection = self.connections.get(message.epoch.connection)
            if connection is None or connection.epoch != message.epoch:
                return
            failed = fates.failed_parts(delivery, message)
            self.runs.applied(message.epoch, message.chunk.run, message.chunk.id, failed)
        except Exception as crash:
            fates.report.crashed[delivery.id] = crash


@dataclass
class _Batch:
    world: Applier
    fates: Fates
    observers: dict[Epoch, Observer] = field(default_factory=dict)

    def apply_epoch(self, epoch: Epoch, tasks: Tasks) -> None:
        """Applies the tasks as one batch; where that crashes, each alone, so that one does not fail ten."""
        try:
            self._apply_together(epoch, tasks)
        except Exception:
            for name, task in tasks.items():
                if name in self.fates.done:
                    continue
                try:
                    self._apply_together(epoch, {name: task})
                except Exception as crash:
                    self.fates.report.crashed[task.delivery.id] = crash
        if epoch in self.observers:
            self.observers[epoch].note_missed(self.world.connections)

    def _apply_together(self, epoch: Epoch, tasks: Tasks) -> None:
        try:
            connection = self.world.connections.get(epoch.connection)
            if connection is None or connection.epoch != epoch:
                self.fates.finish("dropped", tasks)
                return
            watching = Observer(connection, self.fates.report, self.world.clock)
            observer = self.observers.setdefault(epoch, watching)
            entries = {name: task for name, task in tasks.items() if task.entry}
            self._apply_to_catalogue(epoch, entries)
            self._apply(epoch, {name: task for name, task in tasks.items() if name not in entries})
        except Unavailable:
            self.fates.wait({name: task for name, task in tasks.items() if name not in self.fates.done})
            return
        observer.note_heard(tasks, self.fates, self.world.connections)

    def _apply_to_catalogue(self, epoch: Epoch, tasks: Tasks) -> None:
        world = self.world
        for name, task in tasks.items():
            if task.entry is None:
                continue
            try:
                queue, cause = task.delivery.queue, task.message.cause
                news = apply_to_catalogue(epoch, task.entry, world.catalogue, world.stripe, queue, cause)
                self.fates.finish("applied" if news else "stale", {name: task})
            except (LostRace, Unavailable):
                self.fates.wait({name: task})

    def _apply(self, epoch: Epoch, tasks: Tasks) -> None:
        for _ in range(1 + MAX_RACES):
            if not tasks:
                return
            tasks = self._attempt(epoch, tasks)
            self.fates.report.counts["races"] += len(tasks)
        self.fates.wait(tasks)

    def _attempt(self, epoch: Epoch, tasks: Tasks) -> Tasks:
        """Folds and writes once; returns the tasks whose household lost its race."""
        tasks = dict(tasks)
        lost: dict[str, Task] = {}
        newly_used: dict[str, Task] = {}
        households, known = self._fold(epoch, tasks)
        for household in households:
            names = {change.message for change in household.changes} | household.reviewed
            theirs = {name: tasks.pop(name) for name in names if name in tasks}
            cause = first_cause(task.message.cause for task in theirs.values())
            try:
                self.world.people.write(epoch, household, cause, self.world.clock())
            except LostRace:
                lost |= theirs
            except Unavailable:
                self.fates.wait(theirs)
            except TooLarge as limit:
                self._divide(epoch, theirs, limit)
            else:
                self.fates.finish("applied", theirs)
                self.observers[epoch].written(household, theirs)
                self._follow_up(epoch, household, theirs)
                self.fates.report.counts["entries"] += len(household.entries)
                if household.newly_uses:
                    newly_used |= theirs
        again = [is_told_again(known, task.change) for task in tasks.values()]
        self.fates.report.counts["duplicate"] += sum(again)
        self.fates.finish("stale", tasks)
        if newly_used and self._has_moved_on(epoch, known.catalogue):
            self.fates.report.counts["applied"] -= len(newly_used)
            lost |= newly_used
        return lost

    def _has_moved_on(self, epoch: Epoch, catalogue: Catalogue) -> bool:
        """Whether an entry was changed while people who did not use it before were folded with it: the walk
        that tells its users may have missed them."""
        now = self.world.catalogue.read(epoch, catalogue.keys())
        return any(now[key].revision != entry.revision for key, entry in catalogue.items())

    def _fold(self, epoch: Epoch, tasks: dict[str, Task]) -> tuple[Sequence[Household], Known]:
        """Folds until nothing is lacking. Tasks whose ties cannot be settled now are taken out."""
        changes = [task.change for task in tasks.values() if task.change]
        reviews = {task.person for task in tasks.values() if task.person}
        known = self.world.people.read(epoch, identities_in(changes), entries_in(changes), reviews)
        used = {key for person in known.people.values() for key in uses_of(person.records.values())}
        known = replace(known, catalogue=self.world.catalogue.read(epoch, used))
        definitions = self._definitions(epoch)
        answers: dict[ObjectKey, Answer] = {}
        while True:
            now = self.world.clock()
            outcome = fold(known, changes, definitions, now, answers, self.world.new_id, reviews)
            if outcome.outdated:
                definitions = self._newer_definitions(epoch, definitions)
            elif outcome.unknown:
                more = self.world.people.read(epoch, outcome.unknown, {}, ())
                known = replace(
                    known,
                    identities={**known.identities, **more.identities},
                    people={**more.people, **known.people},
                )
            elif outcome.unlisted:
                more_entries = self.world.catalogue.read(epoch, outcome.unlisted)
                known = replace(known, catalogue={**known.catalogue, **more_entries})
            elif not outcome.ties:
                return outcome.households, known
            unsettled = self._ask_stripe(epoch, outcome, answers)
            if unsettled:
                self.fates.wait(
                    {
                        name: tasks.pop(name)
                        for name, task in list(tasks.items())
                        if _is_about(task, unsettled, known)
                    }
                )
                changes = [task.change for task in tasks.values() if task.change]
                reviews = {task.person for task in tasks.values() if task.person}

    def _definitions(self, epoch: Epoch) -> Definitions:
        connection = self.world.connections.get(epoch.connection)
        if connection is None:
            raise Unavailable(f"connection {epoch.connection} has just been removed")
        return self.world.connections.definitions(connection)

    def _newer_definitions(self, epoch: Epoch, outdated: Definitions) -> Definitions:
        definitions = self._definitions(epoch)
        if definitions.version <= outdated.version:
            raise Unavailable("a person was folded with newer definitions than there are")
        return definitions

    def _ask_stripe(
        self, epoch: Epoch, outcome: Outcome, answers: dict[ObjectKey, Answer]
    ) -> frozenset[ObjectKey]:
        """Fetches what is tied, once each; returns the objects that Stripe could not be asked for.

        When it fails once, or takes long, the rest is not asked: the batch must be done within its time.
        """
        unsettled: set[ObjectKey] = set()
        gives_up_at = self.world.clock() + PATIENCE_WITH_STRIPE
        for key in sorted(outcome.ties, key=lambda key: (key.kind, key.id)):
            if unsettled or self.world.clock() > gives_up_at:
                unsettled.add(key)
                continue
            try:
                answers[key] = self.world.stripe.fetch(epoch.connection, key)
            except Unavailable:
                unsettled.add(key)
            else:
                self.fates.report.counts["ties"] += 1
                self.fates.report.counts["not_found"] += answers[key].missing
        return frozenset(unsettled)

    def _divide(self, epoch: Epoch, tasks: Tasks, limit: TooLarge) -> None:
        """Too much for one transaction is written in two halves; what alone is too much is poison."""
        if len(tasks) == 1:
            self.fates.bury_task(next(iter(tasks.values())), str(limit))
            self.fates.done.update(tasks)
            return
        names = list(tasks)
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            self._apply(epoch, {name: tasks[name] for name in half})

    def _follow_up(self, epoch: Epoch, household: Household, tasks: Tasks) -> None:
        """Has a crowded person reviewed until they are not; were this lost, the sweep would find them."""
        if household.crowded:
            queue = next(iter(tasks.values())).delivery.queue
            queue.send(Message(epoch, review=tuple(sorted(household.crowded)), cause="moved").encode())


def _is_about(task: Task, unsettled: Collection[ObjectKey], known: Known) -> bool:
    """Whether a task cannot go on without one of the objects."""
    if task.change:
        return task.change.object in unsettled
    person = known.people.get(task.person)
    return person is not None and any(ObjectKey("customer", record) in unsettled for record in person.records)
