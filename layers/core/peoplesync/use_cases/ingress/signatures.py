"""Stripe's webhook signatures.

`Stripe-Signature: t=<seconds>,v1=<hex>[,v1=<hex>...]`, where v1 is the HMAC-SHA256 of `<t>.<raw body>`.
While a secret is rolled there is one v1 per secret; other schemes are ignored.
Source: https://docs.stripe.com/webhooks#verify-manually
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from typing import Final

TOLERANCE: Final = 300
"""Seconds that a signature's time may differ from ours, to either side."""

WRONG: Final = "signature does not match the signing secret"


def sign(secret: str, body: bytes, at: int) -> str:
    """The header that Stripe would send with this body at this moment."""
    return f"t={at},v1={_digest(secret, body, at)}"


def refusal(header: str | None, body: bytes, secrets: Iterable[str], now: int) -> str | None:
    """Why the signature is not accepted, in words for the operator; None where it is."""
    if not header:
        return "no Stripe-Signature header"
    pairs = [part.partition("=")[::2] for part in header.split(",")]
    times = [value.strip() for name, value in pairs if name.strip() == "t"]
    candidates = [value.strip() for name, value in pairs if name.strip() == "v1"]
    if len(times) != 1 or not re.fullmatch(r"[0-9]{1,12}", times[0]) or not candidates:
        return "Stripe-Signature header without t or v1"
    at = int(times[0])
    expected = [_digest(secret, body, at) for secret in secrets]
    # Every pair is compared, in constant time, so that timing does not reveal which came close.
    matches = [
        hmac.compare_digest(candidate.encode(errors="replace"), digest.encode())
        for candidate in candidates
        for digest in expected
    ]
    if not any(matches):
        return WRONG
    if abs(now - at) > TOLERANCE:
        return f"signature is {abs(now - at)} s {'old' if at < now else 'ahead'}, {TOLERANCE} s are allowed"
    return None


def _digest(secret: str, body: bytes, at: int) -> str:
    return hmac.new(secret.encode(), f"{at}.".encode() + body, hashlib.sha256).hexdigest()
