"""The last payment: the newest captured charge, or the newest paid invoice where no charge is known from its
day on."""

from typing import Any

import pytest

from tests.support.builders.stripe import DAY, HOUR, charge, customer, event, invoice
from tests.support.fakes.world import World

MIDNIGHT = 1_772_323_200  # 2026-03-01T00:00:00Z
PAYMENT = (
    "last_amount_paid",
    "last_amount_paid_in_cents",
    "last_payment_at",
    "payment_currency",
    "payment_description",
)


def paid_invoice(at: int, **facts: Any) -> dict[str, Any]:
    return event("invoice.paid", invoice(status="paid", paid_at=at, created=at - HOUR, **facts), created=at)


def succeeded(at: int, **facts: Any) -> dict[str, Any]:
    return event("charge.succeeded", charge(created=at, **facts), created=at)


def last_payment(*events: dict[str, Any]) -> dict[str, Any]:
    """The payment's fields, the same whatever the order."""
    known = []
    for order in (events, events[::-1]):
        world = World(now=MIDNIGHT + 9 * DAY)
        world.apply(event("customer.created", customer(), created=MIDNIGHT - DAY))
        for one in order:
            world.apply(one)
        person = world.person("customer:cus_1")
        assert person
        known.append({key: person.fields[key] for key in PAYMENT if key in person.fields})
    assert known[0] == known[1]
    return known[0]


NOON = MIDNIGHT + 12 * HOUR
BY_CHARGE, BY_INVOICE = 1_000, 2_000


@pytest.mark.parametrize(
    ("charged_at", "invoice_paid_at", "amount"),
    [
        pytest.param(NOON, NOON + 2, BY_CHARGE, id="the invoice's own charge"),
        pytest.param(MIDNIGHT, MIDNIGHT + DAY - 1, BY_CHARGE, id="a charge of the day's first second"),
        pytest.param(MIDNIGHT - 1, NOON, BY_INVOICE, id="a charge of the day before"),
        pytest.param(NOON, MIDNIGHT - 1, BY_CHARGE, id="a charge after the invoice"),
        pytest.param(NOON - 30 * DAY, NOON, BY_INVOICE, id="an invoice paid outside Stripe, long after"),
    ],
)
def test_an_invoice_stands_in_only_where_no_charge_is_known_from_its_day_on(
    charged_at: int, invoice_paid_at: int, amount: int
) -> None:
    shown = last_payment(
        succeeded(charged_at, amount=BY_CHARGE), paid_invoice(invoice_paid_at, amount=BY_INVOICE)
    )
    assert shown["last_amount_paid_in_cents"] == amount
    assert shown["last_payment_at"] == (charged_at if amount == BY_CHARGE else invoice_paid_at)


def test_an_invoice_alone_is_the_last_payment() -> None:
    assert last_payment(paid_invoice(NOON, amount=1_250, description="Consulting")) == {
        "last_amount_paid_in_cents": 1_250,
        "last_amount_paid": "12.50",
        "payment_currency": "usd",
        "payment_description": "Consulting",
        "last_payment_at": NOON,
    }


def test_a_charge_alone_is_the_last_payment_of_what_was_captured() -> None:
    shown = last_payment(
        succeeded(NOON, amount=5_125, amount_captured=5_000, currency="kwd", description="Seats")
    )
    assert shown == {
        "last_amount_paid_in_cents": 5_000,
        "last_amount_paid": "5.000",
        "payment_currency": "kwd",
        "payment_description": "Seats",
        "last_payment_at": NOON,
    }


def test_a_trials_invoice_over_nothing_never_overwrites_a_payment() -> None:
    trial = paid_invoice(NOON + 5 * DAY, id="in_2", amount=0)
    assert last_payment(succeeded(NOON, amount=700), trial)["last_amount_paid_in_cents"] == 700
    assert last_payment(trial) == {}


@pytest.mark.parametrize(
    ("said", "invoice_facts", "description"),
    [
        ("By charge", {"description": "By invoice"}, "By charge"),
        (None, {"description": "By invoice"}, "By invoice"),
        (None, {}, "1 × Starter (at $19.00 / month)"),
        (None, {"amount": 1_901, "description": "Another amount"}, None),
        (None, {"currency": "eur", "description": "Another currency"}, None),
    ],
    ids=[
        "the charge's",
        "else the invoice's",
        "else its first line's",
        "not another amount's",
        "not another currency's",
    ],
)
def test_a_payment_is_described_by_its_charge_else_by_the_invoice_it_paid(
    said: str | None, invoice_facts: dict[str, Any], description: str | None
) -> None:
    shown = last_payment(succeeded(NOON, description=said), paid_invoice(NOON + 2, **invoice_facts))
    assert shown["last_amount_paid_in_cents"] == 1_900
    assert shown.get("payment_description") == description


def test_an_invoice_of_an_earlier_day_does_not_describe_a_charge() -> None:
    shown = last_payment(succeeded(NOON), paid_invoice(MIDNIGHT - 1, description="Last month"))
    assert shown.get("payment_description") is None


def test_a_refund_does_not_change_the_last_payment() -> None:
    refunded = event("charge.refunded", charge(created=NOON, amount_refunded=1_900), created=NOON + DAY)
    assert last_payment(succeeded(NOON), refunded)["last_amount_paid_in_cents"] == 1_900


def test_the_newest_payment_of_several_customers_is_the_persons() -> None:
    world = World(now=MIDNIGHT + 9 * DAY)
    for number, at in ((1, NOON), (2, NOON + DAY), (3, NOON - DAY)):
        one = customer(f"cus_{number}", email="one@example.com")
        world.apply(event("customer.created", one, created=MIDNIGHT - DAY))
        world.apply(succeeded(at, id=f"ch_{number}", customer=one["id"], amount=number * 100))
    person = world.person("email:one@example.com")
    assert person
    assert person.fields["last_amount_paid"] == "2.00"
