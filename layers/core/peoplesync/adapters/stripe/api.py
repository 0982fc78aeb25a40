"""Stripe's API: single objects, pages of lists, and what became of an endpoint."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from peoplesync.domain.catalogue import CatalogueChange, CatalogueKey, answered_entry
from peoplesync.domain.records.changes import Answer, Kind, ObjectKey, read_answer
from peoplesync.domain.records.snapshots import GONE
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.domain.stripe_objects.reading import refuse_too_deep
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.ports import (
    CursorGone,
    EndpointState,
    KeyRefused,
    NotPermitted,
    OtherMode,
    Page,
    RateLimited,
    Unavailable,
)

if TYPE_CHECKING:
    from stripe import StripeClient, StripeError

PATHS: Final[dict[Kind, str]] = {
    "customer": "customers",
    "subscription": "subscriptions",
    "charge": "charges",
    "invoice": "invoices",
    "product": "products",
}
EXPANDED: Final[dict[Kind, dict[str, Any]]] = {
    "subscription": {"expand": ["discounts", "items.data.discounts"]}
}
TERMS: Final = {
    "price": ["tiers", "currency_options"],
    "coupon": ["applies_to", "currency_options"],
    "product": [],
}
"""What Stripe shows of an object only where expanded."""

PAGE: Final = 100
OPTIONAL: Final[frozenset[Kind]] = frozenset({"product"})
"""What the key need not be allowed to read: without that permission asking is pointless."""

_OTHER_MODE: Final = re.compile(r"similar object exists in (test|live) mode")
"""What Stripe adds to a 404 where only the key is wrong; the object is not gone."""

_NOT_STRIPE: Final = "Stripe cannot be asked: what answered is not its API"

_SLUG: Final = re.compile(r"rak_[a-z_]+")

TIMEOUT: Final = 4
"""Seconds for one answer: a batch must be done long before the queue delivers it again."""


@dataclass
class StripeApi:
    """Stripe, asked for single objects. `api_key` finds a connection's key; `base_url` replaces Stripe's own
    on a laptop; `monotonic` is a stopwatch; `measure` counts what is asked.

    Where Stripe refuses the key, `fresh_key` is asked whether there is another one by now: keys are cached,
    and one that was just replaced must not be called refused.
    """

    api_key: Callable[[str], str | None]
    base_url: str | None
    monotonic: Callable[[], float] = time.monotonic
    timeout: float = TIMEOUT
    measure: Callable[[Metric, float], None] = field(kw_only=True)
    fresh_key: Callable[[str], str | None] = field(kw_only=True)
    _http_client: Any = None

    def fetch(self, connection: str, key: ObjectKey) -> Answer:
        """What Stripe says the object is now, also where that cannot be read; raises `Unavailable` where it
        cannot be asked, or something else answers."""
        import stripe  # 0.3 s of import that only a tie has to pay for

        started = self.monotonic()
        try:
            response = self._shown(connection, key)
            value = _object_in(response)
            if key.kind == "subscription":
                value = self._with_all_items(connection, value)
        except stripe.StripeError as error:
            if error.http_status == 404:
                if _OTHER_MODE.search(error.user_message or ""):
                    raise OtherMode("the key is of the other mode than the object") from error
                return read_answer(key, None, self._as_of(error.headers or {}, started))
            refused = refusal(error)
            if isinstance(refused, NotPermitted):
                if key.kind in OPTIONAL:
                    return read_answer(key, None, 0)
                raise Unavailable(f"the key may not read {PATHS[key.kind]}") from error
            raise refused from error
        if not isinstance(value.get("object"), str):
            raise Unavailable(_NOT_STRIPE)
        as_of = self._as_of(response.headers, started)
        try:
            refuse_too_deep(value)
            return read_answer(key, value, as_of)
        except UnreadableStripeObject as error:
            return Answer(GONE, unreadable=error, as_of=as_of)

    def _shown(self, connection: str, key: ObjectKey) -> Any:
        """Stripe's answer for an object, with all that the key may see of it: what it may not expand must not
        hide the object itself."""
        import stripe

        path, expanded = f"/v1/{PATHS[key.kind]}/{key.id}", EXPANDED.get(key.kind)
        if expanded is not None:
            with suppress(stripe.PermissionError):
                return self._get(connection, path, **expanded)
        return self._get(connection, path)

    def _with_all_items(self, connection: str, subscription: dict[str, Any]) -> dict[str, Any]:
        """A subscription of more items than a nested list shows, with all of them."""
        items = subscription.get("items")
        if not isinstance(items, dict) or items.get("has_more") is not True:
            return subscription
        every: list[Any] = []
        more, place = True, dict[str, Any]()
        while more:
            params = {
                "subscription": subscription["id"],
                "limit": PAGE,
                "expand": ["data.discounts"],
                **place,
            }
            page = _object_in(self._get(connection, "/v1/subscription_items", **params))
            every += page["data"]
            more = bool(page["has_more"] and page["data"])
            place = {"starting_after": every[-1]["id"]} if more else {}
        return {**subscription, "items": {**items, "data": every, "has_more": False}}

    def shown(self, connection: str, path: str) -> Mapping[str, Any] | None:
        """What Stripe shows at a path below `/v1/`, as it stands there; None where it knows of no such thing.
        Raises Unavailable (among it OtherMode, RateLimited and KeyRefused) or NotPermitted."""
        import stripe

        try:
            return _object_in(self._get(connection, f"/v1/{path}"))
        except stripe.StripeError as error:
            if error.http_status != 404:
                raise refusal(error) from error
            if _OTHER_MODE.search(error.user_message or ""):
                raise OtherMode("the key is of the other mode than the object") from error
            return None

    def terms(self, connection: str, key: CatalogueKey) -> CatalogueChange:
        """All that Stripe can show of a price or coupon; see `ports.Stripe`."""
        import stripe

        started = self.monotonic()
        try:
            response = self._get(connection, f"/v1/{key.kind}s/{key.id}", expand=TERMS[key.kind])
            value = _object_in(response)
            if hidden := _hidden_tiers(value):
                expand = [*TERMS[key.kind], *hidden]
                value = _object_in(self._get(connection, f"/v1/{key.kind}s/{key.id}", expand=expand))
        except stripe.StripeError as error:
            if error.http_status == 404 and not _OTHER_MODE.search(error.user_message or ""):
                as_of = self._as_of(error.headers or {}, started)
                return CatalogueChange(key, asked_at=as_of, refusal="not_found")
            refused = refusal(error)
            if isinstance(refused, NotPermitted):
                as_of = self._as_of(error.headers or {}, started)
                return CatalogueChange(key, asked_at=as_of, refusal="not_permitted")
            raise refused from error
        as_of = self._as_of(response.headers, started)
        try:
            refuse_too_deep(value)
            return answered_entry(key, value, as_of)
        except UnreadableStripeObject:
            return CatalogueChange(key, asked_at=as_of, refusal="unreadable")

    def page(self, connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        """A page of a list; see `ports.Lists`."""
        import stripe

        started = self.monotonic()
        try:
            response = self._get(connection, f"/v1/{resource}", **params)
        except stripe.StripeError as error:
            raise refusal(error) from error
        listed = _object_in(response)
        objects, has_more = listed.get("data"), listed.get("has_more")
        if not isinstance(objects, list) or not isinstance(has_more, bool):
            raise Unavailable(_NOT_STRIPE)
        return Page(objects, has_more, self._as_of(response.headers, started))

    def endpoint_state(self, connection: str, endpoint: str) -> EndpointState:
        """What became of a webhook endpoint; see `ports.Endpoints`."""
        import stripe

        try:
            shown = _object_in(self._get(connection, f"/v1/webhook_endpoints/{endpoint}"))
        except stripe.StripeError as error:
            if error.http_status != 404:
                raise refusal(error) from error
            if _OTHER_MODE.search(error.user_message or ""):
                raise Unavailable("the key is of the other mode than the endpoint") from error
            return "gone"
        return "disabled" if shown.get("status") == "disabled" else "enabled"

    def _get(self, connection: str, path: str, **params: Any) -> Any:
        """Stripe's answer to the connection's key. Raises Unavailable where it has none."""
        import stripe

        key = self._key(connection, self.api_key)
        try:
            return self._counted(key, path, params)
        except stripe.AuthenticationError:
            another = self._key(connection, self.fresh_key)
            if another == key:
                raise
            return self._counted(another, path, params)

    def _counted(self, key: str, path: str, params: Mapping[str, Any]) -> Any:
        import stripe

        self.measure(Metric.STRIPE_CALLS, 1)
        try:
            return self._client(key).raw_request("get", path, **params)
        except stripe.RateLimitError:
            self.measure(Metric.STRIPE_RATE_LIMITED, 1)
            raise

    def _as_of(self, headers: Any, started: float) -> int:
        """Stripe's own clock when the request began, less a second: never more than we can know."""
        try:
            answered_at = parsedate_to_datetime(headers["Date"]).timestamp()
        except KeyError as error:
            raise Unavailable("Stripe answered without a date") from error
        return int(answered_at - (self.monotonic() - started) - 1)

    def _key(self, connection: str, find: Callable[[str], str | None]) -> str:
        api_key = find(connection)
        if not api_key:
            raise Unavailable(f"connection {connection} has no API key")
        return api_key

    def _client(self, api_key: str) -> StripeClient:
        import stripe

        if self._http_client is None:
            self._http_client = stripe.RequestsClient(timeout=self.timeout)
        return client_for(api_key, self.base_url, self._http_client)


def _hidden_tiers(price: Mapping[str, Any]) -> list[str]:
    """What to ask for beside, of a price in tiers: those of its other currencies are shown by themselves."""
    options = price.get("currency_options")
    if price.get("billing_scheme") != "tiered" or not isinstance(options, Mapping):
        return []
    return [f"currency_options.{currency}.tiers" for currency in sorted(options)]


def _object_in(response: Any) -> dict[str, Any]:
    """What Stripe's API answers with is an object; raises Unavailable for anything else."""
    if not isinstance(response.data, dict):
        raise Unavailable(_NOT_STRIPE)
    return response.data


def client_for(api_key: str, base_url: str | None, http_client: Any) -> StripeClient:
    """Stripe's client for a key. It does not retry: each user knows how long it may take."""
    import stripe

    if base_url:
        addresses: Any = {"api": base_url}
        return stripe.StripeClient(
            api_key, base_addresses=addresses, http_client=http_client, max_network_retries=0
        )
    return stripe.StripeClient(api_key, http_client=http_client, max_network_retries=0)


def refusal(error: StripeError) -> Unavailable | NotPermitted:
    """What an error of Stripe's client means to the caller."""
    import stripe

    match error:
        case stripe.RateLimitError():
            headers = error.headers or {}
            retry_after = headers.get("Retry-After", "")
            return RateLimited(
                "Stripe's rate limit is reached",
                headers.get("Stripe-Rate-Limited-Reason", ""),
                float(retry_after) if retry_after.isdigit() else None,
            )
        case stripe.AuthenticationError():
            return KeyRefused("Stripe does not accept the API key: it was revoked, or it has expired")
        case stripe.PermissionError():
            message = error.user_message or ""
            slug = _SLUG.search(message)
            return NotPermitted(f"the key may not: {message}", slug[0] if slug else "")
        case stripe.InvalidRequestError() if error.param == "starting_after":
            return CursorGone("the list cannot go on after an object that was deleted")
        case stripe.InvalidRequestError():
            return Unavailable(f"Stripe refused to answer: {error.code or error.user_message}")
    return Unavailable(f"Stripe cannot be asked: {type(error).__name__}")
