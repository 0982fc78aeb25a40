"""Fields of the user's own: what their definitions may be, and how a value is brought to its type, person by
person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from peoplesync.domain.fields.built_in import FIELDS, Field, FieldType, FieldValue
from peoplesync.domain.fields.custom import (
    CUSTOM_TYPES,
    EARLIEST,
    LATEST,
    LONGEST_VALUE,
    InvalidField,
    Path,
    Unconvertible,
    check_field,
    convert,
    mapped_metadata,
    parse,
)
from peoplesync.use_cases.public_json import iso
from tests.support.builders.stripe import DAY, NOW

TIER = Field("tier", "Tier", "Custom", "text", "customer.metadata.tier")


# --- definitions


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("customer.metadata.tier", Path("customer.metadata", "tier")),
        ("subscription.metadata.seats", Path("subscription.metadata", "seats")),
        ("product.metadata.family", Path("product.metadata", "family")),
        ("traits.plan", Path("traits", "plan")),
        ("customer.metadata.sold.by", Path("customer.metadata", "sold.by")),
        ("traits.customer.metadata.tier", Path("traits", "customer.metadata.tier")),
    ],
)
def test_a_source_is_a_path_to_a_name(source: str, path: Path) -> None:
    assert parse(source) == path


@pytest.mark.parametrize(
    "source",
    ["", "tier", "customer.metadata", "customer.metadata.", "traits.", "invoice.metadata.po", "Traits.x"],
)
def test_what_is_no_path_is_refused_with_those_that_are(source: str) -> None:
    with pytest.raises(InvalidField) as refused:
        parse(source)
    assert str(refused.value) == (
        f"{source!r} is not a path that a field can be made of; these are: customer.metadata.NAME, "
        "subscription.metadata.NAME, product.metadata.NAME, traits.NAME"
    )


@pytest.mark.parametrize("field_type", CUSTOM_TYPES)
def test_a_field_can_be_of_any_type(field_type: FieldType) -> None:
    check_field(replace(TIER, type=field_type, key="t" + 63 * "0"))


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        (
            {"key": "Tier"},
            "'Tier' is not a valid key for a field: write small letters, digits and _, beginning with",
        ),
        ({"key": ""}, "'' is not a valid key for a field"),
        ({"key": "1tier"}, "'1tier' is not a valid key for a field"),
        ({"key": "tier\n"}, r"'tier\\n' is not a valid key for a field"),
        ({"key": "t" * 65}, "is not a valid key for a field"),
        (
            {"type": "date"},
            "'date' is not a type of field; there are text, number, money, boolean, instant, list",
        ),
        ({"type": "money_by_currency"}, "'money_by_currency' is not a type of field"),
        ({"title": " "}, "tier needs a title"),
        ({"source": "metadata.tier"}, "'metadata.tier' is not a path"),
    ],
)
def test_a_definition_that_makes_no_field_is_refused_with_what_is_allowed(
    facts: dict[str, Any], why: str
) -> None:
    with pytest.raises(InvalidField, match=why):
        check_field(replace(TIER, **facts))


def test_only_enabled_fields_of_ones_own_map_metadata() -> None:
    fields = [
        *FIELDS,
        replace(TIER, source="product.metadata.family"),
        replace(TIER, source="product.metadata.line", enabled=False),
        replace(TIER, source="customer.metadata.tier"),
    ]
    assert mapped_metadata(fields, "product.metadata") == {"family"}
    assert mapped_metadata(FIELDS, "product.metadata") == set()


# --- conversion

NOTHING = [None, "", "   ", "\n"]

CONVERTED: list[tuple[FieldType, Any, FieldValue]] = [
    *((kind, raw, None) for kind in CUSTOM_TYPES for raw in NOTHING),
    ("text", "gold", "gold"),
    ("text", " Zoë ✓ ", " Zoë ✓ "),
    ("text", 42, "42"),
    ("text", 4.5, "4.5"),
    ("text", True, "true"),
    ("text", False, "false"),
    ("text", ["a", 1, True], "a, 1, true"),
    ("text", "x" * LONGEST_VALUE, "x" * LONGEST_VALUE),
    ("number", "42", 42),
    ("number", " -7 ", -7),
    ("number", "+7", 7),
    ("number", "7.0", 7),
    ("number", "-0", 0),
    ("number", 42, 42),
    ("number", 42.0, 42),
    ("number", 0.1, "0.1"),
    ("number", "0.10", "0.1"),
    ("number", "1e3", 1_000),
    ("number", "0.000000000001", "0.000000000001"),
    ("number", 10**15 - 1, 10**15 - 1),
    ("number", "0e99999999", 0),
    ("money", "49.00", "49.00"),
    ("money", "49.5", "49.5"),
    ("money", 49, "49"),
    ("money", 49.5, "49.5"),
    ("money", "1e2", "100"),
    ("money", "0e99999999", "0"),
    ("money", "-5.00", "-5.00"),
    *(("boolean", raw, True) for raw in [True, 1, "true", "TRUE", " Yes ", "1", "on"]),
    *(("boolean", raw, False) for raw in [False, 0, "false", "No", "0", "OFF"]),
    ("instant", NOW, NOW),
    ("instant", NOW + 0.75, NOW),
    ("instant", str(NOW), NOW),
    ("instant", "2026-03-01", NOW - DAY // 2),
    ("instant", "2026-03-01T12:00:00", NOW),
    ("instant", "2026-03-01T12:00:00Z", NOW),
    ("instant", " 2026-03-01T13:00:00+01:00 ", NOW),
    ("instant", "2026-03-01T12:00:00.999Z", NOW),
    ("instant", "9999-12-31", LATEST - DAY + 1),
    ("instant", "0001-01-01", EARLIEST),
    ("instant", 0, 0),
    ("list", ["a", " b ", ""], ["a", "b"]),
    ("list", "a, b,,c ", ["a", "b", "c"]),
    ("list", "alone", ["alone"]),
    ("list", '["a", "b, c", 3, true, null]', ["a", "b, c", "3", "true"]),
    ("list", [], []),
    ("list", "[]", []),
    ("list", " , ", []),
]


@pytest.mark.parametrize(("kind", "raw", "value"), CONVERTED, ids=lambda one: repr(one)[:40])
def test_a_value_is_brought_to_its_fields_type(kind: FieldType, raw: Any, value: FieldValue) -> None:
    converted = convert(kind, raw)
    assert converted == value
    assert type(converted) is type(value)


NO_DATE = "is not a date; write one such as 2026-01-31"

UNCONVERTIBLE: list[tuple[FieldType, Any, str]] = [
    ("text", "x" * (LONGEST_VALUE + 1), "it has 5,001 characters, 5,000 are allowed"),
    ("text", ["x" * 2_500, "y" * 2_499], "it has 5,001 characters, 5,000 are allowed"),
    ("text", {"a": 1}, '{"a": 1} is not text'),
    ("text", [["nested"]], '[["nested"]] is not text'),
    ("text", ["a", {"b": 1}], '{"b": 1} is not text'),
    ("number", "many", '"many" is not a number'),
    ("number", "1,000", '"1,000" is not a number'),
    ("number", "12.3456789012345", '"12.3456789012345" is not a number'),
    ("number", "10000000000000000", '"10000000000000000" is not a number'),
    ("number", 10**15, "1000000000000000 is not a number"),
    ("number", "NaN", '"NaN" is not a number'),
    ("number", "-Infinity", '"-Infinity" is not a number'),
    ("number", "1e999999999", '"1e999999999" is not a number'),
    ("number", True, "true is not a number"),
    ("number", [1], "[1] is not a number"),
    ("number", {}, "{} is not a number"),
    ("money", "$49", '"$49" is not a number'),
    ("money", False, "false is not a number"),
    ("boolean", "maybe", '"maybe" is neither true nor false'),
    ("boolean", 2, "2 is neither true nor false"),
    ("boolean", 1.0, "1.0 is neither true nor false"),
    ("boolean", ["true"], '["true"] is neither true nor false'),
    ("instant", "soon", f'"soon" {NO_DATE}'),
    ("instant", "2026-13-01", f'"2026-13-01" {NO_DATE}'),
    ("instant", "1772366400000", f'"1772366400000" {NO_DATE}'),
    ("instant", LATEST + 1, f"{LATEST + 1} {NO_DATE}"),
    ("instant", EARLIEST - 1, f"{EARLIEST - 1} {NO_DATE}"),
    ("instant", "9999-12-31T23:59:59-14:00", f'"9999-12-31T23:59:59-14:00" {NO_DATE}'),
    ("instant", "0001-01-01T00:00:00+14:00", f'"0001-01-01T00:00:00+14:00" {NO_DATE}'),
    ("instant", float("nan"), f"NaN {NO_DATE}"),
    ("instant", True, f"true {NO_DATE}"),
    ("instant", {"at": NOW}, f'{{"at": {NOW}}} {NO_DATE}'),
    ("list", 5, "5 is not a list"),
    ("list", {"a": 1}, '{"a": 1} is not a list'),
    ("list", "[1, 2", '"[1, 2" is not a list'),
    ("list", "[" * 5_000, f'"{"[" * 36}... is not a list'),
    ("list", [{"a": 1}], '{"a": 1} is not text'),
    ("list", ["x" * 100] * 51, "it has more than 5,000 characters"),
    ("list", ["x" * 5_001], "it has 5,001 characters, 5,000 are allowed"),
]


@pytest.mark.parametrize(("kind", "raw", "why"), UNCONVERTIBLE, ids=lambda one: repr(one)[:40])
def test_what_cannot_be_converted_is_told_with_a_reason(kind: FieldType, raw: Any, why: str) -> None:
    with pytest.raises(Unconvertible) as problem:
        convert(kind, raw)
    assert str(problem.value) == why


def nested(depth: int) -> Any:
    value: Any = "core"
    for _ in range(depth):
        value = [value]
    return value


ODD: list[Any] = [
    {"a": {"b": [1]}},
    [],
    {},
    [None],
    float("inf"),
    -float("inf"),
    1e300,
    10**400,
    "\ud800",
    "\x00",
    "١٢٣٤٥٦٧٨٩",
    "0x1f",
    "1_000",
    "--1",
    "2026-W05-6",
    "T",
    '[{"a":',
    "]",
    nested(300),
    nested(950),
]


@pytest.mark.parametrize("raw", ODD, ids=map(str, range(len(ODD))))
@pytest.mark.parametrize("kind", CUSTOM_TYPES)
def test_no_odd_value_does_more_than_not_be_converted(kind: FieldType, raw: Any) -> None:
    try:
        value = convert(kind, raw)
    except Unconvertible as problem:
        value = None
        reason = str(problem)
    else:
        reason = ""
    assert len(reason) < 120
    assert value is None or isinstance(value, str | int | list)
    if kind == "instant" and value is not None:
        assert iso(int(str(value)))
