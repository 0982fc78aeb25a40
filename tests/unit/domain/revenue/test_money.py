"""Amounts in Stripe's minor unit become exact text in the major unit, by Stripe's own list of currencies."""

from decimal import Decimal
from fractions import Fraction

import pytest

from peoplesync.domain.revenue.money import decimals, major, rounded_major

ZERO_DECIMAL = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF".split()
THREE_DECIMAL = "BHD JOD KWD OMR TND".split()
TWO_DECIMAL = "USD EUR GBP ISK UGX HUF TWD".split()


@pytest.mark.parametrize("currency", [code.lower() for code in ZERO_DECIMAL])
def test_a_zero_decimal_currency_has_no_minor_unit(currency: str) -> None:
    assert decimals(currency) == 0
    assert major(1500, currency) == "1500"


@pytest.mark.parametrize("currency", [code.lower() for code in THREE_DECIMAL])
def test_a_three_decimal_currency_shows_three_decimals(currency: str) -> None:
    assert decimals(currency) == 3
    assert major(5125, currency) == "5.125"


@pytest.mark.parametrize("currency", [code.lower() for code in TWO_DECIMAL])
def test_every_other_currency_has_two_decimals_even_those_without_coins(currency: str) -> None:
    assert decimals(currency) == 2
    assert major(4900, currency) == "49.00"


def test_the_case_of_the_currency_does_not_matter() -> None:
    assert major(5125, "KWD") == major(5125, "kwd") == "5.125"


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (0, "usd", "0.00"),
        (0, "jpy", "0"),
        (1, "usd", "0.01"),
        (1, "kwd", "0.001"),
        (-4905, "usd", "-49.05"),
        ("4900", "usd", "49.00"),
        ("0.5", "usd", "0.005"),
        ("1250.55", "usd", "12.5055"),
        ("0.25", "jpy", "0.25"),
        (Decimal("1E+3"), "usd", "10.00"),
        (Decimal("1E+3"), "jpy", "1000"),
        (99_999_999_999_999, "usd", "999999999999.99"),
    ],
)
def test_an_amount_is_shown_exactly_with_the_currencys_decimals(
    minor: int | str | Decimal, currency: str, text: str
) -> None:
    assert major(minor, currency) == text


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (Fraction(1000, 3), "usd", "3.33"),
        (Fraction(2000, 3), "usd", "6.67"),
        (Fraction(1, 2), "usd", "0.01"),
        (Fraction(3, 2), "usd", "0.02"),
        (Fraction(-1, 2), "usd", "-0.01"),
        (Fraction(-1, 3), "usd", "0.00"),
        (Fraction(49, 100), "jpy", "0"),
        (Fraction(5, 2), "jpy", "3"),
        (Fraction(5125, 2), "kwd", "2.563"),
        (Fraction(0), "usd", "0.00"),
    ],
)
def test_a_rational_amount_is_rounded_half_up_to_whole_minor_units(
    minor: Fraction, currency: str, text: str
) -> None:
    assert rounded_major(minor, currency) == text


def test_rounding_does_not_go_through_floating_point() -> None:
    # In floating point this is exactly 0.5, and would be rounded up.
    just_below_half = Fraction(1, 2) - Fraction(1, 10**30)
    assert rounded_major(just_below_half, "usd") == "0.00"
