"""`expand`: ids replaced by the objects they name, and keys that are shown only if asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.account.showing import first_of, plain
from peoplesync_local.stripe_simulator.billing.pricing import currency_options
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject, list_of
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest

Tree = dict[str, "Tree"]
"""The properties to expand, each with what is to be expanded below it."""

LEVELS_AT_MOST = 4
_CURRENCY = 3
"""Letters of a currency."""

# Of each kind, what can stand in a path, how, and what it leads to:
#   id      one id or a list of ids of that kind; kind None: an object that the simulator does not have
#   list    one of Stripe's lists, whose objects are under `data`
#   part    an object within the object that is always shown
#   hidden  shown only if it is expanded
#   options a hidden hash by currency
_Step = tuple[str, str | None]
_NOWHERE: _Step = ("id", None)
_HIDDEN: _Step = ("hidden", None)
_KINDS: dict[str, dict[str, _Step]] = {
    "customer": {
        "default_source": _NOWHERE,
        "discount": ("part", "discount"),
        "invoice_settings": ("part", "invoice_settings"),
        "sources": _HIDDEN,
        "subscriptions": ("hidden", "subscription"),
        "tax": _HIDDEN,
        "test_clock": _NOWHERE,
    },
    "invoice_settings": {"default_payment_method": _NOWHERE},
    "subscription": {
        "application": _NOWHERE,
        "customer": ("id", "customer"),
        "default_payment_method": _NOWHERE,
        "default_source": _NOWHERE,
        "discounts": ("id", "discount"),
        "items": ("list", "subscription_item"),
        "latest_invoice": ("id", "invoice"),
        "pending_setup_intent": _NOWHERE,
        "schedule": _NOWHERE,
        "test_clock": _NOWHERE,
    },
    "subscription_item": {
        "discounts": ("id", "discount"),
        "plan": ("part", "plan"),
        "price": ("part", "price"),
    },
    "plan": {"product": ("id", "product"), "tiers": _HIDDEN},
    "price": {
        "currency_options": ("options", "currency_option"),
        "product": ("id", "product"),
        "tiers": _HIDDEN,
    },
    "currency_option": {"tiers": _HIDDEN},
    "product_catalog.trial_offer": {"price": ("id", "price")},
    "product": {"default_price": ("id", "price")},
    "coupon": {"applies_to": _HIDDEN, "currency_options": _HIDDEN},
    "discount": {
        "customer": ("id", "customer"),
        "promotion_code": _NOWHERE,
        "source": ("part", "source"),
    },
    "source": {"coupon": ("id", "coupon")},
    "invoice": {
        "customer": ("id", "customer"),
        "default_payment_method": _NOWHERE,
        "discounts": ("id", "discount"),
        "lines": ("list", "line_item"),
        "parent": ("part", "parent"),
        "payments": ("hidden", "invoice_payment"),
    },
    "parent": {"subscription_details": ("part", "subscription_details")},
    "subscription_details": {"subscription": ("id", "subscription")},
    "line_item": {"discounts": ("id", "discount"), "pricing": ("part", "pricing")},
    "pricing": {"price_details": ("part", "price_details")},
    "price_details": {"price": ("id", "price")},
    "invoice_payment": {"invoice": ("id", "invoice"), "payment": ("part", "payment")},
    "payment": {"charge": ("id", "charge"), "payment_intent": _NOWHERE},
    "charge": {
        "balance_transaction": _NOWHERE,
        "customer": ("id", "customer"),
        "payment_intent": _NOWHERE,
        "refunds": ("hidden", "refund"),
    },
    "refund": {
        "balance_transaction": _NOWHERE,
        "charge": ("id", "charge"),
        "payment_intent": _NOWHERE,
    },
    "checkout.session": {
        "customer": ("id", "customer"),
        "invoice": ("id", "invoice"),
        "line_items": ("hidden", "item"),
        "payment_intent": _NOWHERE,
        "setup_intent": _NOWHERE,
        "subscription": ("id", "subscription"),
    },
    "item": {"discounts": ("id", "discount"), "price": ("part", "price")},
}


def tree_of(
    paths: Iterable[str], kind: str, may_read: Callable[[str], None], *, in_a_list: bool = False
) -> Tree:
    """The paths as one tree, checked: raises `InvalidRequest` for one that is too deep or leads nowhere, and
    what `may_read` raises for a kind that the key may not read. In a list, paths begin with `data`, which
    counts as a level and is not in the tree."""
    tree: Tree = {}
    for path in paths:
        steps = path.split(".")
        if len(steps) > LEVELS_AT_MOST:
            raise InvalidRequest(
                f"You cannot expand more than {LEVELS_AT_MOST} levels of a property. Property: {path}",
                param="expand",
            )
        if in_a_list:
            if steps[0] != "data" or len(steps) < 2:
                raise _not_expandable(path, f" You may want to try expanding 'data.{path}' instead.")
            steps = steps[1:]
        _check(steps, kind, path, may_read)
        place = tree
        for step in steps:
            place = place.setdefault(step, {})
    return tree


def expanded(shown: StripeObject, tree: Tree, account: Account) -> StripeObject:
    """The object as Stripe answers it: without what was not asked for, and with what was."""
    return _expanded(plain(shown), tree, shown["object"], account) if tree else plain(shown)


def _check(steps: list[str], kind: str | None, path: str, may_read: Callable[[str], None]) -> None:
    within_list = within_options = False
    for place, step in enumerate(steps):
        is_last = place == len(steps) - 1
        if within_options:
            within_options = False
            if is_last or len(step) != _CURRENCY:
                raise _not_expandable(path)
            continue
        if within_list:
            if step != "data":
                raise _not_expandable(path)
            within_list = False
            if is_last:
                raise _not_expandable(path)
            continue
        if kind is None:
            return
        how, target = _KINDS.get(kind, {}).get(step, (None, None))
        if how is None or (is_last and how in ("list", "part")):
            raise _not_expandable(path)
        if target is not None and (how == "id" or step == "subscriptions"):
            may_read(target)
        within_list = how == "list" or (how == "hidden" and target is not None)
        within_options = how == "options"
        kind = target


def _expanded(shown: Any, tree: Tree, kind: str | None, account: Account) -> Any:
    if not tree or kind is None or not isinstance(shown, dict):
        return shown
    changed = {}
    for step, below in tree.items():
        how, target = _KINDS[kind][step]
        value = shown.get(step)
        if how == "hidden":
            value = _hidden(shown, step, account)
        elif how == "options":
            value = _options(account.get(shown["object"], shown["id"]) or shown, below)
        if value is None:
            continue
        if how == "id":
            value = (
                [_object(each, below, target, account) for each in value]
                if isinstance(value, list)
                else _object(value, below, target, account)
            )
        elif how == "options":
            pass
        elif how == "part" or target is None:
            value = _expanded(value, below, target, account)
        elif isinstance(value, dict) and "data" in below:
            below = below["data"]
            value = value | {"data": [_expanded(each, below, target, account) for each in value["data"]]}
        changed[step] = value
    return shown | changed


def _hidden(shown: StripeObject, step: str, account: Account) -> Any:
    """What the object holds under a key that it does not show; None: nothing."""
    if (shown["object"], step) == ("customer", "subscriptions"):
        theirs = account.of_customer("subscription", shown["id"])
        running = [plain(one) for one in theirs if one.get("status") != "canceled"]
        return first_of(list_of(running, f"/v1/customers/{shown['id']}/subscriptions"))
    return (account.get(shown["object"], shown["id"]) or {}).get(step)


def _options(price: StripeObject, below: Tree) -> StripeObject:
    """The price's amounts by currency; a currency's tiers are hidden again within it."""
    return {
        currency: option
        if "tiers" in below.get(currency, {})
        else {key: value for key, value in option.items() if key != "tiers"}
        for currency, option in currency_options(price).items()
    }


def _object(named: Any, below: Tree, kind: str | None, account: Account) -> Any:
    if isinstance(named, str):
        held = account.get(kind, named) if kind is not None else None
        if held is None:
            return named
        named = plain(held)
    return _expanded(named, below, kind, account)


def _not_expandable(path: str, advice: str = "") -> InvalidRequest:
    return InvalidRequest(f"This property cannot be expanded ({path}).{advice}", param="expand")
