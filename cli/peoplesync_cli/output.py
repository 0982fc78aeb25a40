"""What commands print: data on stdout, everything else on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from peoplesync.domain.fields.built_in import FIELDS, Field
from peoplesync.domain.records.activity import TRACKED
from peoplesync.use_cases.queries.columns import HEAD

_PIPED_WIDTH = 160
"""What is piped is not cut to a terminal's width."""

stdout = Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else _PIPED_WIDTH)
stderr = Console(stderr=True, highlight=False)

_DETAILS = 80
"""Characters of a tracked event's properties that are shown; `--json` has them all."""

_FIRST_ROWS, _WIDEST = 20, 40
"""Columns are as wide as a screenful of rows needs, and so wide at most."""

_SEGMENT_STYLE = "cyan"


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on one line."""
    click.echo(json.dumps(value, ensure_ascii=False))


def print_lines(values: Iterable[Mapping[str, Any]]) -> None:
    """One JSON object a line."""
    for value in values:
        print_json(value)


def table(
    title: str | None, columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Iterable[int] = ()
) -> Table:
    """A plain table; the columns numbered in `right` are aligned there."""
    drawn = Table(
        title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, header_style="dim"
    )
    for index, column in enumerate(columns):
        drawn.add_column(column, justify="right" if index in set(right) else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(shown(value) for value in row))
    return drawn


def shown(value: Any) -> Text:
    """A JSON value as a person reads it."""
    match value:
        case None:
            return Text("–", style="dim")
        case bool():
            return Text("yes" if value else "no")
        case list():
            return Text(", ".join(map(str, value)) or "–")
        case dict():
            return Text(", ".join(f"{amount} {name}" for name, amount in value.items()) or "–")
    return Text(str(value))


def lines(columns: Sequence[str], rows: Iterable[Sequence[Any]], right: Sequence[int] = ()) -> Iterator[Text]:
    """A table of any length, a line each, as its rows come. The first of them say how wide the columns are;
    what is longer moves the rest of its line."""
    cells = ([Text(" ").join(shown(value).split()) for value in row] for row in rows)
    first = [[Text(column, style="dim") for column in columns], *islice(cells, _FIRST_ROWS)]
    widths = [min(_WIDEST, max(cell.cell_len for cell in column)) for column in zip(*first, strict=True)]
    for row in chain(first, cells):
        for index, (cell, width) in enumerate(zip(row, widths, strict=True)):
            pad = cell.pad_left if index in right else cell.pad_right
            pad(max(0, width - cell.cell_len))
        yield Text("  ").join(row)


def people_lines(people: Iterable[Mapping[str, Any]]) -> Iterator[Text]:
    """People, a line each, after the names of the columns."""
    return lines(("person", "name", "status", "plan", "MRR"), map(_person_row, people), right=(4,))


def column_lines(people: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> Iterator[Text]:
    """People with those columns, a line each, after the names of the columns."""
    return lines(columns, ([_in_column(one, column) for column in columns] for one in people))


def _in_column(person: Mapping[str, Any], column: str) -> Any:
    if column == "customers":
        return [one["id"] for one in person[column]]
    return person[column] if column in HEAD else person["fields"].get(column)


def _person_row(one: Mapping[str, Any]) -> tuple[Any, ...]:
    value = one["fields"].get
    amount, currency = value("customer_mrr"), str(value("customer_mrr_currency") or "").upper()
    return (
        one["email"] or one["id"],
        value("customer_name"),
        value("subscription_status"),
        value("plan_nickname") or value("product_name"),
        None if amount is None else f"{amount} {currency}".rstrip(),
    )


def card(person: Mapping[str, Any], fields: Iterable[Field] = FIELDS) -> Iterable[Text | Table]:
    """A person with all their fields, by group."""
    name = person["fields"].get("customer_name") or person["email"] or person["id"]
    yield Text.assemble(
        (str(name), "bold"), "  ", (person["email"] or "no e-mail", "cyan"), "  ", (person["id"], "dim")
    )
    yield Text("in " + (", ".join(person["segments"]) or "no segment"), style=_SEGMENT_STYLE)
    customers = ", ".join(one["id"] + (" (deleted)" if one["deleted"] else "") for one in person["customers"])
    yield Text(f"Stripe customers: {customers or 'none'}", style="dim")
    if person["users"]:
        yield Text(f"users of the app: {', '.join(person['users'])}", style="dim")
    groups: dict[str, list[tuple[str, str]]] = {}
    for field in fields:
        if field.enabled:
            groups.setdefault(field.group, []).append((field.title, field.key))
    errors = person.get("errors", {})
    drawn = Table(box=None, pad_edge=False, show_header=False)
    drawn.add_column(style="dim")
    drawn.add_column()
    for group, titles in groups.items():
        drawn.add_row("", "")
        drawn.add_row(Text(group, style="bold"), "")
        for title, key in titles:
            wrong = Text(f"cannot be converted: {errors[key]}", style="red") if key in errors else None
            drawn.add_row(title, wrong or shown(person["fields"].get(key)))
    yield drawn


def feed_lines(entries: Iterable[Mapping[str, Any]]) -> Iterator[Text]:
    """Feed entries, a line each, after the names of the columns."""
    return lines(("when (UTC)", "what", ""), feed_rows(entries))


def feed_rows(entries: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, str, str]]:
    """Feed entries as (when, what, details)."""
    for entry in entries:
        when = entry["at"].replace("T", " ").removesuffix("Z")
        if entry["kind"].startswith(TRACKED):
            yield when, entry["event"], _properties(entry["properties"])
        else:
            yield when, entry["kind"].replace("_", " "), _details(entry)


def _properties(properties: Mapping[str, Any]) -> str:
    """The properties of a tracked event, on one line."""
    details = "  ".join(f"{name}: {shown(value)}" for name, value in properties.items())
    return details if len(details) <= _DETAILS else f"{details[: _DETAILS - 1]}…"


def _details(entry: Mapping[str, Any]) -> str:
    currency = str(entry.get("currency") or "").upper()
    amounts = (
        entry.get(name) for name in ("amount_refunded", "amount_paid", "amount_due", "amount", "plan_price")
    )
    amount = next((one for one in amounts if one is not None), None)
    quantity = entry.get("quantity")
    parts = [
        f"{entry['previous_status']} → {entry['status']}" if entry.get("previous_status") else "",
        f"{amount} {currency}" if amount is not None else "",
        f"× {quantity}" if quantity not in (None, 1) else "",
        entry.get("plan_nickname") or "",
        entry.get("description") or "",
        entry.get("failure_code") or "",
    ]
    return "  ".join(part for part in parts if part)


def explanation(found: Mapping[str, Any]) -> Iterable[Text | Table]:
    """Why a person is in their segments, and where their fields come from."""
    yield Text.assemble((found["email"] or found["id"], "bold"), "  ", (found["id"], "dim"))
    for segment in found["segments"]:
        state = f"in since {segment['since']}" if segment["member"] else "not in"
        yield Text.assemble(
            "\n", (segment["id"], _SEGMENT_STYLE), "  ", (state, "bold" if segment["member"] else "dim")
        )
        yield from _conditions(segment, 1)
    if "fields" in found:
        rows = [
            (one["key"], one["value"], one.get("object") or one["source"], one.get("event"))
            for one in found["fields"]
        ]
        yield table("\nFields", ("field", "value", "from", "event"), rows)
    if found.get("errors"):
        yield table("\nCannot be converted", ("field", "why"), found["errors"].items())


def _conditions(found: Mapping[str, Any], depth: int) -> Iterable[Text]:
    until = f"  until {found['until']}" if found["until"] else ""
    mark = ("✓ ", "green") if found["holds"] else ("✗ ", "red")
    if "conditions" in found:
        name = next(iter(found["rule"]))
        yield Text.assemble("  " * depth, mark, f"{name} of", (until, "dim"))
        for one in found["conditions"]:
            yield from _conditions(one, depth + 1)
        return
    words = " ".join(str(part) for pair in found["rule"].items() for part in pair).removeprefix("field ")
    yield Text.assemble("  " * depth, mark, words, (f"  is {shown(found['value'])}", "bold"), (until, "dim"))
