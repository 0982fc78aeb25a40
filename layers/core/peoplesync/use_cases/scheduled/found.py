"""Reconciling by hand: the results of several turns, together, until one is done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from peoplesync.use_cases.public_json import iso

PATIENCE: Final = 5
PAUSE: Final = 2
"""How many turns in a row Stripe may stop, and seconds between them."""

PASSES: Final = frozenset({"rate_limited", "unavailable"})
"""Problems that may be over in the next turn."""

PROBLEMS: Final = {
    "key_refused": "Stripe refuses the API key; run `peoplesync connect` with a new one.",
    "not_permitted": "The API key may not read events; run `peoplesync connect` with a key that may.",
    "rate_limited": "Stripe's rate limit is reached again and again; nothing is lost: run it again later.",
    "unavailable": "Stripe cannot be asked; nothing is lost: run it again later.",
    "wrong_mode": "The key was replaced by one of the other mode a moment ago; run it again in a minute.",
    "replaced": "The connection was changed meanwhile; run it again.",
}
"""Problems in a sentence that says what to do."""


@dataclass
class Found:
    """The results of several turns, together: see `Reconciled`."""

    connection: str
    since: int
    until: int
    events: int = 0
    messages: int = 0
    runs: int = 0
    unreadable: dict[str, dict[str, str]] = field(default_factory=dict)
    done: bool = False

    @classmethod
    def beginning_with(cls, turn: Mapping[str, Any]) -> Found:
        """What is found by a first turn, which is not added yet."""
        return cls(turn["connection"], turn["from"], turn["to"])

    def add(self, turn: Mapping[str, Any]) -> None:
        """Adds the result of another turn."""
        self.events += turn["events"]
        self.messages += turn["messages"]
        self.until = max(self.until, turn["to"])
        self.runs += 1
        self.done = turn["done"]
        unreadable = turn.get("unreadable", ())  # a stack older than the command does not say
        self.unreadable |= {f"{one['kind']} {one['id']}: {one['problem']}": one for one in unreadable}

    def public(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "connection": self.connection,
            "events": self.events,
            "messages": self.messages,
            "from": iso(self.since),
            "to": iso(self.until),
            "runs": self.runs,
            "unreadable": list(self.unreadable.values()),
            "done": self.done,
        }

    def __str__(self) -> str:
        if not self.events:
            return f"Stripe lists no events since {iso(self.since)}."
        summary = (
            f"{self.events:,} event{'s' * (self.events != 1)} since {iso(self.since)} "
            f"{'are' if self.events != 1 else 'is'} on the bulk queue. Those that are known already change "
            "nothing; `peoplesync status` counts those that the webhook missed."
        )
        if self.unreadable:
            named = ", ".join(f"“{one}”" for one in self.unreadable)
            summary += f" Not all can be read: {named}. `peoplesync dead list` will show them."
        return summary
