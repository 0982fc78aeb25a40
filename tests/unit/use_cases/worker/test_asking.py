"""What no event shows is asked of Stripe, once, apart from whoever waits for it."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from peoplesync.domain.catalogue import CatalogueKey
from peoplesync.domain.connections import Connection
from peoplesync.domain.people.person import Person
from peoplesync.use_cases.messages.message import BulkBatch, Message, decode
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.old_shapes import old_shape
from tests.support.builders.stripe import (
    DAY,
    NOW,
    coupon,
    customer,
    discount,
    event,
    item,
    price,
    subscription,
    tier,
    tiered,
)
from tests.support.fakes.event_list import Scene
from tests.support.fakes.world import TEST, World

Json = dict[str, Any]

SIGNED_UP = event("customer.created", customer(), created=NOW - 60 * DAY)
EUROS = {"usd": {"unit_amount": 2000}, "eur": {"unit_amount": 1800}}
IN_DOLLARS = price("price_multi", unit_amount=2000)
AT_STRIPE = IN_DOLLARS | {"currency_options": EUROS}


def subscribed(shown: StripeObject | None = None, at: int = NOW - 10 * DAY, **facts: Any) -> StripeObject:
    given: Json = {"price": shown or IN_DOLLARS, "currency": "eur"}
    return event("customer.subscription.created", subscription(**(given | facts)), created=at)


def world_with(*at_stripe: StripeObject) -> World:
    world = World(NOW)
    world.stripe.now = NOW
    world.stripe.objects = {one["id"]: one for one in at_stripe}
    return world


def person(world: World) -> Person:
    found = world.person("customer:cus_1")
    assert found is not None
    return found


def mrr(world: World) -> tuple[Any, Any, Any]:
    fields = person(world).fields
    return fields.get("customer_mrr"), fields.get("mrr"), fields.get("customer_mrr_estimated")


def asks(world: World) -> list[tuple[str, int]]:
    """What is to be asked, and in how many seconds."""
    waiting = [(decode(body).ask, delay) for body, delay in world.queue.sent]
    return [(ask.id, delay) for ask, delay in waiting if ask]


def test_what_a_price_costs_in_the_billed_currency_is_unknown_until_stripe_is_asked_once() -> None:
    world = world_with(AT_STRIPE)
    world.apply(SIGNED_UP, subscribed())
    assert mrr(world) == (None, None, None)
    fields = person(world).fields
    assert (fields.get("plan_price"), fields["plan_currency"], fields["customer_mrr_currency"]) == (
        None,
        "eur",
        "eur",
    )

    world.settle()

    assert mrr(world) == ("18.00", {"eur": "18.00"}, False)
    assert person(world).fields["plan_price"] == "18.00"
    assert world.stripe.asked == ["price_multi"]
    world.apply(SIGNED_UP, subscribed())
    assert not world.queue.sent


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_answer_counts_whether_it_comes_before_or_after_the_events(order: tuple[int, ...]) -> None:
    events = [SIGNED_UP, subscribed(), event("price.created", IN_DOLLARS, created=NOW - 30 * DAY)]
    world = world_with(AT_STRIPE)
    for number in order:
        world.apply(events[number])
        if number == 1:
            world.settle()
    world.settle()
    assert mrr(world) == ("18.00", {"eur": "18.00"}, False)


def test_a_hundred_users_of_a_price_ask_for_it_once() -> None:
    world = world_with(AT_STRIPE)
    for number in range(100):
        of = f"cus_{number}"
        world.apply(
            event("customer.created", customer(of), created=NOW - DAY),
            subscribed(id=f"sub_{of}", customer=of),
        )
    world.settle()
    assert world.stripe.asked == ["price_multi"]
    assert {one.fields["customer_mrr"] for one in world.people.people.values()} == {"18.00"}


def test_a_question_that_could_not_be_sent_is_sent_when_the_message_comes_again() -> None:
    world = world_with(AT_STRIPE)
    world.apply(SIGNED_UP)
    send, world.queue.send = world.queue.send, crash  # type: ignore[method-assign]
    assert world.apply(subscribed()).crashed
    written = world.people.writes
    assert world.apply(subscribed()).crashed, "written already, but still not asked"

    world.queue.send = send  # type: ignore[method-assign]
    assert not world.apply(subscribed()).crashed
    assert world.people.writes == written
    world.settle()

    assert mrr(world)[0] == "18.00"


def crash(body: str, delay: int = 0) -> None:
    raise RuntimeError("killed")


def test_users_learn_the_answer_although_the_worker_crashed_before_it_could_say_so() -> None:
    world = world_with(AT_STRIPE)
    world.apply(SIGNED_UP, subscribed())
    ((question, _),) = world.queue.sent
    world.queue.sent.clear()
    send, world.queue.send = world.queue.send, crash  # type: ignore[method-assign]
    assert world.deliver([question]).crashed
    world.queue.send = send  # type: ignore[method-assign]

    world.deliver([question])
    world.settle()

    assert mrr(world)[0] == "18.00"
    assert world.stripe.asked == ["price_multi"]


def test_while_stripe_cannot_be_asked_the_question_waits_and_nobody_else() -> None:
    world = world_with(AT_STRIPE)
    world.stripe.down = True
    report = world.apply(SIGNED_UP, subscribed())
    assert (report.counts["applied"], report.counts["waiting"]) == (2, 0)
    report = world.deliver([world.queue.sent.popleft()[0]])
    assert report.counts["waiting"] == 1

    world.stripe.down = False
    world.settle()

    assert mrr(world)[0] == "18.00"


def test_an_import_asks_late_and_not_for_what_its_lists_brought() -> None:
    world = world_with()
    listed = BulkBatch(as_of=NOW - 1, objects=(customer(), subscription(price=IN_DOLLARS, currency="eur")))
    world.deliver([Message(TEST, chunk=listed, cause="import").encode()])
    assert asks(world) == [("price_multi", 30)]
    prices = Message(TEST, chunk=BulkBatch(as_of=NOW - 1, objects=(AT_STRIPE,)), cause="import")
    world.deliver([prices.encode()])

    world.settle()

    assert world.stripe.asked == []
    assert mrr(world)[0] == "18.00"


@pytest.mark.parametrize("refusal", ["not_permitted", "not_found"])
def test_a_refusal_is_an_answer_and_is_asked_for_again_a_day_later(refusal: str) -> None:
    world = world_with(*([AT_STRIPE] if refusal == "not_permitted" else []))
    world.stripe.forbidden = {"price"} if refusal == "not_permitted" else set()
    world.apply(SIGNED_UP, subscribed())
    world.settle()
    assert mrr(world) == (None, None, None)
    world.apply(event("customer.updated", customer(name="New"), previous={"name": "Old"}, created=NOW))
    assert not world.queue.sent

    world.stripe.forbidden, world.stripe.objects = set(), {"price_multi": AT_STRIPE}
    for later, again in ((DAY - 60, []), (DAY + 60, ["price_multi"])):
        world.stripe.now = world.now = NOW + later
        reconciler = Scene(catalogue=world.catalogue)
        reconciler.stripe.now = world.now
        reconciler.connections.every["main"] = Connection("main", False, 1, 1, NOW)
        reconciler.run()
        questions = [one for one in map(decode, reconciler.bulk.bodies) if one.ask]
        assert [one.ask.id for one in questions if one.ask] == again
    world.deliver([questions[0].encode()])
    world.settle()

    assert mrr(world)[0] == "18.00"
    assert world.catalogue.refused(TEST, NOW + 9 * DAY, 9) == []


def test_a_refusal_never_replaces_what_is_known() -> None:
    world = world_with(AT_STRIPE)
    world.apply(SIGNED_UP, subscribed())
    world.settle()
    world.stripe.objects, world.stripe.now = {}, NOW + DAY
    world.apply(event("price.updated", IN_DOLLARS, created=NOW + DAY - 60, previous={"nickname": "Old"}))
    world.settle()

    assert world.catalogue.entries[CatalogueKey("price", "price_multi")].refusal == "not_found"
    assert mrr(world) == ("18.00", {"eur": "18.00"}, True)


def test_after_a_price_was_updated_its_options_are_an_estimate_until_they_were_seen_well_after_it() -> None:
    world = world_with(AT_STRIPE)
    world.apply(SIGNED_UP, subscribed())
    world.settle()
    raised = {**EUROS, "eur": {"unit_amount": 2100}}
    updated = event("price.updated", IN_DOLLARS, created=NOW + 60, previous={"nickname": "Old"})
    world.stripe.objects = {"price_multi": IN_DOLLARS | {"currency_options": raised}}
    world.now = world.stripe.now = NOW + 62
    world.apply(updated)
    world.deliver([world.queue.sent.popleft()[0]])  # those who use it
    assert mrr(world)[0::2] == ("18.00", True)
    assert asks(world) == [("price_multi", 6)]

    world.deliver([world.queue.sent.popleft()[0]])  # too soon: the answer may be of before the update
    ((question, _), (walk, _)) = sorted(world.queue.sent, key=lambda one: "walk" in one[0])
    world.deliver([walk])
    assert mrr(world)[0::2] == ("21.00", True)

    world.queue.sent.clear()
    world.now = world.stripe.now = NOW + 80
    world.deliver([question])
    world.settle()
    assert mrr(world)[0::2] == ("21.00", False)


def test_after_a_coupon_was_updated_its_amounts_in_other_currencies_are_an_estimate_too() -> None:
    off = coupon("OFF", percent_off=None, amount_off=500, currency="usd", created=NOW - 90 * DAY)
    world = world_with(off | {"currency_options": {"usd": {"amount_off": 500}, "eur": {"amount_off": 400}}})
    given = discount(coupon="OFF") | {"customer": "cus_1", "subscription": "sub_1"}
    shown = price(currency="eur", unit_amount=1900)
    world.apply(SIGNED_UP, event("customer.discount.created", given, created=NOW - 10 * DAY))
    world.apply(subscribed(shown, discounts=["di_1"]))
    world.settle()
    assert mrr(world)[0::2] == ("15.00", False)

    world.stripe.down, world.now = True, NOW + 60
    world.apply(event("coupon.updated", off, created=NOW + 60, previous={"name": "Old"}))
    for body, _ in list(world.queue.sent):
        world.deliver([body])
    assert mrr(world)[0::2] == ("15.00", True)


@pytest.mark.parametrize("status", ["trialing", "unpaid", "canceled"])
def test_what_the_plan_costs_is_asked_for_also_where_nothing_is_paid(status: str) -> None:
    world = world_with(AT_STRIPE)
    world.apply(SIGNED_UP, subscribed(status=status))
    world.settle()
    assert person(world).fields["plan_price"] == "18.00"
    assert mrr(world)[0::2] == ("0.00", False)


def test_what_an_old_subscription_beside_the_newest_one_costs_is_not_asked_for() -> None:
    world = world_with(AT_STRIPE)
    world.apply(SIGNED_UP, subscribed(status="canceled"))
    world.queue.sent.clear()
    other = subscription("sub_2")
    world.apply(event("customer.subscription.created", other, created=NOW - DAY))
    assert not world.queue.sent


def test_that_nothing_is_paid_is_no_estimate_though_the_price_is_not_known() -> None:
    world = world_with()
    world.apply(SIGNED_UP, subscribed(status="unpaid"))
    world.settle()
    assert world.stripe.asked == ["price_multi"]
    assert mrr(world)[0::2] == ("0.00", False)


def test_tiers_of_another_currency_are_asked_for_too() -> None:
    steps = {"eur": {"unit_amount": None, "tiers": [tier(None, unit_amount=700)]}}
    world = world_with(tiered(tier(None, unit_amount=800)) | {"currency_options": steps})
    world.apply(SIGNED_UP, subscribed(tiered(), quantity=3))
    world.settle()
    assert mrr(world)[0] == "21.00"


HALF_OF_PRO = coupon("HALF", created=NOW - 90 * DAY, applies_to={"products": ["prod_2"]})
ALONE = {name: value for name, value in HALF_OF_PRO.items() if name != "applies_to"}


@pytest.mark.parametrize("told", [True, False])
def test_what_a_coupon_applies_to_is_asked_for_once(told: bool) -> None:
    world = world_with(HALF_OF_PRO)
    items = [item("si_1"), item("si_2", price=price("price_2", product="prod_2", unit_amount=1000))]
    if told:
        world.apply(event("coupon.created", ALONE, created=NOW - 90 * DAY))
    given = discount(coupon="HALF") | {"customer": "cus_1", "subscription": "sub_1"}
    world.apply(
        SIGNED_UP,
        event("customer.discount.created", given, created=NOW - 10 * DAY),
        subscribed(items=items, discounts=["di_1"], currency="usd"),
    )
    assert mrr(world)[0::2] == (("14.50" if told else "29.00"), True)

    world.settle()

    assert mrr(world) == ("24.00", {"usd": "24.00"}, False)
    assert world.stripe.asked == ["HALF"]


def test_a_coupon_shown_whole_does_not_hide_what_the_catalogue_knows_of_it() -> None:
    world = world_with()
    world.deliver([Message(TEST, chunk=BulkBatch(as_of=NOW - 1, objects=(HALF_OF_PRO,))).encode()])
    old = subscription(discounts=[discount(coupon=ALONE)])
    world.apply(SIGNED_UP, event("customer.subscription.created", old, created=NOW - DAY, old=True))
    world.settle()
    assert mrr(world) == ("19.00", {"usd": "19.00"}, False)
    assert world.stripe.asked == []


def test_a_discount_of_which_nobody_told_is_asked_for_with_its_subscription() -> None:
    whole = discount(coupon="HALF")
    world = world_with(HALF_OF_PRO | {"applies_to": None}, subscription(discounts=[whole]))
    world.apply(
        SIGNED_UP, event("customer.subscription.created", subscription(discounts=["di_1"]), created=NOW)
    )
    world.settle()
    assert mrr(world) == ("9.50", {"usd": "9.50"}, False)
    assert world.stripe.asked == ["sub_1", "HALF"]


def test_a_discount_that_stripe_only_names_when_it_is_asked_is_asked_for_once() -> None:
    world = world_with(subscription(discounts=["di_1"]))
    named = subscription(discounts=["di_1"])
    world.apply(SIGNED_UP, event("customer.subscription.created", named, created=NOW - DAY))
    world.settle()
    assert world.stripe.asked == ["sub_1"]
    assert mrr(world)[0::2] == ("19.00", True)
    world.apply(event("customer.updated", customer(name="New"), previous={"name": "Old"}, created=NOW))
    assert not world.queue.sent


EVERY = [item(f"si_{number:02}", price=price(f"price_{number}", unit_amount=1000)) for number in range(12)]


def cut(whole: StripeObject) -> StripeObject:
    """The subscription as Stripe shows it without being asked for more."""
    items = whole["items"]
    return whole | {"items": items | {"data": items["data"][:10], "has_more": True, "total_count": 12}}


def test_a_subscription_of_which_ten_items_are_shown_is_fetched_whole() -> None:
    whole = subscription(items=EVERY)
    world = world_with(whole)
    world.apply(SIGNED_UP, event("customer.subscription.created", cut(whole), created=NOW - DAY))
    assert mrr(world) == (None, None, None)
    world.settle()
    assert mrr(world) == ("120.00", {"usd": "120.00"}, False)
    assert world.stripe.asked == ["sub_1"]


@pytest.mark.parametrize("told_as", ["updated", "deleted"])
def test_of_a_canceled_subscription_all_items_are_fetched_too_since_its_plan_is_shown(told_as: str) -> None:
    dearest = item("si_11", price=price("price_dear", unit_amount=9000))
    whole = subscription(items=[*EVERY[:11], dearest], status="canceled")
    previous = {"status": "active"} if told_as == "updated" else None
    ended = event(f"customer.subscription.{told_as}", cut(whole), created=NOW, previous=previous)
    world = world_with(whole)
    world.apply(SIGNED_UP, ended)
    world.settle()
    assert world.stripe.asked == ["sub_1"]
    assert person(world).fields["plan_id"] == "price_dear"


def test_of_a_newer_event_the_items_not_shown_are_an_estimate_until_stripe_is_asked_again() -> None:
    whole = subscription(items=EVERY)
    world = world_with(whole)
    world.apply(SIGNED_UP, event("customer.subscription.created", cut(whole), created=NOW - DAY))
    world.settle()
    more = [one | {"quantity": 2 if one["id"] in ("si_00", "si_11") else 1} for one in EVERY]
    grown = subscription(items=more)
    world.stripe.objects, world.now = {"sub_1": grown}, NOW + 60
    previous = {"items": cut(whole)["items"]}
    updated = event("customer.subscription.updated", cut(grown), created=NOW + 60, previous=previous)
    world.apply(updated)
    assert mrr(world) == ("130.00", {"usd": "130.00"}, True)
    assert asks(world) == [("sub_1", 3)]

    world.now = world.stripe.now = NOW + 63
    world.settle()
    assert mrr(world) == ("140.00", {"usd": "140.00"}, False)


def test_a_whole_and_a_cut_subscription_of_one_state_never_tie() -> None:
    whole = subscription(items=EVERY)
    for first, second in ((whole, cut(whole)), (cut(whole), whole)):
        world = world_with(whole)
        for at, shown in ((NOW - 3, first), (NOW - 1, second)):
            world.apply(
                SIGNED_UP,
                event("customer.subscription.updated", shown, created=at, previous={"metadata": {}}),
            )
        assert world.stripe.asked == []
        world.settle()
        assert mrr(world)[0] == "120.00"


def test_a_subscription_that_stripe_does_not_know_is_asked_for_once() -> None:
    world = world_with()
    shown = cut(subscription(items=EVERY))
    world.apply(SIGNED_UP, event("customer.subscription.created", shown, created=NOW - DAY))
    world.settle()
    assert world.stripe.asked == ["sub_1"]
    assert mrr(world)[0] is None
    world.apply(event("customer.updated", customer(name="New"), previous={"name": "Old"}, created=NOW))
    assert not world.queue.sent


def test_questions_that_stripe_answers_too_early_for_do_not_multiply() -> None:
    both = [subscription(name, discounts=["di_1"]) for name in ("sub_1", "sub_2")]
    world = world_with(*both)
    world.stripe.now = 0  # a clock far behind: no answer is newer than what is known
    told: Json = {"created": NOW, "previous": {"metadata": {}}}
    world.apply(SIGNED_UP, *(event("customer.subscription.updated", one, **told) for one in both))
    for asked in range(5):
        assert sorted(name for name, _ in asks(world)) == ["sub_1", "sub_2"]
        assert len(world.stripe.asked) == 2 * asked
        for _ in range(2):
            world.deliver([world.queue.sent.popleft()[0]])


def test_a_discount_told_by_an_event_of_its_own_counts_before_its_subscription_names_it() -> None:
    world = world_with(HALF_OF_PRO | {"applies_to": None})
    world.apply(SIGNED_UP, event("customer.subscription.created", subscription(), created=NOW - 10 * DAY))
    given = discount(coupon="HALF", start=NOW - DAY) | {"customer": "cus_1", "subscription": "sub_1"}
    world.apply(event("customer.discount.created", given, created=NOW - DAY))
    world.settle()
    assert mrr(world)[0::2] == ("9.50", False)

    world.apply(event("customer.discount.deleted", given | {"end": NOW - 60}, created=NOW - 60))
    assert mrr(world)[0::2] == ("19.00", False)


def test_a_subscription_without_items_or_currency_has_no_amount_in_no_currency() -> None:
    empty = subscription() | {"items": {}}
    del empty["currency"]
    world = world_with()
    world.apply(SIGNED_UP, event("customer.subscription.created", empty, created=NOW - DAY))
    assert mrr(world) == (None, None, None)
    assert person(world).fields.get("customer_mrr_currency") is None


def test_the_only_item_of_an_old_subscription_may_be_shown_by_its_plan_alone() -> None:
    plan = item()["plan"]
    empty = subscription() | {"items": {}, "plan": plan, "quantity": 2}
    world = world_with()
    world.apply(SIGNED_UP, event("customer.subscription.created", empty, created=NOW - DAY))
    assert mrr(world) == ("38.00", {"usd": "38.00"}, False)


@pytest.mark.parametrize("named", [True, False])
def test_a_discount_that_was_taken_back_has_ended_whatever_its_event_says(named: bool) -> None:
    world = world_with(HALF_OF_PRO | {"applies_to": None})
    given = discount(coupon="HALF") | {"customer": "cus_1", "subscription": "sub_1"}
    shown = subscription(discounts=["di_1"] if named else [])
    world.apply(SIGNED_UP, event("customer.subscription.created", shown, created=NOW - 10 * DAY))
    world.apply(event("customer.discount.deleted", given, created=NOW - DAY))
    world.settle()
    assert mrr(world)[0::2] == ("19.00", False)


def test_a_discount_of_before_they_had_ids_counts() -> None:
    world = world_with(HALF_OF_PRO | {"applies_to": None})
    given = {name: value for name, value in discount().items() if name not in ("id", "source")}
    given |= {"customer": "cus_1", "subscription": None, "coupon": ALONE}
    world.apply(SIGNED_UP, event("customer.subscription.created", subscription(), created=NOW - 20 * DAY))
    world.apply(event("customer.discount.created", given, created=NOW - 10 * DAY))
    world.settle()
    assert mrr(world)[0::2] == ("9.50", False)


@pytest.mark.parametrize("answer", [{"status": 7}, {}], ids=["unreadable", "cut as well"])
def test_an_answer_that_shows_no_more_is_an_answer(answer: Json) -> None:
    shown = cut(subscription(items=EVERY))
    world = world_with(shown | answer)
    world.apply(SIGNED_UP, event("customer.subscription.created", shown, created=NOW - DAY))
    world.settle()
    assert world.stripe.asked == ["sub_1"]
    assert mrr(world)[0] is None


def test_a_currency_that_an_old_shape_does_not_show_is_the_one_that_is_billed() -> None:
    world = world_with(AT_STRIPE)
    world.apply(SIGNED_UP, subscribed())
    old = {name: value for name, value in subscription(price=IN_DOLLARS).items() if name != "currency"}
    world.apply(event("customer.subscription.updated", old, created=NOW - DAY, previous={"metadata": {}}))
    world.settle()
    assert mrr(world) == ("18.00", {"eur": "18.00"}, False)


OF_AN_ITEM = {"items": [item(discounts=["di_1"])]}
TWO = {"discounts": ["di_1", "di_2"]}
FOR_ALL = coupon(created=NOW - 90 * DAY, applies_to=None)
TERMS = {name: discount(name, coupon=coupon()) for name in ("di_1", "di_2")}


def in_both_shapes(at_stripe: Json) -> tuple[StripeObject, StripeObject]:
    """A subscription with its discounts whole, as Stripe shows it today, and in an old event: one at most."""
    modern = subscription(**at_stripe)
    whole = json.loads(json.dumps(modern))
    for holder in (whole, *whole["items"]["data"]):
        holder["discounts"] = [TERMS[one] for one in holder["discounts"]]
    old = old_shape(whole)
    assert "discounts" not in old
    return whole, old


@pytest.mark.parametrize("swapped", [False, True], ids=["in order", "late"])
@pytest.mark.parametrize(("given", "worth"), [(OF_AN_ITEM, "9.50"), (TWO, "4.75")], ids=["item's", "several"])
def test_what_an_old_shape_cannot_show_of_discounts_is_an_estimate_until_stripe_is_asked(
    given: Json, worth: str, swapped: bool
) -> None:
    whole, old = in_both_shapes(given)
    world = world_with(whole, FOR_ALL)
    told = [
        event("customer.subscription.created", whole, created=NOW - 10 * DAY),
        event("customer.subscription.updated", old, created=NOW - DAY, previous={"metadata": {}}),
    ]
    world.apply(SIGNED_UP)
    for one in reversed(told) if swapped else told:
        world.apply(one)
    assert mrr(world)[0::2] == (worth, True)

    world.settle()
    assert world.stripe.asked.count("sub_1") == 1
    assert mrr(world)[0::2] == (worth, False)


def test_a_discount_that_ended_out_of_sight_of_an_old_shape_is_gone_once_stripe_is_asked() -> None:
    whole, old = in_both_shapes(OF_AN_ITEM)
    world = world_with(subscription(), FOR_ALL)
    world.apply(SIGNED_UP, event("customer.subscription.created", whole, created=NOW - 10 * DAY))
    world.apply(event("customer.subscription.updated", old, created=NOW - DAY, previous={"metadata": {}}))
    world.settle()
    assert mrr(world)[0::2] == ("19.00", False)


def test_a_shape_that_shows_less_of_the_discounts_never_ties() -> None:
    whole, old = in_both_shapes(TWO)
    world = world_with(FOR_ALL)
    world.apply(SIGNED_UP, event("customer.subscription.created", whole, created=NOW - DAY))
    world.apply(event("customer.subscription.updated", old, created=NOW - DAY, previous={"metadata": {}}))
    world.settle()
    assert world.stripe.asked == ["coupon_1"]
    assert mrr(world)[0::2] == ("4.75", False)


def test_where_an_old_shape_shows_none_and_none_was_known_there_is_none() -> None:
    _, old = in_both_shapes({})
    world = world_with()
    world.apply(SIGNED_UP, event("customer.subscription.created", subscription(), created=NOW - 10 * DAY))
    world.apply(event("customer.subscription.updated", old, created=NOW - DAY, previous={"metadata": {}}))
    assert mrr(world)[0::2] == ("19.00", False)
    assert asks(world) == []
