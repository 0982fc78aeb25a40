"""What requests ask for, read from their nested parameters: text, numbers, choices, lists, metadata.

An empty text unsets a value, as in Stripe's API. What is wrong is refused with `InvalidRequest`, which names
the parameter.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject, full_address
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest
from peoplesync_local.stripe_simulator.parameters.forms import Params, flag, whole


def required(params: Params, name: str) -> str:
    """A text that must be there."""
    value = params.get(name)
    if value in (None, "", {}):
        raise InvalidRequest(f"Missing required param: {name}.", param=name, code="parameter_missing")
    if not isinstance(value, str):
        raise InvalidRequest(f"Invalid string: {value}", param=name)
    return value


def text(params: Params, name: str, default: str | None = None) -> str | None:
    """A text; None where it is empty, the default where it is missing."""
    return default if name not in params else params[name] or None


def number(params: Params, name: str, default: int | None = None) -> int | None:
    """A whole number; None where it is empty, the default where it is missing."""
    if name not in params:
        return default
    return whole(params[name], name) if params[name] != "" else None


def positive(params: Params, name: str) -> int:
    """A whole number that must be there and above zero."""
    value = whole(required(params, name), name)
    if value < 1:
        raise InvalidRequest("This value must be greater than or equal to 1.", param=name)
    return value


def truth(params: Params, name: str, *, default: bool = False) -> bool:
    """`true` or `false`."""
    return flag(params[name], name) if name in params else default


def choice(params: Params, name: str, allowed: Collection[str], default: str) -> str:
    """One of Stripe's words."""
    value = params.get(name, default)
    if value not in allowed:
        words = ", ".join(sorted(allowed))
        raise InvalidRequest(f"Invalid {name}: must be one of {words}", param=name)
    return str(value)


def part(params: Params, name: str) -> Params:
    """A nested hash; empty where it is missing or unset."""
    value = params.get(name) or {}
    if not isinstance(value, dict):
        raise InvalidRequest(f"Invalid object: {name}", param=name)
    return value


def entries(params: Params, name: str) -> list[Any]:
    """The elements of a list, in their order; one plain value is a list of one."""
    value = params.get(name) or {}
    if not isinstance(value, dict):
        return [value]
    return [value[index] for index in sorted(value, key=lambda index: (len(index), index))]


def metadata(before: StripeObject, params: Params) -> StripeObject:
    """The metadata after a request: keys are replaced one by one, an empty value removes its key, and an
    empty text all of them."""
    given = params.get("metadata", {})
    if given == "":
        return {}
    merged = before | part(params, "metadata")
    return {key: value for key, value in merged.items() if value != ""}


def address(params: Params, before: StripeObject | None = None) -> StripeObject | None:
    """An address with all of Stripe's six keys, of which a request may change some."""
    if "address" not in params:
        return before
    if params["address"] == "":
        return None
    given = {key: value or None for key, value in part(params, "address").items()}
    return full_address((before or {}) | given)


def changed_texts(params: Params, *names: str) -> StripeObject:
    """Those of the texts that the request mentions."""
    return {name: text(params, name) for name in names if name in params}
