"""What applying changes needs of the world, and how the world may refuse.

Whoever talks to the world needs its refusals, and need not load the whole domain for them.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from peoplesync.domain.billing_events import BillingEvent
    from peoplesync.domain.catalogue import Catalogue, CatalogueChange, CatalogueKey, Entry
    from peoplesync.domain.connections import Connection, Epoch
    from peoplesync.domain.people.write_set import LoadedState, WriteSet
    from peoplesync.domain.records.changes import Answer, ObjectKey
    from peoplesync.domain.records.snapshots import Snapshot
    from peoplesync.domain.segments.definitions import Definitions


class VersionConflict(Exception):
    """Somebody else has written one of these people, identities or entries since they were read."""


class TooLarge(Exception):
    """A write set that no transaction takes: too many items, or a person over the size limit."""


class Unavailable(Exception):
    """Something outside cannot be asked now: Stripe, or a throttled table. Later it can."""


class RateLimited(Unavailable):
    """Stripe answered 429. `reason` is which limit it names, "" for a lock; `retry_after` are seconds."""

    def __init__(self, message: str, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason, self.retry_after = reason, retry_after


class CursorGone(Unavailable):
    """The object after which a list was to go on was deleted meanwhile."""


class OtherMode(Unavailable):
    """What was asked for is there in the other of Stripe's modes than the API key's."""


class KeyRefused(Unavailable):
    """Stripe does not accept the API key. With another key it can be asked again."""


class NotPermitted(Exception):
    """The API key lacks a permission; `permission` is its slug where Stripe names it."""

    def __init__(self, message: str, permission: str = "") -> None:
        super().__init__(message)
        self.permission = permission


@dataclass(frozen=True)
class Page:
    """A page of one of Stripe's lists, newest first; its objects are what they were at `as_of`. That they are
    objects at all is for the readers to say."""

    objects: Sequence[Any]
    has_more: bool
    as_of: int


class Lists(Protocol):
    def page(self, connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        """A page of `/v1/{resource}`; `params` as Stripe names them. Raises Unavailable (among it RateLimited
        and KeyRefused) or NotPermitted."""


EndpointState = Literal["enabled", "disabled", "gone"]


class Endpoints(Protocol):
    def endpoint_state(self, connection: str, endpoint: str) -> EndpointState:
        """What became of a webhook endpoint. Raises Unavailable (among it RateLimited and KeyRefused) or
        NotPermitted."""


class Runs(Protocol):
    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int, reasons: Sequence[str] = ()) -> None:
        """Notes once that a chunk of an import is applied, but for its `failed` parts, with the reasons of
        some. Raises Unavailable."""


class EpochPurge(Protocol):
    def purge(self, epoch: Epoch, table: str, after: str) -> tuple[str, str] | None:
        """Deletes an epoch's rows that one look at a table finds; where to go on, None at the end of the last
        table. Raises Unavailable."""


class People(Protocol):
    def read(
        self,
        epoch: Epoch,
        identities: Collection[str],
        entries: Mapping[str, Collection[BillingEvent]],
        people: Collection[str],
        charges: Mapping[str, Collection[Snapshot]],
        *,
        again: bool = False,
    ) -> LoadedState:
        """The people found by `identities`, and those of the ids `people`; which of `entries` are known, and
        what the `charges` count for so far, both by record. Where `entries` or `people` are asked for, also
        the connection and the catalogue's revision.

        `again` after a VersionConflict: then nothing may be missed that was written before. Raises
        Unavailable.
        """

    def versions(self, epoch: Epoch) -> tuple[int, int]:
        """The version of the connection's definitions, 0 where there is no connection, and the catalogue's
        revision, both as they are now. Raises Unavailable."""

    def newest_payment(self, epoch: Epoch, record: str, apart_from: Collection[str]) -> Sequence[Snapshot]:
        """The newest paid charge of a record, apart from some; none where there is no other. Raises
        Unavailable."""

    def write(
        self, epoch: Epoch, writes: Sequence[tuple[WriteSet, str]], now: int
    ) -> Sequence[Exception | None]:
        """Writes write sets with their causes, each of them whole or not at all. By position why not: a
        VersionConflict, TooLarge, Unavailable, or what it crashed with."""

    def forget(self, epoch: Epoch, record: str, most: int) -> tuple[int, int]:
        """Deletes so many rows of a record's feed at most: how many it deleted, and how many of them were
        entries. Raises Unavailable."""

    def note_forgotten(self, epoch: Epoch, person: str, entries: int, now: int, *, all_gone: bool) -> None:
        """Adds to an erased person's receipt that so many entries were deleted, and whether these were the
        last. Raises Unavailable."""

    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> Sequence[str]:
        """So many of an index's members of one shard at most, in order of id, after the given one."""

    @property
    def shards(self) -> int: ...


class Catalogues(Protocol):
    def read(self, epoch: Epoch, keys: Collection[CatalogueKey], revision: int | None = None) -> Catalogue:
        """An entry for each of the keys, of version 0 where nothing is known of it: as it is now, or as it
        was at that revision or later. Raises Unavailable."""

    def write(self, epoch: Epoch, entry: Entry) -> None:
        """Raises VersionConflict or Unavailable."""

    def raise_revision(self, epoch: Epoch) -> None:
        """Says that entries have been written: nobody goes by those that were read before. Raises
        Unavailable."""


class Stripe(Protocol):
    def fetch(self, connection: str, key: ObjectKey) -> Answer:
        """An object as it is now, a subscription with all of its items and discounts. Raises Unavailable."""

    def terms(self, connection: str, key: CatalogueKey) -> CatalogueChange:
        """All that Stripe can show of a price or coupon, or its refusal. Raises Unavailable."""


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...

    def get_even_disconnected(self, name: str) -> Connection | None: ...

    def definitions(self, connection: Connection) -> Definitions: ...

    def note_heard(self, connection: Connection, newest: int, delivered_at: int | None, lag: int) -> None:
        """Remembers when the newest event happened, and that the webhook delivered at that instant after so
        many seconds; None where the webhook brought nothing. `connection` is as it was read for this batch.
        Raises Unavailable."""

    def note_missed(self, epoch: Epoch, count: int, newest: int) -> None:
        """Adds to the events that the webhook had not delivered, of which the newest is of then. Raises
        Unavailable."""


class Queue(Protocol):
    def send(self, body: str, delay: int = 0) -> None: ...

    def dead_letter(self, body: str, reason: str) -> None: ...


class WorkerPorts(Protocol):
    """All that the worker needs of the world. `jitter` draws from [0, 1), `new_id` names new people, and
    `sleep` takes seconds."""

    people: People
    catalogue: Catalogues
    stripe: Stripe
    connections: Connections
    runs: Runs
    old_rows: EpochPurge

    @property
    def clock(self) -> Callable[[], int]: ...

    @property
    def new_id(self) -> Callable[[], str]: ...

    @property
    def jitter(self) -> Callable[[], float]: ...

    @property
    def sleep(self) -> Callable[[float], None]: ...
