"""The simulator's objects and lists, asked for by Stripe's own client."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import stripe

from peoplesync_local.stripe_simulator.control import Refused, Simulator
from peoplesync_local.stripe_simulator.objects import shapes as stripe_objects
from peoplesync_local.stripe_simulator.objects.payments import charge, invoice
from tests.support.worlds.simulated_stripe import NOW, ask, client, simulated_stripe

CUSTOMER = stripe_objects.customer("cus_1", created=NOW - 1000, email="trial-07@example.com")
PRODUCT = {"id": "prod_1", "object": "product", "active": True, "created": NOW - 2000, "name": "Team"}
PRICE = stripe_objects.price("price_1", product="prod_1", unit_amount=4900, created=NOW - 2000)
TIERS = [{"up_to": None, "unit_amount": 4900}]
COUPON = {"id": "LAUNCH", "object": "coupon", "created": NOW - 2000, "applies_to": {"products": ["prod_1"]}}
DISCOUNT = {
    "id": "di_1",
    "object": "discount",
    "start": NOW - 900,
    "source": {"type": "coupon", "coupon": "LAUNCH"},
}


def subscription(id: str, *, created: int, status: str = "active", **extra: Any) -> dict[str, Any]:  # noqa: A002
    item = stripe_objects.item(
        f"si_{id}", subscription=id, price=PRICE, period=(created, created + 30), created=created
    )
    return stripe_objects.subscription(
        id, customer="cus_1", items=[item], created=created, status=status, **extra
    )


HELD = [
    CUSTOMER,
    PRODUCT,
    PRICE | {"tiers": TIERS},
    COUPON,
    DISCOUNT,
    invoice("in_1", customer="cus_1", lines=[], created=NOW - 900, status="paid"),
    charge("ch_1", customer="cus_1", amount=4900, created=NOW - 900),
    subscription("sub_1", created=NOW - 900, latest_invoice="in_1", discounts=["di_1"]),
    subscription("sub_2", created=NOW - 800, status="canceled"),
    subscription("sub_3", created=NOW - 700, status="incomplete_expired"),
    subscription("sub_4", created=NOW - 600, status="past_due"),
]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A simulator that holds a little of everything; the tests of this file change nothing of it."""
    with simulated_stripe() as url:
        Simulator(url).hold(HELD)
        Simulator(url).hold(
            stripe_objects.customer(
                f"cus_many_{number:03d}", created=NOW - 5000 + number // 2, email=None, livemode=True
            )
            for number in range(250)
        )
        Simulator(url, livemode=True).add_key("rk_live_many")
        yield url


@pytest.fixture
def empty() -> Iterator[str]:
    with simulated_stripe() as url:
        yield url


def ids(page: Any) -> list[str]:
    return [shown["id"] for shown in page.data]


def many(url: str, **params: Any) -> Any:
    """A page of the 250 customers, two of whom signed up in every second."""
    return client(url, "rk_live_many").v1.customers.list(params)  # type: ignore[arg-type]  # plain dictionary


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/v1/customers/cus_1", CUSTOMER),
        ("/v1/subscriptions/sub_1", HELD[7]),
        ("/v1/invoices/in_1", HELD[5]),
        ("/v1/charges/ch_1", HELD[6]),
        ("/v1/prices/price_1", PRICE),
        ("/v1/products/prod_1", PRODUCT),
    ],
)
def test_an_object_is_found_where_stripe_has_it(url: str, path: str, expected: dict[str, Any]) -> None:
    assert ask(url, path).data == expected


def test_a_checkout_session_has_a_longer_address(empty: str) -> None:
    session = stripe_objects.checkout_session(
        "cs_1", customer="cus_1", created=NOW, email=None, amount_total=0
    )
    Simulator(empty).hold([session])

    assert ask(empty, "/v1/checkout/sessions/cs_1").data == session


def test_the_later_of_two_held_objects_is_the_truth(empty: str) -> None:
    simulator = Simulator(empty)
    simulator.hold([CUSTOMER, {**CUSTOMER, "email": "second@example.com"}])

    assert simulator.hold([{**CUSTOMER, "email": "third@example.com"}]) == 1
    assert ask(empty, "/v1/customers/cus_1").data["email"] == "third@example.com"


def test_a_deleted_customer_is_a_stub_for_good_and_in_no_list(empty: str) -> None:
    Simulator(empty).hold([CUSTOMER, {**CUSTOMER, "deleted": True}, CUSTOMER])

    assert ask(empty, "/v1/customers/cus_1").data == {"id": "cus_1", "object": "customer", "deleted": True}
    assert ask(empty, "/v1/customers").data["data"] == []


def test_a_list_goes_on_after_a_customer_that_was_deleted_meanwhile(empty: str) -> None:
    older = stripe_objects.customer("cus_0", created=NOW - 2000, email=None)
    Simulator(empty).hold([older, CUSTOMER])
    Simulator(empty).hold([CUSTOMER | {"deleted": True}])

    assert ids(client(empty).v1.customers.list({"starting_after": "cus_1"})) == ["cus_0"]


def test_a_list_can_refuse_to_go_on_after_a_customer_that_was_deleted(empty: str) -> None:
    Simulator(empty).hold([CUSTOMER, CUSTOMER | {"deleted": True}])
    Simulator(empty).limit(refuse_deleted_cursors=True)

    with pytest.raises(stripe.InvalidRequestError, match="No such customer: 'cus_1'"):
        client(empty).v1.customers.list({"starting_after": "cus_1"})


def test_what_is_no_object_cannot_be_held(empty: str) -> None:
    with pytest.raises(Refused, match="cannot take this"):
        Simulator(empty).hold([{"email": "nobody@example.com"}])


@pytest.mark.parametrize("path", ["customers/cus_none", "coupons/NONE", "products/prod_none"])
def test_an_object_it_does_not_hold_is_missing_as_at_stripe(url: str, path: str) -> None:
    words, identifier = path.split("s/")
    with pytest.raises(stripe.InvalidRequestError, match=f"No such {words}: '{identifier}'") as missing:
        ask(url, f"/v1/{path}")

    assert missing.value.http_status == 404
    assert missing.value.code == "resource_missing"
    assert missing.value.param == "id"


def test_a_path_that_stripe_does_not_have_is_unrecognized(url: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        ask(url, "/v1/custard")


def test_every_answer_bears_the_simulated_time(url: str) -> None:
    headers = ask(url, "/v1/customers/cus_1").headers

    assert parsedate_to_datetime(headers["Date"]).timestamp() == NOW
    assert headers["Stripe-Version"] == stripe.api_version
    assert headers["Request-Id"].startswith("req_")


def test_a_list_is_newest_first_and_ten_long_unless_asked(url: str) -> None:
    page = many(url)

    assert ids(page) == [f"cus_many_{number:03d}" for number in range(249, 239, -1)]
    assert page.has_more


def test_pages_follow_each_other_without_gap_or_overlap(url: str) -> None:
    listed = [customer.id for customer in many(url, limit=100).auto_paging_iter()]

    assert listed == [f"cus_many_{number:03d}" for number in range(249, -1, -1)]


def test_a_page_before_another_ends_where_that_begins(url: str) -> None:
    page = many(url, limit=3, ending_before="cus_many_100")

    assert ids(page) == ["cus_many_103", "cus_many_102", "cus_many_101"]
    assert page.has_more


@pytest.mark.parametrize(
    ("created", "expected"),
    [
        ({"gte": NOW - 5000, "lt": NOW - 4999}, ["cus_many_001", "cus_many_000"]),
        ({"gt": NOW - 4877, "lte": NOW - 4876}, ["cus_many_249", "cus_many_248"]),
        ({"gt": NOW - 4876}, []),
        (NOW - 4999, ["cus_many_003", "cus_many_002"]),
    ],
)
def test_a_window_of_creation_times_is_exact(url: str, created: Any, expected: list[str]) -> None:
    assert ids(many(url, created=created)) == expected


def test_windows_page_independently(url: str) -> None:
    window = {"gte": NOW - 4950, "lt": NOW - 4900}
    page = many(url, limit=100, created=window)

    assert (len(page.data), page.has_more) == (100, False)
    assert ids(many(url, limit=2, created=window, starting_after=page.data[97].id)) == [
        page.data[98].id,
        page.data[99].id,
    ]


def test_a_walk_is_not_disturbed_by_what_is_created_and_deleted_meanwhile(empty: str) -> None:
    simulator = Simulator(empty)
    made = [
        stripe_objects.customer(f"cus_{number:03d}", created=NOW - number // 3, email=None)
        for number in range(300)
    ]
    simulator.hold(made)
    seen = []
    for number, customer in enumerate(client(empty).v1.customers.list({"limit": 7}).auto_paging_iter()):
        seen.append(customer.id)
        if number % 10 == 0:
            client(empty).v1.customers.create({"name": "new"})
            simulator.hold([{"id": customer.id, "object": "customer", "deleted": True}])

    assert sorted(seen) == [customer["id"] for customer in made]


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (None, ["sub_4", "sub_3", "sub_1"]),
        ("all", ["sub_4", "sub_3", "sub_2", "sub_1"]),
        ("ended", ["sub_3", "sub_2"]),
        ("canceled", ["sub_2"]),
        ("past_due", ["sub_4"]),
    ],
)
def test_canceled_subscriptions_are_listed_only_if_asked_for(
    url: str, status: str | None, expected: list[str]
) -> None:
    assert ids(client(url).v1.subscriptions.list({"status": status} if status else {})) == expected


def test_lists_filter_by_what_they_belong_to(url: str) -> None:
    api = client(url).v1

    assert ids(api.subscriptions.list({"customer": "cus_1", "price": "price_1"})) == [
        "sub_4",
        "sub_3",
        "sub_1",
    ]
    assert ids(api.charges.list({"customer": "cus_other"})) == []
    assert ids(api.prices.list({"product": "prod_1", "active": True})) == ["price_1"]
    assert ids(api.products.list({"active": False})) == []
    assert ids(api.customers.list({"email": "trial-07@example.com"})) == ["cus_1"]


@pytest.mark.parametrize(
    ("params", "param"),
    [
        ({"limit": 101}, "limit"),
        ({"limit": 0}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "asc"}, "order"),
        ({"starting_after": "cus_none"}, "starting_after"),
        ({"created": {"since": 1}}, "created[since]"),
        ({"created": "yesterday"}, "created"),
    ],
)
def test_a_wrong_parameter_is_named(url: str, params: dict[str, Any], param: str) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        ask(url, "/v1/customers", params)

    assert (refused.value.http_status, refused.value.param) == (400, param)


def test_what_is_not_expanded_is_an_id(url: str) -> None:
    shown = ask(url, "/v1/subscriptions/sub_1").data

    assert (shown["latest_invoice"], shown["discounts"], shown["customer"]) == ("in_1", ["di_1"], "cus_1")


def test_a_page_shows_what_is_expanded(url: str) -> None:
    params = {"expand": ["data.latest_invoice", "data.discounts.source.coupon", "data.customer"], "limit": 3}
    shown = ask(url, "/v1/subscriptions", params).data["data"][2]

    assert shown["latest_invoice"]["object"] == "invoice"
    assert shown["customer"] == CUSTOMER
    assert shown["discounts"][0]["source"]["coupon"]["id"] == "LAUNCH"
    assert "applies_to" not in shown["discounts"][0]["source"]["coupon"]


def test_tiers_are_shown_only_if_they_are_expanded(url: str) -> None:
    assert "tiers" not in ask(url, "/v1/prices").data["data"][0]
    shown = ask(url, "/v1/prices", {"expand": ["data.tiers", "data.product"]}).data["data"][0]
    within = ask(url, "/v1/subscriptions/sub_1", {"expand": ["items.data.price.tiers"]}).data

    assert (shown["tiers"], shown["product"]) == (TIERS, PRODUCT)
    assert within["items"]["data"][0]["price"]["tiers"] == TIERS


def test_a_coupons_products_are_shown_only_if_they_are_expanded(url: str) -> None:
    shown = ask(url, "/v1/coupons/LAUNCH", {"expand": ["applies_to"]}).data

    assert shown == COUPON
    assert "applies_to" not in ask(url, "/v1/coupons/LAUNCH").data


def test_a_customer_shows_its_running_subscriptions_if_they_are_expanded(url: str) -> None:
    shown = ask(url, "/v1/customers", {"expand": ["data.subscriptions.data.latest_invoice"]}).data["data"][0]

    running = shown["subscriptions"]["data"]
    assert [subscription["id"] for subscription in running] == ["sub_4", "sub_3", "sub_1"]
    assert running[2]["latest_invoice"]["id"] == "in_1"


def test_an_expansion_is_at_most_four_levels_deep_counting_data(url: str) -> None:
    ask(url, "/v1/subscriptions/sub_1", {"expand": ["items.data.price.product"]})

    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        ask(url, "/v1/subscriptions", {"expand": ["data.items.data.price.product"]})


@pytest.mark.parametrize("expand", ["latest_invoice", "data.nothing", "data.items", "data.latest_invoice.id"])
def test_what_cannot_be_expanded_is_refused(url: str, expand: str) -> None:
    with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
        ask(url, "/v1/subscriptions", {"expand": [expand]})
