"""Erasing: a person is removed with all that is known of them, and does not come back.

The worker does it, as it does every change of a person; this asks it to, and waits. Before the first
person of a connection is erased it gets a key, by which the erased are known without their e-mails being
kept, and says in its row that it has some: from then on every worker looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import Person, customer_identity, email_identity, normal_email
from peoplesync.domain.records.activity import USER
from peoplesync.use_cases.erasing.receipt import ErasureReceipt
from peoplesync.use_cases.messages.message import Erase, Message

LOOK: Final = 0.25
"""Seconds between two looks at a receipt."""

MOVED_AFTER: Final = 2.0
"""Seconds after which a person who is gone without having been erased has moved: the two are one write."""


class KeyLost(Exception):
    """The key by which a connection's erased people are known is gone."""


class PersonMoved(Exception):
    """The person was merged with another one before they could be erased."""


class Connections(Protocol):
    def note_erasing(self, epoch: Epoch, at: int) -> None:
        """Raises VersionConflict or Unavailable."""


class Secrets(Protocol):
    def erasure_key(self, connection: str, *, fresh: bool = False) -> str | None: ...

    def make_erasure_key(self, connection: str) -> None:
        """Leaves a key that is there."""


class ErasedRows(Protocol):
    def ask(self, epoch: Epoch, person: str, at: int) -> None: ...

    def receipt(self, epoch: Epoch, person: str) -> ErasureReceipt | None: ...

    def former(self, epoch: Epoch, identity: str) -> str | None:
        """Whose an erased identity was, "" where that is not known; None where it is not erased."""

    def lift(self, epoch: Epoch, identity: str) -> bool:
        """Forgets that an identity is erased; whether it was."""


class People(Protocol):
    def person(self, epoch: Epoch, person_id: str) -> Person | None: ...


class Queue(Protocol):
    def send(self, body: str, delay: int = 0) -> None: ...


@dataclass(frozen=True)
class Eraser:
    """The use case with what it needs. `marker` makes the keyed hash of an identity; `sleep` waits so many
    seconds, `stopwatch` measures them."""

    connection: Connection
    connections: Connections
    secrets: Secrets
    rows: ErasedRows
    people: People
    live: Queue
    marker: Callable[[str, str], str]
    sleep: Callable[[float], None]
    stopwatch: Callable[[], float]

    @property
    def epoch(self) -> Epoch:
        return self.connection.epoch

    def ask(self, person: Person, now: int) -> None:
        """Has a person erased. Raises KeyLost, VersionConflict or Unavailable; can be asked again."""
        name = self.connection.name
        if self.connection.erased_since is None:
            self.secrets.make_erasure_key(name)
        if self.secrets.erasure_key(name, fresh=True) is None:
            raise KeyLost(f"the key by which the erased people of {name} are known is missing")
        self.connections.note_erasing(self.epoch, now)
        self.rows.ask(self.epoch, person.id, now)
        erase = Erase(person.id, tuple(sorted(person.records)))
        self.live.send(Message(self.epoch, erase=erase, cause="erased").encode())

    def wait(self, person: str, seconds: float) -> ErasureReceipt | None:
        """The receipt once it is complete; None where it is not after so many seconds. Raises PersonMoved."""
        begun = self.stopwatch()
        gone_since: float | None = None
        while True:
            receipt = self.rows.receipt(self.epoch, person)
            if receipt is not None and receipt.complete:
                return receipt
            now = self.stopwatch()
            if receipt is None or receipt.erased_at is None:
                if self.people.person(self.epoch, person) is not None:
                    gone_since = None
                elif gone_since is None:
                    gone_since = now
                elif now - gone_since >= MOVED_AFTER:
                    raise PersonMoved(f"{person} has moved to another person; look for them again")
            if now - begun >= seconds:
                return None
            self.sleep(LOOK)

    def erased_before(self, who: str) -> tuple[bool, ErasureReceipt | None]:
        """Whether somebody was erased, and the receipt where it can be found: by the person's id or a
        customer's. For an e-mail or a user of the app only whether it is erased."""
        if "@" not in who and who.startswith("per_"):
            receipt = self.rows.receipt(self.epoch, who)
            gone = receipt is not None and receipt.erased_at is not None
            return gone, receipt if gone else None
        former = self.rows.former(self.epoch, self._known_by(who))
        return former is not None, self.rows.receipt(self.epoch, former) if former else None

    def readmit(self, who: str) -> bool:
        """Forgets that an e-mail, a customer or a user of the app is erased; whether they were."""
        return self.rows.lift(self.epoch, self._known_by(who))

    def _known_by(self, who: str) -> str:
        """The identity under which somebody is known if they are erased."""
        if "@" not in who and who.startswith("cus_"):
            return customer_identity(who)
        identity = who if who.startswith(USER) else email_identity(normal_email(who) or "")
        key = self.secrets.erasure_key(self.connection.name)
        return identity if key is None else self.marker(key, identity)
