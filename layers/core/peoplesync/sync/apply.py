"""Apply: changes from a queue are folded into people. Only this writes people.

A batch is read once, folded, and written one transaction per household. Only poison dies; what cannot be done
now is sent again with a delay and loses nothing:

- A message that cannot be read, or that breaks a limit, is buried in the dead-letter queue with its reason.
- A tie that Stripe cannot settle now, throttling, or a race lost after five new folds: the message waits.
- Anything else is a crash: the queue delivers the message again, and five crashes bury it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from peoplesync.domain.catalogue import Catalogue, CatalogueChange, index_of_users
from peoplesync.domain.connections import Epoch
from peoplesync.domain.custom_fields import mapped_metadata
from peoplesync.domain.households import Household
from peoplesync.domain.people import Person, record_identity
from peoplesync.sync.apply_catalogue import answer_of, apply_to_catalogue
from peoplesync.sync.asking import Questions
from peoplesync.sync.fates import Delivery, Fates, Report, Task, Tasks
from peoplesync.sync.folding import Folder
from peoplesync.sync.forgetting import forget_feeds
from peoplesync.sync.messages import Erase, Message, Walk, first_cause
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

SHORTEST_STEP_BACK: Final = 0.05
"""Seconds that a household is left alone after a lost race, at most; doubled with each race."""

MAX_RACES: Final = 5
"""How often a household is folded again because someone else wrote it first."""


@dataclass
class Applier:
    """The use case with what it needs. `jitter` draws from [0, 1); `new_id` names new people; `sleep`
    is between two races."""

    people: People
    catalogue: Catalogues
    stripe: Stripe
    connections: Connections
    runs: Runs
    old_rows: OldRows
    clock: Callable[[], int]
    new_id: Callable[[], str]
    jitter: Callable[[], float]
    sleep: Callable[[float], None]

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
            reasons = fates.reasons(delivery)
            self.runs.applied(message.epoch, message.chunk.run, message.chunk.id, failed, reasons)
        except Exception as crash:
            fates.report.crashed[delivery.id] = crash


@dataclass
class _Batch:
    world: Applier
    fates: Fates
    observers: dict[Epoch, Observer] = field(default_factory=dict)
    questions: dict[Epoch, Questions] = field(default_factory=dict)

    @property
    def folder(self) -> Folder:
        return Folder(self.world, self.fates)

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
            connection = self.world.connections.get_even_disconnected(epoch.connection)
            if connection is None or connection.epoch != epoch:
                self.fates.finish("dropped", tasks)
                return
            if connection.disconnected_at is not None:
                # Its people stay, and can ask to be erased.
                useless = {name: task for name, task in tasks.items() if not task.message.erase}
                self.fates.finish("dropped", useless)
                tasks = {name: task for name, task in tasks.items() if name not in useless}
            watching = Observer(connection, self.fates.report, self.world.clock)
            observer = self.observers.setdefault(epoch, watching)
            questions = self.questions.setdefault(epoch, Questions(epoch))
            questions.attempts |= _asked_before(tasks)
            entries = {name: task for name, task in tasks.items() if task.entry or task.asked}
            self._apply_to_catalogue(epoch, entries)
            self._apply(epoch, {name: task for name, task in tasks.items() if name not in entries})
        except Unavailable:
            self.fates.wait({name: task for name, task in tasks.items() if name not in self.fates.done})
            return
        observer.note_heard(tasks, self.fates, self.world.connections)

    def _apply_to_catalogue(self, epoch: Epoch, tasks: Tasks) -> None:
        world = self.world
        for name, task in tasks.items():
            try:
                change = self._catalogue_change(epoch, task)
                if change is None:
                    continue
                queue, cause = task.delivery.queue, task.message.cause
                definitions = self.folder.definitions(epoch)
                mapped = mapped_metadata(definitions.fields, "product.metadata")
                news = apply_to_catalogue(epoch, change, world.catalogue, world.stripe, queue, cause, mapped)
                if news and change.asked_at is not None:
                    entry = world.catalogue.read(epoch, [change.key])[change.key]
                    self.questions[epoch].ask_again(entry, queue, cause, world.clock())
                if news and self._definitions_version(epoch) > definitions.version:
                    # A new field may be made of this, and the job have passed before it was written.
                    walk = Walk(index_of_users(change.key))
                    queue.send(Message(epoch, walk=walk, cause="definition_changed").encode())
                self.fates.finish("applied" if news else "stale", {name: task})
            except (LostRace, Unavailable):
                self.fates.wait({name: task})

    def _catalogue_change(self, epoch: Epoch, task: Task) -> CatalogueChange | None:
        """What a task says about the catalogue; Stripe is asked where that is the task."""
        if task.asked is None or task.message.ask is None:
            return task.entry
        after = task.message.ask.after
        return answer_of(epoch, task.asked, after, self.world.catalogue, self.world.stripe)

    def _apply(self, epoch: Epoch, tasks: Tasks) -> None:
        for race in range(1 + MAX_RACES):
            if not tasks:
                return
            if race:
                # Who tries again at once meets the same others again.
                self.world.sleep(SHORTEST_STEP_BACK * 2**race * self.world.jitter())
            tasks = self._attempt(epoch, tasks)
            self.fates.report.counts["races"] += len(tasks)
        self.fates.wait(tasks)

    def _attempt(self, epoch: Epoch, tasks: Tasks) -> Tasks:
        """Folds and writes once; returns the tasks whose household lost its race."""
        tasks = dict(tasks)
        lost: dict[str, Task] = {}
        newly_used: dict[str, Task] = {}
        newcomers: dict[str, Task] = {}
        folded = self.folder.fold(epoch, tasks)
        for household in folded.households:
            messages = {change.message for change in household.changes}
            theirs = {
                name: task
                for name, task in tasks.items()
                if name in messages or task.person in household.reviewed
            }
            tasks = {name: task for name, task in tasks.items() if name not in theirs}
            cause = first_cause(task.message.cause for task in theirs.values())
            self._announce(epoch, household, theirs)
            try:
                self.world.people.write(epoch, household, cause, self.world.clock())
            except LostRace:
                lost |= theirs
            except Unavailable:
                self.fates.wait(theirs)
            except TooLarge as limit:
                self._divide(epoch, theirs, limit)
            else:
                self._ask(epoch, household.after.values(), folded.known.catalogue, theirs)
                left = self._forget(epoch, household)
                away = {name: task for name, task in theirs.items() if _is_turned_away(task, household)}
                self.fates.finish("dropped", away)
                self.fates.finish("applied", {name: theirs[name] for name in theirs.keys() - away.keys()})
                self.observers[epoch].written(household, theirs)
                self._follow_up(epoch, household, theirs, left)
                self.fates.report.counts["entries"] += len(household.entries)
                if household.newly_uses:
                    newly_used |= theirs
                if household.newcomers:
                    newcomers |= theirs
        written = {person for one in folded.households for person in one.before}
        others = [person for name, person in folded.known.people.items() if name not in written]
        self._ask(epoch, others, folded.known.catalogue, tasks)
        again = [is_told_again(folded.known, task.change) for task in tasks.values()]
        self.fates.report.counts["duplicate"] += sum(again)
        self.fates.finish("stale", tasks)
        # Whoever may have to be folded again is not done before it is known, should anything fail here.
        self.fates.done -= newly_used.keys() | newcomers.keys()
        if newly_used and self._has_moved_on(epoch, folded.known.catalogue):
            self.fates.report.counts["applied"] -= len(newly_used)
            lost |= newly_used
        if newcomers and self._definitions_version(epoch) > folded.definitions_version:
            self.fates.report.counts["applied"] -= len(newcomers.keys() - lost.keys())
            lost |= newcomers
        self.fates.done |= (newly_used.keys() | newcomers.keys()) - lost.keys()
        return lost

    def _ask(self, epoch: Epoch, people: Iterable[Person | None], catalogue: Catalogue, tasks: Tasks) -> None:
        """Has Stripe asked for what is not known of people's terms; also where nothing was written, since a
        message may be delivered again that was interrupted just before this."""
        if not tasks:
            return
        queue = next(iter(tasks.values())).delivery.queue
        cause = first_cause(task.message.cause for task in tasks.values())
        known = [person for person in people if person is not None]
        asks = [task.message.ask for task in tasks.values()]
        answered = {ask.id for ask in asks if ask} if all(asks) else None
        self.questions[epoch].ask(known, catalogue, queue, cause, self.world.clock(), answered)

    def _definitions_version(self, epoch: Epoch) -> int:
        """The version of the definitions now. If it has risen while somebody became a person, the job that
        holds everybody against the new ones may have passed before they were in the index."""
        connection = self.world.connections.get(epoch.connection)
        return 0 if connection is None else connection.definitions_version

    def _has_moved_on(self, epoch: Epoch, catalogue: Catalogue) -> bool:
        """Whether an entry was changed while people who did not use it before were folded with it: the walk
        that tells its users may have missed them."""
        now = self.world.catalogue.read(epoch, catalogue.keys())
        return any(now[key].revision != entry.revision for key, entry in catalogue.items())

    def _divide(self, epoch: Epoch, tasks: Tasks, limit: TooLarge) -> None:
        """Too much for one transaction is written in two halves; what alone is too much is poison."""
        if len(tasks) == 1:
            self.fates.bury_task(next(iter(tasks.values())), str(limit))
            self.fates.done.update(tasks)
            return
        names = list(tasks)
        for half in (names[: len(names) // 2], names[len(names) // 2 :]):
            self._apply(epoch, {name: tasks[name] for name in half})

    def _announce(self, epoch: Epoch, household: Household, tasks: Tasks) -> None:
        """Where somebody to be erased has got more records than the message names, they are named in another
        one first: whoever is interrupted later knows by it whose feeds are to be deleted."""
        for task in tasks.values():
            before = household.before.get(task.person)
            if task.message.erase is None or before is None:
                continue
            named = {*task.message.erase.records, *before.records}
            if len(named) > len(task.message.erase.records):
                whole = Erase(before.id, tuple(sorted(named)))
                task.delivery.queue.send(Message(epoch, erase=whole, cause="erased").encode())

    def _forget(self, epoch: Epoch, household: Household) -> Mapping[str, Sequence[str]]:
        """Deletes the feeds of records that were erased: by person, those for which there was not the time.
        Were this lost, the message would come again."""
        unfinished: dict[str, Sequence[str]] = {}
        for person, former in household.before.items() if household.erased else ():
            theirs = former.records if former else ()
            erased = [record for record in theirs if record_identity(record) in household.erased]
            entries, left = forget_feeds(self.world.people, epoch, erased)
            if left:
                unfinished[person] = left
            if person in household.erasing:
                all_gone = household.after[person] is None and not left
                self.world.people.note_forgotten(
                    epoch, person, entries, self.world.clock(), all_gone=all_gone
                )
        return unfinished

    def _follow_up(
        self, epoch: Epoch, household: Household, tasks: Tasks, left: Mapping[str, Sequence[str]]
    ) -> None:
        """Has a crowded person reviewed until they are not; were this lost, the sweep would find them. Who
        has too many records, or too much of a feed, to be erased at once is erased on."""
        queue = next(iter(tasks.values())).delivery.queue if tasks else None
        if queue is None:
            return
        if household.crowded:
            queue.send(Message(epoch, review=tuple(sorted(household.crowded)), cause="moved").encode())
        for person in sorted(household.erasing | left.keys()):
            after = household.after[person] if person in household.erasing else None
            if records := {*left.get(person, ()), *(after.records if after else ())}:
                rest = Erase(person, tuple(sorted(records)))
                queue.send(Message(epoch, erase=rest, cause="erased").encode())


def _asked_before(tasks: Tasks) -> dict[tuple[str, str], int]:
    """How often what these tasks ask of Stripe will then have been asked."""
    asks = ((task.message.ask, task.message.attempt) for task in tasks.values())
    return {(ask.kind, ask.id): attempt + 1 for ask, attempt in asks if ask}


def _is_turned_away(task: Task, household: Household) -> bool:
    """Whether a task told of a record of which nothing is kept, since its e-mail is an erased person's."""
    return task.change is not None and record_identity(task.change.record) in household.erased
