"""What applying changes needs of the world, and how the world may refuse."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.catalogue import Catalogue, CatalogueKey, Entry
from peoplesync.domain.changes import Answer, ObjectKey
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.households import Household, Known
from peoplesync.domain.segments import Definitions


class LostRace(Exception):
    """Somebody else wrote one of these people, identities or entries since they were read."""


class TooLarge(Exception):
    """A household that no transaction takes: too many items, or a person over the size limit."""


class Unavailable(Exception):
    """Something outside cannot be asked now: Stripe, or a throttled table. Later it can."""


class People(Protocol):
    def read(
        self,
        epoch: Epoch,
        identities: Collection[str],
        entries: Mapping[str, Collection[BillingEvent]],
        people: Collection[str],
    ) -> Known:
        """The people found by `identities`, and those of the ids `people`; which of `entries` are known."""

    def write(self, epoch: Epoch, household: Household, cause: str, now: int) -> None:
        """Raises LostRace, TooLarge or Unavailable."""

    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> Sequence[str]:
        """So many of an index's members of one shard at most, in order of id, after the given one."""

    @property
    def shards(self) -> int: ...


class Catalogues(Protocol):
    def read(self, epoch: Epoch, keys: Collection[CatalogueKey]) -> Catalogue:
        """An entry for each of the keys, of version 0 where nothing is known of it."""

    def write(self, epoch: Epoch, entry: Entry) -> None:
        """Raises LostRace or Unavailable."""


class Stripe(Protocol):
    def fetch(self, connection: str, key: ObjectKey) -> Answer:
        """Raises Unavailable."""


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...

    def definitions(self, connection: Connection) -> Definitions: ...

    def note_event(self, epoch: Epoch, at: int) -> None: ...


class Queue(Protocol):
    def send(self, body: str, delay: int = 0) -> None: ...

    def bury(self, body: str, reason: str) -> None: ...
