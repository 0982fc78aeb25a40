"""Webhook endpoints: to which addresses which events are delivered, and which secrets sign them."""

# ruff: noqa: A002 - the parameters are Stripe's own names

from __future__ import annotations

import hashlib
import re

from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest, Missing
from peoplesync_local.stripe_simulator.parameters.forms import Params, flag, listed

KIND = "webhook_endpoint"
AT_MOST = 16
_CREATE = frozenset({"api_version", "connect", "description", "enabled_events", "expand", "metadata", "url"})
_UPDATE = frozenset({"description", "disabled", "enabled_events", "expand", "metadata", "url"})
_EVENT_TYPE = re.compile(r"[a-z0-9_]+(\.[a-z0-9_]+)+")
_API_VERSION = re.compile(r"\d{4}-\d\d-\d\d(\.[a-z]+)?")


class Endpoints:
    """The account's endpoints; their secrets are kept apart, since no answer but the first shows them."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._secrets: dict[str, list[tuple[str, int | None]]] = {}

    def create(self, params: Params) -> StripeObject:
        """A new endpoint, with its `secret` for the only time."""
        _check_names(params, _CREATE)
        account = self._account
        if len(list(account.newest_first(KIND))) >= AT_MOST:
            mode = "live" if account.livemode else "test"
            raise InvalidRequest(f"You have reached the maximum of {AT_MOST} {mode} webhook endpoints.")
        version = params.get("api_version") or None
        if version is not None and not _API_VERSION.fullmatch(version):
            raise InvalidRequest(f"Invalid API version: {version}", param="api_version")
        endpoint: StripeObject = {
            "id": account.new_id("we"),
            "object": KIND,
            "api_version": version,
            "application": None,
            "created": account.clock.now(),
            "description": params.get("description") or None,
            "enabled_events": _event_types(params),
            "livemode": account.livemode,
            "metadata": _metadata({}, params),
            "status": "enabled",
            "url": _url(params),
        }
        account.put(endpoint)
        secret = self._new_secret()
        self._secrets[endpoint["id"]] = [(secret, None)]
        return endpoint | {"secret": secret}

    def update(self, id: str, params: Params) -> StripeObject:
        """The endpoint after the change; its `api_version` is fixed."""
        endpoint = self._existing(id)
        _check_names(params, _UPDATE)
        changed: StripeObject = {"metadata": _metadata(endpoint["metadata"], params)}
        if "url" in params:
            changed["url"] = _url(params)
        if "enabled_events" in params:
            changed["enabled_events"] = _event_types(params)
        if "description" in params:
            changed["description"] = params["description"] or None
        if "disabled" in params:
            changed["status"] = "disabled" if flag(params["disabled"], "disabled") else "enabled"
        endpoint = endpoint | changed
        self._account.put(endpoint)
        return endpoint

    def delete(self, id: str) -> StripeObject:
        """The deleted endpoint's stub. What was on its way to it is given up."""
        stub = {"id": self._existing(id)["id"], "object": KIND, "deleted": True}
        self._account.put(stub)
        del self._secrets[id]
        return stub

    def roll_secret(self, id: str, expires_in: int) -> str:
        """The new secret; the old one goes on signing for `expires_in` seconds. At Stripe only its dashboard
        can do this."""
        self._existing(id)
        until = self._account.clock.now() + expires_in
        secret = self._new_secret()
        old = [(value, until if ends is None else ends) for value, ends in self._secrets[id]]
        self._secrets[id] = [(secret, None), *old]
        return secret

    def secrets(self, id: str) -> list[str]:
        """The secrets that sign now, the newest first; none for a deleted endpoint."""
        now = self._account.clock.now()
        return [value for value, ends in self._secrets.get(id, ()) if ends is None or now < ends]

    def receiving(self, type: str) -> list[StripeObject]:
        """The enabled endpoints that want events of this type."""
        return [endpoint for endpoint in self._account.newest_first(KIND) if wants(endpoint, type)]

    def _existing(self, id: str) -> StripeObject:
        endpoint = self._account.get(KIND, id)
        if endpoint is None or endpoint.get("deleted"):
            raise Missing("webhook endpoint", id)
        return endpoint

    def _new_secret(self) -> str:
        digest = hashlib.sha256(self._account.new_id("secret").encode()).hexdigest()
        return f"whsec_{digest[:32]}"


def wants(endpoint: StripeObject, type: str) -> bool:
    """Whether the endpoint is enabled, and for events of this type."""
    enabled = endpoint["enabled_events"]
    return endpoint["status"] == "enabled" and (type in enabled or "*" in enabled)


def _check_names(params: Params, known: frozenset[str]) -> None:
    if unknown := params.keys() - known:
        name = min(unknown)
        raise InvalidRequest(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")


def _url(params: Params) -> str:
    url = params.get("url")
    if not url:
        raise InvalidRequest("Missing required param: url.", param="url", code="parameter_missing")
    if not re.match(r"https?://[^/]+", url):
        raise InvalidRequest(
            "Invalid URL: An explicit scheme (such as https) must be provided.",
            param="url",
            code="url_invalid",
        )
    return str(url)


def _event_types(params: Params) -> list[str]:
    types = listed(params, "enabled_events")
    if not types:
        raise InvalidRequest(
            "Missing required param: enabled_events.", param="enabled_events", code="parameter_missing"
        )
    for place, type in enumerate(types):  # noqa: A001 - Stripe's own name
        if type != "*" and not _EVENT_TYPE.fullmatch(type):
            raise InvalidRequest(f"Invalid enabled_events[{place}]: {type}", param=f"enabled_events[{place}]")
    if "*" in types and len(types) > 1:
        raise InvalidRequest("If you want all events, enable '*' alone.", param="enabled_events")
    return types


def _metadata(before: dict[str, str], params: Params) -> dict[str, str]:
    """The metadata after the change: an empty value unsets its key, an empty `metadata` all of them."""
    given = params.get("metadata", {})
    if given == "":
        return {}
    return {key: value for key, value in (before | given).items() if value != ""}
