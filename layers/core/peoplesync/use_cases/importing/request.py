"""What an import is asked for: the input of the state machine's execution, as a human types it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

KNOWN: Final = ("connection", "created_after", "share", "charge_days", "event_days", "publish", "resume")

CHARGE_DAYS: Final = 35
"""How many days back charges are listed, unless an import says otherwise."""

MOST_DAYS: Final = {"charge_days": 3650, "event_days": 30}


class Unacceptable(ValueError):
    """An import that cannot be started; the message says why, and what to do."""


@dataclass(frozen=True)
class Request:
    """A new import, or one to `resume` by its id. `share` is of Stripe's rate limit, 0 to 1; `publish` says
    whether what it brings goes out on the bus."""

    connection: str
    created_after: int | None
    share: float
    charge_days: int
    event_days: int
    publish: bool
    resume: str


def read_request(given: Mapping[str, Any], share: float) -> Request:
    """The request; raises `Unacceptable`. `share` is the default."""
    unknown = [name for name in given if name not in KNOWN]
    if unknown:
        raise Unacceptable(f"the input has {', '.join(unknown)}; known are {', '.join(KNOWN)}")
    connection, resume = given.get("connection", "main"), given.get("resume", "")
    publish = given.get("publish", False)
    if not isinstance(connection, str) or not isinstance(resume, str):
        raise Unacceptable("connection and resume are names, as text")
    if not isinstance(publish, bool):
        raise Unacceptable(f"publish is true or false, not {publish!r}")
    return Request(
        connection,
        _instant(given.get("created_after")),
        _share(given.get("share"), share),
        _days(given, "charge_days", CHARGE_DAYS),
        _days(given, "event_days", 30),
        publish,
        resume,
    )


def _instant(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    try:
        parsed = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise Unacceptable(
            f"created_after is a date such as 2026-01-31 or Unix seconds, not {value!r}"
        ) from error
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def _share(value: Any, default: float) -> float:
    if value is None:
        return default
    if not isinstance(value, int | float) or isinstance(value, bool) or not 1 <= value <= 100:
        raise Unacceptable(f"share is a percentage of Stripe's rate limit, 1 to 100, not {value!r}")
    return value / 100


def _days(given: Mapping[str, Any], name: str, default: int) -> int:
    value = given.get(name, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST_DAYS[name]:
        raise Unacceptable(f"{name} is a number of days from 0 to {MOST_DAYS[name]}, not {value!r}")
    return value
