"""What an import is asked for: the input of the state machine's execution, as a human types it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from peoplesync.use_cases.jobs.job import Unacceptable, read_names

KNOWN: Final = ("connection", "created_after", "share", "charge_days", "event_days", "publish", "resume")

CHARGE_DAYS: Final = 35
"""How many days back charges are listed, unless an import says otherwise."""

MOST_DAYS: Final = {"charge_days": 3650, "event_days": 30}


def read_request(given: Mapping[str, Any], share: float) -> tuple[str, str, dict[str, Any]]:
    """The connection's name, the import to resume by its id ("": a new one), and what a new `ImportRun` is to
    be like; raises `Unacceptable`. `share` is what a request gets that does not say."""
    connection, resume = read_names(given, KNOWN)
    publish = given.get("publish", False)
    if not isinstance(publish, bool):
        raise Unacceptable(f"publish is true or false, not {publish!r}")
    asked_for = {
        "created_after": _instant(given.get("created_after")),
        "share": _share(given.get("share"), share),
        "charge_days": _days(given, "charge_days", CHARGE_DAYS),
        "event_days": _days(given, "event_days", 30),
        "publish": publish,
    }
    return connection, resume, asked_for


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
