"""Secrets in SSM Parameter Store, as SecureStrings.

`<prefix>/<connection>/webhook-signing-secret` holds the endpoint's secret; while it is rolled, the old and
the new one with white space between. `<prefix>/<connection>/stripe-api-key` holds the restricted key,
`<prefix>/<connection>/erasure-key` the key by which the erased are remembered (see erasure_keys.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from secrets import token_hex
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.use_cases.ports import Unavailable

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient

CACHE_SECONDS: Final = 60
REFRESH_SECONDS: Final = 30
"""How often a bad signature may make us look again: a rolled secret works at once, and garbage cannot be
used to hammer the store."""


ERASURE_KEY_BYTES: Final = 32


def signing_secret_name(prefix: str, connection: str) -> str:
    """The parameter that holds a connection's signing secret."""
    return f"{prefix}/{connection}/webhook-signing-secret"


def api_key_name(prefix: str, connection: str) -> str:
    """The parameter that holds a connection's API key."""
    return f"{prefix}/{connection}/stripe-api-key"


def erasure_key_name(prefix: str, connection: str) -> str:
    """The parameter that holds the key by which a connection's erased people are remembered."""
    return f"{prefix}/{connection}/erasure-key"


@dataclass
class Secrets:
    """The secrets of a stack. `monotonic` is a stopwatch, not the system's time. Whoever reads one may get
    Unavailable."""

    ssm: SSMClient
    prefix: str
    monotonic: Callable[[], float] = time.monotonic
    _cached: dict[str, tuple[float, str]] = field(default_factory=dict)
    _refreshed: dict[str, float] = field(default_factory=dict)

    def signing_secrets(self, connection: str, *, fresh: bool = False) -> Sequence[str]:
        """The secrets a webhook may be signed with; `fresh` looks again, at most every 30 s."""
        force = fresh and self._may_refresh(connection)
        return (self._read(signing_secret_name(self.prefix, connection), force=force) or "").split()

    def api_key(self, connection: str, *, fresh: bool = False) -> str | None:
        """The connection's key for Stripe's API; None where there is none. `fresh` looks again."""
        return self._read(api_key_name(self.prefix, connection), force=fresh)

    def store_api_key(self, connection: str, api_key: str) -> None:
        """Keeps a connection's key, in place of an older one."""
        self._write(api_key_name(self.prefix, connection), api_key)

    def store_signing_secrets(self, connection: str, secrets: Sequence[str]) -> None:
        """Keeps the secrets that a webhook may be signed with, in place of any older ones."""
        self._write(signing_secret_name(self.prefix, connection), " ".join(secrets))

    def forget_api_key(self, connection: str) -> None:
        """Deletes a connection's key, if there is one."""
        self._delete(api_key_name(self.prefix, connection))

    def forget_signing_secrets(self, connection: str) -> None:
        """Deletes a connection's signing secrets, if there are any."""
        self._delete(signing_secret_name(self.prefix, connection))

    def erasure_key(self, connection: str, *, fresh: bool = False) -> str | None:
        """The key by which a connection's erased people are remembered, in hex; None where there is none.
        `fresh` looks again."""
        return self._read(erasure_key_name(self.prefix, connection), force=fresh)

    def make_erasure_key(self, connection: str) -> None:
        """Makes the key of a connection that has none; one that is there stays, or nobody would be known by
        it any more."""
        with suppress(self.ssm.exceptions.ParameterAlreadyExists):
            self.ssm.put_parameter(
                Name=erasure_key_name(self.prefix, connection),
                Value=token_hex(ERASURE_KEY_BYTES),
                Type="SecureString",
                Overwrite=False,
            )
        self._cached.clear()

    def forget_erasure_key(self, connection: str) -> None:
        """Deletes the key by which a connection's erased people are remembered, if there is one."""
        self._delete(erasure_key_name(self.prefix, connection))

    def _write(self, name: str, value: str) -> None:
        self.ssm.put_parameter(Name=name, Value=value, Type="SecureString", Overwrite=True)
        self._cached.clear()

    def _delete(self, name: str) -> None:
        with suppress(self.ssm.exceptions.ParameterNotFound):
            self.ssm.delete_parameter(Name=name)
        self._cached.clear()

    def _may_refresh(self, connection: str) -> bool:
        now = self.monotonic()
        if now - self._refreshed.get(connection, float("-inf")) < REFRESH_SECONDS:
            return False
        self._refreshed[connection] = now
        return True

    def _read(self, name: str, *, force: bool) -> str | None:
        asked_at = self.monotonic()
        read_at, cached = self._cached.get(name, (float("-inf"), ""))
        if asked_at - read_at < CACHE_SECONDS and not force:
            return cached
        try:
            value = self.ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
        except self.ssm.exceptions.ParameterNotFound:
            return None
        except (BotoCoreError, ClientError) as error:
            raise Unavailable(f"the secret {name} cannot be read") from error
        self._cached[name] = asked_at, value
        return value
