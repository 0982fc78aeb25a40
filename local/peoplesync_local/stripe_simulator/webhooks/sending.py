"""One delivery of one event: what Stripe sends to an endpoint, and whether the endpoint took it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
from collections.abc import Iterable
from urllib.parse import urlsplit

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject

TIMEOUT = 20
"""Real seconds for an endpoint's answer."""


def letter(event: StripeObject, secrets: Iterable[str], now: int) -> tuple[bytes, dict[str, str]]:
    """Body and headers of a delivery, signed at `now` with each of the secrets."""
    body = json.dumps(event).encode()
    signatures = ",".join(f"v1={signature(body, secret, now)}" for secret in secrets)
    return body, {
        "Cache-Control": "no-cache",
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": f"t={now},{signatures}",
        "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
    }


def signature(body: bytes, secret: str, now: int) -> str:
    return hmac.new(secret.encode(), b"%d." % now + body, hashlib.sha256).hexdigest()


class Sender:
    """Posts, over one connection to each server as long as it lasts. For one thread."""

    def __init__(self) -> None:
        self._connections: dict[tuple[str, str], http.client.HTTPConnection] = {}

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> bool:
        """Whether the endpoint answered with 2xx."""
        scheme, server, path, query, _ = urlsplit(url)
        target = (path or "/") + (f"?{query}" if query else "")
        reused = (scheme, server) in self._connections
        try:
            return self._post(scheme, server, target, body, headers)
        except (ConnectionError, http.client.BadStatusLine):
            if not reused:
                return False
        except (OSError, http.client.HTTPException):
            return False
        # The server had closed the connection meanwhile: once more, over a new one.
        try:
            return self._post(scheme, server, target, body, headers)
        except (OSError, http.client.HTTPException):
            return False

    def _post(self, scheme: str, server: str, target: str, body: bytes, headers: dict[str, str]) -> bool:
        connection = self._connections.pop((scheme, server), None)
        if connection is None:
            kind = http.client.HTTPSConnection if scheme == "https" else http.client.HTTPConnection
            connection = kind(server, timeout=TIMEOUT)
        try:
            connection.request("POST", target, body, headers)
            answer = connection.getresponse()
            answer.read()
        except BaseException:
            connection.close()
            raise
        if answer.will_close:
            connection.close()
        else:
            self._connections[scheme, server] = connection
        return 200 <= answer.status < 300
