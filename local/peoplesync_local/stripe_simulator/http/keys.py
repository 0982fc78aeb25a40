"""API keys: which account and mode a key opens, and what a restricted one may do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from peoplesync_local.stripe_simulator.parameters.errors import NotPermitted, UnknownKey

PERMISSIONS: dict[str, str] = {
    "charge": "rak_charge",
    "checkout.session": "rak_checkout_session",
    "coupon": "rak_coupon",
    "customer": "rak_customer",
    "event": "rak_event",
    "invoice": "rak_invoice",
    "payment_intent": "rak_payment_intent",
    "price": "rak_plan",
    "product": "rak_product",
    "refund": "rak_charge",
    "subscription": "rak_subscription",
    "subscription_item": "rak_subscription",
    "webhook_endpoint": "rak_webhook",
}
"""What the permission for a kind of objects is called, before `_read` or `_write`; other kinds need none."""

ACCOUNT = "rak_accounts_kyc_basic_read"


@dataclass(frozen=True)
class Key:
    """`permissions` None: all that a key can have. `account` is the name of the account it belongs to."""

    value: str
    permissions: frozenset[str] | None = None
    livemode: bool = False
    revoked: bool = False
    account: str = "main"

    @property
    def restricted(self) -> bool:
        return self.value.startswith("rk_")

    def check(self, permission: str) -> None:
        """Raise `NotPermitted` without this permission; who may write may read."""
        if self.permissions is None or permission in self.permissions:
            return
        if permission.endswith("_read") and permission.removesuffix("read") + "write" in self.permissions:
            return
        raise refusal(self, permission)

    def check_kind(self, kind: str, how: str) -> None:
        """Raise `NotPermitted` unless objects of this kind may be `read` or written (`write`)."""
        if kind in PERMISSIONS:
            self.check(f"{PERMISSIONS[kind]}_{how}")


class Keys:
    """The keys that are known, by their value."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys = {key.value: key for key in keys}

    def add(self, key: Key) -> None:
        """Know a key, or change what it may do."""
        self._keys[key.value] = key

    def of(self, authorization: str) -> Key:
        """The key of an `Authorization` header; raises `UnknownKey`."""
        scheme, _, value = authorization.partition(" ")
        if scheme != "Bearer" or not value:
            raise UnknownKey(
                "You did not provide an API key. You need to provide your API key in the Authorization "
                "header, using Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY')."
            )
        key = self._keys.get(value)
        if key is None:
            raise UnknownKey(f"Invalid API Key provided: {redacted(value)}")
        if key.revoked:
            raise UnknownKey(f"Expired API Key provided: {redacted(value)}", code="api_key_expired")
        return key


def refusal(key: Key, permission: str) -> NotPermitted:
    """Stripe's answer to a key that lacks a permission; it names the permission."""
    return NotPermitted(
        f"The provided key '{redacted(key.value)}' does not have the required permissions for this endpoint. "
        f"Having the '{permission}' permission would allow this request to continue.",
        code="more_permissions_required",
    )


def redacted(key: str) -> str:
    """The key as answers show it: `rk_test_************wxyz`."""
    kind, rest = key[:8], key[8:]
    return kind + "*" * max(len(rest) - 4, 4) + rest[-4:]
