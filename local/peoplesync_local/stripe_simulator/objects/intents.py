"""Payment intents: nobody keeps them here; what one was is read off the charge that names it."""

# ruff: noqa: A002 - the parameters are Stripe's own names

from __future__ import annotations

from collections.abc import Callable

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject

_STATUSES = {"succeeded": "succeeded", "pending": "processing", "failed": "requires_payment_method"}


def intent_of(id: str, charge: Callable[[str], StripeObject | None]) -> StripeObject | None:
    """The intent, of which a `charge` by id was made; None where there is none."""
    rest = id.removeprefix("pi_")
    for name in (f"ch_{rest}", f"py_{rest}", rest):
        made = charge(name)
        if made is not None and made.get("payment_intent") == id:
            return _payment_intent(id, made)
    return None


def _payment_intent(id: str, charge: StripeObject) -> StripeObject:
    waits = charge["status"] == "succeeded" and not charge["captured"]
    return {
        "id": id,
        "object": "payment_intent",
        "amount": charge["amount"],
        "amount_received": charge["amount_captured"],
        "capture_method": "automatic",
        "confirmation_method": "automatic",
        "created": charge["created"],
        "currency": charge["currency"],
        "customer": charge["customer"],
        "description": charge["description"],
        "latest_charge": charge["id"],
        "livemode": charge["livemode"],
        "metadata": {},
        "payment_method": charge["payment_method"],
        "payment_method_types": ["card"],
        "status": "requires_capture" if waits else _STATUSES[charge["status"]],
    }
