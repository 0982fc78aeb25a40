"""A business at the simulator, as time is moved: what its subscriptions become, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import stripe

from peoplesync_local.stripe_simulator.control import Refused, Simulator
from tests.support.worlds.simulated_stripe import NOW, ask, client, simulated_stripe

DAY = 86_400


@pytest.fixture
def url() -> Iterator[str]:
    with simulated_stripe() as url:
        yield url


def api(url: str) -> Any:
    """Stripe's own client; Any, since plain dictionaries are its parameters here."""
    return client(url).v1


def price(url: str) -> str:
    product = api(url).products.create({"name": "Team"})
    made = api(url).prices.create(
        {"product": product.id, "currency": "usd", "unit_amount": 4900, "recurring": {"interval": "month"}}
    )
    return str(made.id)


def subscribe(url: str, **params: Any) -> Any:
    """A customer with a card and a subscription."""
    customer = api(url).customers.create(
        {"email": "trial-07@example.com", "invoice_settings": {"default_payment_method": "pm_card_visa"}}
    )
    return api(url).subscriptions.create(
        {"customer": customer.id, "items": [{"price": price(url)}], **params}
    )


def told(url: str, *types: str) -> list[tuple[str, int]]:
    """Type and days since the beginning of the events of these types, oldest first."""
    events = ask(url, "/v1/events", {"types": list(types), "limit": 100}).data["data"]
    return [(event["type"], (event["created"] - NOW) // DAY) for event in reversed(events)]


def test_a_trial_ends_on_its_day_and_its_end_is_announced_before(url: str) -> None:
    subscription = subscribe(url, trial_period_days=14)
    assert subscription.status == "trialing"
    assert Simulator(url).advance(15 * DAY) > 0

    assert api(url).subscriptions.retrieve(subscription.id).status == "active"
    assert told(url, "customer.subscription.trial_will_end", "customer.subscription.updated")[:2] == [
        ("customer.subscription.trial_will_end", 11),
        ("customer.subscription.updated", 14),
    ]


@pytest.mark.parametrize("gives_up", ["canceled", "unpaid"])
def test_who_does_not_pay_is_past_due_and_then_given_up(url: str, gives_up: str) -> None:
    subscription = subscribe(url)
    simulator = Simulator(url)
    simulator.gives_up(gives_up)
    simulator.pays(subscription.customer, False)
    statuses = []
    for _ in range(8):
        simulator.advance(7 * DAY)
        statuses.append(api(url).subscriptions.retrieve(subscription.id).status)

    assert statuses[0] == "active"
    assert list(dict.fromkeys(statuses)) == ["active", "past_due", gives_up]


def test_who_pays_again_is_active_again(url: str) -> None:
    subscription = subscribe(url)
    simulator = Simulator(url)
    simulator.pays(subscription.customer, False)
    simulator.advance(32 * DAY)
    assert api(url).subscriptions.retrieve(subscription.id).status == "past_due"
    simulator.pays(subscription.customer, True)
    simulator.advance(8 * DAY)

    assert api(url).subscriptions.retrieve(subscription.id).status == "active"


def test_an_update_tells_what_was_before(url: str) -> None:
    subscription = subscribe(url)
    item = subscription["items"].data[0].id
    changed = api(url).subscriptions.update(
        subscription.id, {"items": [{"id": item, "quantity": 3}], "expand": ["latest_invoice"]}
    )

    assert changed["items"].data[0].quantity == 3
    assert changed.latest_invoice.object == "invoice"
    event = ask(url, "/v1/events", {"type": "customer.subscription.updated"}).data["data"][0]
    assert event["data"]["previous_attributes"]["items"]["data"][0]["quantity"] == 1
    assert event["data"]["object"]["latest_invoice"].startswith("in_")


def test_a_canceled_subscription_ends_at_its_periods_end(url: str) -> None:
    subscription = subscribe(url)
    api(url).subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    Simulator(url).advance(20 * DAY)
    assert api(url).subscriptions.retrieve(subscription.id).status == "active"
    Simulator(url).advance(15 * DAY)

    assert api(url).subscriptions.retrieve(subscription.id).status == "canceled"
    assert api(url).subscriptions.list().data == []


def test_a_canceled_subscription_is_over_at_once(url: str) -> None:
    subscription = subscribe(url)

    assert api(url).subscriptions.cancel(subscription.id).status == "canceled"
    assert told(url, "customer.subscription.deleted") == [("customer.subscription.deleted", 0)]


def test_a_customer_that_is_deleted_takes_its_subscriptions_along(url: str) -> None:
    subscription = subscribe(url)
    assert api(url).customers.delete(subscription.customer).deleted

    assert api(url).customers.retrieve(subscription.customer).deleted
    assert api(url).subscriptions.retrieve(subscription.id).status == "canceled"
    assert len(told(url, "customer.deleted", "customer.subscription.deleted")) == 2
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        api(url).subscriptions.create({"customer": subscription.customer, "items": [{"price": price(url)}]})


def test_a_coupon_becomes_a_discount_that_names_it(url: str) -> None:
    coupon = api(url).coupons.create({"percent_off": 50, "duration": "repeating", "duration_in_months": 2})
    subscription = subscribe(url, discounts=[{"coupon": coupon.id}])

    (discount,) = subscription.discounts
    shown = api(url).subscriptions.retrieve(subscription.id, {"expand": ["discounts.source.coupon"]})
    assert discount.startswith("di_")
    assert shown.discounts[0].source.coupon.percent_off == 50
    Simulator(url).advance(70 * DAY)
    assert api(url).subscriptions.retrieve(subscription.id).discounts == []


def test_a_charge_is_refunded_bit_by_bit(url: str) -> None:
    charge = api(url).charges.create({"amount": 5000, "currency": "usd", "source": "tok_visa"})
    api(url).refunds.create({"charge": charge.id, "amount": 2000})
    api(url).refunds.create({"charge": charge.id})

    assert api(url).charges.retrieve(charge.id).amount_refunded == 5000
    assert len(told(url, "charge.refunded")) == 2
    assert "refunds" not in ask(url, f"/v1/charges/{charge.id}").data
    with pytest.raises(stripe.InvalidRequestError):
        api(url).refunds.create({"charge": charge.id})


def test_a_declined_charge_is_an_error_and_a_charge(url: str) -> None:
    with pytest.raises(stripe.CardError) as declined:
        api(url).charges.create({"amount": 5000, "currency": "usd", "source": "tok_chargeDeclined"})

    assert declined.value.http_status == 402
    assert declined.value.code == "card_declined"
    assert [charge.status for charge in api(url).charges.list().data] == ["failed"]


def test_a_completed_checkout_makes_a_subscription(url: str) -> None:
    session = api(url).checkout.sessions.create(
        {
            "mode": "subscription",
            "line_items": [{"price": price(url), "quantity": 1}],
            "success_url": "https://shop.example.com",
        }
    )
    assert session.status == "open"
    done = Simulator(url).complete_checkout(session.id)

    assert done["status"] == "complete"
    assert api(url).subscriptions.retrieve(done["subscription"]).status == "active"
    assert len(told(url, "checkout.session.completed")) == 1


def test_time_that_passes_by_itself_lets_happen_what_is_due(url: str) -> None:
    subscription = subscribe(url, trial_end=NOW + 1)
    simulator = Simulator(url)
    simulator.freeze(None)
    while simulator.now() < NOW + 1:
        pass

    assert api(url).subscriptions.retrieve(subscription.id).status == "active"


def test_what_customer_does_not_exist_cannot_be_told_to_pay(url: str) -> None:
    with pytest.raises(Refused, match="No such customer"):
        Simulator(url).pays("cus_none", True)


def test_the_portal_is_played_and_stripes_client_sees_the_end(url: str) -> None:
    subscription = subscribe(url)
    asked = Simulator(url).cancel_in_portal(subscription.id, feedback="unused", comment="Bye")
    seen = api(url).subscriptions.retrieve(subscription.id)
    assert (seen.cancel_at, seen.cancel_at_period_end) == (asked["cancel_at"], False)
    assert (seen.cancellation_details.feedback, seen.cancellation_details.comment) == ("unused", "Bye")
    Simulator(url).keep_in_portal(subscription.id)
    assert api(url).subscriptions.retrieve(subscription.id).cancel_at is None


def test_a_classic_subscription_is_migrated_by_stripes_client(url: str) -> None:
    subscription = subscribe(url, billing_mode={"type": "classic"})
    assert subscription.billing_mode.type == "classic"
    made = api(url).subscriptions.migrate(subscription.id, {"billing_mode": {"type": "flexible"}})
    assert made.billing_mode.type == "flexible"


def test_an_account_without_customer_is_in_no_list_of_customers_and_has_a_subscription(url: str) -> None:
    alone = Simulator(url).add_account("account-01@example.com")["id"]
    both = Simulator(url).add_account("account-02@example.com", with_customer=True)
    items = [{"price": price(url)}]
    made = [
        api(url).subscriptions.create({"customer_account": one, "items": items})
        for one in (alone, both["id"])
    ]

    assert [(one.customer, one.customer_account) for one in made] == [
        (None, alone),
        (both["customer"], both["id"]),
    ]
    assert [customer.id for customer in api(url).customers.list().data] == [both["customer"]]
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        api(url).customers.retrieve(alone)
    for account, subscription in zip((alone, both["id"]), made, strict=True):
        listed = api(url).subscriptions.list({"customer_account": account, "expand": ["data.customer"]}).data
        assert [one.id for one in listed] == [subscription.id]
