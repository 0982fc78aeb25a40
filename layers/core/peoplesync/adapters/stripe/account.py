"""A Stripe account, as one of its keys opens it: what the key may do, and the webhook endpoints."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from peoplesync.adapters.stripe.api import client_for, refusal
from peoplesync.use_cases.connecting.endpoints import Endpoint, EndpointRefused
from peoplesync.use_cases.connecting.permissions import EVENTS_READ
from peoplesync.use_cases.ports import NotPermitted

TIMEOUT: Final = 20
"""Seconds for one answer: a person is waiting, not a queue."""

_LISTS: Final = {
    "rak_charge_read": "charges",
    "rak_customer_read": "customers",
    EVENTS_READ: "events",
    "rak_checkout_session_read": "checkout/sessions",
    "rak_invoice_read": "invoices",
    "rak_plan_read": "prices",
    "rak_subscription_read": "subscriptions",
    "rak_product_read": "products",
    "rak_coupon_read": "coupons",
}
"""The list that each permission allows; the missing one is to write endpoints."""

_ENDPOINTS: Final = "/v1/webhook_endpoints"
_NO_ENDPOINT: Final = f"{_ENDPOINTS}/we_x"
"""Stripe answers that it does not exist to a key that may write endpoints."""


@dataclass
class StripeAccount:
    """See `use_cases.connecting.endpoints.Account`. `base_url` replaces Stripe's own on a laptop."""

    api_key: str
    base_url: str | None = None

    def __post_init__(self) -> None:
        import stripe

        self._events_version: str | None = None
        self._client = client_for(self.api_key, self.base_url, stripe.RequestsClient(timeout=TIMEOUT))

    def may(self, permission: str) -> bool:
        """Whether the key has the permission of that slug; nothing is changed by the question."""
        try:
            if permission in _LISTS:
                shown = self._ask("get", f"/v1/{_LISTS[permission]}", limit=1)
                if permission == EVENTS_READ:
                    self._events_version = _version_of(shown)
            else:
                self._ask("post", _NO_ENDPOINT)
        except NotPermitted:
            return False
        except _NotFound:
            return True
        return True

    def events_version(self) -> str | None:
        """The API version of the newest event; it takes no request of its own."""
        return self._events_version

    def endpoints(self) -> Sequence[Endpoint]:
        """All endpoints of the account; Stripe allows 16."""
        return [_endpoint(one) for one in self._ask("get", _ENDPOINTS, limit=100)["data"]]

    def create_endpoint(
        self, url: str, events: Collection[str], api_version: str, connection: str
    ) -> Endpoint:
        """A new endpoint, with its secret."""
        import stripe

        try:
            made = self._client.raw_request(
                "post",
                _ENDPOINTS,
                url=url,
                enabled_events=sorted(events),
                api_version=api_version,
                description="peoplesync",
                metadata={"peoplesync_connection": connection},
            )
        except stripe.InvalidRequestError as error:
            raise EndpointRefused(error.user_message or f"Stripe refused the endpoint {url}") from error
        except stripe.StripeError as error:
            raise refusal(error) from error
        return _endpoint(made.data)

    def update_endpoint(self, endpoint: str, events: Collection[str]) -> None:
        """Lets the endpoint have these events, and enables it."""
        self._ask("post", f"{_ENDPOINTS}/{endpoint}", enabled_events=sorted(events), disabled="false")

    def delete_endpoint(self, endpoint: str) -> None:
        """An endpoint that is gone already is fine."""
        try:
            self._ask("delete", f"{_ENDPOINTS}/{endpoint}")
        except _NotFound:
            return

    def _ask(self, method: str, path: str, **params: Any) -> dict[str, Any]:
        import stripe

        try:
            answer: dict[str, Any] = self._client.raw_request(method, path, **params).data
        except stripe.StripeError as error:
            if error.http_status == 404:
                raise _NotFound from error
            raise refusal(error) from error
        return answer


class _NotFound(Exception):
    pass


def _version_of(shown: Any) -> str | None:
    """The API version of the first event of a list; None where that cannot be read."""
    events = shown.get("data") if isinstance(shown, dict) else None
    newest = events[0] if isinstance(events, list) and events else None
    version = newest.get("api_version") if isinstance(newest, dict) else None
    return version if isinstance(version, str) else None


def _endpoint(shown: dict[str, Any]) -> Endpoint:
    return Endpoint(
        shown["id"],
        shown["url"],
        shown["api_version"],
        frozenset(shown["enabled_events"]),
        shown["status"] == "enabled",
        shown.get("secret", ""),
    )
