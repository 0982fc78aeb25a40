"""The simulator's own addresses as a Python client, for tests, the demo and the command line."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterable
from typing import Any

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject

LISTENING = "Listening on "
"""What the process's first line begins with, before its address."""

_TIMEOUT = 600
"""Seconds for an answer: a month of a large account's renewals may happen at once."""


class Refused(Exception):
    """The simulator refused a request; the message says why."""


class Simulator:
    """The simulator at `url`. Which account is meant is `account` and `livemode`."""

    def __init__(self, url: str, *, account: str = "main", livemode: bool = False) -> None:
        self.url = url
        self._which = {"account": account, "livemode": livemode}

    def now(self) -> int:
        """The simulated time."""
        return int(self._ask("GET", "/_clock")["now"])

    def advance(self, seconds: int) -> int:
        """Let time pass, with what is due meanwhile; how many events that were."""
        return int(self._ask("POST", "/_clock", {"advance": seconds})["events"])

    def freeze(self, at: int | None) -> int:
        """Let the clock stand still at an instant, or run again (None); the time then."""
        return int(self._ask("POST", "/_clock", {"freeze": at})["now"])

    def fill(self, customers: int, *, seed: int = 0, skew: str = "growing") -> None:
        """Populate the account with so many lifelike customers, in place of those before."""
        self._ask("POST", "/_fill", {"customers": customers, "seed": seed, "skew": skew, **self._which})

    def hold(self, objects: Iterable[StripeObject]) -> int:
        """Give it objects as they are now, without events; how many it holds then. They belong to
        the main account, in the mode that their `livemode` says."""
        body = "\n".join(json.dumps(shown) for shown in objects)
        return int(self._send("PUT", "/_objects", body.encode())["held"])

    def requests(self) -> dict[str, Any]:
        """`count`, `by_path`, `by_endpoint` (`{"/v1/customers": {"list": 1}}`) and `throttled`."""
        return self._ask("GET", "/_requests")

    def reset_requests(self) -> None:
        """Count from zero."""
        self._ask("DELETE", "/_requests")

    def limit(
        self,
        *,
        latency_ms: float = 0,
        requests_per_second_per_endpoint: float | None = None,
        requests_per_second: float | None = None,
        lock_timeouts: float = 0,
        server_errors: float = 0,
        refuse_deleted_cursors: bool = False,
        seed: int = 0,
    ) -> None:
        """Set latency, rate limits and errors from now on; without arguments, none."""
        self._ask(
            "POST",
            "/_limits",
            {
                "latency_ms": latency_ms,
                "requests_per_second_per_endpoint": requests_per_second_per_endpoint,
                "requests_per_second": requests_per_second,
                "lock_timeouts": lock_timeouts,
                "server_errors": server_errors,
                "refuse_deleted_cursors": refuse_deleted_cursors,
                "seed": seed,
            },
        )

    def deliver(
        self,
        *,
        duplicate: float = 0,
        shuffle: int = 0,
        tie: bool = False,
        late_seconds: int = 0,
        refuse: bool = False,
        pause: bool = False,
        listed_late_seconds: int = 0,
        seed: int = 0,
    ) -> None:
        """Deliver this account's events with these faults from now on; without arguments, with none."""
        self._ask(
            "POST",
            "/_deliveries",
            {
                "duplicate": duplicate,
                "shuffle": shuffle,
                "tie": tie,
                "late_seconds": late_seconds,
                "refuse": refuse,
                "pause": pause,
                "listed_late_seconds": listed_late_seconds,
                "seed": seed,
                **self._which,
            },
        )

    def deliveries(self) -> dict[str, int]:
        """All accounts' `sent`, `failed`, `pending` and `given_up` deliveries."""
        return self._ask("GET", "/_deliveries")

    def flush(self) -> dict[str, int]:
        """Deliver all that is due, and wait for the answers; the counts then."""
        return self._ask("POST", "/_deliveries/flush", self._which)

    def add_key(self, key: str, permissions: Iterable[str] | None = None, *, revoked: bool = False) -> None:
        """Add a key of this account and mode, or change its permissions; None: all of them."""
        allowed = "all" if permissions is None else sorted(permissions)
        self._ask("POST", "/_keys", {"key": key, "permissions": allowed, "revoked": revoked, **self._which})

    def pays(self, customer: str, pays: bool) -> None:
        """Whether the customer's charges succeed from now on."""
        self._ask("POST", f"/_customers/{customer}/pays", {"pays": pays, **self._which})

    def gives_up(self, status: str) -> None:
        """What a subscription becomes after the last failed retry: `canceled` (as it begins) or `unpaid`."""
        self._ask("POST", "/_settings", {"gives_up": status, **self._which})

    def complete_checkout(self, session: str) -> StripeObject:
        """The customer completes a checkout session; the session then."""
        return self._ask("POST", f"/_checkout/{session}/complete", self._which)

    def add_account(
        self, email: str, *, name: str | None = None, with_customer: bool = False
    ) -> StripeObject:
        """An account (v2) that is billed: its `id`, and the id of its `customer`, null if it has none."""
        asked = {"email": email, "name": name, "with_customer": with_customer, **self._which}
        return self._ask("POST", "/_accounts", asked)

    def cancel_in_portal(
        self, subscription: str, *, feedback: str | None = None, comment: str | None = None
    ) -> StripeObject:
        """The customer cancels in the portal, with effect at the end of the period; the subscription then."""
        asked = {"feedback": feedback, "comment": comment, **self._which}
        return self._ask("POST", f"/_portal/{subscription}/cancel", asked)

    def keep_in_portal(self, subscription: str) -> StripeObject:
        """The customer takes that back; the subscription then."""
        return self._ask("POST", f"/_portal/{subscription}/keep", self._which)

    def roll_secret(self, endpoint: str, *, expires_in: int = 0) -> str:
        """An endpoint's new secret; the old one goes on signing for `expires_in` simulated seconds."""
        asked = {"expires_in": expires_in, **self._which}
        return str(self._ask("POST", f"/_endpoints/{endpoint}/roll", asked)["secret"])

    def _ask(self, method: str, path: str, asked: dict[str, Any] | None = None) -> dict[str, Any]:
        return self._send(method, path, json.dumps(asked).encode() if asked is not None else None)

    def _send(self, method: str, path: str, body: bytes | None) -> dict[str, Any]:
        # S310 warns of file:// addresses; here it is the simulator's.
        request = urllib.request.Request(self.url + path, data=body, method=method)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT) as answer:  # noqa: S310
                answered: dict[str, Any] = json.load(answer)
                return answered
        except urllib.error.HTTPError as error:
            raise Refused(json.load(error)["error"]["message"]) from error
