"""Finding people by what one remembers of them: the beginning of an e-mail, of a name's word, of a company's
domain, or of an id."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE, Person, customer_identity
from peoplesync.domain.read_models.search_terms import LEAST, folded, matches


class TooShort(Exception):
    """Too little to look for; the message says how much it takes."""


class Index(Protocol):
    def find(self, epoch: Epoch, sought: str, most: int) -> Sequence[tuple[str, str]]:
        """So many terms at most that begin with what is sought, with whom they find."""


class People(Protocol):
    def beginning(self, epoch: Epoch, index: str, start: str, most: int) -> Sequence[str]:
        """So many members of an index at most whose ids begin so, in order."""

    def person_of(self, epoch: Epoch, identity: str) -> Person | None: ...

    def of_ids(self, epoch: Epoch, ids: Sequence[str]) -> Iterator[Person]: ...


@dataclass(frozen=True)
class Finder:
    """The use case with what it needs."""

    index: Index
    people: People

    def find(self, epoch: Epoch, text: str, most: int) -> Iterator[Person]:
        """At most so many people who are found by a text. Raises TooShort."""
        sought = folded(text).removeprefix("@")
        if len(sought) < LEAST:
            raise TooShort(
                f"a search takes {LEAST} characters or more of a name, an e-mail, a domain or an id"
            )
        return self._found(epoch, text, sought, most)

    def _found(self, epoch: Epoch, text: str, sought: str, most: int) -> Iterator[Person]:
        if text.startswith("per_"):
            yield from self.people.of_ids(epoch, self.people.beginning(epoch, EVERYONE, text, most))
        elif text.startswith("cus_"):
            for customer in self.people.beginning(epoch, CUSTOMERS_IN_SYNC, text, most):
                if person := self.people.person_of(epoch, customer_identity(customer)):
                    yield person
        else:
            found = self.index.find(epoch, sought, most)
            people = self.people.of_ids(epoch, list(dict.fromkeys(person for _, person in found)))
            # The index may be seconds behind.
            yield from (one for one in people if matches(one, sought))
