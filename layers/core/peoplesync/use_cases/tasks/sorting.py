"""Sorting what a query has found, by a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from peoplesync.domain.fields.built_in import FieldType
from peoplesync.use_cases.jobs.job import Unacceptable
from peoplesync.use_cases.tasks.runs import A_PAGE, Turn

SORTABLE: Final[frozenset[FieldType]] = frozenset({"text", "number", "money", "boolean", "instant"})


@dataclass(frozen=True)
class Sort:
    """By which field, and whether the largest comes first. Who has no value comes last, in order of id."""

    field: str
    type: FieldType
    descending: bool

    @classmethod
    def of(cls, text: Any, types: Mapping[str, FieldType]) -> Sort:
        """`key` or `-key`, of a field of these types; raises `Unacceptable`."""
        if not isinstance(text, str):
            raise Unacceptable("sort is the key of a field, after a - for the largest first")
        key = text.removeprefix("-")
        if key not in types:
            raise Unacceptable(f"there is no field {key} to sort by; peoplesync fields list shows them")
        if types[key] not in SORTABLE:
            raise Unacceptable(f"nothing can be sorted by {key}, which has more than one value")
        return cls(key, types[key], text.startswith("-"))

    def ids(self, found: list[tuple[str, Any]]) -> list[str]:
        """The ids, with their values, in this order."""
        ranked = [(one, self._rank(value)) for one, value in sorted(found, key=lambda pair: pair[0])]
        with_value = [pair for pair in ranked if pair[1] is not None]
        with_value.sort(key=lambda pair: pair[1], reverse=self.descending)
        return [one for one, _ in with_value] + [one for one, rank in ranked if rank is None]

    def _rank(self, value: Any) -> Any:
        if value is None:
            return None
        if self.type == "text":
            return str(value).casefold()
        try:
            return Decimal(str(int(value) if isinstance(value, bool) else value))
        except InvalidOperation:  # of before the field had this type
            return None


def sort_stored(turn: Turn, sort: Sort, unsorted: str, name: str) -> None:
    """Puts the pages of `unsorted` in order, in pages of that name, and deletes them: they hold values. It
    can be done again until it is done."""
    if not turn.progress.get("sorted"):
        found = [(one, value) for _, page in turn.runs.results(turn.run, unsorted) for one, value in page]
        ids = sort.ids(found)
        for number, start in enumerate(range(0, len(ids), A_PAGE)):
            turn.put(name, number, ids[start : start + A_PAGE])
        turn.keep(sorted=True)
    turn.runs.drop(turn.run, unsorted)
