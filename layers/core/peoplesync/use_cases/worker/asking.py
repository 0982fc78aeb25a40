"""Asking: what no event shows is asked of Stripe, without holding up the change that needs it.

The fold commits with what is known, and each price, coupon or subscription of which more can be known is put
on the queue. That it was asked is recorded with the answer, so others that use it may ask once more: who
comes second finds the answer there. A message is done only when what it made worth asking is on the queue.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, cast

from peoplesync.domain.catalogue import Catalogue, Entry
from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.terms import unknown_terms
from peoplesync.domain.people.person import Person
from peoplesync.domain.publishing import OF_IMPORTS
from peoplesync.use_cases.messages.message import Ask, AskedKind, Message
from peoplesync.use_cases.ports import Queue
from peoplesync.use_cases.worker.outcome.batch_results import LONGEST_DELAY, SHORTEST_DELAY

ANSWERED_AFTER: Final = 3
"""Seconds by which an answer's `as_of` may lie before the question: it is never taken for newer than it
is."""

AFTER_LISTS: Final = 30
"""Seconds that an import gets to list prices and coupons, before anybody asks for one of them."""


@dataclass
class Questions:
    """The questions of a batch of one epoch, each once. `attempts` says how often something was asked
    already: an answer that is too old, as a wrong clock may make it, is asked for again ever later."""

    epoch: Epoch
    asked: set[Ask] = field(default_factory=set)
    attempts: dict[tuple[str, str], int] = field(default_factory=dict)

    def note_asked(self, messages: Iterable[Message]) -> None:
        """Counts how often what these messages ask will then have been asked."""
        for message in messages:
            if message.ask:
                self.attempts[message.ask.kind, message.ask.id] = message.attempt + 1

    def ask(
        self,
        people: Iterable[Person],
        catalogue: Catalogue,
        queue: Queue,
        cause: str,
        now: int,
        answered: Collection[str] | None = None,
    ) -> None:
        """Puts on the queue what is not known of the terms of these people.

        Where nothing but answers came, of the subscriptions `answered`, those are asked for again that are
        still not known: the others have questions of their own on the queue, and were each to ask for all of
        them once more, there would never be an end of it. So it is with entries, but for those that a first
        answer shows.
        """
        for person in people:
            unknown = unknown_terms(person.records.values(), catalogue)
            subscriptions = [
                one for one in sorted(unknown.subscriptions) if answered is None or one[1] in answered
            ]
            asked_again = [self.attempts.get(("subscription", one[1]), 0) > 1 for one in subscriptions]
            told_nothing_new = bool(answered and subscriptions) and all(asked_again)
            for key in () if told_nothing_new else sorted(unknown.entries, key=str):
                self._send(*_of_entry(catalogue.get(key, Entry(key)), now), queue, cause)
            for record, name, as_of in subscriptions:
                delay = as_of + ANSWERED_AFTER - now
                self._send(Ask("subscription", name, record, as_of), delay, queue, cause)

    def ask_again(self, entry: Entry, queue: Queue, cause: str, now: int) -> None:
        """Asks once more where the answer may be of before the last update of the object."""
        if entry.asked_at is not None and entry.may_be_asked:
            self._send(*_of_entry(entry, now), queue, cause)

    def _send(self, ask: Ask, delay: int, queue: Queue, cause: str) -> None:
        attempt = self.attempts.get((ask.kind, ask.id), 0)
        if ask in self.asked:
            return
        silent = cause in OF_IMPORTS
        cause = cause if silent else "definition_changed"
        delay = max(delay, AFTER_LISTS if silent else 0, SHORTEST_DELAY * 2**attempt if attempt else 0)
        message = Message(self.epoch, ask=ask, cause=cause, attempt=attempt)
        queue.send(message.encode(), min(LONGEST_DELAY, delay))
        self.asked.add(ask)


def _of_entry(entry: Entry, now: int) -> tuple[Ask, int]:
    """The question for an entry, and in how many seconds its answer can count for good."""
    after = entry.ask_after if entry.touched else -1
    ask = Ask(cast(AskedKind, entry.key.kind), entry.key.id, after=after)
    return ask, entry.ask_after + ANSWERED_AFTER - now if entry.touched else 0
