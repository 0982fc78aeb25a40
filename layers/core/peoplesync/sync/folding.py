"""Folding: a batch of tasks is folded with what is known, and what the fold lacks is fetched: more people,
newer definitions, products and coupons, and from Stripe what only Stripe can settle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from peoplesync.domain.changes import Answer, Change, ObjectKey
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fold import addressed, charges_in, entries_in, fold, identities_in
from peoplesync.domain.households import FoldResult, LoadedState, WriteSet
from peoplesync.domain.people import ERASED, record_identity
from peoplesync.domain.segments import Definitions
from peoplesync.domain.terms import uses_of
from peoplesync.sync.fates import BatchResults, Task, Tasks
from peoplesync.sync.forgetting import forget_feeds
from peoplesync.sync.messages import Erase
from peoplesync.sync.ports import Catalogues, Connections, People, Stripe, Unavailable

PATIENCE_WITH_STRIPE: Final = 5
"""Seconds after which a batch asks Stripe no more; what is not settled then waits."""


class World(Protocol):
    """What folding needs of the world."""

    @property
    def people(self) -> People: ...

    @property
    def catalogue(self) -> Catalogues: ...

    @property
    def stripe(self) -> Stripe: ...

    @property
    def connections(self) -> Connections: ...

    @property
    def clock(self) -> Callable[[], int]: ...

    @property
    def new_id(self) -> Callable[[], str]: ...


@dataclass(frozen=True)
class Folded:
    """The write sets that a batch came to, what was known before, and the version of the definitions."""

    write_sets: Sequence[WriteSet]
    known: LoadedState
    definitions_version: int


@dataclass(frozen=True)
class Folder:
    """Folds the tasks of a batch."""

    world: World
    fates: BatchResults

    def fold(self, epoch: Epoch, tasks: dict[str, Task]) -> Folded:
        """Folds until nothing is lacking. Tasks about who is erased are taken out, and those whose ties
        cannot be settled now."""
        changes, reviews, erasures = _asked_for(tasks)
        found_by = identities_in(changes) | {
            record_identity(record)
            for task in tasks.values()
            if task.message.erase
            for record in task.message.erase.records
        }
        known = self.world.people.read(
            epoch, found_by, entries_in(changes), {*reviews, *erasures}, charges_in(changes)
        )
        known = self._with_what_accounts_are_about(epoch, changes, known)
        if self._drop_erased(epoch, tasks, known):
            changes, reviews, erasures = _asked_for(tasks)
        used = {key for person in known.people.values() for key in uses_of(person.records.values())}
        known = replace(known, catalogue=self.world.catalogue.read(epoch, used))
        definitions = self.definitions(epoch)
        answers: dict[ObjectKey, Answer] = {}
        while True:
            now = self.world.clock()
            outcome = fold(known, changes, definitions, now, answers, self.world.new_id, reviews, erasures)
            if outcome.outdated:
                definitions = self._newer_definitions(epoch, definitions)
            elif outcome.unknown:
                more = self.world.people.read(epoch, outcome.unknown, {}, (), {})
                known = replace(
                    known,
                    identities={**known.identities, **more.identities},
                    people={**more.people, **known.people},
                )
            elif outcome.unlisted:
                more_entries = self.world.catalogue.read(epoch, outcome.unlisted)
                known = replace(known, catalogue={**known.catalogue, **more_entries})
            elif outcome.fell:
                found = {
                    record: self.world.people.newest_payment(epoch, record, fell)
                    for record, fell in outcome.fell.items()
                }
                known = replace(known, earlier={**known.earlier, **found})
            elif not outcome.ties:
                return Folded(outcome.write_sets, known, definitions.version)
            unsettled = self._ask_stripe(epoch, outcome, answers)
            if unsettled:
                self.fates.wait(
                    {
                        name: tasks.pop(name)
                        for name, task in list(tasks.items())
                        if _is_about(task, unsettled, known)
                    }
                )
                changes, reviews, erasures = _asked_for(tasks)

    def _with_what_accounts_are_about(
        self, epoch: Epoch, changes: Sequence[Change], known: LoadedState
    ) -> LoadedState:
        """What is told under an account may be known of the customer whose account it is."""
        others = [one for one, told in zip(addressed(changes, known), changes, strict=True) if one != told]
        if not others:
            return known
        more = self.world.people.read(epoch, (), entries_in(others), (), charges_in(others))
        return replace(
            known,
            entries={**more.entries, **known.entries}
            | {name: {*known.entries.get(name, ()), *found} for name, found in more.entries.items()},
            charges={
                name: {**known.charges.get(name, {}), **more.charges.get(name, {})}
                for name in known.charges.keys() | more.charges.keys()
            },
        )

    def _drop_erased(self, epoch: Epoch, tasks: dict[str, Task], known: LoadedState) -> bool:
        """Takes out what is told of who is erased. Their feeds are deleted again, in case that whoever
        erased them was interrupted."""
        erased = {identity for identity, owner in known.identities.items() if owner == ERASED}
        gone = {
            name: task
            for name, task in tasks.items()
            if task.change and record_identity(task.change.record) in erased
        }
        forget_feeds(self.world.people, epoch, {task.change.record for task in gone.values() if task.change})
        unfinished = {
            name: task
            for name, task in tasks.items()
            if task.message.erase and not self._forget_again(epoch, task, task.message.erase, erased, known)
        }
        for name in (*gone, *unfinished):
            del tasks[name]
        self.fates.finish("dropped", gone)
        self.fates.finish("applied", unfinished)
        return bool(gone or unfinished)

    def _forget_again(
        self, epoch: Epoch, task: Task, erase: Erase, erased: Collection[str], known: LoadedState
    ) -> bool:
        """Whether nothing is left of the feeds of those who are erased already; else the message is put back
        on the queue."""
        records = [one for one in erase.records if record_identity(one) in erased]
        if not records:
            return True
        entries, left = forget_feeds(self.world.people, epoch, records)
        all_gone = not left and erase.person not in known.people
        self.world.people.note_forgotten(epoch, erase.person, entries, self.world.clock(), all_gone=all_gone)
        if left:
            task.delivery.queue.send(replace(task.message, attempt=0).encode())
        return not left

    def definitions(self, epoch: Epoch) -> Definitions:
        """The definitions as they are now. Raises Unavailable."""
        connection = self.world.connections.get_even_disconnected(epoch.connection)
        if connection is None:
            raise Unavailable(f"connection {epoch.connection} has just been removed")
        return self.world.connections.definitions(connection)

    def _newer_definitions(self, epoch: Epoch, outdated: Definitions) -> Definitions:
        definitions = self.definitions(epoch)
        if definitions.version <= outdated.version:
            raise Unavailable("a person was folded with newer definitions than there are")
        return definitions

    def _ask_stripe(
        self, epoch: Epoch, outcome: FoldResult, answers: dict[ObjectKey, Answer]
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
                self.fates.report.counts["unreadable"] += answers[key].unreadable is not None
        return frozenset(unsettled)


def _asked_for(tasks: Tasks) -> tuple[list[Change], set[str], set[str]]:
    """The changes to be folded, and the people to be reviewed and erased."""
    changes = [task.change for task in tasks.values() if task.change]
    erasures = {task.person for task in tasks.values() if task.message.erase}
    return changes, {task.person for task in tasks.values() if task.person} - erasures, erasures


def _is_about(task: Task, unsettled: Collection[ObjectKey], known: LoadedState) -> bool:
    """Whether a task cannot go on without one of the objects."""
    if task.change:
        return task.change.object in unsettled
    person = known.people.get(task.person)
    return person is not None and any(ObjectKey("customer", record) in unsettled for record in person.records)
