"""The ids of the population's objects: each says whose it is, so that the object can be made from its id.

After the prefix comes `P`, four characters for the customer's number, and for what belongs to a subscription
`a` or `b` for the customer's first or second one; then what counts within it, and some characters of chance.
They sort as the customers signed up."""

from __future__ import annotations

from peoplesync_local.stripe_simulator.population.lives import Draw

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_VALUES = {pair: value for value, pair in enumerate(_PAIRS)}
SERIES = "ab"
MOST = len(_PAIRS) ** 2
"""How many customers can have ids."""


def pair(value: int) -> str:
    """Two characters for a number up to 3,843."""
    return _PAIRS[value]


def customer_part(number: int) -> str:
    """Four characters for a customer's number."""
    high, low = divmod(number, len(_PAIRS))
    return _PAIRS[high] + _PAIRS[low]


def customer_id(draw: Draw) -> str:
    return f"cus_P{customer_part(draw.number)}{draw.bytes[23:28].hex()[:9]}"


def of_subscription(prefix: str, draw: Draw, series: int, within: str = "") -> str:
    """An id of 14 characters after the prefix; `within` is what counts within the subscription."""
    chance = draw.bytes[23:27].hex()[: 8 - len(within)]
    return f"{prefix}_P{customer_part(draw.number)}{SERIES[series]}{within}{chance}"


def number_in(id: str) -> tuple[int, str] | None:  # noqa: A002 - Stripe's name
    """The customer's number that an id names, and what follows; None if it is none of the population's."""
    _, marked, rest = id.rpartition("_")
    if not marked or len(rest) != 14 or rest[0] != "P":
        return None
    high, low = _VALUES.get(rest[1:3]), _VALUES.get(rest[3:5])
    if high is None or low is None:
        return None
    return high * len(_PAIRS) + low, rest[5:]


def value_of(pair_: str) -> int | None:
    """The number that two characters stand for."""
    return _VALUES.get(pair_)
