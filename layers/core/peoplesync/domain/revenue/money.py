"""Amounts of money, exact.

Stripe counts in a currency's minor unit. How many of them make a major unit is Stripe's rule, not ISO's:
Icelandic króna and Ugandan shilling have two decimals on the wire.
Source: https://docs.stripe.com/currencies
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())


def decimals(currency: str) -> int:
    """How many decimals the currency has at Stripe: 0, 2 or 3."""
    code = currency.lower()
    return 0 if code in ZERO_DECIMAL else 3 if code in THREE_DECIMAL else 2


def major(minor: int | str | Decimal, currency: str) -> str:
    """An amount in the minor unit as text in the major unit: `major(4900, "usd")` is `"49.00"`.

    Fractions of a minor unit are kept: `major("0.5", "usd")` is `"0.005"`.
    """
    places = decimals(currency)
    amount = Decimal(minor).scaleb(-places)
    exponent = amount.as_tuple().exponent
    if isinstance(exponent, int) and -exponent < places:
        amount = amount.quantize(Decimal(1).scaleb(-places))
    return f"{amount:f}"


def rounded_minor(minor: Fraction) -> int:
    """An exact rational in the minor unit, rounded once (half up) to whole minor units."""
    whole, rest = divmod(abs(minor.numerator), minor.denominator)
    if Fraction(rest, minor.denominator) >= Fraction(1, 2):
        whole += 1
    return -whole if minor < 0 else whole


def rounded_major(minor: Fraction, currency: str) -> str:
    """The same in the major unit."""
    return major(rounded_minor(minor), currency)


def minor(text: str, currency: str) -> int:
    """An amount in whole minor units, of text in the major unit: `minor("49.00", "usd")` is 4900."""
    return int(Decimal(text).scaleb(decimals(currency)))
