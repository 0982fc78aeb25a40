"""Applying tasks to the catalogue: a product's name or a coupon's terms, and then to everybody who uses it.

An entry is written first; then a walk through the index of its users is sent, which has them reviewed; that
it was sent is written last. After a crash in between, the message is delivered again and sends the walk. A
person folded with the older entry meanwhile is found by its revision, after writing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from peoplesync.domain.catalogue import CatalogueChange, CatalogueKey, Entry, fold_entry, index_of_users
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.custom import mapped_metadata
from peoplesync.domain.publishing import OF_IMPORTS
from peoplesync.domain.records.snapshots import Tied
from peoplesync.use_cases.messages.message import IndexScan, Message
from peoplesync.use_cases.ports import Unavailable, VersionConflict, WorkerPorts
from peoplesync.use_cases.worker.asking import Questions
from peoplesync.use_cases.worker.folding import current_definitions, current_definitions_version
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.report import Disposition
from peoplesync.use_cases.worker.tasks import CatalogueQuestion, ChangeCatalogue, Origin


@dataclass(frozen=True)
class CatalogueChanges:
    """Applies tasks of one epoch to the catalogue."""

    ports: WorkerPorts
    epoch: Epoch
    results: BatchResults
    questions: Questions

    def apply(self, tasks: Mapping[str, ChangeCatalogue]) -> None:
        """Applies each task alone; those that cannot be applied now wait."""
        for name, task in tasks.items():
            try:
                is_news = self._apply(task)
            except (VersionConflict, Unavailable):
                self.results.wait({name: task})
            else:
                self.results.finish(Disposition.APPLIED if is_news else Disposition.STALE, {name: task})

    def _apply(self, task: ChangeCatalogue) -> bool:
        """Whether the task brought something new; then all that it makes necessary is on the queue."""
        origin = task.origin
        change = self._answer_to(task.source) if isinstance(task.source, CatalogueQuestion) else task.source
        definitions = current_definitions(self.ports.connections, self.epoch)
        mapped = mapped_metadata(definitions.fields, "product.metadata")
        is_news = self._fold_into_entry(change, origin, mapped)
        if is_news and change.asked_at is not None:
            queue, cause = origin.delivery.queue, origin.message.cause
            self.questions.ask_again(self._entry(change.key), queue, cause, self.ports.clock())
        version = current_definitions_version(self.ports.connections, self.epoch) if is_news else 0
        if version > definitions.version:
            # A new field may be made of this, and the job have passed before it was written.
            self._send_walk(change.key, origin, "definition_changed")
        return is_news

    def _answer_to(self, question: CatalogueQuestion) -> CatalogueChange:
        """What Stripe answers; a change of nothing if the entry has an answer already."""
        entry = self._entry(question.key)
        if entry.asked_at is not None and entry.asked_at > question.after:
            return CatalogueChange(question.key)
        return self.ports.stripe.terms(self.epoch.connection, question.key)

    def _fold_into_entry(self, change: CatalogueChange, origin: Origin, mapped: Collection[str]) -> bool:
        """Writes the entry, and has its users reviewed; whether the change was new.

        `mapped` is the metadata of products that fields are made of. What an import brings stays the import's
        for its users, whose changes are not published either.
        """
        entry = self._entry(change.key)
        folded = self._folded(entry, change, mapped)
        if folded != entry:
            self.ports.catalogue.write(self.epoch, folded)
        if folded != entry or folded.announced_revision != folded.revision:
            # Also after an interruption, or a warm worker would review the users with what it read before.
            self.ports.catalogue.raise_revision(self.epoch)
        if folded.announced_revision != folded.revision:
            cause = origin.message.cause
            self._send_walk(change.key, origin, cause if cause in OF_IMPORTS else "definition_changed")
            announced = replace(folded, version=folded.version + 1, announced_revision=folded.revision)
            self.ports.catalogue.write(self.epoch, announced)
        return folded != entry

    def _folded(self, entry: Entry, change: CatalogueChange, mapped: Collection[str]) -> Entry:
        try:
            return fold_entry(entry, [change], None, mapped)
        except Tied:
            answer = self.ports.stripe.fetch(self.epoch.connection, change.object)
            return fold_entry(entry, [change], answer, mapped)

    def _entry(self, key: CatalogueKey) -> Entry:
        return self.ports.catalogue.read(self.epoch, [key])[key]

    def _send_walk(self, key: CatalogueKey, origin: Origin, cause: str) -> None:
        walk = Message(self.epoch, walk=IndexScan(index_of_users(key)), cause=cause)
        origin.delivery.queue.send(walk.encode())
