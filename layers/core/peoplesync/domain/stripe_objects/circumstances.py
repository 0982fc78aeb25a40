"""What an event's subscription shows beside its state: why it ended or was paused, how it is paid.

None of it is kept with the state, so that two shapes of one state stay equal. It only adds to what an entry
of the feed says: what cannot be read is taken as not shown, and makes no event unreadable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from peoplesync.domain.stripe_objects.reading import Json

UNPAID_REASONS: Final = frozenset({"payment_failed", "payment_disputed"})
"""Of `cancellation_details.reason`: those that say that it was not paid for until the end."""


@dataclass(frozen=True)
class Circumstances:
    """None where the object does not show it.

    `cancellation_reason` is `cancellation_details.reason`; `pause_reason` why it has the status `paused`, of
    `status_details.paused`. `is_invoiced` says that the customer pays invoices that are sent to them
    (`collection_method`); `latest_invoice_paid` is known where that invoice is expanded.
    """

    cancellation_reason: str | None = None
    is_paused: bool = False
    pause_reason: str | None = None
    is_invoiced: bool = False
    latest_invoice_paid: bool | None = None


def read_circumstances(subscription: Json) -> Circumstances:
    """The circumstances of a subscription in any API version."""
    paused = _part(subscription, "status_details").get("paused")
    invoice = subscription.get("latest_invoice")
    return Circumstances(
        cancellation_reason=_text(_part(subscription, "cancellation_details"), "reason"),
        is_paused=paused is not None,
        pause_reason=_pause_reason(paused) if isinstance(paused, dict) else None,
        is_invoiced=_text(subscription, "collection_method") == "send_invoice",
        latest_invoice_paid=_is_paid(invoice) if isinstance(invoice, dict) else None,
    )


def _pause_reason(paused: Json) -> str | None:
    """`paused.type` names the part that holds the reason, as its own `type`."""
    kind = _text(paused, "type")
    named = _text(_part(paused, kind or ""), "type") or _text(paused, "reason")
    return named or (kind if kind != "subscription" else None)


def _is_paid(invoice: Json) -> bool:
    return invoice.get("status") == "paid" or invoice.get("paid") is True


def _part(value: Json, name: str) -> Json:
    part = value.get(name)
    return part if isinstance(part, dict) else {}


def _text(value: Json, name: str) -> str | None:
    text: Any = value.get(name)
    return text if isinstance(text, str) and text else None
