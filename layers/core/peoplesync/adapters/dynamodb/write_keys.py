"""Write keys in DynamoDB; see `use_cases.ingress.write_keys`."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pynamodb.exceptions import UpdateError

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, condition_failed
from peoplesync.adapters.dynamodb.tables import WriteKeyRow, whole
from peoplesync.use_cases.ingress.write_keys import WriteKey, hash_of

MOST_REMEMBERED: Final = 1_000
"""Answers that are kept, so that a flood of wrong keys does not fill the memory."""


@dataclass
class WriteKeys:
    """The write keys of a stack.

    `cache_seconds` is how long an answer may be old, that there is no such key among them: for so long a key
    that was just revoked is still good. `monotonic` is a stopwatch, not the system's time.
    """

    cache_seconds: float = 0
    monotonic: Callable[[], float] = time.monotonic
    _answers: OrderedDict[str, tuple[float, WriteKey | None]] = field(default_factory=OrderedDict)

    def find(self, key: str) -> WriteKey | None:
        """What is known of a key, also of a revoked one. Raises Unavailable."""
        hashed, asked_at = hash_of(key), self.monotonic()
        answered_at, answer = self._answers.get(hashed, (float("-inf"), None))
        if asked_at - answered_at < self.cache_seconds:
            return answer
        try:
            with busy_as_unavailable():
                found = _from_row(WriteKeyRow.get(hashed, consistent_read=True))
        except WriteKeyRow.DoesNotExist:
            found = None
        self._answers[hashed] = asked_at, found
        self._answers.move_to_end(hashed)
        if len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)
        return found

    def all(self) -> list[WriteKey]:
        """Every key that there ever was, those of a connection together, the oldest first."""
        with busy_as_unavailable():
            keys = [_from_row(row) for row in WriteKeyRow.scan(consistent_read=True)]
        return sorted(keys, key=lambda key: (key.connection, key.created_at, key.name))

    def create(self, key: WriteKey) -> None:
        """Keeps a new key."""
        row = WriteKeyRow(
            key.hash, connection=key.connection, name=key.name, hint=key.hint, created_at=key.created_at
        )
        with busy_as_unavailable():
            row.save(condition=WriteKeyRow.pk.does_not_exist())

    def revoke(self, key: WriteKey, at: int) -> None:
        """Revokes a key. One that was revoked before stays as it is."""
        known, revoked = WriteKeyRow.pk.exists(), WriteKeyRow.revoked_at
        try:
            with busy_as_unavailable():
                WriteKeyRow(key.hash).update(
                    actions=[revoked.set(at)], condition=known & revoked.does_not_exist()
                )
        except UpdateError as error:
            if not condition_failed(error):
                raise


def _from_row(row: WriteKeyRow) -> WriteKey:
    return WriteKey(
        hash=row.pk,
        hint=row.hint,
        connection=row.connection,
        name=row.name,
        created_at=int(row.created_at),
        revoked_at=whole(row.revoked_at),
    )
