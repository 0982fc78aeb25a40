"""Finding people by what one remembers of them: the beginning of an e-mail, of a name's word, of a company's
domain, or of an id."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE, Person, customer_identity
from peoplesync.domain.read_models.search_terms import LEAST, folded, matching


class TooShort(Exception):
    """Too little to look for; the message says how much it takes."""


class Index(Protocol):
    def find(self, epoch: Epoch, sought: str, most: int, after: str = "") -> Sequence[tuple[str, str]]:
        """So many terms at most that begin with what is sought, with whom they find, in order; after one of
        them, `term#person`, where that is given."""


class People(Protocol):
    def beginning(self, epoch: Epoch, index: str, start: str, most: int, after: str = "") -> Sequence[str]:
        """So many members of an index at most whose ids begin so, in order; after one of them."""

    def person_of(self, epoch: Epoch, identity: str) -> Person | None: ...

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Iterator[Person]: ...


@dataclass(frozen=True)
class Finder:
    """The use case with what it needs."""

    index: Index
    people: People

    def page(self, epoch: Epoch, text: str, most: int, after: str = "") -> tuple[list[Person], str | None]:
        """People who are found by a text, and after what to look for more; None where there are no more. At
        most so many; fewer, or nobody, where several terms find the same one. Raises TooShort."""
        sought = folded(text).removeprefix("@")
        if len(sought) < LEAST:
            raise TooShort(
                f"a search takes {LEAST} characters or more of a name, an e-mail, a domain or an id"
            )
        if text.startswith("per_"):
            ids, rest = _cut(self.people.beginning(epoch, EVERYONE, text, most + 1, after), most)
            return list(self.people.of_ids(epoch, ids)), rest
        if text.startswith("cus_"):
            ids, rest = _cut(self.people.beginning(epoch, CUSTOMERS_IN_SYNC, text, most + 1, after), most)
            owners = (self.people.person_of(epoch, customer_identity(one)) for one in ids)
            every = {one.id: one for one in owners if one is not None}.values()
            return [one for one in every if not _was_found(one, text, after)], rest
        terms = [f"{term}#{person}" for term, person in self.index.find(epoch, sought, most + 1, after)]
        terms, rest = _cut(terms, most)
        found = dict.fromkeys(one.rpartition("#")[2] for one in terms)
        people = self.people.of_ids(epoch, found)
        return [one for one in people if _is_first_found(one, sought, after)], rest


def _cut(found: Sequence[str], most: int) -> tuple[list[str], str | None]:
    """The first ones, and the last of them where there are more."""
    return list(found[:most]), found[most - 1] if len(found) > most else None


def _was_found(person: Person, text: str, after: str) -> bool:
    """Whether another customer of a person was found on a page before."""
    return any(one.in_sync and one.id.startswith(text) and one.id <= after for one in person.records.values())


def _is_first_found(person: Person, sought: str, after: str) -> bool:
    """Whether a person is found by what is sought - the index may be seconds behind - and was not found on a
    page before, by another term."""
    terms = matching(person, sought)
    return bool(terms) and not any(f"{term}#{person.id}" <= after for term in terms)
