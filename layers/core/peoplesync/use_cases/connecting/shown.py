"""Connections as readers see them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.connecting.connect import Connected, Examined
from peoplesync.use_cases.connecting.permissions import PERMISSIONS, missing
from peoplesync.use_cases.public_json import iso


def mode(livemode: bool) -> str:
    """Stripe's mode in a word."""
    return "live" if livemode else "test"


def connection_json(connection: Connection, people: int | None, webhook_url: str) -> dict[str, Any]:
    """A connection; `people` is how many it has, None where they are not counted yet."""
    state = "key_refused" if connection.key_refused_at is not None else "connected"
    if connection.disconnected_at is not None:
        state = "disconnected"
    return {
        "name": connection.name,
        "mode": mode(connection.livemode),
        "state": state,
        "epoch": connection.epoch_number,
        "people": people,
        "endpoint_id": connection.endpoint_id,
        "webhook_url": webhook_url if connection.endpoint_id else None,
        "permissions": dict(connection.permissions),
        "created_at": iso(connection.created_at),
        "last_event_at": None if connection.last_event_at is None else iso(connection.last_event_at),
        "disconnected_at": None if connection.disconnected_at is None else iso(connection.disconnected_at),
    }


def permissions_json(examined: Examined) -> dict[str, Any]:
    """What a key may do, by the permissions' slugs, and what it lacks."""
    lacking = [*missing(examined.permissions, required=True), *missing(examined.permissions, required=False)]
    return {"permissions": dict(examined.permissions), "missing": [one.slug for one in lacking]}


def key_json(examined: Examined) -> dict[str, Any]:
    """A key that was looked at, and is not kept: its mode, and each permission with what it is for."""
    return {
        "mode": mode(examined.livemode),
        "usable": not missing(examined.permissions, required=True),
        "permissions": [
            {
                "slug": one.slug,
                "name": one.name,
                "access": one.access,
                "granted": examined.permissions.get(one.slug, False),
                "required": one.required,
                "purpose": one.purpose,
                "without": one.without or None,
            }
            for one in PERMISSIONS
        ],
        "people_removed": examined.people if examined.begins_epoch else 0,
        "warnings": list(examined.warnings),
    }


def connected_json(
    examined: Examined, made: Connected, webhook_url: str, run: Mapping[str, Any] | None
) -> dict[str, Any]:
    """What connecting came to, with the import that it began."""
    connection = made.connection
    return {
        "connection": connection.name,
        "state": "connected",
        "mode": mode(connection.livemode),
        "epoch": connection.epoch_number,
        "endpoint_id": connection.endpoint_id,
        "webhook_url": webhook_url if connection.endpoint_id else None,
        **permissions_json(examined),
        "people_removed": examined.people,
        "warnings": list(examined.warnings),
        "left_endpoint_id": made.left_endpoint,
        "import": run,
    }
