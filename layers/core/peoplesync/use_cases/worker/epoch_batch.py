"""The tasks of one epoch in a batch: applied together, to the catalogue first and then to people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.use_cases.ports import Unavailable, WorkerPorts
from peoplesync.use_cases.worker.apply_people import PeopleChanges
from peoplesync.use_cases.worker.asking import Questions
from peoplesync.use_cases.worker.catalogue_changes import CatalogueChanges
from peoplesync.use_cases.worker.folding import Folder
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.report import Disposition
from peoplesync.use_cases.worker.outcome.worker_metrics import WorkerMetrics
from peoplesync.use_cases.worker.tasks import ChangeCatalogue, ErasePerson, PeopleTasks, Tasks
from peoplesync.use_cases.worker.writing import Writer


@dataclass
class EpochBatch:
    """Applies the tasks of one epoch. `metrics` are None until its connection was read."""

    ports: WorkerPorts
    epoch: Epoch
    results: BatchResults
    metrics: WorkerMetrics | None = None
    questions: Questions = field(init=False)

    def __post_init__(self) -> None:
        self.questions = Questions(self.epoch)

    def apply(self, tasks: Tasks) -> None:
        """Applies the tasks as one batch; where that crashes, each alone, so that one does not fail ten."""
        try:
            self._apply_together(tasks)
        except Exception:
            for name, task in self.results.unfinished(tasks).items():
                try:
                    self._apply_together({name: task})
                except Exception as crash:
                    self.results.report.crashed[task.origin.delivery.id] = crash
        if self.metrics:
            self.metrics.note_missed(self.ports.connections)

    def _apply_together(self, tasks: Tasks) -> None:
        try:
            metrics = self._apply_to_catalogue_and_people(tasks)
        except Unavailable:
            self.results.wait(self.results.unfinished(tasks))
            return
        if metrics:
            metrics.note_heard(tasks, self.results, self.ports.connections)

    def _apply_to_catalogue_and_people(self, tasks: Tasks) -> WorkerMetrics | None:
        """The catalogue comes first, so that people are folded with what is new in it. The connection is read
        with the people, or else alone; None where there is none any more."""
        for_catalogue: Mapping[str, ChangeCatalogue] = {
            name: task for name, task in tasks.items() if isinstance(task, ChangeCatalogue)
        }
        for_people: PeopleTasks = {
            name: task for name, task in tasks.items() if not isinstance(task, ChangeCatalogue)
        }
        folder = Folder(self.ports, self.epoch, self.results)
        loaded = folder.load(for_people) if for_people and not for_catalogue else None
        connection = loaded.connection if loaded else self._connection()
        if connection is None or connection.epoch != self.epoch:
            self.results.finish(Disposition.DROPPED, tasks)
            return None
        metrics = self.metrics = self.metrics or self._metrics_of(connection)
        if connection.disconnected_at is not None:
            for_catalogue, for_people = self._without_disconnected(for_catalogue, for_people)
        kept = (*for_catalogue.values(), *for_people.values())
        self.questions.note_asked(task.origin.message for task in kept)
        CatalogueChanges(self.ports, self.epoch, self.results, self.questions).apply(for_catalogue)
        writer = Writer(self.ports, self.epoch, self.results, self.questions, metrics)
        PeopleChanges(self.ports, self.epoch, self.results, folder, writer).apply(for_people, loaded)
        return metrics

    def _connection(self) -> Connection | None:
        return self.ports.connections.get_even_disconnected(self.epoch.connection)

    def _metrics_of(self, connection: Connection) -> WorkerMetrics:
        return WorkerMetrics(connection, self.results.report, self.ports.clock)

    def _without_disconnected(
        self, for_catalogue: Mapping[str, ChangeCatalogue], for_people: PeopleTasks
    ) -> tuple[Mapping[str, ChangeCatalogue], PeopleTasks]:
        """Drops what is about a disconnected account; but its people stay, and can be erased."""
        erasures = {name: task for name, task in for_people.items() if isinstance(task, ErasePerson)}
        dropped = {name: task for name, task in for_people.items() if name not in erasures}
        self.results.finish(Disposition.DROPPED, {**for_catalogue, **dropped})
        return {}, erasures
