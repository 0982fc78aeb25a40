"""Events delivered to webhook endpoints: signed, at least once, in no order, and tried again for 3 days."""

from __future__ import annotations

import heapq
import random
import threading
import time
import zlib
from collections import defaultdict
from dataclasses import dataclass, replace

from peoplesync.adapters.clock import TRUSTED_FOR
from peoplesync_local.stripe_simulator.account.account import Account
from peoplesync_local.stripe_simulator.objects.shapes import DAY, StripeObject
from peoplesync_local.stripe_simulator.webhooks.endpoints import KIND, Endpoints
from peoplesync_local.stripe_simulator.webhooks.sending import Sender, letter

TRIED_FOR = 3 * DAY
BACK_OFF = (300, 1800, 7200, 18_000, 36_000, 43_200)
"""Seconds of simulated time from one attempt to the next; the last is repeated."""

_GLANCE = 0.5
"""Real seconds after which a waiting thread looks at the clock again, which others may have moved."""


KNOWN_AFTER = 2 * TRUSTED_FOR
"""Real seconds until everybody knows that the clock was moved."""


@dataclass(frozen=True)
class DeliveryFaults:
    """How deliveries misbehave, drawn from `seed`.

    `duplicate`: the fraction delivered twice. `shuffle`: so many are held back and then sent in random order.
    `tie`: events of a few seconds get one `created`. `late_seconds`: simulated seconds from the event to its
    delivery. `refuse`: the endpoints cannot be reached. `pause`: nothing is tried at all.
    `listed_late_seconds`: the list of events shows them up to so many seconds after they happened."""

    duplicate: float = 0
    shuffle: int = 0
    tie: bool = False
    late_seconds: int = 0
    refuse: bool = False
    pause: bool = False
    listed_late_seconds: int = 0
    seed: int = 0


@dataclass(frozen=True, order=True)
class _Attempt:
    due: int
    number: int
    event: str
    endpoint: str
    give_up_at: int
    failed: int = 0


class Deliveries:
    """Threads send what is due by the account's clock. They begin with the first event that an endpoint
    wants, and end with `close`."""

    def __init__(self, account: Account, endpoints: Endpoints, *, threads: int = 4) -> None:
        self._account = account
        self._endpoints = endpoints
        self._wanted_threads = threads
        self._threads: list[threading.Thread] = []
        self._changed = threading.Condition()
        self._due: list[_Attempt] = []
        self._held_back: list[_Attempt] = []
        self._undelivered: defaultdict[str, set[str]] = defaultdict(set)
        self._number = 0
        self._in_flight = 0
        self._not_before = 0.0
        self._sent = 0
        self._failed = 0
        self._given_up = 0
        self._closed = False
        self._faults = DeliveryFaults()
        self._random = random.Random(0)
        account.listen(self._happened)

    def set(self, faults: DeliveryFaults) -> None:
        """Misbehave like this from now on; what is due already still meets with the refusal before."""
        with self._changed:
            self._refuse_what_is_due()
            self._faults = faults
            self._random = random.Random(faults.seed)
            self._account.tied = faults.tie
            if not faults.shuffle:
                self._release()
            self._changed.notify_all()

    def wait_until_known(self) -> None:
        """The clock is going to be moved: send nothing for a moment. Who has just asked for the time trusts
        the answer that long, and would refuse what is signed later than that."""
        with self._changed:
            self._not_before = time.monotonic() + KNOWN_AFTER

    def wake(self) -> None:
        """The clock was moved: see what is due now."""
        with self._changed:
            self._refuse_what_is_due()
            self._changed.notify_all()

    def flush(self, timeout: float = 60) -> bool:
        """Send all that is due now, and what was held back, and wait for the answers; False if that takes
        longer than `timeout` real seconds. While paused nothing is sent."""
        with self._changed:
            self._release()
            self._refuse_what_is_due()
            self._changed.notify_all()
            return self._changed.wait_for(lambda: not self._in_flight and not self._is_due(), timeout)

    def counts(self) -> dict[str, int]:
        """`sent`: answered with 2xx. `failed`: attempts that were not. `pending`: not answered so far.
        `given_up`: tried for 3 days in vain."""
        with self._changed:
            pending = len(self._due) + len(self._held_back) + self._in_flight
            return {
                "sent": self._sent,
                "failed": self._failed,
                "pending": pending,
                "given_up": self._given_up,
            }

    def outstanding(self, event: str) -> int:
        """How many endpoints an event was not delivered to, whether or not it still is tried."""
        return len(self._undelivered.get(event, ()))

    def is_listed(self, event: StripeObject) -> bool:
        """Whether the list of events shows it yet."""
        late = self._faults.listed_late_seconds
        if not late:
            return True
        shown_at = event["created"] + zlib.crc32(event["id"].encode()) % (late + 1)
        return bool(shown_at <= self._account.clock.now())

    def close(self) -> None:
        """Send nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _happened(self, event: StripeObject) -> None:
        endpoints = self._endpoints.receiving(event["type"])
        if not endpoints:
            return
        with self._changed:
            due = event["created"] + self._faults.late_seconds
            for endpoint in endpoints:
                self._undelivered[event["id"]].add(endpoint["id"])
                twice = self._random.random() < self._faults.duplicate
                for _ in range(2 if twice else 1):
                    self._number += 1
                    attempt = _Attempt(due, self._number, event["id"], endpoint["id"], due + TRIED_FOR)
                    self._held_back.append(attempt)
            if len(self._held_back) >= self._faults.shuffle:
                self._release()
            while len(self._threads) < self._wanted_threads and not self._closed:
                thread = threading.Thread(target=self._work, name="deliveries", daemon=True)
                self._threads.append(thread)
                thread.start()
            self._changed.notify_all()

    def _release(self) -> None:
        """What was held back is on its way, in random order if it is to be shuffled."""
        held, self._held_back = self._held_back, []
        if not held:
            return
        if self._faults.shuffle:
            self._random.shuffle(held)
            together = max(attempt.due for attempt in held)
            numbers = sorted(attempt.number for attempt in held)
            held = [
                replace(attempt, due=together, number=number)
                for attempt, number in zip(held, numbers, strict=True)
            ]
        for attempt in held:
            heapq.heappush(self._due, attempt)

    def _work(self) -> None:
        sender = Sender()
        while True:
            with self._changed:
                while not self._may_send() and not self._closed:
                    self._changed.wait(self._next_look())
                    self._refuse_what_is_due()
                if self._closed:
                    return
                attempt = heapq.heappop(self._due)
                self._in_flight += 1
            delivered = self._send(sender, attempt)
            with self._changed:
                self._in_flight -= 1
                self._settle(attempt, delivered)
                self._changed.notify_all()

    def _next_look(self) -> float | None:
        """Real seconds until a waiting thread looks again by itself."""
        return max(self._not_before - time.monotonic(), 0.0) or _GLANCE if self._due else None

    def _may_send(self) -> bool:
        return self._is_due() and time.monotonic() >= self._not_before

    def _is_due(self) -> bool:
        faults = self._faults
        if faults.pause or faults.refuse or not self._due:
            return False
        return self._due[0].due <= self._account.clock.now()

    def _refuse_what_is_due(self) -> None:
        """An endpoint that cannot be reached costs no time: each attempt up to now failed when it was due."""
        if not self._faults.refuse or self._faults.pause:
            return
        now = self._account.clock.now()
        while self._due and self._due[0].due <= now:
            self._settle(heapq.heappop(self._due), delivered=False)

    def _send(self, sender: Sender, attempt: _Attempt) -> bool | None:
        """Whether it was delivered; None if there is nothing left to deliver."""
        event = self._account.get("event", attempt.event)
        endpoint = self._account.get(KIND, attempt.endpoint)
        secrets = self._endpoints.secrets(attempt.endpoint)
        if event is None or not secrets or endpoint is None or endpoint.get("status") != "enabled":
            return None
        shown = event | {
            "api_version": endpoint["api_version"] or event["api_version"],
            "pending_webhooks": self.outstanding(attempt.event),
        }
        return sender.post(endpoint["url"], *letter(shown, secrets, self._account.clock.now()))

    def _settle(self, attempt: _Attempt, delivered: bool | None) -> None:
        if delivered is None:
            return
        if delivered:
            self._sent += 1
            waiting = self._undelivered.get(attempt.event, set())
            waiting.discard(attempt.endpoint)
            if not waiting:
                self._undelivered.pop(attempt.event, None)
            return
        self._failed += 1
        if attempt.endpoint not in self._undelivered.get(attempt.event, ()):
            return  # its duplicate was delivered
        again = attempt.due + BACK_OFF[min(attempt.failed, len(BACK_OFF) - 1)]
        if again > attempt.give_up_at:
            self._given_up += 1
            return
        heapq.heappush(self._due, replace(attempt, due=again, failed=attempt.failed + 1))
