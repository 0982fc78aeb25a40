"""Stripe's webhook events: the envelope, and what `previous_attributes` says about a change."""

# ruff: noqa: A002 - the keywords are Stripe's own names

import json
from typing import TypeVar

from peoplesync_local.stripe_simulator.objects.shapes import MODERN, StripeObject

Json = TypeVar("Json")


def copied(shown: Json) -> Json:
    """A deep copy of plain JSON, made several times faster than `copy.deepcopy` makes one."""
    copy: Json = json.loads(json.dumps(shown))
    return copy


def event(
    type: str,
    object: StripeObject,
    *,
    id: str,
    created: int,
    previous: StripeObject | None = None,
    livemode: bool = False,
    account: str | None = None,
    api_version: str = MODERN,
) -> StripeObject:
    """An `event` that shows a copy of the object as it is now. `previous`: its `previous_attributes`,
    absent if None. `account` is set only on Connect events; Stripe leaves the key out elsewhere."""
    shown: StripeObject = {"object": copied(object)}
    if previous is not None:
        shown["previous_attributes"] = copied(previous)
    envelope: StripeObject = {
        "id": id,
        "object": "event",
        "api_version": api_version,
        "created": created,
        "data": shown,
        "livemode": livemode,
        "pending_webhooks": 1,
        "request": {"id": None, "idempotency_key": None},
        "type": type,
    }
    return envelope if account is None else envelope | {"account": account}


def previous_attributes(before: StripeObject, after: StripeObject) -> StripeObject:
    """The values that differ, as they were before: nested objects hold only their changed keys, a changed
    array is whole, and a key that is new shows null.

    >>> previous_attributes({"a": 1, "b": {"c": [1], "d": 2}}, {"a": 1, "b": {"c": [3], "d": 2, "e": 4}})
    {'b': {'c': [1], 'e': None}}
    """
    changed: StripeObject = {}
    for key in before | after:
        old, new = before.get(key), after.get(key)
        if old == new:
            continue
        if isinstance(old, dict) and isinstance(new, dict):
            changed[key] = previous_attributes(old, new)
        else:
            changed[key] = copied(old)
    return changed
