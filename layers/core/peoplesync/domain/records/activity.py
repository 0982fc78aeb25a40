"""Activity: what the app sends about its users, in the terms of the Segment specification.

`track` says what a user did; `identify` sets their traits, the e-mail among them, which assigns them to a
person. Of each trait the latest value counts, so that the order of arrival does not matter.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.domain.billing_events import BillingEvent

USER: Final = "user:"
"""The prefix of an app user's record id."""

TRACKED: Final = "tracked:"
"""The prefix of the kind of a tracked event's feed entry."""

MOST_TRACKED_KINDS: Final = 100
"""How many different events of a user are counted, for rules; others are in the feed only."""

MOST_TRAITS: Final = 300
TRAITS_SIZE: Final = 100_000
"""How many traits of a user are kept, the latest ones, and in how many characters of JSON."""


class UnreadableActivity(ValueError):
    """A message that is not an activity; the text says why."""


@dataclass(frozen=True, eq=False)
class Trait:
    """A trait as it was sent at an instant, in Unix milliseconds; a value of None removes it."""

    at: int
    value: Any

    def __eq__(self, other: object) -> bool:
        """To Python 1, 1.0 and true are one value; as JSON they are not."""
        return isinstance(other, Trait) and self.order == other.order

    def __hash__(self) -> int:
        return hash(self.order)

    @property
    def order(self) -> tuple[int, str]:
        """The later of two stands; of two in one millisecond always the same."""
        return self.at, json.dumps(self.value, sort_keys=True)


@dataclass(frozen=True)
class Activity:
    """One message about a user. `event` is what they did, None where it only sets traits."""

    user: str
    at: int
    event: BillingEvent | None
    traits: Mapping[str, Trait]


def read_activity(value: Mapping[str, Any]) -> Activity:
    """An activity as it travels on the queue; raises `UnreadableActivity`."""
    match value:
        case {"type": "track", "user": str(user), "at": int(at), "message": str(message), "event": str(name)}:
            content = {"event": name, "properties": value.get("properties") or {}}
            event = BillingEvent(f"{TRACKED}{name}", f"tracked:{message}", at, content, f"message#{message}")
            return Activity(user, at, event, _traits(value, at))
        case {"type": "identify", "user": str(user), "at": int(at)}:
            return Activity(user, at, None, _traits(value, at))
    raise UnreadableActivity("not an activity of a user: type, user, at, message or event is missing")


def _traits(value: Mapping[str, Any], at: int) -> Mapping[str, Trait]:
    milliseconds, traits = value.get("at_ms", at * 1_000), value.get("traits") or {}
    if not isinstance(milliseconds, int) or not isinstance(traits, Mapping):
        raise UnreadableActivity("not an activity of a user: at_ms or traits is of the wrong type")
    return {str(name): Trait(milliseconds, one) for name, one in traits.items()}


def email_in(traits: Mapping[str, Trait]) -> str | None:
    """The e-mail among some traits; None where there is none, or it is blank or not a text."""
    email = traits["email"].value if "email" in traits else None
    return email.strip() or None if isinstance(email, str) else None


def with_traits(stored: Mapping[str, Trait], arriving: Iterable[Mapping[str, Trait]]) -> Mapping[str, Trait]:
    """The traits after others arrived."""
    traits = dict(stored)
    for some in arriving:
        for name, one in some.items():
            if name not in traits or one.order > traits[name].order:
                traits[name] = one
    return stored if traits == stored else _newest(traits)


def _newest(traits: Mapping[str, Trait]) -> Mapping[str, Trait]:
    kept: dict[str, Trait] = {}
    size = 0
    # An e-mail is who they are, so it goes last.
    by_age = sorted(traits, key=lambda name: (name == "email", traits[name].at, name), reverse=True)
    for name in by_age[:MOST_TRAITS]:
        size += len(name) + len(json.dumps(traits[name].value)) + 20
        if size > TRAITS_SIZE:
            break
        kept[name] = traits[name]
    return dict(sorted(kept.items()))
