"""Many objects of many customers brought to one value each: who speaks, what adds up, what was done last."""

from typing import Any

import pytest

from peoplesync.domain.fields.profile import origins_of
from tests.support.builders.stripe import (
    DAY,
    HOUR,
    NOW,
    charge,
    checkout_session,
    customer,
    deleted_customer,
    event,
    invoice,
    item,
    line,
    price,
    subscription,
    tiered,
)
from tests.support.builders.told import Shown, fields, only_person, told, with_one_email
from tests.support.fakes.world import World

# --- which of several speaks


BEST_FIRST = "active trialing past_due unpaid paused incomplete canceled incomplete_expired".split()


@pytest.mark.parametrize("better", range(len(BEST_FIRST) - 1))
def test_the_better_status_speaks_even_where_it_is_older(better: int) -> None:
    good, bad = BEST_FIRST[better : better + 2]
    older = subscription("sub_b", status=good, created=NOW - 9 * DAY)
    newer = subscription("sub_a", status=bad, created=NOW - 2 * DAY)
    assert fields(customer(), older, newer)["subscription_id"] == "sub_b"


def test_a_status_that_is_not_known_yet_comes_last() -> None:
    known = subscription("sub_b", status="incomplete_expired", created=NOW - 9 * DAY)
    assert fields(customer(), known, subscription("sub_a", status="dormant"))["subscription_id"] == "sub_b"


def test_of_the_same_status_the_newest_speaks_then_the_lowest_id() -> None:
    same = [subscription(f"sub_{name}", created=NOW - 5 * DAY) for name in "cab"]
    assert fields(customer(), *same)["subscription_id"] == "sub_a"
    newer = subscription("sub_z", created=NOW - 4 * DAY)
    assert fields(customer(), *same, newer)["subscription_id"] == "sub_z"


METERED = price("price_m", unit_amount=99_000, usage_type="metered")
YEARLY = price("price_y", unit_amount=24_000, interval="year")
FREE, THREE, FIVE, TWENTY = (price(f"price_{n}", unit_amount=n) for n in (0, 300, 500, 1_999))


@pytest.mark.parametrize(
    ("items", "primary"),
    [
        pytest.param([item("si_1", price=METERED, quantity=None), item("si_2")], "price_1", id="licensed"),
        pytest.param([item("si_1", price=YEARLY), item("si_2", price=TWENTY)], "price_y", id="value"),
        pytest.param(
            [item("si_1", price=FIVE), item("si_2", price=THREE, quantity=2)],
            "price_300",
            id="quantity counts",
        ),
        pytest.param([item("si_2", price=price("price_b")), item("si_1")], "price_1", id="then the id"),
        pytest.param(
            [item("si_1", price=METERED, quantity=None), item("si_2", price=FREE)],
            "price_0",
            id="though free",
        ),
        pytest.param([item("si_1", price=METERED, quantity=None)], "price_m", id="only metered"),
    ],
)
def test_the_primary_item_is_licensed_then_worth_most_then_first_by_id(
    items: list[Shown], primary: str
) -> None:
    assert fields(customer(), subscription(items=items))["plan_id"] == primary


def test_the_customer_of_the_primary_subscription_speaks_for_the_person() -> None:
    idle = with_one_email("cus_1", name="Idle", created=NOW - DAY)
    active = with_one_email("cus_2", name="Active", created=NOW - 20 * DAY)
    person = fields(idle, active, subscription(customer="cus_2"))
    assert (person["customer_name"], person["stripe_customer_id"]) == ("Active", "cus_2")


def test_without_subscriptions_the_newest_customer_speaks_then_the_lowest_id() -> None:
    old = with_one_email("cus_3", created=NOW - 9 * DAY)
    first, second = (with_one_email(one, created=NOW - DAY) for one in ("cus_1", "cus_2"))
    assert fields(old, second, first)["stripe_customer_id"] == "cus_1"
    assert fields(old, second)["stripe_customer_id"] == "cus_2"


def test_a_customer_that_is_not_deleted_speaks_before_a_newer_one_that_is() -> None:
    world = told(
        with_one_email("cus_1", created=NOW - 9 * DAY),
        with_one_email("cus_2", created=NOW - DAY),
    )
    world.apply(event("customer.deleted", with_one_email("cus_2", created=NOW - DAY), created=NOW))
    assert only_person(world).fields["stripe_customer_id"] == "cus_1"


def test_a_product_is_called_what_the_latest_invoice_of_any_customer_calls_it() -> None:
    both = [with_one_email("cus_1"), with_one_email("cus_2"), subscription(customer="cus_1")]
    named = [
        invoice(
            f"in_{number}", customer=f"cus_{number}", status="paid", paid_at=NOW - at, lines=[called(name)]
        )
        for number, at, name in [(1, 60, "Old"), (2, 5, "New")]
    ]
    assert fields(*both, *named)["product_name"] == "New"
    assert fields(*both, *named[::-1])["product_name"] == "New"


def called(product_name: str) -> Shown:
    return line(description=f"1 × {product_name} (at $19.00 / month)")


def test_a_person_is_delinquent_if_any_of_their_customers_is() -> None:
    one, other = with_one_email("cus_1", delinquent=True), with_one_email("cus_2")
    assert fields(one, other, subscription(customer="cus_2"))["customer_delinquent"] is True
    assert fields(other)["customer_delinquent"] is False


def deleted_and_live(*, live: Shown, **of_the_deleted: Any) -> World:
    """Two customers of one person, the older one deleted after its subscription ended."""
    gone = with_one_email("cus_1", **of_the_deleted)
    ended = subscription(customer="cus_1", status="canceled", canceled_at=NOW - DAY, ended_at=NOW - DAY)
    world = told(gone, live, ended)
    world.apply(event("customer.deleted", gone, created=NOW))
    return world


def test_a_deleted_customer_speaks_for_nobody_who_has_a_live_one() -> None:
    live = with_one_email("cus_2", name="Live", created=NOW - 90 * DAY)
    person = only_person(deleted_and_live(live=live, name="Gone", delinquent=True))
    shown = ("stripe_customer_id", "customer_name", "customer_delinquent", "subscription_id")
    assert [person.fields[key] for key in shown] == ["cus_2", "Live", False, "sub_1"]
    assert origins_of(person.records)["customer"].record == "cus_2"


def test_where_all_are_deleted_the_one_of_the_primary_subscription_speaks() -> None:
    other = with_one_email("cus_2", delinquent=False)
    world = deleted_and_live(live=other, name="Gone", delinquent=True)
    world.apply(event("customer.deleted", other, created=NOW))
    person = only_person(world)
    shown = ("stripe_customer_id", "customer_name", "customer_delinquent")
    assert [person.fields[key] for key in shown] == ["cus_1", "Gone", True]


def test_a_customer_of_whom_only_the_deletion_is_known_silences_nobody() -> None:
    world = told(with_one_email("cus_1", delinquent=True))
    world.apply(event("customer.deleted", deleted_customer("cus_2"), created=NOW))
    person = world.person("customer:cus_1")
    assert person
    assert person.fields["customer_delinquent"] is True


# --- what is added up


def test_mrr_adds_up_all_customers_by_currency_and_shows_the_primarys() -> None:
    person = fields(
        with_one_email("cus_1"),
        with_one_email("cus_2"),
        subscription("sub_1", customer="cus_1", price=price(unit_amount=1_000)),
        subscription("sub_2", customer="cus_2", price=price(unit_amount=500), created=NOW - DAY),
        subscription(
            "sub_3", customer="cus_2", status="past_due", price=price(currency="jpy", unit_amount=700)
        ),
    )
    assert person["mrr"] == {"jpy": "700", "usd": "15.00"}
    assert (person["customer_mrr"], person["customer_mrr_currency"]) == ("15.00", "usd")
    assert (person["subscription_count"], person["subscription_statuses"]) == (3, ["active", "past_due"])


def test_a_churned_person_is_worth_nothing_and_somebody_without_subscription_has_no_mrr() -> None:
    churned = fields(customer(), subscription(status="canceled"))
    assert (churned["customer_mrr"], churned["mrr"]) == ("0.00", {"usd": "0.00"})
    assert fields(customer()).get("customer_mrr") is None


def test_an_mrr_that_cannot_be_known_is_not_shown() -> None:
    person = fields(customer(), subscription("sub_1"), subscription("sub_2", price=tiered()))
    assert (person.get("customer_mrr"), person.get("mrr")) == (None, None)
    assert person["customer_mrr_currency"] == "usd"


def test_an_mrr_without_a_discount_that_is_not_known_is_an_estimate() -> None:
    person = fields(customer(), subscription("sub_1"), subscription("sub_2", discounts=["di_1"]))
    assert (person["customer_mrr"], person["customer_mrr_estimated"]) == ("38.00", True)


# --- last activity


OVER, AHEAD = NOW - 3 * DAY, NOW + 3 * DAY
BEGAN = NOW - 10 * DAY
ACTIVITY = {
    "a trial's start": (subscription(status="trialing", trial_end=AHEAD), BEGAN),
    "an activation without trial": (subscription(status="active"), BEGAN),
    "an activation at the trial's end": (subscription(status="active", trial_end=OVER), OVER),
    "the same though past due": (subscription(status="past_due", trial_end=OVER), OVER),
    "the same though unpaid": (subscription(status="unpaid", trial_end=OVER), OVER),
    "no activation before the trial's end": (subscription(status="active", trial_end=AHEAD), BEGAN),
    "no activation once canceled": (
        subscription(status="canceled", trial_end=OVER, canceled_at=None, ended_at=NOW),
        BEGAN,
    ),
    "no activation while incomplete": (subscription(status="incomplete"), None),
    "a cancellation request": (subscription(cancel_at_period_end=True, canceled_at=NOW - HOUR), NOW - HOUR),
    "the request and not the end": (subscription(status="canceled", canceled_at=OVER, ended_at=NOW), OVER),
    "a start that is later than the creation": (subscription(start_date=NOW - DAY), NOW - DAY),
    "the creation of one that is backdated": (subscription(start_date=NOW - 400 * DAY), BEGAN),
}


@pytest.mark.parametrize("doing", ACTIVITY)
def test_the_last_activity_is_what_the_person_did(doing: str) -> None:
    shown, at = ACTIVITY[doing]
    assert fields(customer(), shown).get("last_activity_at") == at


def test_a_completed_checkout_is_activity_and_a_renewal_or_a_payment_is_none() -> None:
    paid = [charge(created=NOW - HOUR), invoice(status="paid", paid_at=NOW - HOUR)]
    renewed = subscription(period=(NOW - HOUR, NOW + 30 * DAY))
    assert fields(customer(), renewed, *paid)["last_activity_at"] == NOW - 10 * DAY
    session = checkout_session(created=NOW - 2 * HOUR)
    assert fields(customer(), renewed, *paid, session)["last_activity_at"] == NOW - 2 * HOUR


def test_undoing_a_cancellation_is_activity() -> None:
    asked = subscription(cancel_at_period_end=True, canceled_at=NOW - 3 * DAY)
    world = told(customer(), asked)
    assert only_person(world).fields["last_activity_at"] == NOW - 3 * DAY
    before = {"cancel_at": asked["cancel_at"], "cancel_at_period_end": True, "canceled_at": NOW - 3 * DAY}
    for at in (NOW - 5 * HOUR, NOW - 2 * DAY):
        undone = event("customer.subscription.updated", subscription(), previous=before, created=at)
        world.apply(undone, undone)
    assert only_person(world).fields["last_activity_at"] == NOW - 5 * HOUR


def test_the_latest_activity_of_any_customer_counts() -> None:
    both = [with_one_email("cus_1"), with_one_email("cus_2")]
    older = subscription(
        "sub_2", customer="cus_2", status="incomplete_expired", trial_end=OVER, created=NOW - 5 * DAY
    )
    assert fields(*both, subscription("sub_1"), older)["last_activity_at"] == NOW - 5 * DAY
