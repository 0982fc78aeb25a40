"""Operating: health, dead letters, pausing, write keys, the audit trail."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Annotated, Any

from aws_lambda_powertools.event_handler.openapi.params import Body
from pydantic import Field as Described

from peoplesync.adapters import clock
from peoplesync.use_cases.defining.write_keys import choose_key, key_json, make_key
from peoplesync.use_cases.messages.dead_letters import DeadLetter
from peoplesync.use_cases.messages.pausing import pause_json
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync_api.callers import Role
from peoplesync_api.parameters import Closed, Connection, CursorQuery, KeyPath, Limit
from peoplesync_api.requests import decode_cursor, encode_cursor
from peoplesync_api.resolver import CONNECTION, Api
from peoplesync_api.stack import active, connection_of, wiring


class NewWriteKey(Closed):
    """A write key that is to be made."""

    name: Annotated[str, Described(description="What it is for, such as the app that will have it")]


class DeadLetterIds(Closed):
    """Which dead letters."""

    ids: Annotated[list[str], Described(min_length=1, max_length=1_000)]


def register(api: Api) -> None:
    """The routes."""
    keys, dead = f"{CONNECTION}/keys", f"{CONNECTION}/dead-letters"

    @api.declare("GET", f"{CONNECTION}/health", Role.VIEWER, "Health")
    def get_health(connection: Connection) -> Any:
        """Say whether people are in sync with Stripe, and what to do where they are not."""
        return wiring().status_of(connection_of(connection))

    @api.declare("GET", dead, Role.VIEWER, "DeadLetters")
    def list_dead_letters(connection: Connection) -> Any:
        """List the changes that could not be applied, and why; without anything personal."""
        return {"items": [one.described() for one in _letters(connection)]}

    @api.declare("POST", f"{dead}/replay", Role.ADMIN, "DeadLettersDone")
    def replay_dead_letters(connection: Connection, body: Annotated[DeadLetterIds, Body()]) -> Any:
        """Put dead letters back on their queues, to be applied again; do so when the cause is fixed."""
        return _done(wiring().dead_letters.put_back(_chosen(connection, body.ids)))

    @api.declare("POST", f"{dead}/drop", Role.ADMIN, "DeadLettersDone")
    def drop_dead_letters(connection: Connection, body: Annotated[DeadLetterIds, Body()]) -> Any:
        """Delete dead letters for good."""
        return _done(wiring().dead_letters.drop(_chosen(connection, body.ids)))

    @api.declare("GET", f"{CONNECTION}/pause", Role.VIEWER, "Pause")
    def get_pause(connection: Connection) -> Any:
        """Say whether the worker is paused. It is that of the whole stack."""
        connection_of(connection)
        return _worker()

    @api.declare("POST", f"{CONNECTION}/pause", Role.ADMIN, "Pause")
    def pause(connection: Connection) -> Any:
        """Apply no changes of any connection until resumed; they wait on the queues, for 14 days."""
        active(connection)
        wiring().worker_mappings.set_enabled(False)
        return _worker()

    @api.declare("POST", f"{CONNECTION}/resume", Role.ADMIN, "Pause")
    def resume(connection: Connection) -> Any:
        """Apply changes again, first those that waited."""
        active(connection)
        wiring().worker_mappings.set_enabled(True)
        return _worker()

    @api.declare("GET", keys, Role.ADMIN, "WriteKeys")
    def list_keys(connection: Connection) -> Any:
        """List the write keys, also the revoked ones; each with its last characters."""
        return {"items": [key_json(one) for one in _keys(connection)]}

    @api.declare("POST", keys, Role.ADMIN, "NewWriteKey", status=HTTPStatus.CREATED)
    def create_key(connection: Connection, body: Annotated[NewWriteKey, Body()]) -> Any:
        """Make a write key, and show it: once, since only its hash is kept."""
        secret, made = make_key(wiring().write_keys, active(connection).name, body.name, clock.now())
        return key_json(made) | {"write_key": secret}

    @api.declare("DELETE", f"{keys}/<key>", Role.ADMIN, "WriteKey")
    def revoke_key(connection: Connection, key: KeyPath) -> Any:
        """Revoke a write key. Within 30 seconds it is refused; what it has sent stays."""
        chosen, now = choose_key(_keys(connection), key), clock.now()
        wiring().write_keys.revoke(chosen, now)
        return key_json(chosen) | {"revoked_at": iso(now)}

    @api.declare("GET", f"{CONNECTION}/audit", Role.ADMIN, "AuditTrail")
    def list_audit(connection: Connection, limit: Limit = 50, cursor: CursorQuery = None) -> Any:
        """List who changed what, the latest first."""
        scope = ("audit", connection_of(connection).name)
        items, after = wiring().audit.page(connection, limit, decode_cursor(cursor, *scope))
        return {"items": items, "next": encode_cursor(after, *scope) if after else None}


def _letters(connection: str) -> list[DeadLetter]:
    """The connection's own, and those that say of nobody whose they are."""
    mine = (connection_of(connection).name, None)
    return [one for one in wiring().dead_letters.all() if one.described()["connection"] in mine]


def _chosen(connection: str, ids: Sequence[str]) -> list[DeadLetter]:
    letters = {one.id: one for one in _letters(connection)}
    if missing := [one for one in ids if one not in letters]:
        raise NotFound(f"there is no dead letter {missing[0]}; the list of them has their ids")
    return [letters[one] for one in ids]


def _done(letters: Sequence[DeadLetter]) -> dict[str, Any]:
    return {"ids": [one.id for one in letters]}


def _worker() -> dict[str, Any]:
    mappings = wiring().worker_mappings
    enabled = {state.name: state.enabled for state in mappings.states()}
    return pause_json(enabled, wiring().depths.waiting(), mappings.paused_since())


def _keys(connection: str) -> list[Any]:
    name = connection_of(connection).name
    return [one for one in wiring().write_keys.all() if one.connection == name]
