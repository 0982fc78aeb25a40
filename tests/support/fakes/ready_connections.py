"""A connection as tests of what comes after connecting need it: Stripe is asked nothing."""

from __future__ import annotations

from peoplesync.adapters.aws.secrets import Secrets
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.domain.connections import NAME_PATTERN, Connection, is_connection_name
from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.domain.segments.definitions import PREDEFINED
from peoplesync.use_cases.connecting.connect import InvalidConnection


def connect(
    name: str,
    api_key: str,
    signing_secret: str,
    connections: ConnectionsStore,
    secrets: Secrets,
    now: int,
) -> Connection:
    """Makes a test or live connection of what is given. Running it twice doubles nothing."""
    if not is_connection_name(name):
        raise InvalidConnection(f"a connection's name matches {NAME_PATTERN.pattern}; {name!r} does not")
    livemode = api_key.startswith("rk_live_")
    connection = Connection(name, livemode, epoch_number=1, definitions_version=1, created_at=now)
    keep_secrets(secrets, name, signing_secret, api_key)
    connections.define(connection.epoch, FIELDS, PREDEFINED)
    connections.create(connection)
    return connection


def keep_secrets(secrets: Secrets, name: str, signing_secret: str, api_key: str) -> None:
    """Keeps a connection's secrets, in place of any older ones."""
    secrets.store_signing_secrets(name, [signing_secret])
    secrets.store_api_key(name, api_key)
