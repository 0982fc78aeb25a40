"""Enqueueing: people are put on the queue, page by page of their index.

A page goes through three calls: its chunks are put on the queue, it is noted with them, and the shard's
window moves on. After an interruption between any two of them it is handed out again, which does no harm:
evaluating somebody twice changes nothing. Chunks are named after who is in them, so that none is thought to
be applied that is not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.reading_lists import PATIENCE, BulkQueue, chunk_id
from peoplesync.use_cases.importing.runs import ListedPage, Superseded
from peoplesync.use_cases.messages.message import BulkBatch, Message
from peoplesync.use_cases.reevaluating.runs import LIST, Reevaluation, ReevaluationRuns

PEOPLE_A_CHUNK: Final = 25
"""A worker takes four chunks at a time, and must look at all their people well within its timeout."""

PEOPLE_A_PAGE: Final = 250
"""Ten chunks, which is what one request to the queue takes."""

MOST_AHEAD: Final = 120
"""Messages on the queue, for 3,000 people, above which the worker must catch up first. More would not make it
faster, but what else is put on the queue would wait for all of them."""

PAUSE: Final = 0.5
"""Seconds between two looks at a queue that is full. They are spent here: were the state machine to wait,
each look would count against the length of its history."""


class Members(Protocol):
    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> Sequence[str]: ...

    def count(self, epoch: Epoch, index: str) -> int: ...

    @property
    def shards(self) -> int: ...


@dataclass(frozen=True)
class HandingOut:
    """Hands people out for as long as `goes_on` says; nothing is lost by stopping."""

    run: Reevaluation
    runs: ReevaluationRuns
    members: Members
    queue: BulkQueue
    sleep: Callable[[float], None]
    goes_on: Callable[[], bool]

    def shard(self, number: int) -> bool:
        """Goes on with one shard; whether all of it is handed out. Raises `Superseded`."""
        window = self._taken_over(str(number))
        while not window.done:
            if not self._has_room():
                return False
            people = self._people(window)
            if people:
                self._put_on_queue(window, people)
            moved = replace(
                window,
                cursor=people[-1] if people else window.cursor,
                pages=window.pages + 1,
                listed=window.listed + len(people),
                done=len(people) < PEOPLE_A_PAGE,
            )
            window = self.runs.save_window(self.run, LIST, moved)
        return True

    def again(self, page: ListedPage) -> bool:
        """Hands out once more who is in the place of a page; whether there was time for it."""
        window = Window(page.window, 0, 0, cursor=str(page.params["after"]), pages=page.number)
        if not self._has_room():
            return False
        self._put_on_queue(window, self._people(window))
        return True

    def _has_room(self) -> bool:
        """Waits until the worker has kept up; False where there is no time left for that."""
        while self.goes_on():
            if self.queue.depth() < MOST_AHEAD:
                return True
            self.sleep(PAUSE)
        return False

    def _taken_over(self, shard: str) -> Window:
        """The window of a shard. A task of before, whose execution was stopped, may still be at work on it:
        it is stored anew, so that the other's next write fails, and not ours."""
        for _ in range(PATIENCE):
            window = self.runs.windows(self.run, LIST).get(shard) or Window(shard, 0, 0)
            try:
                return self.runs.save_window(self.run, LIST, window)
            except Superseded:  # it has just moved it: what it did is taken over too
                continue
        raise Superseded("another task goes on with this run")

    def _people(self, window: Window) -> Sequence[str]:
        shard = int(window.id)
        return self.members.members_page(self.run.epoch, EVERYONE, shard, window.cursor, PEOPLE_A_PAGE)

    def _put_on_queue(self, window: Window, people: Sequence[str]) -> None:
        chunks: dict[str, int] = {}
        bodies = []
        for number, start in enumerate(range(0, len(people), PEOPLE_A_CHUNK)):
            some = tuple(people[start : start + PEOPLE_A_CHUNK])
            name = chunk_id(LIST, window, number, some)
            chunks[name] = len(some)
            chunk = BulkBatch(name, self.run.id, people=some)
            bodies.append(Message(self.run.epoch, chunk=chunk, cause="definition_changed").encode())
        self.queue.send_all(bodies)
        page = ListedPage(LIST, window.id, window.pages, chunks, {"after": window.cursor})
        self.runs.add_page(self.run, page)
