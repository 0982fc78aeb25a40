"""Replay: Stripe events from a file, posted to the webhook as Stripe would."""

from __future__ import annotations

import json
import os
import random
import threading
from array import array
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import click
import urllib3
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from peoplesync.adapters import clock
from peoplesync.use_cases.ingress.signatures import sign
from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.local_stack.wait_for_queues import drain
from peoplesync_cli.options import connection_option, json_option, on_stack
from peoplesync_cli.output import print_json, stderr
from peoplesync_cli.target import Target
from peoplesync_local.stripe_simulator.control import Simulator

StripeEvent = Mapping[str, Any]
_RETRIES = urllib3.Retry(
    total=5,
    backoff_factor=0.5,
    status_forcelist=(429, 500, 502, 503, 504),
    allowed_methods=None,
    raise_on_status=False,
)
_HELD_AT_ONCE = 500
"""So many objects are given to the simulator in one request."""

_SETTLED_LOOKS = 2
"""How many looks in a row must find the queues empty: between two of them a message may be on its way."""


@dataclass(frozen=True)
class Tally:
    """What became of a replay."""

    sent: int
    accepted: int
    refused: int
    applied: int
    dead: int

    def __str__(self) -> str:
        return (
            f"sent {self.sent} accepted {self.accepted} refused {self.refused} "
            f"applied {self.applied} dead {self.dead}"
        )


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--shuffle",
    type=int,
    metavar="SEED",
    help="Send the events in a random order, the same for the same seed.",
)
@click.option(
    "--duplicate",
    type=click.FloatRange(0, 1),
    default=0.0,
    metavar="FRACTION",
    help="Send this share of the events twice, the second time somewhere later.",
)
@click.option(
    "--concurrency",
    type=click.IntRange(1, 64),
    default=4,
    show_default=True,
    metavar="N",
    help="Requests at a time.",
)
@click.option(
    "--timeout",
    type=int,
    default=900,
    show_default=True,
    metavar="SECONDS",
    help="How long to wait for the queues.",
)
@connection_option
@json_option
@on_stack
def replay(
    target: Target,
    file: Path,
    shuffle: int | None,
    duplicate: float,
    concurrency: int,
    timeout: int,
    connection: str,
    as_json: bool,
) -> None:
    """Send the Stripe events of an NDJSON file to the webhook, signed, and wait until they are applied.

    Ends with how many were sent, accepted, refused, applied and dead; exits with 1 if any was refused or
    dead. On the local stack the simulator of Stripe first gets each object's last snapshot in the
    file, so that fetching an object shows its true state.
    """
    events = EventFile(file)
    order = Delivery(events, duplicate, shuffle or 0, shuffled=shuffle is not None)
    tally = run(target, events, order, connection=connection, concurrency=concurrency, timeout=timeout)
    if as_json:
        print_json(tally.__dict__)
    else:
        click.echo(str(tally))
    if tally.refused or tally.dead:
        raise SystemExit(1)


class EventFile(Sequence[StripeEvent]):
    """The events of an NDJSON file of any size: in memory is only where each begins."""

    def __init__(self, file: Path) -> None:
        """Fails with the line that is not an event."""
        self._file, self._places, place = file.open("rb"), array("Q"), 0
        for number, line in enumerate(self._file, 1):
            if line.strip():
                _read_event(line, f"{file}, line {number}")
                self._places.append(place)
            place += len(line)
        if not self._places:
            raise Failure(f"{file} holds no events.", USAGE)
        self._places.append(place)

    def __len__(self) -> int:
        return len(self._places) - 1

    def __getitem__(self, number: Any) -> Any:
        place = self._places[number]
        line = os.pread(self._file.fileno(), self._places[number + 1] - place, place)
        return json.loads(line.partition(b"\n")[0])


def _read_event(line: bytes, place: str) -> StripeEvent:
    try:
        event = json.loads(line.decode())
    except UnicodeDecodeError as error:
        raise Failure(f"{place}: not UTF-8 text.", USAGE) from error
    except ValueError as error:
        raise Failure(f"{place}: not JSON ({error}).", USAGE) from error
    if not isinstance(event, dict) or not isinstance(event.get("type"), str):
        raise Failure(
            f"{place}: not a Stripe event, which is one JSON object with a type on one line.", USAGE
        )
    return event


class Delivery(Sequence[StripeEvent]):
    """Events in the order in which they are sent: some twice, and shuffled if asked for."""

    def __init__(self, events: Sequence[StripeEvent], duplicate: float, seed: int, *, shuffled: bool) -> None:
        rng, count = random.Random(seed), len(events)
        twice = rng.sample(range(count), round(count * duplicate))
        again = deque(sorted((rng.uniform(number, count), number) for number in twice))
        order = array("Q")
        for number in range(count):
            while again and again[0][0] < number:
                order.append(again.popleft()[1])
            order.append(number)
        order.extend(number for _, number in again)
        if shuffled:
            rng.shuffle(order)
        self._events, self._order = events, order

    def __len__(self) -> int:
        return len(self._order)

    def __getitem__(self, number: Any) -> Any:
        return self._events[self._order[number]]


def run(
    target: Target,
    events: Sequence[StripeEvent],
    order: Sequence[StripeEvent],
    *,
    connection: str,
    concurrency: int,
    timeout: int,
) -> Tally:
    """Sends `order` and waits until it is applied; `events` in true order are the simulator's truth."""
    target.connection(connection)
    secrets = target.secrets.signing_secrets(connection)
    if not secrets:
        raise Failure(f"Connection {connection} has no signing secret.")
    if target.stripe_simulator:
        simulator, shown = Simulator(target.stripe_simulator), last_snapshots(events)
        while some := list(islice(shown, _HELD_AT_ONCE)):
            simulator.hold(some)
    dead_before = target.depths.dead()
    with Progress(
        TextColumn("{task.description:>8}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=stderr,
        transient=True,
    ) as progress:
        outcomes = _send(target.webhook_url(connection), order, secrets[0], concurrency, progress)
        total = outcomes["enqueued"]
        task = progress.add_task("applying", total=total)
        drain(target, timeout, lambda waiting: progress.update(task, completed=max(0, total - waiting)))
    dead = target.depths.dead() - dead_before
    without_effect = outcomes["dropped"]
    if without_effect:
        stderr.print(
            f"{without_effect} of the accepted have no effect: of an unused type, without id, or a guest's",
            style="dim",
        )
    return Tally(
        sent=len(order),
        accepted=outcomes["enqueued"] + outcomes["dropped"],
        refused=outcomes["refused"],
        applied=outcomes["enqueued"] - dead,
        dead=dead,
    )


def last_snapshots(events: Sequence[StripeEvent]) -> Iterator[dict[str, Any]]:
    """Each object as the last event in order shows it; a deleted customer stays deleted."""
    last: dict[tuple[str, str], int] = {}
    deleted: set[tuple[str, str]] = set()
    for number, event in enumerate(events):
        shown = _object_of(event)
        key = str(shown.get("object")), str(shown.get("id"))
        if shown and key not in deleted:
            last[key] = number
            if event["type"] == "customer.deleted":
                deleted.add(key)
    for key, number in last.items():
        shown = _object_of(events[number])
        yield {**shown, "deleted": True} if key in deleted else shown


def _object_of(event: StripeEvent) -> dict[str, Any]:
    """The object that an event shows; empty where it has no id or type."""
    match event.get("data"):
        case {"object": {"id": str(), "object": str()} as shown}:
            return dict(shown)
    return {}


def _send(
    url: str, order: Sequence[StripeEvent], secret: str, concurrency: int, progress: Progress
) -> Counter[str]:
    task = progress.add_task("sending", total=len(order))
    pool = urllib3.PoolManager(maxsize=concurrency, retries=_RETRIES, timeout=30)
    reasons: Counter[str] = Counter()
    lock = threading.Lock()

    def send(event: StripeEvent) -> str:
        body = json.dumps(event, ensure_ascii=False).encode()
        headers = {
            "content-type": "application/json",
            "stripe-signature": sign(secret, body, clock.now()),
        }
        outcome, reason = _post(pool, url, body, headers)
        with lock:
            reasons[reason] += outcome == "refused"
        progress.advance(task)
        return outcome

    numbers = iter(range(len(order)))

    def send_some() -> Counter[str]:
        """Sends the next event, until there is none left: so none has to wait in memory."""
        outcomes: Counter[str] = Counter()
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return outcomes
            outcomes[send(order[number])] += 1

    with ThreadPoolExecutor(concurrency) as senders:
        sent = [senders.submit(send_some) for _ in range(concurrency)]
    outcomes = sum((one.result() for one in sent), Counter[str]())
    for reason, count in reasons.items():
        if count:
            stderr.print(f"{count} refused: {reason}", style="red")
    return outcomes


def _post(pool: urllib3.PoolManager, url: str, body: bytes, headers: dict[str, str]) -> tuple[str, str]:
    try:
        response = pool.request("POST", url, body=body, headers=headers)
    except urllib3.exceptions.HTTPError as error:
        return "refused", f"no answer ({type(error).__name__})"
    try:
        answer = response.json()
    except ValueError:
        answer = {}
    if response.status == 200:
        return str(answer.get("outcome", "enqueued")), ""
    return "refused", f"{response.status} {answer.get('reason', '')}".strip()
