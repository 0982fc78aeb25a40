"""Long-running messages: walks through a member index and purges of an old epoch, one step per delivery.

Each step puts a message for the rest on the queue before its own message is done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from peoplesync.use_cases.messages.message import IndexScan, Purge
from peoplesync.use_cases.ports import Connections, EpochPurge, People, Unavailable
from peoplesync.use_cases.worker.outcome.batch_results import BatchResults
from peoplesync.use_cases.worker.outcome.report import Disposition
from peoplesync.use_cases.worker.tasks import Origin

PEOPLE_A_STEP: Final = 25
"""How many people one step of a walk through an index takes."""


@dataclass(frozen=True)
class LongRunning:
    """Does the next step of a walk or a purge."""

    people: People
    connections: Connections
    old_rows: EpochPurge
    results: BatchResults

    def next_people(self, origin: Origin, walk: IndexScan) -> Sequence[str]:
        """The ids of the next people of a walk; a message for the others goes on the queue. Empty if they
        cannot be read now."""
        message = origin.message
        try:
            people = self.people.members_page(
                message.epoch, walk.index, walk.shard, walk.after, PEOPLE_A_STEP
            )
        except Unavailable:
            self.results.wait_whole(origin)
            return ()
        if len(people) == PEOPLE_A_STEP:
            rest = replace(walk, after=people[-1])
        elif walk.shard + 1 < self.people.shards:
            rest = replace(walk, shard=walk.shard + 1, after="")
        else:
            return people
        origin.delivery.queue.send(replace(message, walk=rest, attempt=0).encode())
        return people

    def purge(self, origin: Origin, purge: Purge) -> None:
        """Deletes some rows of an epoch, if it is over, and puts a message for the rest on the queue."""
        message = origin.message
        try:
            connection = self.connections.get_even_disconnected(message.epoch.connection)
            if connection is not None and connection.epoch.number <= message.epoch.number:
                self.results.report.counts[Disposition.DROPPED.value] += 1
                return
            place = self.old_rows.purge(message.epoch, purge.table, purge.after)
        except Unavailable:
            self.results.wait_whole(origin)
            return
        if place is not None:
            table, after = place
            rest = replace(message, purge=Purge(table, after), attempt=0)
            origin.delivery.queue.send(rest.encode())
        self.results.report.counts["purged"] += 1
