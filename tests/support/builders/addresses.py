"""The e-mail addresses of a random history's customers: shared, handed on, spelled in two ways, or none."""

import random
from collections.abc import Collection

NONE = 0.04
SHARED = 0.15


class Addresses:
    """Who gets which address. All that were ever in use can be taken up again by anybody."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._used: list[str] = []

    def first(self) -> str | None:
        """A newcomer's: a new address, a former customer's, another spelling of one, or none."""
        wish = self._rng.random()
        if wish < SHARED and self._used:
            former = self._rng.choice(self._used)
            return former if wish < SHARED / 2 else self._spelled(former)
        return self._new() if wish < 1 - NONE else None

    def next(self, current: str | None, former: Collection[str | None]) -> str | None:
        """Another one than the current: new, anybody's, one that the customer had before, the same in other
        letters, or none."""
        wish = self._rng.random()
        if wish < 0.25:
            return self._new()
        choice: str | None = self._rng.choice(self._used) if self._used else None
        if wish < 0.55 and (others := sorted({*former} - {current}, key=str)):
            choice = self._rng.choice(others)
        elif wish < 0.7 and current:
            choice = self._spelled(current)
        elif wish < 0.85:
            choice = None
        return self._new() if choice == current else choice

    def _new(self) -> str:
        self._used.append(f"person-{len(self._used) + 1:05}@example.com")
        return self._used[-1]

    def _spelled(self, address: str) -> str:
        plain = address.strip()
        return self._rng.choice([plain.upper(), plain.title(), plain.lower(), f" {plain}", f"{plain}  "])
