"""Answers that are repeated for the same idempotency key."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import IdempotencyConflict, InProgress

REMEMBERED = 10_000


@dataclass(frozen=True)
class _Answered:
    question: Hashable
    answer: StripeObject | None


class Answers:
    """The newest answers by their key. What was refused is not kept: it may be asked again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._answered: dict[str, _Answered] = {}

    def once(
        self, key: str, question: Hashable, answer: Callable[[], StripeObject]
    ) -> tuple[StripeObject, bool]:
        """The answer, and whether it was given before. Raises `IdempotencyConflict` if the key belongs to
        another question, `InProgress` while the same one is being answered."""
        with self._lock:
            before = self._answered.get(key)
            if before is None:
                self._answered[key] = _Answered(question, None)
        if before is not None:
            if before.question != question:
                raise IdempotencyConflict(
                    "Keys for idempotent requests can only be used with the same parameters they were first "
                    f"used with. Try using a key other than '{key}' if you meant to execute a different "
                    "request."
                )
            if before.answer is None:
                raise InProgress(
                    "There is currently another in-progress request using this idempotent key.",
                    code="idempotency_key_in_use",
                )
            return before.answer, True
        try:
            given = answer()
        except BaseException:
            with self._lock:
                del self._answered[key]
            raise
        with self._lock:
            self._answered[key] = _Answered(question, given)
            if len(self._answered) > REMEMBERED:
                del self._answered[next(iter(self._answered))]
        return given, False
