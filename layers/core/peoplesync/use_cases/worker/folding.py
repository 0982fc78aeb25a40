"""Folding a batch: loads what its tasks are about, folds, and fetches what the fold lacks.

It may lack more people, newer definitions, products and coupons, and what only Stripe can settle.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from peoplesync.domain.catalogue import CatalogueKey
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.fields.terms import uses_of
from peoplesync.domain.people.fold import addressed, charges_in, entries_in, fold, identities_in
from peoplesync.domain.people.person import ERASED, record_identity
from peoplesync.domain.people.write_set import FoldResult, LoadedState, WriteSet
from peoplesync.domain.records.changes import Answer, Change, ObjectKey
from peoplesync.domain.records.record import MOST_SUBSCRIPTIONS
from peoplesync.domain.records.snapshots import Rank
from peoplesync.domain.segments.definitions import Definitions
from peoplesync.use_cases.ports import Connections, Unavailable, WorkerPorts
from peoplesync.use_cases.worker.feed_deletion import delete_feeds
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.report import Disposition
from peoplesync.use_cases.worker.tasks import ErasePerson, FoldChange, PeopleTask, PeopleTasks, ReviewPerson

PATIENCE_WITH_STRIPE: Final = 5
"""Seconds after which a batch stops asking Stripe; what is not settled then waits."""


@dataclass(frozen=True)
class FoldedBatch:
    """What a batch folded to: its write sets, what they were made of, and the tasks that were folded."""

    write_sets: Sequence[WriteSet]
    loaded: LoadedState
    definitions_version: int
    tasks: PeopleTasks


@dataclass(frozen=True)
class Folder:
    """Folds the tasks of one epoch."""

    ports: WorkerPorts
    epoch: Epoch
    results: BatchResults

    def fold(self, tasks: PeopleTasks, loaded: LoadedState) -> FoldedBatch:
        """Folds what was loaded for the tasks, until nothing is lacking. Tasks about erased people are
        finished here; those that need an answer which Stripe cannot give now wait. Raises Unavailable."""
        tasks = self._without_excess(self._without_erased(tasks, loaded), loaded)
        used = {key for person in loaded.people.values() for key in uses_of(person.records.values())}
        loaded = self._with_catalogue(loaded, used)
        definitions = definitions_of(self.ports.connections, self.epoch, loaded.connection)
        answers: dict[ObjectKey, Answer] = {}
        while True:
            now, new_id = self.ports.clock(), self.ports.new_id
            reviews, erasures = _reviews_in(tasks), _erasures_in(tasks)
            result = fold(loaded, _changes_in(tasks), definitions, now, answers, new_id, reviews, erasures)
            if result.complete:
                return FoldedBatch(result.write_sets, loaded, definitions.version, tasks)
            if result.outdated:
                definitions = self._newer_definitions(definitions)
            loaded = self._with_what_lacked(loaded, result)
            answers |= self._ask_stripe(result.ties)
            tasks = self._without_unsettled(tasks, result.ties - answers.keys(), loaded)

    def load(self, tasks: PeopleTasks, *, again: bool = False) -> LoadedState:
        """What the tasks are about; `again` after a version conflict. Raises Unavailable."""
        changes = _changes_in(tasks)
        erased_records = {
            record
            for task in tasks.values()
            if isinstance(task, ErasePerson)
            for record in task.erase.records
        }
        loaded = self.ports.people.read(
            self.epoch,
            identities_in(changes) | {record_identity(record) for record in erased_records},
            entries_in(changes),
            _reviews_in(tasks) | _erasures_in(tasks),
            charges_in(changes),
            # Under an alias nothing is written, so an entry that is missed there would be counted twice.
            again=again or any(change.alias for change in changes),
        )
        return self._with_accounts(changes, loaded)

    def _with_accounts(self, changes: Sequence[Change], loaded: LoadedState) -> LoadedState:
        """A change of an account may be known under the customer whose account it is."""
        addressees = addressed(changes, loaded)
        others = [one for one, change in zip(addressees, changes, strict=True) if one != change]
        if not others:
            return loaded
        more = self.ports.people.read(self.epoch, (), entries_in(others), (), charges_in(others), again=True)
        return replace(
            loaded,
            entries={**more.entries, **loaded.entries}
            | {name: {*loaded.entries.get(name, ()), *found} for name, found in more.entries.items()},
            charges={
                name: {**loaded.charges.get(name, {}), **more.charges.get(name, {})}
                for name in loaded.charges.keys() | more.charges.keys()
            },
        )

    def _with_what_lacked(self, loaded: LoadedState, result: FoldResult) -> LoadedState:
        if result.unknown:
            more = self.ports.people.read(self.epoch, result.unknown, {}, (), {})
            return replace(
                loaded,
                identities={**loaded.identities, **more.identities},
                people={**more.people, **loaded.people},
            )
        if result.unlisted:
            return self._with_catalogue(loaded, result.unlisted)
        if result.fell:
            newest_payment = self.ports.people.newest_payment
            found = {record: newest_payment(self.epoch, record, fell) for record, fell in result.fell.items()}
            return replace(loaded, earlier={**loaded.earlier, **found})
        return loaded

    def _with_catalogue(self, loaded: LoadedState, keys: Collection[CatalogueKey]) -> LoadedState:
        entries = self.ports.catalogue.read(self.epoch, keys, loaded.catalogue_revision)
        return replace(loaded, catalogue={**loaded.catalogue, **entries})

    def _without_erased(self, tasks: PeopleTasks, loaded: LoadedState) -> PeopleTasks:
        """Drops changes about erased people, and deletes their feeds again: the erasing worker may have been
        interrupted. An erasure that has to go on with those feeds first is finished, too: its message is on
        the queue again."""
        erased = {identity for identity, owner in loaded.identities.items() if owner == ERASED}
        dropped = {
            name: task
            for name, task in tasks.items()
            if isinstance(task, FoldChange) and record_identity(task.change.record) in erased
        }
        delete_feeds(self.ports.people, self.epoch, {task.change.record for task in dropped.values()})
        put_back = {
            name: task
            for name, task in tasks.items()
            if isinstance(task, ErasePerson) and self._delete_feeds_again(task, erased, loaded)
        }
        self.results.finish(Disposition.DROPPED, dropped)
        self.results.finish(Disposition.APPLIED, put_back)
        return {name: task for name, task in tasks.items() if name not in dropped and name not in put_back}

    def _without_excess(self, tasks: PeopleTasks, loaded: LoadedState) -> PeopleTasks:
        """Dead-letters new subscriptions of a customer who has more than Stripe allows already, before they
        are folded: the customer's other changes go on."""
        kept = dict(tasks)
        for name, task in tasks.items():
            if not isinstance(task, FoldChange) or task.change.object.kind != "subscription":
                continue
            change, shown = task.change, task.change.snapshot
            person = loaded.people.get(loaded.identities.get(record_identity(change.record)) or "")
            record = person.records.get(change.record) if person else None
            if record is None or shown is None or shown.rank is Rank.TERMINAL:
                continue
            if not record.has_room_for(change.object.id):
                reason = f"{record.id} has {MOST_SUBSCRIPTIONS} subscriptions already, and Stripe allows 500"
                self.results.dead_letter_task(name, task, reason)
                del kept[name]
        return kept

    def _delete_feeds_again(self, task: ErasePerson, erased: Collection[str], loaded: LoadedState) -> bool:
        """Deletes the feeds of those records that are erased already. Whether some are left, for which the
        message was put back on the queue."""
        person = task.erase.person
        records = [one for one in task.erase.records if record_identity(one) in erased]
        if not records:
            return False
        entries, left = delete_feeds(self.ports.people, self.epoch, records)
        all_gone = not left and person not in loaded.people
        now = self.ports.clock()
        self.ports.people.note_forgotten(self.epoch, person, entries, now, all_gone=all_gone)
        if left:
            task.origin.delivery.queue.send(replace(task.origin.message, attempt=0).encode())
        return bool(left)

    def _newer_definitions(self, outdated: Definitions) -> Definitions:
        definitions = current_definitions(self.ports.connections, self.epoch)
        if definitions.version <= outdated.version:
            raise Unavailable("a person was folded with newer definitions than there are")
        return definitions

    def _ask_stripe(self, ties: Collection[ObjectKey]) -> Mapping[ObjectKey, Answer]:
        """Fetches what is tied, once each.

        When it fails once, or takes long, the rest is not asked: the batch must be done within its time.
        """
        answers: dict[ObjectKey, Answer] = {}
        gives_up_at = self.ports.clock() + PATIENCE_WITH_STRIPE
        for key in sorted(ties, key=lambda key: (key.kind, key.id)):
            if self.ports.clock() > gives_up_at:
                break
            try:
                answer = self.ports.stripe.fetch(self.epoch.connection, key)
            except Unavailable:
                break
            answers[key] = answer
            self.results.report.counts["ties"] += 1
            self.results.report.counts["not_found"] += answer.missing
            self.results.report.counts["unreadable"] += answer.unreadable is not None
        return answers

    def _without_unsettled(
        self, tasks: PeopleTasks, unsettled: Collection[ObjectKey], loaded: LoadedState
    ) -> PeopleTasks:
        """Has those tasks wait that cannot go on without one of these objects."""
        if not unsettled:
            return tasks
        waiting = {name: task for name, task in tasks.items() if _needs(task, unsettled, loaded)}
        self.results.wait(waiting)
        return {name: task for name, task in tasks.items() if name not in waiting}


def current_definitions(connections: Connections, epoch: Epoch) -> Definitions:
    """The definitions as they are now. Raises Unavailable."""
    return definitions_of(connections, epoch, connections.get_even_disconnected(epoch.connection))


def definitions_of(connections: Connections, epoch: Epoch, connection: Connection | None) -> Definitions:
    """The definitions as they were when the connection was read. Raises Unavailable."""
    if connection is None:
        raise Unavailable(f"connection {epoch.connection} has just been removed")
    return connections.definitions(connection)


def current_definitions_version(connections: Connections, epoch: Epoch) -> int:
    """The version of the definitions now; 0 if there is no such connection. Raises Unavailable."""
    connection = connections.get(epoch.connection)
    return 0 if connection is None else connection.definitions_version


def _changes_in(tasks: PeopleTasks) -> list[Change]:
    return [task.change for task in tasks.values() if isinstance(task, FoldChange)]


def _erasures_in(tasks: PeopleTasks) -> set[str]:
    return {task.erase.person for task in tasks.values() if isinstance(task, ErasePerson)}


def _reviews_in(tasks: PeopleTasks) -> set[str]:
    """The people to be reviewed; who is to be erased is not reviewed before."""
    reviews = {task.person for task in tasks.values() if isinstance(task, ReviewPerson)}
    return reviews - _erasures_in(tasks)


def _needs(task: PeopleTask, objects: Collection[ObjectKey], loaded: LoadedState) -> bool:
    """Whether a task cannot go on without one of the objects: the object of its change, or a customer of its
    person."""
    match task:
        case FoldChange(change=change):
            return change.object in objects
        case ReviewPerson(person=name):
            person = loaded.people.get(name)
        case ErasePerson(erase=erase):
            person = loaded.people.get(erase.person)
    return person is not None and any(ObjectKey("customer", one) in objects for one in person.records)
