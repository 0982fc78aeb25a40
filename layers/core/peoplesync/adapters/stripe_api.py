"""Stripe's API."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from peoplesync.domain.changes import Answer, Kind, ObjectKey, read_answer
from peoplesync.domain.stripe_objects import UnreadableStripeObject
from peoplesync.sync.ports import Unavailable

if TYPE_CHECKING:
    from stripe import StripeClient

PATHS: Final[dict[Kind, str]] = {
    "customer": "customers",
    "subscription": "subscriptions",
    "charge": "charges",
    "invoice": "invoices",
    "product": "products",
}
OPTIONAL: Final[frozenset[Kind]] = frozenset({"product"})
"""What the key need not be allowed to read: then nothing can be learnt by asking."""

TIMEOUT: Final = 4
"""Seconds for one answer: a batch must be done long before the queue delivers it again."""


@dataclass
class StripeApi:
    """Stripe, asked for single objects. `api_key` finds a connection's key; `base_url` replaces Stripe's own
    on a laptop; `monotonic` is a stopwatch."""

    api_key: Callable[[str], str | None]
    base_url: str | None = None
    monotonic: Callable[[], float] = time.monotonic

    def fetch(self, connection: str, key: ObjectKey) -> Answer:
        """What Stripe says the object is now; raises `Unavailable` where it cannot be asked."""
        import stripe  # 0.3 s of import that only a tie has to pay for

        client = self._client(connection)
        started = self.monotonic()
        try:
            response = client.raw_request("get", f"/v1/{PATHS[key.kind]}/{key.id}")
        except stripe.InvalidRequestError as error:
            if error.http_status == 404:
                return read_answer(key, None, 0)
            raise Unavailable(f"Stripe refused to answer: {error.code}") from error
        except stripe.PermissionError as error:
            if key.kind in OPTIONAL:
                return read_answer(key, None, 0)
            raise Unavailable(f"the key may not read {PATHS[key.kind]}") from error
        except stripe.StripeError as error:
            raise Unavailable(f"Stripe cannot be asked: {type(error).__name__}") from error
        value: dict[str, Any] = response.data
        try:
            return read_answer(key, value, _as_of(response.headers, self.monotonic() - started))
        except UnreadableStripeObject as error:
            raise Unavailable(str(error)) from error
        except KeyError as error:
            raise Unavailable("Stripe answered without a date") from error

    def _client(self, connection: str) -> StripeClient:
        import stripe

        try:
            api_key = self.api_key(connection)
        except GetParameterError as error:
            raise Unavailable(f"the API key of connection {connection} cannot be read") from error
        if not api_key:
            raise Unavailable(f"connection {connection} has no API key")
        http_client = stripe.RequestsClient(timeout=TIMEOUT)
        if self.base_url:
            return stripe.StripeClient(
                api_key, base_addresses={"api": self.base_url}, http_client=http_client, max_network_retries=0
            )
        return stripe.StripeClient(api_key, http_client=http_client, max_network_retries=0)


def _as_of(headers: Any, duration: float) -> int:
    """Stripe's own clock when the request began, less a second: never more than we can know."""
    answered_at = parsedate_to_datetime(headers["Date"]).timestamp()
    return int(answered_at - duration - 1)
