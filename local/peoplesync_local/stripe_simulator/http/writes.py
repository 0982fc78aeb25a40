"""What the calls that change something do."""

# ruff: noqa: A002 - the parameters are Stripe's own names

from __future__ import annotations

from collections.abc import Callable

from peoplesync_local.stripe_simulator.lifecycle import Lifecycle
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.forms import Params
from peoplesync_local.stripe_simulator.webhooks.endpoints import Endpoints

_CREATE: dict[str, Callable[[Lifecycle, Params], StripeObject]] = {
    "charges": Lifecycle.create_charge,
    "checkout/sessions": Lifecycle.create_checkout_session,
    "coupons": Lifecycle.create_coupon,
    "customers": Lifecycle.create_customer,
    "prices": Lifecycle.create_price,
    "product_catalog/trial_offers": Lifecycle.create_trial_offer,
    "products": Lifecycle.create_product,
    "refunds": Lifecycle.create_refund,
    "subscriptions": Lifecycle.create_subscription,
}
_UPDATE: dict[str, Callable[[Lifecycle, str, Params], StripeObject]] = {
    "charges": Lifecycle.update_charge,
    "coupons": Lifecycle.update_coupon,
    "customers": Lifecycle.update_customer,
    "prices": Lifecycle.update_price,
    "products": Lifecycle.update_product,
    "subscriptions": Lifecycle.update_subscription,
}
_FURTHER: dict[tuple[str, str, str], Callable[[Lifecycle, str, Params], StripeObject]] = {
    ("DELETE", "subscriptions", "delete"): Lifecycle.cancel_subscription,
    ("POST", "charges", "capture"): Lifecycle.capture_charge,
    ("POST", "subscriptions", "migrate"): Lifecycle.migrate_subscription,
    ("POST", "subscriptions", "resume"): Lifecycle.resume_subscription,
}
_OTHERS: dict[tuple[str, str, str], Callable[[Lifecycle, str], StripeObject]] = {
    ("DELETE", "coupons", "delete"): Lifecycle.delete_coupon,
    ("DELETE", "customers", "delete"): Lifecycle.delete_customer,
    ("DELETE", "customers", "discount"): Lifecycle.delete_customer_discount,
    ("DELETE", "products", "delete"): Lifecycle.delete_product,
    ("DELETE", "subscriptions", "discount"): Lifecycle.delete_subscription_discount,
    ("POST", "invoices", "pay"): Lifecycle.pay_invoice,
}
_ENDPOINTS = "webhook_endpoints"


def is_known(method: str, path: str, verb: str) -> bool:
    """Whether there is such a call: `path` is the resource's, `verb` as in `Call`."""
    if method == "POST" and verb == "create":
        return path in _CREATE or path == _ENDPOINTS
    if method == "POST" and verb == "update":
        return path in _UPDATE or path == _ENDPOINTS
    call = (method, path, verb)
    return call in _FURTHER or call in _OTHERS or call == ("DELETE", _ENDPOINTS, "delete")


def written(
    lifecycle: Lifecycle, endpoints: Endpoints, method: str, path: str, verb: str, id: str, params: Params
) -> StripeObject:
    """The object after the change that a known call makes; raises a `Refusal`."""
    if path == _ENDPOINTS:
        if verb == "create":
            return endpoints.create(params)
        return endpoints.update(id, params) if verb == "update" else endpoints.delete(id)
    if (method, verb) == ("POST", "create"):
        return _CREATE[path](lifecycle, params)
    if (method, verb) == ("POST", "update"):
        return _UPDATE[path](lifecycle, id, params)
    call = (method, path, verb)
    return _FURTHER[call](lifecycle, id, params) if call in _FURTHER else _OTHERS[call](lifecycle, id)
