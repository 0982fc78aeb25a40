"""The HTTP server: authorization, requests and answers."""

from __future__ import annotations

import itertools
import json
import sys
import threading
import traceback
from collections.abc import Iterable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.http.api import Api, account_of, call_of
from peoplesync_local.stripe_simulator.http.keys import Key, Keys
from peoplesync_local.stripe_simulator.http.merchants import Merchants
from peoplesync_local.stripe_simulator.http.own_addresses import OwnAddresses
from peoplesync_local.stripe_simulator.http.request_log import RequestLog
from peoplesync_local.stripe_simulator.http.throttle import Throttle
from peoplesync_local.stripe_simulator.objects.shapes import MODERN, StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import Broken, Refusal, TooManyRequests
from peoplesync_local.stripe_simulator.parameters.forms import parsed

_HOST = "127.0.0.1"
_ACCOUNT = "/v1/account"
_TICK = 1.0
"""Real seconds between two looks at what is due, while the clock runs."""


class Server(ThreadingHTTPServer):
    """Listens from the start; `serve_forever` answers. `ticking`: what is due happens by itself as real time
    passes; otherwise only when the clock is moved. `logging`: a line for each request."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self,
        port: int,
        keys: Iterable[str],
        *,
        clock: SimulatedClock | None = None,
        seed: int = 0,
        ticking: bool = False,
        logging: bool = False,
    ) -> None:
        super().__init__((_HOST, port), _Conversation)
        self.clock = clock or SimulatedClock()
        self.keys = Keys(Key(key, livemode="_live_" in key) for key in keys)
        self.merchants = Merchants(self.clock, seed=seed)
        self.throttle = Throttle()
        self.api = Api(self.merchants, self.throttle)
        self.requests = RequestLog()
        self.own = OwnAddresses(self.clock, self.keys, self.merchants, self.throttle, self.requests)
        self.logging = logging
        self._request_numbers = itertools.count(1)
        self._closed = threading.Event()
        if ticking:
            threading.Thread(target=self._tick, name="tick", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.server_port}"

    def next_request_id(self) -> str:
        return f"req_{next(self._request_numbers):014d}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that no longer waits for the answer is not an error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        self._closed.set()
        super().server_close()
        for merchant in self.merchants.all():
            merchant.deliveries.close()

    def _tick(self) -> None:
        while not self._closed.wait(_TICK):
            try:
                self.own.pass_time()
            except Exception:
                traceback.print_exc()  # the clock goes on


class _Conversation(BaseHTTPRequestHandler):
    """One connection. An answer leaves as one packet, or the client would wait 40 ms for the second."""

    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        headers: dict[str, str] = {}
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        try:
            if path.startswith("/_"):
                shown: StripeObject = self.server.own.answer(self.command, path, body)
            else:
                shown, headers = self._stripes(path, "&".join(filter(None, (query, body))))
            status = HTTPStatus.OK
        except Refusal as refusal:
            status, headers, shown = refusal.status, refusal.headers, refusal.body()
            if isinstance(refusal, TooManyRequests):
                self.server.requests.add_throttled()
        except Exception as error:
            traceback.print_exc()
            status, shown = Broken.status, Broken(f"The simulator failed: {error!r}").body()
        self._answer(status, shown, headers)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 - http.server's names

    def _stripes(self, path: str, encoded: str) -> tuple[StripeObject, dict[str, str]]:
        """What Stripe answers, and further headers."""
        server = self.server
        key = server.keys.of(self.headers.get("Authorization", ""))
        is_account = path == _ACCOUNT and self.command == "GET"
        call = None if is_account else call_of(self.command, path)
        account = f"{key.account}:{key.livemode}"
        server.throttle.admit(account, call.limited_as if call else path)
        server.requests.add(path, call)
        if call is None:
            return account_of(key), {}
        params = parsed(encoded)
        token = self.headers.get("Idempotency-Key") if self.command == "POST" else None
        if not token:
            return server.api.answer(call, params, key), {}
        answers = server.merchants.of(key.account, livemode=key.livemode).answers
        shown, again = answers.once(token, (path, encoded), lambda: server.api.answer(call, params, key))
        return shown, {"Idempotency-Key": token} | ({"Idempotent-Replayed": "true"} if again else {})

    def _answer(self, status: HTTPStatus, shown: StripeObject, headers: dict[str, str]) -> None:
        body = json.dumps(shown, separators=(",", ":")).encode()
        lines = {
            "Date": formatdate(self.server.clock.now(), usegmt=True),
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Request-Id": self.server.next_request_id(),
            "Stripe-Version": self.headers.get("Stripe-Version") or MODERN,
            **headers,
        }
        head = f"{self.protocol_version} {status.value} {status.phrase}\r\n" + "".join(
            f"{name}: {value}\r\n" for name, value in lines.items()
        )
        self.wfile.write(head.encode("latin-1") + b"\r\n" + body)
        self.log_request(status)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        """Log what was asked and answered, as one line."""
        if self.server.logging:
            print(format % args, flush=True)
