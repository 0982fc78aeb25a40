"""Which keys can be used, and what each permission is for."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest

from peoplesync.use_cases.connecting.permissions import (
    PERMISSIONS,
    UnusableKey,
    key_page,
    livemode_of,
    missing,
)

REQUIRED = {
    "rak_charge_read",
    "rak_customer_read",
    "rak_event_read",
    "rak_checkout_session_read",
    "rak_invoice_read",
    "rak_plan_read",
    "rak_subscription_read",
    "rak_webhook_write",
}
OPTIONAL = {"rak_product_read", "rak_coupon_read"}


def test_eight_permissions_are_required_and_two_are_optional() -> None:
    assert {one.slug for one in PERMISSIONS if one.required} == REQUIRED
    assert {one.slug for one in PERMISSIONS if not one.required} == OPTIONAL
    assert len(PERMISSIONS) == 10


def test_only_endpoints_are_to_be_written() -> None:
    assert [one.slug for one in PERMISSIONS if one.access == "write"] == ["rak_webhook_write"]
    assert all(one.slug.endswith(one.access) for one in PERMISSIONS)


def test_each_permission_says_what_it_is_for_and_an_optional_one_what_is_lost_without() -> None:
    assert len({one.purpose for one in PERMISSIONS}) == 10
    assert all(bool(one.without) is (one.slug in OPTIONAL) for one in PERMISSIONS)


@pytest.mark.parametrize(("key", "livemode"), [("rk_test_51Ab", False), ("rk_live_51Ab_9", True)])
def test_a_restricted_key_tells_its_mode(key: str, livemode: bool) -> None:
    assert livemode_of(key) is livemode


@pytest.mark.parametrize(
    ("key", "because"),
    [
        ("sk_test_51Ab", "This is a secret key"),
        ("sk_live_51Ab", "This is a secret key"),
        ("pk_test_51Ab", "This is a publishable key"),
        ("whsec_51Ab", "This is a webhook endpoint's signing secret"),
        ("rk_test_", "This key is not whole"),
        ("rk_live_51Ab…yz", "This key is not whole"),
        ("rk_test_51Ab rk_test_52", "This key is not whole"),
        ("rk_test_51Ab\n", "This key is not whole"),
        ("rk_51Ab", "This is not a Stripe API key"),
        ("password", "This is not a Stripe API key"),
        ("", "No key was given"),
        ("  ", "No key was given"),
    ],
)
def test_any_other_key_is_refused_with_a_sentence_that_says_what_to_do(key: str, because: str) -> None:
    with pytest.raises(UnusableKey) as refused:
        livemode_of(key)

    told = str(refused.value)
    assert told.startswith(because)
    assert key_page(livemode="live" in key) in told


@pytest.mark.parametrize("key", ["sk_live_51Secret", "rk_live_51Secret…", "51Secret"])
def test_a_refused_key_is_not_repeated(key: str) -> None:
    with pytest.raises(UnusableKey) as refused:
        livemode_of(key)

    assert "51Secret" not in str(refused.value)


@pytest.mark.parametrize(("livemode", "path"), [(True, "/apikeys/create"), (False, "/test/apikeys/create")])
def test_the_page_that_creates_a_key_has_all_permissions_chosen(livemode: bool, path: str) -> None:
    page = urlsplit(key_page(livemode=livemode))
    asked = parse_qs(page.query)

    assert (page.scheme, page.netloc, page.path) == ("https", "dashboard.stripe.com", path)
    assert asked["name"] == ["peoplesync"]
    assert set(asked["permissions[]"]) == REQUIRED | OPTIONAL


def test_what_a_key_lacks_is_told_apart_by_whether_it_is_required() -> None:
    granted = {one.slug: one.slug not in {"rak_plan_read", "rak_coupon_read"} for one in PERMISSIONS}

    assert [one.slug for one in missing(granted, required=True)] == ["rak_plan_read"]
    assert [one.slug for one in missing(granted, required=False)] == ["rak_coupon_read"]


def test_what_was_not_asked_for_is_missing() -> None:
    assert {one.slug for one in missing({}, required=True)} == REQUIRED
