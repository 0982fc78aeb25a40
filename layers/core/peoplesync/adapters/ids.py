"""Ids of new people, and of runs."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import UTC, datetime

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def person_ids(clock: Callable[[], int]) -> Callable[[], str]:
    """Makes ids as `per_` and a ULID: 48 bits of milliseconds, 80 of chance. They sort by time.

    Source: https://github.com/ulid/spec
    """

    def new_id() -> str:
        number = clock() * 1000 << 80 | secrets.randbits(80)
        return "per_" + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))

    return new_id


def run_id_of(kind: str, now: int) -> str:
    """An id for a run: `import-20261130-101500-3f9c`, of the instant when it is started."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y%m%d-%H%M%S")
    return f"{kind}-{moment}-{secrets.token_hex(2)}"
