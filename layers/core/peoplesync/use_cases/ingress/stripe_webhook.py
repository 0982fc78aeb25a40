"""Receive: a webhook request becomes a message on the live queue, or a reason why not.

It is fast: it checks whom the request is from; what it means is for the fold to say. Everything genuine
is answered with 2xx, also what peoplesync has no use for: a webhook that answers otherwise is disabled by
Stripe, and an unanswered `invoice.created` delays the customer's invoice for up to 72 hours.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from peoplesync.domain.connections import Connection, Epoch, is_connection_name
from peoplesync.domain.stripe_objects import slim
from peoplesync.use_cases.ingress.signatures import WRONG, refusal
from peoplesync.use_cases.messages.message import MAX_BYTES, Message
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.ports import Unavailable
from peoplesync.use_cases.stripe_reads.relevance import no_use


class Connections(Protocol):
    def get(self, name: str) -> Connection | None: ...

    def note_refused_signature(self, connection: Connection, at: int) -> None:
        """Remembers since when the webhook's signatures have been failing. Raises Unavailable."""


class SigningSecrets(Protocol):
    def signing_secrets(self, connection: str, *, fresh: bool = False) -> Sequence[str]: ...


class Queue(Protocol):
    def send(self, body: str) -> None: ...


@dataclass(frozen=True)
class WebhookReceipt:
    """How a request was answered. `outcome` is enqueued, dropped or refused; `reason` says why, in one word;
    `metric` counts it; `detail` is for the operator's log and holds nothing personal."""

    outcome: str
    metric: Metric
    reason: str = ""
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def status(self) -> int:
        return 400 if self.outcome == "refused" else 200


_NOT_ACCEPTED: Final = "not_accepted"
"""The one answer to all who cannot prove to be Stripe: it does not show whether secret or name is wrong."""

_DROPPED: Final = {
    "connect": Metric.WEBHOOKS_DROPPED_CONNECT,
    "unsupported": Metric.WEBHOOKS_DROPPED_UNSUPPORTED,
    "no_id": Metric.WEBHOOKS_DROPPED_NO_ID,
    "guest": Metric.WEBHOOKS_DROPPED_GUEST,
}


@dataclass(frozen=True)
class Receiver:
    """The use case with what it needs."""

    connections: Connections
    secrets: SigningSecrets
    queue: Queue

    def receive(self, name: str, body: bytes, signature: str | None, now: int) -> WebhookReceipt:
        """Verifies a webhook request to the connection `name` and puts its event on the queue."""
        connection = self.connections.get(name) if is_connection_name(name) else None
        if connection is None:
            unknown = {"because": "unknown connection", "connection": name[:64]}
            return WebhookReceipt("refused", Metric.WEBHOOKS_REFUSED_CONNECTION, _NOT_ACCEPTED, unknown)
        problem = self._signature_problem(name, body, signature, now)
        event = _event(body)
        if problem is not None:
            if problem == WRONG and event is not None and event.get("livemode") is connection.livemode:
                self._note_refused_signature(connection, now)
            return WebhookReceipt(
                "refused", Metric.WEBHOOKS_REFUSED_SIGNATURE, _NOT_ACCEPTED, {"because": problem}
            )
        if event is None:
            no_event = {"because": "body is not a Stripe event"}
            return WebhookReceipt("refused", Metric.WEBHOOKS_REFUSED_MALFORMED, "malformed", no_event)
        detail = {"event": event.get("id"), "type": event["type"], "created_at": event.get("created")}
        if event.get("livemode") is not connection.livemode:
            mode = "live" if connection.livemode else "test"
            detail |= {"because": f"the connection is in {mode} mode"}
            return WebhookReceipt("refused", Metric.WEBHOOKS_REFUSED_MODE, "wrong_mode", detail)
        reason = no_use(event)
        if reason is not None:
            return WebhookReceipt("dropped", _DROPPED[reason], reason, detail)
        encoded = _fitting(connection.epoch, event)
        if encoded is None:
            detail |= {"because": "larger than the queue takes"}
            return WebhookReceipt("refused", Metric.WEBHOOKS_REFUSED_SIZE, "too_large", detail)
        self.queue.send(encoded)
        return WebhookReceipt("enqueued", Metric.WEBHOOKS_ENQUEUED, detail=detail)

    def _note_refused_signature(self, connection: Connection, now: int) -> None:
        """All that is known is that it looks like Stripe; the next genuine event clears this."""
        with suppress(Unavailable):
            self.connections.note_refused_signature(connection, now)

    def _signature_problem(self, name: str, body: bytes, signature: str | None, now: int) -> str | None:
        problem = refusal(signature, body, self.secrets.signing_secrets(name), now)
        if problem is None:
            return None
        # The secret may just have been rolled; the adapter bounds how often it really looks.
        return refusal(signature, body, self.secrets.signing_secrets(name, fresh=True), now)


def _event(body: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        return None
    match event:
        case {"id": str(), "type": str()}:
            return dict(event)
    return None


def _fitting(epoch: Epoch, event: dict[str, Any]) -> str | None:
    for shape in (dict, slim):
        with suppress(RecursionError):  # what is nested so deeply that it could be read but just so
            encoded = Message(epoch, shape(event)).encode()
            if len(encoded.encode()) <= MAX_BYTES:
                return encoded
    return None
