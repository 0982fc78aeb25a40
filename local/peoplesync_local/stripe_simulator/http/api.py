"""Stripe's API: which address and method means what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from peoplesync_local.stripe_simulator.account.account import EVENTS_ARE_KEPT
from peoplesync_local.stripe_simulator.account.showing import is_account, is_hidden_customer
from peoplesync_local.stripe_simulator.http import listing
from peoplesync_local.stripe_simulator.http.expansion import Tree, expanded, tree_of
from peoplesync_local.stripe_simulator.http.keys import ACCOUNT, Key, refusal
from peoplesync_local.stripe_simulator.http.merchants import Merchant, Merchants
from peoplesync_local.stripe_simulator.http.resources import (
    PAYMENT_INTENTS,
    SUBSCRIPTION_ITEMS,
    Holds,
    Resource,
    resource_at,
)
from peoplesync_local.stripe_simulator.http.throttle import Throttle
from peoplesync_local.stripe_simulator.http.writes import is_known, written
from peoplesync_local.stripe_simulator.objects.intents import intent_of
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest, Missing, Unrecognized
from peoplesync_local.stripe_simulator.parameters.forms import Params, flag, listed
from peoplesync_local.stripe_simulator.parameters.params import required

_SHOWN_LISTS = {("invoices", "lines"), ("invoices", "payments"), ("checkout/sessions", "line_items")}
_NO_LISTS = {(PAYMENT_INTENTS, "list")}
_VERBS = {("GET", False): "list", ("GET", True): "get", ("POST", False): "create", ("POST", True): "update"}


@dataclass(frozen=True)
class Call:
    """What a method and an address mean: `verb` is `list`, `get`, `create`, `update`, `delete`, or what
    follows the object's id in the address."""

    method: str
    resource: Resource
    id: str
    verb: str

    @property
    def limited_as(self) -> str:
        """What the rate limit takes for one endpoint."""
        return f"{self.method} {self.resource.path} {self.verb}"


def call_of(method: str, path: str) -> Call:
    """The call at this address (`/v1/customers/cus_1`); raises `Unrecognized`."""
    found = resource_at(path.removeprefix("/v1/")) if path.startswith("/v1/") else None
    if found is None:
        raise Unrecognized(method, path)
    resource, steps = found
    if len(steps) > 2 or "" in steps:
        raise Unrecognized(method, path)
    verb = steps[1] if len(steps) == 2 else _VERBS.get((method, bool(steps)), "delete")
    known = (
        (resource.path, verb) in _SHOWN_LISTS or ((resource.path, verb) not in _NO_LISTS and len(steps) < 2)
        if method == "GET"
        else is_known(method, resource.path, verb)
    )
    if not known:
        raise Unrecognized(method, path)
    return Call(method, resource, steps[0] if steps else "", verb)


class Api:
    """The calls, answered for the account and mode that a key opens."""

    def __init__(self, merchants: Merchants, throttle: Throttle) -> None:
        self._merchants = merchants
        self._throttle = throttle

    def answer(self, call: Call, params: Params, key: Key) -> StripeObject:
        """What Stripe answers; raises a `Refusal`."""
        merchant = self._merchants.of(key.account, livemode=key.livemode)
        merchant.catch_up()
        kind = call.resource.kind
        key.check_kind(kind, "read" if call.method == "GET" else "write")
        tree = tree_of(
            listed(params, "expand"),
            kind,
            lambda other: key.check_kind(other, "read"),
            in_a_list=call.verb == "list",
        )
        if call.verb == "list":
            if call.resource.path == SUBSCRIPTION_ITEMS:
                return self._items(merchant, params, tree)
            return self._list(merchant, call.resource, params, tree)
        if call.id:
            self._existing(merchant, call.resource, call.id)
        if call.method != "GET":
            asked = {name: value for name, value in params.items() if name != "expand"}
            with merchant.account.lock:
                after = written(
                    merchant.lifecycle,
                    merchant.endpoints,
                    call.method,
                    call.resource.path,
                    call.verb,
                    call.id,
                    asked,
                )
            return expanded(after, tree, merchant.account)
        shown = self._existing(merchant, call.resource, call.id)
        if call.verb != "get":
            held: StripeObject = shown.get(call.verb) or listing.answer([], False, "")
            objects, has_more = listing.within(held["data"], params, "object")
            return held | {"data": objects, "has_more": has_more}
        return self._shown(merchant, shown, tree)

    def _list(self, merchant: Merchant, resource: Resource, params: Params, tree: Tree) -> StripeObject:
        account, kind = merchant.account, resource.kind
        of_events = kind == "event"
        objects, has_more = listing.page(
            account,
            resource,
            params,
            more_filters={"delivery_success": _delivery_success(merchant)} if of_events else None,
            not_before=self._oldest_event(merchant) if of_events else None,
            visible=merchant.deliveries.is_listed
            if of_events
            else _is_customer
            if kind == "customer"
            else None,
            deleted_cursors=not self._throttle.limits.refuse_deleted_cursors,
        )
        shown = [self._shown(merchant, each, tree) for each in objects]
        return listing.answer(shown, has_more, f"/v1/{resource.path}")

    def _items(self, merchant: Merchant, params: Params, tree: Tree) -> StripeObject:
        """The items of one subscription, in its order."""
        subscription_id = required(params, "subscription")
        held = merchant.account.get("subscription", subscription_id)
        if held is None:
            message = f"No such subscription: '{subscription_id}'"
            raise InvalidRequest(message, param="subscription", code="resource_missing")
        items, has_more = listing.within(
            held["items"]["data"], params, "subscription item", filters=("subscription",)
        )
        shown = [expanded(item, tree, merchant.account) for item in items]
        return listing.answer(shown, has_more, f"/v1/{SUBSCRIPTION_ITEMS}?subscription={subscription_id}")

    @staticmethod
    def _oldest_event(merchant: Merchant) -> int:
        return merchant.account.clock.now() - EVENTS_ARE_KEPT

    def _existing(self, merchant: Merchant, resource: Resource, identifier: str) -> StripeObject:
        """The object; of what was deleted, only customers can still be asked for."""
        found = _held(merchant, resource.kind, identifier)
        if found is not None and resource.kind == "event":
            found = found if found["created"] >= self._oldest_event(merchant) else None
        if resource.kind == "customer" and is_account(identifier):
            found = None
        if found is not None and (not found.get("deleted") or resource.kind == "customer"):
            return found
        hint = ""
        live = merchant.account.livemode
        if _held(self._merchants.of(merchant.name, livemode=not live), resource.kind, identifier):
            here, there = ("live", "test") if live else ("test", "live")
            hint = (
                f"; a similar object exists in {there} mode, "
                f"but a {here} mode key was used to make this request."
            )
        raise Missing(resource.words, identifier, hint=hint)

    def _shown(self, merchant: Merchant, held: StripeObject, tree: Tree) -> StripeObject:
        shown = expanded(held, tree, merchant.account)
        if shown["object"] == "event":
            return shown | {"pending_webhooks": merchant.deliveries.outstanding(shown["id"])}
        return shown


def _held(merchant: Merchant, kind: str, identifier: str) -> StripeObject | None:
    get = merchant.account.get
    if kind == "payment_intent":
        return intent_of(identifier, lambda charge: get("charge", charge))
    return get(kind, identifier)


def _is_customer(shown: StripeObject) -> bool:
    return not is_hidden_customer(shown)


def account_of(key: Key) -> StripeObject:
    """The answer to `GET /v1/account`, which no restricted key may read."""
    if key.restricted:
        raise refusal(key, ACCOUNT)
    return {"id": f"acct_{key.account}", "object": "account", "country": "US", "default_currency": "usd"}


def _delivery_success(merchant: Merchant) -> Callable[[Params, str], Holds]:
    def make(params: Params, name: str) -> Holds:
        wanted = flag(params[name], name)
        return lambda event: (merchant.deliveries.outstanding(event["id"]) == 0) == wanted

    return make
