"""Stands in for Stripe's API: answers `GET /v1/customers/cus_…` with the object it was given to hold.

It is no simulator: nothing changes by itself, and nothing can be written through Stripe's API. What it
answers is what Stripe answers, as far as a reader of single objects can tell: errors, the `Date` by which a
fetched object's age is judged, a deleted customer as a stub, one request refused without the right key.

Two addresses are its own, for whoever plays the truth: `PUT /_objects` takes objects (a JSON list, or one per
line), the later replacing the earlier, and `GET /_requests` tells how often which object was asked for.

    python -m peoplesync_local.stripe_stand_in --port 0 --key sk_test_…
"""

from __future__ import annotations

import argparse
import hmac
import itertools
import json
import threading
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

StripeObject = Mapping[str, Any]

LISTENING = "Listening on "
_HOST = "127.0.0.1"
_OBJECTS = "/_objects"
_REQUESTS = "/_requests"


class StandIn(ThreadingHTTPServer):
    """The server, with the objects it holds by their path in Stripe's API."""

    daemon_threads = True

    def __init__(self, port: int, key: str) -> None:
        super().__init__((_HOST, port), _Conversation)
        self.key = key
        self._objects: dict[str, StripeObject] = {}
        self._asked: Counter[str] = Counter()
        self._request_numbers = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.server_port}"

    def hold(self, objects: Iterable[StripeObject]) -> int:
        """Hold the objects; how many are held then. A customer once deleted stays deleted, as at Stripe."""
        with self._lock:
            for stripe_object in objects:
                path = path_of(stripe_object)
                if not self._objects.get(path, {}).get("deleted"):
                    self._objects[path] = stripe_object
            return len(self._objects)

    def ask(self, path: str) -> StripeObject | None:
        """What Stripe would answer for `path`, or None if it knows no such object."""
        with self._lock:
            self._asked[path] += 1
            held = self._objects.get(path)
        if held is not None and held.get("deleted"):
            return {"id": held["id"], "object": held["object"], "deleted": True}
        return held

    def asked(self) -> dict[str, int]:
        """How often each path was asked for."""
        with self._lock:
            return dict(self._asked)

    def next_request_id(self) -> str:
        return f"req_{next(self._request_numbers):014d}"


def path_of(stripe_object: StripeObject) -> str:
    """Where Stripe's API has an object: `/v1/customers/cus_…`, `/v1/checkout/sessions/cs_…`."""
    return f"/v1/{str(stripe_object['object']).replace('.', '/')}s/{stripe_object['id']}"


class _Conversation(BaseHTTPRequestHandler):
    """One connection. An answer leaves as one packet, or the client would wait 40 ms for the second."""

    server: StandIn
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_version = "peoplesync-stripe-stand-in"

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == _REQUESTS:
            asked = self.server.asked()
            self._answer(HTTPStatus.OK, {"count": sum(asked.values()), "by_path": asked})
        elif not self._knows_the_key():
            self._refuse(HTTPStatus.UNAUTHORIZED, "Invalid API Key provided.")
        elif not path.startswith("/v1/") or path.count("/") < 3:
            self._refuse(HTTPStatus.NOT_FOUND, f"Unrecognized request URL (GET: {path}).")
        elif (held := self.server.ask(path)) is None:
            collection, identifier = path.rsplit("/", 2)[1:]
            message = f"No such {collection.removesuffix('s')}: '{identifier}'"
            self._refuse(HTTPStatus.NOT_FOUND, message, code="resource_missing", param="id")
        else:
            self._answer(HTTPStatus.OK, held)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        if self.path != _OBJECTS:
            self._refuse(HTTPStatus.NOT_FOUND, f"Unrecognized request URL (PUT: {self.path}).")
            return
        try:
            held = self.server.hold(_objects(body))
        except (ValueError, KeyError, TypeError) as error:
            self._refuse(HTTPStatus.BAD_REQUEST, f"Not a list of Stripe objects: {error!r}")
        else:
            self._answer(HTTPStatus.OK, {"held": held})

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's signature
        """Log what was asked and answered, as one line."""
        print(format % args, flush=True)

    def _knows_the_key(self) -> bool:
        scheme, _, key = self.headers.get("Authorization", "").partition(" ")
        return scheme == "Bearer" and hmac.compare_digest(key.encode(), self.server.key.encode())

    def _refuse(self, status: HTTPStatus, message: str, **details: str) -> None:
        self._answer(status, {"error": {"type": "invalid_request_error", "message": message, **details}})

    def _answer(self, status: HTTPStatus, content: StripeObject) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)  # with the Date
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Request-Id", self.server.next_request_id())
        if version := self.headers.get("Stripe-Version"):
            self.send_header("Stripe-Version", version)
        # Kept back by http.server until the headers end: headers and body leave together.
        self._headers_buffer.append(b"\r\n" + body)  # type: ignore[attr-defined]  # http.server's own buffer
        self.flush_headers()


def _objects(body: str) -> list[StripeObject]:
    """The objects of a JSON list, or of one JSON object a line."""
    if body.lstrip().startswith("["):
        listed: list[StripeObject] = json.loads(body)
        return listed
    return [json.loads(line) for line in body.splitlines() if line.strip()]


def hold_objects(url: str, objects: Iterable[StripeObject]) -> int:
    """Give objects to the stand-in at `url`; how many it holds then."""
    body = "\n".join(json.dumps(stripe_object) for stripe_object in objects).encode()
    # S310 warns of file:// addresses; here and below it is the stand-in's.
    request = urllib.request.Request(url + _OBJECTS, data=body, method="PUT")  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        return int(json.load(answer)["held"])


def requests_by_path(url: str) -> dict[str, int]:
    """How often the stand-in at `url` was asked for each object, by path."""
    with urllib.request.urlopen(url + _REQUESTS, timeout=10) as answer:  # noqa: S310
        asked: dict[str, int] = json.load(answer)["by_path"]
        return asked


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m peoplesync_local.stripe_stand_in", description="Stands in for Stripe's API."
    )
    parser.add_argument(
        "--port", type=int, default=0, help="port of 127.0.0.1 to listen on; 0 takes a free one"
    )
    parser.add_argument("--key", required=True, help="the API key that requests must bear")
    arguments = parser.parse_args()
    server = StandIn(arguments.port, arguments.key)
    print(LISTENING + server.url, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
