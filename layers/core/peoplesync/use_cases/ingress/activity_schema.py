"""Activities: a message of Segment's clients, checked and converted for the queue.

What comes in is what `track` and `identify` of the Segment specification send. What goes on is plain JSON:

    {"type": "track", "user": "42", "at": 1767225600, "at_ms": 1767225600250, "message": "...",
     "event": "Report Exported", "properties": {...}, "traits": {...}}
    {"type": "identify", "user": "42", "at": ..., "at_ms": ..., "message": "...", "traits": {"tier": "gold"}}

An item that is not valid is refused whole, with a reason for the client's author: nothing is repaired,
and nothing is kept in part.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

LARGEST_ITEM: Final = 32 * 1_024
"""Bytes of an item, as compact JSON in UTF-8."""

LONGEST_NAME: Final = 200
"""Characters of a user's id, of an event's name, of a message's id and of a trait's name."""

LONGEST_VALUE: Final = 5_000
"""Characters of a trait's text, of all the texts of a list, and of an event's properties as JSON."""

MOST_TRAITS: Final = 300
DEEPEST: Final = 20
"""Objects and lists within each other, in an event's properties."""

LARGEST_NUMBER: Final = 1e38

AHEAD: Final = 600
"""Seconds that a client's clock may be ahead of ours."""

_MEANT_OTHERWISE: Final = ("page", "screen", "group", "alias")
_EMAIL: Final = re.compile(r"[^\s@]{1,64}@[^\s@]{1,255}")
_OF_ONE_TRY: Final = ("sentAt", "writeKey")
"""What a client sets anew with each try, so it does not distinguish two messages."""


class InvalidActivity(ValueError):
    """An item that is refused; the text says why. `part` is which part of it, free of anything personal."""

    def __init__(self, part: str, reason: str) -> None:
        super().__init__(reason)
        self.part = part


def read_item(item: Any, now: int, fallback: str, at: int | None = None) -> dict[str, Any]:
    """The activity that an item describes; raises `InvalidActivity`.

    `at` (otherwise `now`) stands in for a timestamp that is missing. A message without an id gets one from
    what it says, if it has a timestamp, so that sending it again does not count twice; otherwise `fallback`.
    """
    if not isinstance(item, dict):
        raise InvalidActivity("item", "an item is a JSON object")
    _check_size(item)
    kind = _kind(item)
    user = _user(item)
    moment = _moment(item.get("timestamp"), now, now if at is None else at)
    activity = {
        "type": kind,
        "user": user,
        "at": moment // 1_000,
        "at_ms": moment,
        "message": _message(item, fallback),
    }
    if kind == "identify":
        return activity | {"traits": _traits("traits", item.get("traits"))}
    context = _object("context", item.get("context"))
    return activity | {
        "event": _name("event", item.get("event"), "the name of what happened"),
        "properties": _properties(item.get("properties")),
        "traits": _traits("context.traits", context.get("traits")),
    }


def _check_size(item: Mapping[str, Any]) -> None:
    try:
        size = len(json.dumps(item, ensure_ascii=False, separators=(",", ":")).encode())
    except UnicodeEncodeError:
        raise InvalidActivity("item", "it holds half a character (a lone surrogate)") from None
    except RecursionError:
        raise InvalidActivity("item", "it is nested too deeply") from None
    if size > LARGEST_ITEM:
        raise InvalidActivity("item", f"it has {size:,} bytes, and an item may have {LARGEST_ITEM:,}")


def _kind(item: Mapping[str, Any]) -> str:
    kind = item.get("type")
    if kind in ("track", "identify"):
        return str(kind)
    if kind in _MEANT_OTHERWISE:
        raise InvalidActivity("type", f"{kind} is not kept; send track for what a user does")
    raise InvalidActivity("type", "type is track or identify")


def _user(item: Mapping[str, Any]) -> str:
    user = item.get("userId")
    if user is None or user == "":
        if item.get("anonymousId"):
            raise InvalidActivity("userId", "anonymous activity is not kept; identify the user (userId)")
        raise InvalidActivity("userId", "userId is missing: your app's own id of the user")
    if isinstance(user, int | float) and not isinstance(user, bool) and abs(user) < LARGEST_NUMBER:
        user = json.dumps(user)
    return _name("userId", user, "your app's own id of the user")


def _name(part: str, value: Any, meaning: str) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= LONGEST_NAME:
        return value
    raise InvalidActivity(part, f"{part} has to be text of 1 to {LONGEST_NAME} characters: {meaning}")


def _moment(timestamp: Any, now: int, otherwise: int) -> int:
    """Unix milliseconds. A client whose clock is wrong is taken at its word, so that what it sends again is
    of the same instant; only a future that no clock's error explains is refused."""
    if timestamp is None:
        return otherwise * 1_000
    try:
        moment = datetime.fromisoformat(timestamp)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        milliseconds = math.floor(moment.timestamp() * 1_000)
    except (TypeError, ValueError, OverflowError):
        example = "2026-01-31T12:00:00.000Z"
        raise InvalidActivity("timestamp", f"timestamp is text in ISO 8601, such as {example}") from None
    if milliseconds > (now + AHEAD) * 1_000:
        raise InvalidActivity("timestamp", "timestamp is more than 10 minutes in the future")
    if milliseconds < 0:
        raise InvalidActivity("timestamp", "timestamp is before 1970")
    return milliseconds


def _message(item: Mapping[str, Any], fallback: str) -> str:
    message = item.get("messageId")
    if message is not None:
        return _name("messageId", message, "the same each time the message is sent")
    if item.get("timestamp") is None:
        return fallback
    said = {name: value for name, value in item.items() if name not in _OF_ONE_TRY}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _object(part: str, value: Any) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidActivity(part, f"{part} has to be a JSON object")
    return value


def _properties(value: Any) -> Mapping[str, Any]:
    properties = _object("properties", value)
    if _too_deep(properties):
        raise InvalidActivity("properties", f"properties are nested deeper than {DEEPEST} levels")
    try:
        text = json.dumps(properties, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        raise InvalidActivity("properties", "properties have a number that is too large") from None
    if len(text) > LONGEST_VALUE:
        raise InvalidActivity(
            "properties",
            f"properties have {len(text):,} characters as JSON, and may have {LONGEST_VALUE:,}",
        )
    return properties


def _too_deep(value: Any) -> bool:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]
    return any(isinstance(one, dict | list) for one in level)


def _traits(part: str, value: Any) -> Mapping[str, Any]:
    traits = _object(part, value)
    if len(traits) > MOST_TRAITS:
        raise InvalidActivity(part, f"{part} are {len(traits):,}, and {MOST_TRAITS} are allowed")
    for name, trait in traits.items():
        if not name.strip() or len(name) > LONGEST_NAME:
            raise InvalidActivity(part, f"a name in {part} has to have 1 to {LONGEST_NAME} characters")
        if problem := _problem(name, trait):
            raise InvalidActivity(part, f"{part}.{name} {problem}")
    return traits


def _problem(name: str, trait: Any) -> str | None:
    """What is wrong with a trait; None where nothing is."""
    if name == "email" and trait is not None and not _is_email(trait):
        return "has to be an e-mail address, or null"
    match trait:
        case None | bool():
            return None
        case int() | float():
            return None if abs(trait) < LARGEST_NUMBER else "is a number that is too large"
        case str():
            return _too_long(len(trait))
        case list():
            if not all(isinstance(one, str) for one in trait):
                return "is a list of something else than text"
            return _too_long(sum(map(len, trait)))
    return "is an object; send each of its parts as a trait of its own"


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and _EMAIL.fullmatch(value.strip()) is not None


def _too_long(length: int) -> str | None:
    if length <= LONGEST_VALUE:
        return None
    return f"has {length:,} characters, and {LONGEST_VALUE:,} are allowed"
