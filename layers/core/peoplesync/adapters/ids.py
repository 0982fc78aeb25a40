"""New people's ids."""

from __future__ import annotations

import secrets
from collections.abc import Callable

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def person_ids(clock: Callable[[], int]) -> Callable[[], str]:
    """Makes ids as `per_` and a ULID: 48 bits of milliseconds, 80 of chance. They sort by time.

    Source: https://github.com/ulid/spec
    """

    def new_id() -> str:
        number = clock() * 1000 << 80 | secrets.randbits(80)
        return "per_" + "".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5))

    return new_id
