"""The catalogue of fields is complete, and each field shows what it says."""

from typing import Any

import pytest

from peoplesync.domain.fields.built_in import FIELD_TYPES, FIELDS, FieldValue, project
from peoplesync.domain.fields.profile import profile_of
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    charge,
    checkout_session,
    customer,
    event,
    invoice,
    item,
    line,
    price,
    subscription,
)
from tests.support.fakes.world import World

LINES = {"line1": "1 Main St", "line2": "Apt 2"}
ADDRESS = LINES | {"city": "Springfield", "postal_code": "00001", "state": "CA", "country": "US"}
TEAM = price(
    "price_team",
    product="prod_team",
    unit_amount=24_000,
    interval="year",
    interval_count=2,
    nickname="Team, yearly",
)
METERED = price("price_metered", usage_type="metered")
SUBSCRIBED = NOW - 10 * DAY
PERIOD = (NOW - 3 * DAY, NOW + 27 * DAY)

# Every field of the catalogue with its group, its type, and what a person who has everything shows there.
CATALOGUE: list[tuple[str, str, str, FieldValue]] = [
    ("customer_email", "Customer", "text", "Jo@Example.com"),
    ("customer_name", "Customer", "text", "Jo Doe"),
    ("customer_mrr", "Customer", "money", "30.00"),
    ("customer_mrr_estimated", "Customer", "boolean", False),
    ("customer_mrr_currency", "Customer", "text", "usd"),
    ("mrr", "Customer", "money_by_currency", {"jpy": "500", "usd": "30.00"}),
    ("customer_delinquent", "Customer", "boolean", True),
    ("customer_description", "Customer", "text", "From the fair"),
    ("stripe_customer_id", "Customer", "text", "cus_1"),
    ("customer_phone", "Customer", "text", "+1 555 0100"),
    ("customer_last_sync_at", "Customer", "instant", NOW),
    ("last_activity_at", "Customer", "instant", NOW - HOUR),
    ("customer_city", "Customer billing address", "text", "Springfield"),
    ("customer_address", "Customer billing address", "text", "1 Main St, Apt 2"),
    ("customer_region", "Customer billing address", "text", "CA"),
    ("customer_country", "Customer billing address", "text", "US"),
    ("customer_postal_code", "Customer billing address", "text", "00001"),
    ("subscription_id", "Subscription", "text", "sub_1"),
    ("subscription_status", "Subscription", "text", "active"),
    ("subscription_statuses", "Subscription", "list", ["active", "canceled", "past_due"]),
    ("subscription_count", "Subscription", "number", 3),
    ("subscription_quantity", "Subscription", "number", 3),
    ("subscription_trial_started_at", "Subscription", "instant", SUBSCRIBED),
    ("subscription_trial_ends_at", "Subscription", "instant", NOW - 3 * DAY),
    ("subscription_created_at", "Subscription", "instant", SUBSCRIBED),
    ("subscription_canceled_at", "Subscription", "instant", NOW - 2 * DAY),
    ("subscription_ended_at", "Subscription", "instant", None),
    ("subscription_current_period_start", "Subscription", "instant", PERIOD[0]),
    ("subscription_current_period_end", "Subscription", "instant", PERIOD[1]),
    ("subscription_cancel_at_period_end", "Subscription", "boolean", True),
    ("product_id", "Subscription's product", "text", "prod_team"),
    ("product_name", "Subscription's product", "text", "Team"),
    ("plan_id", "Plan", "text", "price_team"),
    ("plan_price_in_cents", "Plan", "number", 24_000),
    ("plan_price", "Plan", "money", "240.00"),
    ("plan_currency", "Plan", "text", "usd"),
    ("plan_interval", "Plan", "text", "year"),
    ("plan_interval_count", "Plan", "number", 2),
    ("plan_nickname", "Plan", "text", "Team, yearly"),
    ("last_amount_paid_in_cents", "Payment", "number", 5_125),
    ("last_amount_paid", "Payment", "money", "5.125"),
    ("payment_currency", "Payment", "text", "kwd"),
    ("payment_description", "Payment", "text", "Seats"),
    ("last_payment_at", "Payment", "instant", NOW - 2 * HOUR),
    ("last_payment_failed_at", "Payment", "instant", NOW - 5 * HOUR),
]
JO = customer(
    email=" Jo@Example.com ",
    name="Jo Doe",
    phone="+1 555 0100",
    description="From the fair",
    address=ADDRESS,
    delinquent=True,
)
TEAM_SUBSCRIPTION = subscription(
    items=[
        item("si_1", price=TEAM, quantity=3, period=PERIOD),
        item("si_2", price=METERED, quantity=None, period=(1, 2)),
    ],
    trial_start=SUBSCRIBED,
    trial_end=NOW - 3 * DAY,
    cancel_at_period_end=True,
    canceled_at=NOW - 2 * DAY,
)
YEN = price(currency="jpy", unit_amount=500)
IN_YEN = subscription("sub_2", status="past_due", created=NOW - 40 * DAY, price=YEN)
CANCELED = subscription("sub_3", status="canceled", created=NOW - 50 * DAY, canceled_at=NOW - 45 * DAY)
NAMED = invoice(lines=[line(price=TEAM, description="3 × Team (at $240.00 / year)")])
PAID = charge(amount=5_125, currency="kwd", created=NOW - 2 * HOUR, description="Seats")
EVERYTHING = [
    event("customer.updated", JO, previous={}, created=NOW - DAY),
    event("customer.subscription.updated", TEAM_SUBSCRIPTION, previous={}, created=NOW - 2 * DAY),
    event("customer.subscription.updated", IN_YEN, previous={}, created=NOW),
    event("customer.subscription.deleted", CANCELED, created=NOW),
    event("invoice.created", NAMED, created=NOW),
    event("charge.succeeded", PAID, created=NOW),
    event("charge.failed", charge("ch_2", status="failed", created=NOW - DAY), created=NOW - 5 * HOUR),
    event("checkout.session.completed", checkout_session(), created=NOW - HOUR),
]


def fields_of(*events: dict[str, Any]) -> dict[str, FieldValue]:
    """All fields, also those without a value."""
    world = World(now=NOW)
    world.apply(*events)
    person = world.person("customer:cus_1")
    assert person
    return project(profile_of(person.records, person.last_sync_at, NOW))


def one_subscription(**facts: Any) -> dict[str, FieldValue]:
    shown = subscription(**facts)
    return fields_of(event("customer.subscription.updated", shown, previous={}, created=NOW))


PERIOD_END = NOW + 20 * DAY
TWO_PERIODS = [
    item("si_1", period=(NOW - 10 * DAY, PERIOD_END)),
    item("si_2", price=price("price_2", interval="year"), period=(NOW - 10 * DAY, NOW + 355 * DAY)),
]


@pytest.mark.parametrize("old", [False, True], ids=["modern", "old"])
@pytest.mark.parametrize(
    ("ends", "at_period_end"),
    [
        ({"cancel_at_period_end": True, "cancel_at": PERIOD_END}, True),
        ({"cancel_at_period_end": True, "cancel_at": None}, True),
        ({"cancel_at": PERIOD_END}, True),
        ({"cancel_at": PERIOD_END - DAY}, False),
        ({"cancel_at": PERIOD_END + 30 * DAY}, False),
        ({}, False),
    ],
)
def test_who_leaves_with_the_period_is_seen_in_either_way_of_saying_so(
    ends: dict[str, Any], at_period_end: bool, old: bool
) -> None:
    period = (NOW - 10 * DAY, PERIOD_END)
    shown = one_subscription(period=period, old=old, **ends)
    assert shown["subscription_cancel_at_period_end"] is at_period_end


def test_the_end_of_any_items_period_is_one_of_the_periods_ends() -> None:
    for end in (PERIOD_END, NOW + 355 * DAY):
        assert one_subscription(items=TWO_PERIODS, cancel_at=end)["subscription_cancel_at_period_end"] is True
    assert one_subscription(items=[], cancel_at=None)["subscription_cancel_at_period_end"] is False


def test_the_catalogue_holds_exactly_these_fields_once_each() -> None:
    assert sorted(field.key for field in FIELDS) == sorted(key for key, *_ in CATALOGUE)
    assert len({field.key for field in FIELDS}) == len(FIELDS)


@pytest.mark.parametrize(
    ("key", "group", "field_type", "value"), CATALOGUE, ids=[key for key, *_ in CATALOGUE]
)
def test_a_field_is_described_and_shows_its_value(
    key: str, group: str, field_type: str, value: FieldValue
) -> None:
    (field,) = [field for field in FIELDS if field.key == key]
    assert (field.group, field.type, FIELD_TYPES[key]) == (group, field_type, field_type)
    assert field.title
    assert field.source
    assert fields_of(*EVERYTHING)[key] == value


def test_titles_are_unique_within_their_group() -> None:
    titles = [(field.group, field.title) for field in FIELDS]
    assert len(set(titles)) == len(titles)


def test_a_person_who_has_nothing_has_every_field_without_value() -> None:
    shown = fields_of(event("checkout.session.completed", checkout_session(), created=NOW))
    filled = {key: value for key, value in shown.items() if value is not None}
    assert filled == {
        "customer_last_sync_at": NOW,
        "last_activity_at": NOW,
        "subscription_count": 0,
        "subscription_statuses": [],
    }
    assert set(shown) == {field.key for field in FIELDS}


@pytest.mark.parametrize(
    ("lines", "street"),
    [
        (LINES, "1 Main St, Apt 2"),
        ({"line1": "1 Main St"}, "1 Main St"),
        ({"line1": "", "line2": "Apt 2"}, "Apt 2"),
        ({"city": "Springfield"}, None),
        (None, None),
    ],
)
def test_the_address_is_its_first_and_second_line(lines: dict[str, str] | None, street: str | None) -> None:
    shown = fields_of(event("customer.created", customer(address=lines), created=NOW))
    assert shown["customer_address"] == street


@pytest.mark.parametrize(
    ("terms", "cents", "amount"),
    [
        (price(unit_amount=1_900), 1_900, "19.00"),
        (price(unit_amount=0), 0, "0.00"),
        (price(unit_amount=None, unit_amount_decimal="0.5"), "0.5", "0.005"),
        (price(unit_amount=None, unit_amount_decimal="1250.50"), "1250.5", "12.505"),
        (price(unit_amount=1_500, currency="jpy"), 1_500, "1500"),
        (price(unit_amount=5_125, currency="kwd"), 5_125, "5.125"),
        (price(unit_amount=None, billing_scheme="tiered"), None, None),
        (price(unit_amount=50_000, interval=None), 50_000, "500.00"),
    ],
    ids=["whole", "free", "half a cent", "fraction", "zero-decimal", "three-decimal", "tiers", "one-time"],
)
def test_a_plans_price_is_the_prices_unit_amount_exactly_in_cents_and_in_the_major_unit(
    terms: dict[str, Any], cents: FieldValue, amount: str | None
) -> None:
    shown = one_subscription(price=terms, quantity=7)
    assert (shown["plan_price_in_cents"], shown["plan_price"]) == (cents, amount)


def test_a_one_time_price_has_no_interval_and_no_count_of_intervals() -> None:
    shown = one_subscription(price=price(interval=None))
    assert (shown["plan_interval"], shown["plan_interval_count"]) == (None, None)


def test_a_metered_price_has_no_quantity() -> None:
    shown = one_subscription(price=price(usage_type="metered"), quantity=None)
    assert (shown["subscription_quantity"], shown["plan_id"]) == (None, "price_1")


def test_periods_come_from_either_shape() -> None:
    for old in (False, True):
        shown = one_subscription(period=PERIOD, old=old)
        assert (
            shown["subscription_current_period_start"],
            shown["subscription_current_period_end"],
        ) == PERIOD


def test_an_ended_subscription_shows_request_and_end() -> None:
    shown = one_subscription(status="canceled", canceled_at=NOW - DAY, ended_at=NOW - HOUR)
    assert (shown["subscription_canceled_at"], shown["subscription_ended_at"]) == (NOW - DAY, NOW - HOUR)
