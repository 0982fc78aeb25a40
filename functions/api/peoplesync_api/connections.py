"""Connections: looked at, made, given another key, ended."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body, Query
from pydantic import Field as Described

from peoplesync.adapters import clock
from peoplesync.domain.people.person import EVERYONE
from peoplesync.use_cases.connecting.connect import InvalidConnection
from peoplesync.use_cases.connecting.rotate_secret import rotate_secret
from peoplesync.use_cases.connecting.shown import connected_json, connection_json, key_json
from peoplesync_api.callers import Role
from peoplesync_api.parameters import Closed, Connection
from peoplesync_api.problems import Problem
from peoplesync_api.resolver import CONNECTION, ROOT, Api
from peoplesync_api.runs import begin_import
from peoplesync_api.stack import active, connection_of, wiring

Key = Annotated[str, Described(max_length=500, description="A restricted key of Stripe's, rk_…")]


class KeyToTry(Closed):
    """A key whose permissions are looked at."""

    key: Key
    connection: Annotated[str, Described(description="The connection that it is meant for")] = "main"


class ConnectionWanted(Closed):
    """How a connection is to be made."""

    key: Key
    webhook: Annotated[bool, Described(description="false for a stack that Stripe cannot reach")] = True
    start_import: Annotated[bool, Described(alias="import", description="Import who is there already")] = True
    people_may_go: Annotated[bool, Described(description="People of the other mode are deleted")] = False


class NewKey(Closed):
    """Another key for a connection."""

    key: Key
    people_may_go: Annotated[bool, Described(description="People of the other mode are deleted")] = False


def register(api: Api) -> None:
    """The routes."""

    @api.declare("GET", f"{ROOT}/me", Role.NONE, "Me")
    def get_me() -> Any:
        """Say who is signed in, and what they may."""
        caller = api.caller
        return {"name": caller.name, "role": caller.role.name.lower() if caller.role else None}

    @api.declare("GET", f"{ROOT}/connections", Role.VIEWER, "Connections")
    def list_connections() -> Any:
        """List the connections, also those that were disconnected."""
        return {"items": [_shown(one.name) for one in wiring().connections.all_even_disconnected()]}

    @api.declare("POST", f"{ROOT}/permissions", Role.ADMIN, "StripeKey")
    def examine_key(body: Annotated[KeyToTry, Body()]) -> Any:
        """Say what a key may do. Nothing is kept, and nothing changed."""
        return key_json(wiring().connector().examine(body.connection, body.key))

    @api.declare("GET", CONNECTION, Role.VIEWER, "Connection")
    def get_connection(connection: Connection) -> Any:
        """Show a connection."""
        return _shown(connection_of(connection).name)

    @api.declare("PUT", CONNECTION, Role.ADMIN, "Connected")
    def connect(connection: Connection, body: Annotated[ConnectionWanted, Body()]) -> Any:
        """Connect a Stripe account, or complete what was interrupted.

        Sending it twice is harmless."""
        return _connected(
            connection, body.key, webhook=body.webhook, goes=body.people_may_go, imports=body.start_import
        )

    @api.declare("POST", f"{CONNECTION}/key", Role.ADMIN, "Connected")
    def replace_key(connection: Connection, body: Annotated[NewKey, Body()]) -> Any:
        """Give a connection another key: of the same mode, or a live one for a test connection."""
        known = connection_of(connection)
        webhook = known.disconnected_at is not None or known.endpoint_id is not None
        return _connected(connection, body.key, webhook=webhook, goes=body.people_may_go, imports=False)

    @api.declare("POST", f"{CONNECTION}/rotate-secret", Role.ADMIN, "Rotated")
    def rotate_signing_secret(connection: Connection) -> Any:
        """Give the webhook endpoint another signing secret, without missing an event."""
        parts, url = wiring(), wiring().webhook_url(active(connection).name)
        made = rotate_secret(
            connection, url, parts.connections, parts.secrets, parts.stripe_account, clock.now()
        )
        return {"connection": connection, "endpoint_id": made, "webhook_url": url}

    @api.declare("DELETE", CONNECTION, Role.ADMIN, "Disconnected")
    def disconnect(
        connection: Connection,
        with_people: Annotated[bool, Query(description="Delete the people too")] = False,
    ) -> Any:
        """Stop taking events; the endpoint at Stripe and the secrets go.

        The people stay unless asked otherwise."""
        current = connection_of(connection)
        people = wiring().people.count(current.epoch, EVERYONE) if with_people else 0
        left = wiring().disconnector().disconnect(connection, clock.now(), with_people=with_people)
        return {
            "connection": connection,
            "state": "disconnected",
            "people_removed": people,
            "left_endpoint_id": left,
        }


def _shown(name: str) -> dict[str, Any]:
    one = connection_of(name)
    sizes = wiring().read_models.sizes(one)
    return connection_json(one, sizes.of(EVERYONE) if sizes else None, wiring().webhook_url(one.name))


def _connected(name: str, key: str, *, webhook: bool, goes: bool, imports: bool) -> dict[str, Any]:
    connector = wiring().connector()
    try:
        examined = connector.examine(name, key.strip())
    except InvalidConnection as error:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), "/path/connection") from error
    made = connector.connect(examined, clock.now(), webhook=webhook, people_may_go=goes)
    run = begin_import(name, {"connection": name}, None) if imports else None
    return connected_json(examined, made, wiring().webhook_url(name), run)
