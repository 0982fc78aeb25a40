"""Segments as a file: what is exported and imported, and which ids and rules are valid.

{"segments": [{"id": "big_trials", "title": "Big trials", "rule": {...}, "enabled": true}]}
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from peoplesync.domain.fields.built_in import Field, types_of
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.domain.segments.definitions import Segment
from peoplesync.domain.segments.rules import Rule, check
from peoplesync.use_cases.defining.changes import InvalidDefinition, check_title

LONGEST_RULE: Final = 30_000
"""Bytes of a rule as JSON: so many rules as are imported at once fit into one transaction."""

_ID: Final = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LONGEST_MADE_ID: Final = 56
_RESERVED: Final = frozenset({EVERYONE, CUSTOMERS_IN_SYNC})
"""Indexes of people that are kept beside the segments'."""

_MEMBERS: Final = ("id", "title", "rule", "enabled")


def check_id(segment_id: str) -> None:
    """Raises InvalidDefinition where a segment cannot have this id."""
    if not _ID.fullmatch(segment_id):
        raise InvalidDefinition(
            f"{segment_id!r} is not a valid id for a segment: write small letters, digits and _, "
            "beginning with a letter, 64 at most"
        )
    if segment_id in _RESERVED:
        raise InvalidDefinition(f"{segment_id} has a meaning of its own; take another id")


def unused_id(title: str, taken: Collection[str]) -> str:
    """An id made of a title: `big_trials` of "Big trials!", `big_trials_2` where there is one."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    made = "_".join(re.findall(r"[a-z0-9]+", plain))
    if not made or not made[0].isalpha():
        made = f"segment_{made}".rstrip("_")
    made = made[:_LONGEST_MADE_ID].rstrip("_")
    candidate, number = made, 1
    while candidate in taken or candidate in _RESERVED:
        number += 1
        candidate = f"{made}_{number}"
    return candidate


def check_rule(rule: Any, fields: Iterable[Field], place: str = "") -> None:
    """Raises InvalidRule where a rule is not valid with these fields; its message begins with `place`."""
    try:
        check(rule, types_of(fields))
    except InvalidRule as error:
        raise InvalidRule(f"{place}{error}") from error
    try:
        size = len(json.dumps(rule, ensure_ascii=False).encode())
    except UnicodeEncodeError as error:
        raise InvalidRule(f"{place}rule: {error.object[error.start]!r}in it is not a character") from error
    if size > LONGEST_RULE:
        raise InvalidRule(f"{place}rule: it takes {size:,} bytes, {LONGEST_RULE:,} are allowed")


def read_segments(content: Any, fields: Iterable[Field]) -> list[Segment]:
    """The segments in a file's content. Raises InvalidDefinition or InvalidRule; the message begins with the
    segment's place and id."""
    fields = list(fields)
    match content:
        case {"segments": [*parts], **rest} if not rest:
            pass
        case _:
            raise InvalidDefinition('a file of segments is {"segments": [...]} and nothing else')
    found: dict[str, Segment] = {}
    for number, part in enumerate(parts):
        place = f"segments[{number}]"
        segment = _read(part, place, fields)
        if segment.id in found:
            raise InvalidDefinition(f"{place} ({segment.id}): the file has that id twice")
        found[segment.id] = segment
    return list(found.values())


def _read(part: Any, place: str, fields: list[Field]) -> Segment:
    if not isinstance(part, Mapping):
        raise InvalidDefinition(f"{place}: write an object with {', '.join(_MEMBERS)}")
    if isinstance(part.get("id"), str):
        place = f"{place} ({part['id']})"
    if unknown := [str(name) for name in part if name not in _MEMBERS]:
        raise InvalidDefinition(f"{place}: there is no {unknown[0]!r}; a segment has {', '.join(_MEMBERS)}")
    for name in ("id", "title"):
        if not isinstance(part.get(name), str):
            raise InvalidDefinition(f"{place}.{name}: write a text")
    if "rule" not in part:
        raise InvalidDefinition(f"{place}.rule: write a rule")
    enabled = part.get("enabled", True)
    if not isinstance(enabled, bool):
        raise InvalidDefinition(f"{place}.enabled: {enabled!r} is neither true nor false")
    try:
        check_id(part["id"])
        named = check_title(part["title"])
    except InvalidDefinition as error:
        raise InvalidDefinition(f"{place}: {error}") from error
    rule: Rule = part["rule"]
    check_rule(rule, fields, f"{place}: ")
    return Segment(part["id"], named, rule, enabled=enabled)
