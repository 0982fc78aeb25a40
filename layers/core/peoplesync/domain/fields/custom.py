"""Custom fields: a path to a value, and the type that it is converted to.

    customer.metadata.NAME         of the customer whose fields the person shows
    subscription.metadata.NAME     of the primary subscription
    product.metadata.NAME          of the primary subscription's product
    traits.NAME                    of the app's user, as `identify` set it last

Stripe's metadata is text, so it has to be converted. What cannot be is reported per person.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Literal, get_args

from peoplesync.domain.fields.built_in import BuiltinField, Field, FieldType, FieldValue
from peoplesync.domain.fields.profile import Profile

Source = Literal["customer.metadata", "subscription.metadata", "product.metadata", "traits"]

CUSTOM_TYPES: Final[tuple[FieldType, ...]] = ("text", "number", "money", "boolean", "instant", "list")

CUSTOM_GROUP: Final = "Custom"

LONGEST_VALUE: Final = 5_000
"""Characters of a value at most."""

_KEY: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_TRUE: Final = frozenset({"true", "yes", "1", "on"})
_FALSE: Final = frozenset({"false", "no", "0", "off"})
EARLIEST: Final = -62_135_596_800
LATEST: Final = 253_402_300_799
"""The beginning of the year 1 and the end of 9999, beyond which no instant can be shown."""


class InvalidField(ValueError):
    """A definition that is not valid; the message says what is allowed."""


class Unconvertible(ValueError):
    """A value that is not of its field's type; the message says why, and does not repeat a long value."""


@dataclass(frozen=True)
class Path:
    """Where a field's value is: the thing that has it, and the name that it has there."""

    source: Source
    name: str


def parse(source: str) -> Path:
    """The path that a field's source is; raises `InvalidField`."""
    for kind in get_args(Source):
        name = source.removeprefix(f"{kind}.")
        if name and name != source:
            return Path(kind, name)
    kinds = ", ".join(f"{kind}.NAME" for kind in get_args(Source))
    raise InvalidField(f"{source!r} is not a path that a field can be made of; these are: {kinds}")


def check_field(field: Field) -> None:
    """Raises `InvalidField` where the definition of a custom field is not valid."""
    if not _KEY.fullmatch(field.key):
        raise InvalidField(
            f"{field.key!r} is not a valid key for a field: write small letters, digits and _, "
            "beginning with a letter, 64 at most"
        )
    if field.type not in CUSTOM_TYPES:
        raise InvalidField(f"{field.type!r} is not a type of field; there are {', '.join(CUSTOM_TYPES)}")
    if not field.title.strip():
        raise InvalidField(f"{field.key} needs a title")
    parse(field.source)


def mapped_metadata(fields: Iterable[Field], source: Source) -> frozenset[str]:
    """The names of the metadata of such things that enabled fields are made of."""
    paths = (parse(one.source) for one in fields if one.enabled and not isinstance(one, BuiltinField))
    return frozenset(path.name for path in paths if path.source == source)


def custom_values(profile: Profile, fields: Iterable[Field]) -> tuple[dict[str, FieldValue], dict[str, str]]:
    """The values of the enabled custom fields, and why others could not be converted."""
    values: dict[str, FieldValue] = {}
    errors: dict[str, str] = {}
    for field in fields:
        if not field.enabled or isinstance(field, BuiltinField):
            continue
        try:
            values[field.key] = convert(field.type, _raw(profile, parse(field.source)))
        except Unconvertible as problem:
            errors[field.key] = str(problem)
    return values, errors


def _raw(profile: Profile, path: Path) -> Any:
    sources: Mapping[Source, Mapping[str, Any] | None] = {
        "customer.metadata": profile.customer and profile.customer.get("metadata"),
        "subscription.metadata": profile.subscription and profile.subscription.get("metadata"),
        "product.metadata": profile.product_metadata,
        "traits": profile.traits,
    }
    return (sources[path.source] or {}).get(path.name)


def convert(kind: FieldType, raw: Any) -> FieldValue:
    """A value as a field of that type has it; None for none. Raises `Unconvertible`."""
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        return None
    match kind:
        case "number":
            return _number(raw)
        case "money":
            return _money(raw)
        case "boolean":
            return _boolean(raw)
        case "instant":
            return _instant(raw)
        case "list":
            return _list(raw)
    return _text(raw)


def _text(raw: Any) -> str:
    match raw:
        case str():
            text = raw
        case bool() | int() | float():
            text = json.dumps(raw)
        case list() if not any(isinstance(one, list) for one in raw):
            text = ", ".join(map(_text, raw))
        case _:
            raise Unconvertible(f"{_named(raw)} is not text")
    if len(text) > LONGEST_VALUE:
        raise Unconvertible(f"it has {len(text):,} characters, {LONGEST_VALUE:,} are allowed")
    return text


def _number(raw: Any) -> int | str:
    """Whole numbers as such, others as exact text."""
    number = _decimal(raw)
    return int(number) if number == number.to_integral_value() else f"{number.normalize():f}"


def _money(raw: Any) -> str:
    """Text, like all money, with the decimals that it came with."""
    return f"{_decimal(raw):f}"


def _decimal(raw: Any) -> Decimal:
    if not isinstance(raw, bool) and isinstance(raw, int | float | str):
        try:
            number = Decimal(str(raw).strip())
        except InvalidOperation:
            number = Decimal("NaN")
        # `abs` would round, and has no room for every exponent that can be written.
        if number.is_finite() and number.copy_abs() < 10**15 and int(number.as_tuple().exponent) >= -12:
            return number
    raise Unconvertible(f"{_named(raw)} is not a number")


def _boolean(raw: Any) -> bool:
    text = _text(raw).strip().casefold() if isinstance(raw, str | bool | int) else ""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise Unconvertible(f"{_named(raw)} is neither true nor false")


def _instant(raw: Any) -> int:
    """A date or time in ISO 8601, UTC unless it says so, or seconds since 1970."""
    seconds: Any = raw
    if isinstance(raw, str):
        text = raw.strip()
        try:
            moment = None if re.fullmatch(r"\d{9,12}", text) else datetime.fromisoformat(text)
        except ValueError:
            seconds = None
        else:
            seconds = int(text) if moment is None else _in_utc(moment).timestamp()
    is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool)
    if is_number and EARLIEST <= seconds <= LATEST:
        return int(seconds)
    raise Unconvertible(f"{_named(raw)} is not a date; write one such as 2026-01-31")


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _list(raw: Any) -> list[str]:
    """A JSON list, or texts separated by commas."""
    if isinstance(raw, str):
        try:
            found = json.loads(raw) if raw.lstrip().startswith("[") else raw.split(",")
        except (ValueError, RecursionError):
            raise Unconvertible(f"{_named(raw)} is not a list") from None
    else:
        found = raw
    if not isinstance(found, list):
        raise Unconvertible(f"{_named(raw)} is not a list")
    texts = [_text(one).strip() for one in found if one is not None]
    if sum(map(len, texts)) > LONGEST_VALUE:
        raise Unconvertible(f"it has more than {LONGEST_VALUE:,} characters")
    return [text for text in texts if text]


def _named(raw: Any) -> str:
    try:
        text = json.dumps(raw, ensure_ascii=False)
    except RecursionError:
        return "What is nested so deeply"
    return text if len(text) <= 40 else f"{text[:37]}..."
