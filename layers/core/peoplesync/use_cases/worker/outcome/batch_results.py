"""Results: what became of each task of a batch, and which messages are sent again or dead-lettered for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeVar

from peoplesync.use_cases.messages.message import Message
from peoplesync.use_cases.worker.outcome.report import Delivery, Disposition, Report
from peoplesync.use_cases.worker.tasks import Origin, ReviewPerson, Task, Tasks

SHORTEST_DELAY: Final = 30
LONGEST_DELAY: Final = 900
"""Seconds that a message waits at most before it is delivered again: at first, and after many attempts."""

NAMED: Final = 3
"""How many parts of a chunk that could never be applied are named to an import."""

ATTEMPTS_OF_THE_SWEEP: Final = 3
"""How often a review by the clock is tried, over minutes; then the sweep finds the person again, if still
needed. If it waited on, its copies would pile up."""

AnyTask = TypeVar("AnyTask", bound=Task)


@dataclass
class _Waiting:
    """A message to be sent again, for these of its tasks; for all of it, where there are none."""

    delivery: Delivery
    message: Message
    tasks: list[Task] = field(default_factory=list)
    written: bool = False


@dataclass
class BatchResults:
    """Collects the results of a batch, and in the end sends what must wait. `jitter` draws from [0, 1)."""

    jitter: Callable[[], float]
    report: Report = field(default_factory=Report)
    _done: set[str] = field(default_factory=set)
    _written: set[str] = field(default_factory=set)
    _waiting: dict[str, _Waiting] = field(default_factory=dict)
    _dead_parts: defaultdict[str, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))

    def finish(self, disposition: Disposition, tasks: Tasks) -> None:
        """These tasks are done, and all that they make necessary is on the queue."""
        self.report.counts[disposition.value] += len(tasks)
        self._done.update(tasks)

    def unfinished(self, tasks: Mapping[str, AnyTask]) -> dict[str, AnyTask]:
        """Those of the tasks that are not done."""
        return {name: task for name, task in tasks.items() if name not in self._done}

    def note_written(self, tasks: Tasks) -> None:
        """Something was written for these tasks, which need not be done with it."""
        self._written.update(tasks)

    def written(self, tasks: Mapping[str, AnyTask]) -> dict[str, AnyTask]:
        """Those of the tasks for which something was written."""
        return {name: task for name, task in tasks.items() if name in self._written}

    def wait(self, tasks: Tasks) -> None:
        """What could not be done now is to be sent again."""
        for name, task in tasks.items():
            new = _Waiting(task.origin.delivery, task.origin.message)
            waiting = self._waiting.setdefault(new.delivery.id, new)
            waiting.tasks.append(task)
            waiting.written |= name in self._written
        self.finish(Disposition.WAITING, tasks)

    def wait_whole(self, origin: Origin) -> None:
        """Nothing of a message could be done now."""
        self._waiting[origin.delivery.id] = _Waiting(origin.delivery, origin.message)
        self.report.counts[Disposition.WAITING.value] += 1

    def send_what_waits(self) -> None:
        """Sends a message again for each that has something left to do, and only with that. What crashed is
        delivered again as it is."""
        for delivery_id, waiting in self._waiting.items():
            if delivery_id in self.report.crashed:
                continue
            attempt = waiting.message.attempt
            again = self._left(waiting).next_attempt()
            if waiting.message.cause == "sweep" and waiting.written:
                # The sweep does not find them again, but they may be written with older definitions.
                again = replace(again, cause="definition_changed")
            elif waiting.message.cause == "sweep" and attempt + 1 >= ATTEMPTS_OF_THE_SWEEP:
                continue
            longest = min(LONGEST_DELAY, SHORTEST_DELAY * 2**attempt)
            try:
                waiting.delivery.queue.send(again.encode(), max(1, int(longest * self.jitter())))
            except Exception as crash:
                self.report.crashed[delivery_id] = crash

    def _left(self, waiting: _Waiting) -> Message:
        message, tasks = waiting.message, waiting.tasks
        if message.chunk:
            rest = message.chunk.only({task.origin.part for task in tasks})
            return replace(message, chunk=replace(rest, failed=self.failed_parts(waiting.delivery, message)))
        if people := tuple(task.person for task in tasks if isinstance(task, ReviewPerson)):
            return replace(message, review=people, walk=None)
        return message

    def is_complete(self, delivery: Delivery) -> bool:
        """Whether nothing of a message waits or has to be delivered again."""
        return delivery.id not in self.report.crashed and delivery.id not in self._waiting

    def failed_parts(self, delivery: Delivery, message: Message) -> int:
        """How many parts of a chunk could never be applied."""
        before = message.chunk.failed if message.chunk else 0
        return before + len(self._dead_parts[delivery.id])

    def reasons(self, delivery: Delivery) -> list[str]:
        """Why some of them could not: they name their objects."""
        return list(self._dead_parts[delivery.id].values())[:NAMED]

    def dead_letter(self, delivery: Delivery, reason: str) -> None:
        """Dead-letters a message that no later attempt can apply."""
        self._dead_letter(delivery, delivery.body, reason)

    def dead_letter_task(self, name: str, task: Task, reason: str) -> None:
        """Dead-letters the message of a task; of a chunk only the task's part."""
        origin = task.origin
        if origin.message.chunk is None:
            self.dead_letter(origin.delivery, reason)
        else:
            self.dead_letter_part(origin, reason)
        self._done.add(name)

    def dead_letter_part(self, origin: Origin, reason: str) -> None:
        """Dead-letters one part of a chunk, once; the others go on."""
        chunk, dead = origin.message.chunk, self._dead_parts[origin.delivery.id]
        if chunk is None or origin.part in dead:
            return
        dead[origin.part] = reason
        alone = replace(chunk.only({origin.part}), run="", failed=0)
        self._dead_letter(origin.delivery, replace(origin.message, chunk=alone).encode(), reason)

    def _dead_letter(self, delivery: Delivery, body: str, reason: str) -> None:
        delivery.queue.dead_letter(body, reason)
        self.report.counts[Disposition.DEAD.value] += 1
        self.report.dead_lettered.append(reason)
