"""Columns: which fields of people are shown, and in which order people come."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Final

from peoplesync.domain.fields.built_in import Field

HEAD: Final = ("id", "email", "segments", "customers", "users")
"""What a person has beside the fields."""

SORTS: Final = ("created", "-created")
"""The orders in which an index has people: those who came first are the first, or the last."""


class InvalidColumns(ValueError):
    """There is no such column; the message says which it may mean."""


class InvalidSort(ValueError):
    """People cannot come in that order; the message says in which they can."""


def columns_of(text: str, fields: Iterable[Field]) -> tuple[str, ...]:
    """The columns that are named, with commas between them. Raises InvalidColumns."""
    known = (*HEAD, *(one.key for one in fields if one.enabled))
    wanted = tuple(dict.fromkeys(one for one in map(str.strip, text.split(",")) if one))
    if not wanted:
        raise InvalidColumns("name at least one column, such as id, email or customer_mrr")
    for one in wanted:
        if one not in known:
            close = get_close_matches(one, known, 1)
            hint = f"did you mean {close[0]}?" if close else f"beside the fields there are {_listed(HEAD)}"
            raise InvalidColumns(f"there is no column {one}; {hint}")
    return wanted


def all_columns(fields: Iterable[Field]) -> tuple[str, ...]:
    """A person's id and e-mail, and all fields."""
    return ("id", "email", *(one.key for one in fields if one.enabled))


def only(person: Mapping[str, Any], columns: Sequence[str]) -> dict[str, Any]:
    """A person as public JSON with no other fields than those columns."""
    fields = person["fields"]
    return {**person, "fields": {one: fields[one] for one in columns if one in fields}}


def is_newest_first(sort: str) -> bool:
    """Whether those who came last are the first. Raises InvalidSort."""
    if sort not in SORTS:
        raise InvalidSort(
            f"people cannot be sorted by {sort}: no index has that order; there are {_listed(SORTS)}"
        )
    return sort.startswith("-")


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
