"""What is read out of values that Stripe only words, or only implies."""

from typing import Any

import pytest

from peoplesync.domain.stripe_objects import UnreadableStripeObject, read_charge, read_customer, read_invoice
from tests.support.builders.stripe import charge, customer, deleted_customer, invoice, line


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
        ("3 x Starter (at $19.00 / month)", {"prod_1": "Starter"}),
        ("Free trial for 1 x Starter", {"prod_1": "Starter"}),
        ("Free trial for 12 × Starter", {"prod_1": "Starter"}),
        ("Free trial for Starter", {"prod_1": "Starter"}),
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
        (charge(status="pending", captured=True, amount_captured=1900), False, 0),
        (charge(status="paid", captured=True), True, 1900),
        (charge(status="a status of tomorrow", captured=True), False, 0),
        (charge(status=None, captured=True, paid=True), True, 1900),
        (charge(status=None, captured=True, paid=False), False, 0),
        (charge(status=None, captured=False, paid=True), False, 0),
    ],
)
def test_only_what_was_captured_counts_as_taken(shown: dict[str, Any], captured: bool, amount: int) -> None:
    one = read_charge(shown)
    assert (one["captured"], one["amount_captured"]) == (captured, amount)


AUTHORISED, TAKEN = 1900, 1500
REFUNDS: dict[str, tuple[dict[str, Any], str | None, int]] = {
    "captured in part, before basil": (
        charge(amount=AUTHORISED, amount_captured=TAKEN, amount_refunded=400),
        "2020-03-02",
        0,
    ),
    "captured in part, on the eve of basil": (
        charge(amount=AUTHORISED, amount_captured=TAKEN, amount_refunded=400),
        "2025-02-24.acacia",
        0,
    ),
    "captured in part and refunded, before basil": (
        charge(amount=AUTHORISED, amount_captured=TAKEN, amount_refunded=500),
        "2018-02-06",
        100,
    ),
    "captured in part and refunded, since basil": (
        charge(amount=AUTHORISED, amount_captured=TAKEN, amount_refunded=100),
        "2025-03-31.basil",
        100,
    ),
    "captured in part and refunded, today": (
        charge(amount=AUTHORISED, amount_captured=TAKEN, amount_refunded=100),
        "2026-10-28.endive",
        100,
    ),
    "of an unknown version": (
        charge(amount=AUTHORISED, amount_captured=TAKEN, amount_refunded=100),
        None,
        100,
    ),
    "authorised and let go, before basil": (
        charge(amount=AUTHORISED, captured=False, amount_refunded=AUTHORISED),
        "2024-06-20",
        0,
    ),
    "authorised and let go, today": (charge(amount=AUTHORISED, captured=False), "2026-10-28.endive", 0),
    "before Stripe showed how much was captured": (
        without_amount_captured(charge(amount=AUTHORISED, amount_refunded=500)),
        "2016-07-06",
        500,
    ),
}


@pytest.mark.parametrize("case", REFUNDS)
def test_only_what_was_captured_can_be_refunded(case: str) -> None:
    shown, api_version, refunded = REFUNDS[case]
    assert read_charge(shown, api_version)["amount_refunded"] == refunded


def test_an_invoice_of_before_2019_was_made_on_its_date() -> None:
    shown = {key: value for key, value in invoice(created=7_000).items() if key != "created"}
    assert read_invoice(shown | {"date": 7_000}) == read_invoice(invoice(created=7_000))
    with pytest.raises(UnreadableStripeObject, match=r"in_1: created is missing"):
        read_invoice(shown)
