"""What a warm webhook costs in CPU time, beside a bare handler's.

    .venv/bin/python -m bench.webhook              # half a minute
    .venv/bin/python -m bench.webhook --profile    # and where the time goes

The function receive_webhook takes a signed event, as it is deployed; what it knows of the connection and the
secret is in its memory. The bare handler checks the signature, decodes the event, and sends it on with one
`send_message` of botocore; it logs, counts and labels nothing. The queue is a server in a process of its own
that always gives the same answer. CPU time is that of this process; its log goes nowhere.
"""

from __future__ import annotations

import cProfile
import hashlib
import hmac
import importlib
import json
import os
import pstats
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import botocore.session

from bench.cold_start import environment_of
from bench.machine import described
from peoplesync.domain.connections import Connection
from peoplesync.use_cases.ingress.signatures import sign
from peoplesync_local.stack.places import CHECKOUT

GOAL: Final = 1.2
CALLS: Final = 40
"""Calls in a turn of each handler."""

TURNS: Final = 150
SECRET: Final = "whsec_bench"  # noqa: S105 - of nobody
EVENT: Final[dict[str, Any]] = {
    "id": "evt_bench",
    "object": "event",
    "api_version": "2026-10-28",
    "created": 1_767_225_600,
    "livemode": False,
    "type": "invoice.paid",
    "data": {
        "object": {
            "id": "in_bench",
            "object": "invoice",
            "customer": "cus_bench",
            "lines": {"data": [{"id": f"il_{line}", "description": "x" * 400} for line in range(5)]},
        }
    },
}
"""An event of some 3 kB, as most are."""

QUEUE: Final = """
import socketserver

class Taken(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        body = b'{"MessageId": "bench"}'
        answer = b"HTTP/1.1 200 OK\\r\\ncontent-length: %d\\r\\n\\r\\n%s" % (len(body), body)
        while self.rfile.readline():
            length = 0
            while header := self.rfile.readline().strip().lower():
                if header.startswith(b"content-length:"):
                    length = int(header.split()[1])
            self.rfile.read(length)
            self.wfile.write(answer)

socketserver.ThreadingTCPServer.daemon_threads = True
with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Taken) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
"""
"""An HTTP server that knows one answer."""

Handler = Callable[[dict[str, Any], Any], Any]


class Known:
    """The connection and its secret, as the function remembers them."""

    def get(self, name: str) -> Connection:
        return Connection(name, False, 1, 1, EVENT["created"])

    def signing_secrets(self, _: str, *, fresh: bool = False) -> list[str]:  # noqa: ARG002 - as the real one
        return [SECRET]

    def note_refused_signature(self, *_: Any) -> None:
        raise AssertionError("a genuine event was refused")


@dataclass
class Context:
    """What Lambda tells a function about its invocation."""

    function_name: str = "receive_webhook"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:receive_webhook"
    aws_request_id: str = "6bc1d6f2-0000-4000-8000-000000000000"


def main() -> None:
    print(described(sys.executable, "botocore", "aws-lambda-powertools"), flush=True)
    with subprocess.Popen([sys.executable, "-c", QUEUE], stdout=subprocess.PIPE, text=True) as queue:
        try:
            if queue.stdout is None:
                raise RuntimeError("the queue says nothing")
            address = f"http://127.0.0.1:{queue.stdout.readline().strip()}"
            os.environ.update(environment_of("receive_webhook", []))
            os.environ.update(AWS_ENDPOINT_URL=address, LIVE_QUEUE_URL=f"{address}/1/live")
            with Path(os.devnull).open("w") as log, redirect_stdout(log):
                ours, bare = function(), bare_handler()
                measured = measure(ours, bare)
        finally:
            queue.kill()
    say(*measured)


def measure(ours: Handler, bare: Handler) -> tuple[float, float, float]:
    """CPU seconds a call of each, and their ratio: medians of many short turns, which they take one after the
    other, so that others on the machine disturb neighbours alike."""
    profile = cProfile.Profile()
    for handler in (ours, bare):
        turn(handler)
    turns = [(turn(ours), turn(bare)) for _ in range(TURNS)]
    if "--profile" in sys.argv:
        profile.runcall(turn, ours)
        pstats.Stats(profile, stream=sys.stderr).sort_stats("cumtime").print_stats(60)
    seconds, least = (statistics.median(each) for each in zip(*turns, strict=True))
    return seconds, least, statistics.median(one / other for one, other in turns)


def turn(handler: Handler) -> float:
    requests = [request() for _ in range(CALLS)]
    before = time.process_time()
    for one in requests:
        handler(one, Context())
    return (time.process_time() - before) / CALLS


def say(ours: float, bare: float, ratio: float) -> None:
    print(f"webhook {1e6 * ours:.0f} us, bare {1e6 * bare:.0f} us: {ratio:.2f} x (goal {GOAL})")


def request() -> dict[str, Any]:
    """A genuine request, as API Gateway passes it on."""
    body = json.dumps(EVENT)
    return {
        "version": "2.0",
        "headers": {
            "content-type": "application/json",
            "stripe-signature": sign(SECRET, body.encode(), int(time.time())),
        },
        "pathParameters": {"connection": "main"},
        "body": body,
        "isBase64Encoded": False,
    }


def function() -> Handler:
    """The handler of receive_webhook after its cold start."""
    sys.path.insert(0, str(CHECKOUT / "functions" / "receive_webhook"))
    app = importlib.import_module("app")
    vars(app)["receiver"] = replace(app.receiver, connections=Known(), secrets=Known())
    handler: Handler = app.handler
    return handler


def bare_handler() -> Handler:
    sqs: Any = botocore.session.get_session().create_client("sqs")
    queue = os.environ["LIVE_QUEUE_URL"]

    def handler(event: dict[str, Any], _: Any) -> dict[str, Any]:
        body = event["body"].encode()
        fields = dict(part.split("=", 1) for part in event["headers"]["stripe-signature"].split(","))
        signed = hmac.new(SECRET.encode(), f"{fields['t']}.".encode() + body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signed, fields["v1"]) or "id" not in json.loads(body):
            return {"statusCode": 400}
        sqs.send_message(QueueUrl=queue, MessageBody=event["body"])
        return {"statusCode": 200}

    return handler


if __name__ == "__main__":
    main()
