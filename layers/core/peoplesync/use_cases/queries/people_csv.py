"""People as CSV (RFC 4180), a page at a time: whoever joins the pages has one file.

A spreadsheet takes for a formula what begins like one, and a customer can give themselves any name: such text
gets an apostrophe before it. Numbers and amounts keep their sign.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from peoplesync.domain.fields.built_in import Field, types_of
from peoplesync.use_cases.queries.columns import HEAD

BOM: Final = "\ufeff"
"""What a file begins with for Excel to read it as UTF-8. No page has it: it belongs before the first one."""

MOST: Final = 2_000
"""People on a page."""

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def csv_page(
    people: Iterable[Mapping[str, Any]], columns: Sequence[str], fields: Iterable[Field], header: bool
) -> str:
    """People (public JSON) in lines, with those columns; the columns' names first where it is the `header`'s
    page. Several values of a cell have `; ` between them."""
    types = types_of(fields)
    text = io.StringIO()
    write = csv.writer(text).writerow
    if header:
        write([_harmless(column) for column in columns])
    for person in people:
        values = [(person if column in HEAD else person["fields"]).get(column) for column in columns]
        write([_cell(value, types.get(column)) for column, value in zip(columns, values, strict=True)])
    return text.getvalue()


def _cell(value: Any, kind: str | None) -> str:
    text = _text(value)
    if kind in ("number", "money") and _NUMBER.fullmatch(text):
        return text
    return _harmless(text)


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case {"id": str(customer)}:
            return customer
        case Mapping():
            return "; ".join(f"{amount} {currency.upper()}" for currency, amount in value.items())
        case list():
            return "; ".join(map(_text, value))
    return str(value)


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
