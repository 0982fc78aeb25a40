"""What is read out of values that Stripe only words, or only implies."""

from typing import Any

import pytest

from peoplesync.domain.stripe_objects import read_charge, read_customer, read_invoice
from tests.builders import charge, customer, deleted_customer, invoice, line


def without_amount_captured(shown: dict[str, Any]) -> dict[str, Any]:
    """A charge as it was before Stripe showed how much of it was captured."""
    return {key: value for key, value in shown.items() if key != "amount_captured"}


@pytest.mark.parametrize(
    ("description", "names"),
    [
        ("1 × Starter (at $19.00 / month)", {"prod_1": "Starter"}),
        ("12 × Team (EU) (at €5.00 / week)", {"prod_1": "Team (EU)"}),
        ("3 × Seats (Tier 1 at $7.00 / month)", {"prod_1": "Seats"}),
        ("Trial period for Starter", {"prod_1": "Starter"}),
        ("Unused time on Starter after 05 Mar 2026", {}),
        (None, {}),
    ],
)
def test_a_lines_description_tells_the_products_name(description: str | None, names: dict[str, str]) -> None:
    told = invoice(lines=[line(description=description)])
    assert read_invoice(told)["product_names"] == names


def test_a_deleted_customer_of_which_stripe_says_no_more_has_no_facts() -> None:
    assert read_customer(deleted_customer()) is None
    assert read_customer(customer(deleted=True)) == read_customer(customer())


@pytest.mark.parametrize(
    ("shown", "captured", "amount"),
    [
        (charge(), True, 1900),
        (charge(amount_captured=500), True, 500),
        (charge(captured=False), False, 0),
        (charge(status="failed"), False, 0),
        (without_amount_captured(charge()), True, 1900),
        (without_amount_captured(charge(captured=False)), False, 0),
        (charge(status="failed", captured=True), False, 0),
    ],
)
def test_only_what_was_captured_counts_as_taken(shown: dict[str, Any], captured: bool, amount: int) -> None:
    one = read_charge(shown)
    assert (one["captured"], one["amount_captured"]) == (captured, amount)
