"""Tasks: the single things that messages ask the worker to do. A message may ask for many, or for none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from peoplesync.domain.catalogue import CatalogueChange, CatalogueKey
from peoplesync.domain.records.changes import Change
from peoplesync.use_cases.messages.message import Erase, Message
from peoplesync.use_cases.worker.outcome.report import Delivery


@dataclass(frozen=True)
class Origin:
    """Where a task comes from: a delivered message, and the number of the `part` if that is a chunk.
    `heard_at` is when the Stripe event happened that asks for the task; None if no event does."""

    delivery: Delivery
    message: Message
    part: int = 0
    heard_at: int | None = None


@dataclass(frozen=True)
class FoldChange:
    """Fold a change into a person."""

    origin: Origin
    change: Change


@dataclass(frozen=True)
class CatalogueQuestion:
    """Something to ask of Stripe about an entry. Only an answer of later than `after` is of use."""

    key: CatalogueKey
    after: int


@dataclass(frozen=True)
class ChangeCatalogue:
    """Fold a change into an entry of the catalogue: the one given, or Stripe's answer to a question."""

    origin: Origin
    source: CatalogueChange | CatalogueQuestion


@dataclass(frozen=True)
class ReviewPerson:
    """Evaluate a person again, without a change of theirs."""

    origin: Origin
    person: str


@dataclass(frozen=True)
class ErasePerson:
    """Erase a person, with the records that the message names and all others that they have."""

    origin: Origin
    erase: Erase


PeopleTask = FoldChange | ReviewPerson | ErasePerson

Task = PeopleTask | ChangeCatalogue

Tasks = Mapping[str, Task]
"""Tasks by name. A change has the same name as its `message`."""

PeopleTasks = Mapping[str, PeopleTask]
"""The tasks that are folded into people, by name."""
