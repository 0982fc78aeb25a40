"""Stripe's encoding of nested parameters, in query strings and form bodies alike."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest

Params = dict[str, Any]
"""Nested dictionaries whose values are strings; a list is a dictionary by index: `{"0": ..., "1": ...}`."""


def parsed(encoded: str) -> Params:
    """The parameters of a query string or a form.

    >>> parsed("limit=3&created[gte]=7&expand[]=data.customer&items[0][price]=price_1&items[0][quantity]=2")
    {'limit': '3', 'created': {'gte': '7'}, 'expand': {'0': 'data.customer'}, 'items': {'0': {'price': \
'price_1', 'quantity': '2'}}}
    """
    params: Params = {}
    for name, value in parse_qsl(encoded, keep_blank_values=True):
        *way, last = name.replace("]", "").split("[")
        place = params
        for step in way:
            place = place.setdefault(step or str(len(place)), {})
            if not isinstance(place, dict):
                raise InvalidRequest(f"Invalid {way[0]}: both a value and a hash", param=way[0])
        place[last or str(len(place))] = value
    return params


def listed(params: Params, name: str) -> list[str]:
    """A parameter that is a list of strings; one plain string is a list of one, a missing one is empty."""
    value = params.get(name, {})
    values = list(value.values()) if isinstance(value, dict) else [value]
    if not all(isinstance(each, str) for each in values):
        raise InvalidRequest(f"Invalid array: {name} must be a list of strings", param=name)
    return values


def whole(value: object, name: str) -> int:
    """A whole number, or a refusal that names the parameter."""
    text = str(value)
    if not text.removeprefix("-").isdecimal():
        raise InvalidRequest(f"Invalid integer: {text}", param=name, code="parameter_invalid_integer")
    return int(text)


def flag(value: object, name: str) -> bool:
    """`true` or `false`, or a refusal that names the parameter."""
    if value not in ("true", "false"):
        raise InvalidRequest(f"Invalid boolean: {value}", param=name)
    return value == "true"
