"""Write keys: whose holder may send activity, and do nothing else.

A key is shown once, when it is made. What is kept is its hash, by which it is found: there is nothing to
compare, so no answer is slower for a key that is nearly right. A key is random enough to need no salt.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import string
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "ps_"
HINT: Final = 4
"""How many of a key's last characters are kept, for people to distinguish keys."""

_LETTERS: Final = string.ascii_letters + string.digits
_LENGTH: Final = 32
"""190 bits of chance."""

_PATTERN: Final = re.compile(r"ps_[A-Za-z0-9]{32}")
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._-]{0,63}")


@dataclass(frozen=True)
class WriteKey:
    """What is known of a key: `hash` is its SHA-256 in hex, `hint` its last characters. It belongs to
    `connection` whatever the epoch: keys survive when the connection goes live."""

    hash: str
    hint: str
    connection: str
    name: str
    created_at: int
    revoked_at: int | None = None

    @property
    def shown(self) -> str:
        """The key as far as it may be shown."""
        return f"{PREFIX}…{self.hint}"


def new_key(connection: str, name: str, now: int) -> tuple[str, WriteKey]:
    """A new key, and what is kept of it."""
    key = PREFIX + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    return key, WriteKey(hash_of(key), key[-HINT:], connection, name, now)


def hash_of(key: str) -> str:
    """What a key is found by."""
    return hashlib.sha256(key.encode()).hexdigest()


def is_write_key(text: str) -> bool:
    """Whether a text can be a key at all, so that it is worth looking for."""
    return _PATTERN.fullmatch(text) is not None


def is_key_name(name: str) -> bool:
    """Whether a key may be called that."""
    return _NAME.fullmatch(name) is not None
