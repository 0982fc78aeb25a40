"""Write keys of a connection, with which its app sends activity: made, chosen, shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from peoplesync.use_cases.ingress.write_keys import WriteKey, is_key_name, new_key
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.queries.browse import NotFound


class InvalidKeyName(ValueError):
    """A write key cannot be called that; the message says how it can."""


class KeyExists(Exception):
    """There is a write key of that name."""


class WriteKeys(Protocol):
    def all(self) -> Sequence[WriteKey]:
        """Also the revoked ones."""

    def create(self, key: WriteKey) -> None: ...


def make_key(keys: WriteKeys, connection: str, name: str, now: int) -> tuple[str, WriteKey]:
    """A new write key: itself, which is kept nowhere, and what is known of it. Raises InvalidKeyName or
    KeyExists."""
    if not is_key_name(name):
        allowed = "1 to 64 letters, digits, spaces and . _ -, beginning with a letter or digit"
        raise InvalidKeyName(f"{name!r} is not a valid name for a key: it has {allowed}")
    if any(one.name == name and one.connection == connection for one in good(keys.all())):
        raise KeyExists(f"there is a key {name} of {connection} already; revoke that, or choose another name")
    secret, made = new_key(connection, name, now)
    keys.create(made)
    return secret, made


def choose_key(keys: Iterable[WriteKey], which: str) -> WriteKey:
    """The key with this name that is not revoked, or else with these last characters. Raises NotFound."""
    usable = good(keys)
    named = [one for one in usable if one.name == which]
    found = named or [one for one in usable if one.hint == which.rpartition("…")[2]]
    if not found:
        there_are = ", ".join(f"{one.name} ({one.shown})" for one in usable) or "none"
        raise NotFound(f"there is no write key {which}; there are: {there_are}")
    if len(found) > 1:
        several = ", ".join(f"{one.hint} of {one.connection}" for one in found)
        raise NotFound(f"{len(found)} keys are meant by {which}; name the last characters of one: {several}")
    return found[0]


def good(keys: Iterable[WriteKey]) -> list[WriteKey]:
    """Those that are not revoked."""
    return [one for one in keys if one.revoked_at is None]


def key_json(key: WriteKey) -> dict[str, Any]:
    """A write key as readers see it: with its last characters."""
    return {
        "name": key.name,
        "key": key.shown,
        "connection": key.connection,
        "created_at": iso(key.created_at),
        "revoked_at": None if key.revoked_at is None else iso(key.revoked_at),
    }
