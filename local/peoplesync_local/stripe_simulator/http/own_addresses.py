"""Addresses that Stripe does not have: through them tests, demo and command line control the simulator.

Each takes and answers JSON and needs no API key. `account` and `livemode` in a body say which account is
meant; without them it is the main one's test mode.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import fields
from typing import Any

from peoplesync_local.stripe_simulator.account.clock import SimulatedClock
from peoplesync_local.stripe_simulator.http.keys import Key, Keys
from peoplesync_local.stripe_simulator.http.merchants import MAIN, Merchant, Merchants
from peoplesync_local.stripe_simulator.http.request_log import RequestLog
from peoplesync_local.stripe_simulator.http.throttle import Limits, Throttle
from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from peoplesync_local.stripe_simulator.parameters.errors import InvalidRequest, Unrecognized
from peoplesync_local.stripe_simulator.population.population import Population
from peoplesync_local.stripe_simulator.webhooks.deliveries import DeliveryFaults

Json = dict[str, Any]


class OwnAddresses:
    """Everything that can be controlled without Stripe's API."""

    def __init__(
        self,
        clock: SimulatedClock,
        keys: Keys,
        merchants: Merchants,
        throttle: Throttle,
        requests: RequestLog,
    ) -> None:
        self._clock = clock
        self._keys = keys
        self._merchants = merchants
        self._throttle = throttle
        self._requests = requests
        self._moving = threading.Lock()
        self._answers: dict[tuple[str, str], Callable[[Json], Json]] = {
            ("GET", "/_clock"): lambda _: {"now": clock.now(), "frozen": clock.frozen},
            ("POST", "/_clock"): self._move,
            ("POST", "/_fill"): self._fill,
            ("GET", "/_requests"): lambda _: requests.shown(),
            ("DELETE", "/_requests"): self._forget_requests,
            ("POST", "/_limits"): self._limit,
            ("GET", "/_deliveries"): lambda _: self._counts(),
            ("POST", "/_deliveries"): self._misbehave,
            ("POST", "/_deliveries/flush"): self._flush,
            ("POST", "/_keys"): self._add_key,
            ("POST", "/_settings"): self._set,
            ("POST", "/_accounts"): self._add_account,
        }

    def answer(self, method: str, path: str, body: str) -> Json:
        """What the address answers; raises `InvalidRequest` or `Unrecognized`."""
        try:
            if (method, path) == ("PUT", "/_objects"):
                return {"held": self._hold(_objects(body))}
            asked = json.loads(body) if body else {}
            if known := self._answers.get((method, path)):
                return known(asked)
            match method, path.split("/")[1:]:
                case "POST", ["_customers", customer, "pays"]:
                    self._merchant(asked).lifecycle.customer_pays(customer, bool(asked["pays"]))
                    return {"pays": bool(asked["pays"])}
                case "POST", ["_checkout", session, "complete"]:
                    return self._merchant(asked).lifecycle.complete_checkout_session(session)
                case "POST", ["_portal", subscription, "cancel"]:
                    return self._merchant(asked).lifecycle.cancel_in_portal(
                        subscription, asked.get("feedback"), asked.get("comment")
                    )
                case "POST", ["_portal", subscription, "keep"]:
                    return self._merchant(asked).lifecycle.keep_in_portal(subscription)
                case "POST", ["_endpoints", endpoint, "roll"]:
                    merchant = self._merchant(asked)
                    return {"secret": merchant.endpoints.roll_secret(endpoint, asked.get("expires_in", 0))}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise InvalidRequest(f"{method} {path} cannot take this: {error!r}") from error
        raise Unrecognized(method, path)

    def pass_time(self) -> int:
        """Let happen what is due by now; how many events that were."""
        return sum(merchant.catch_up() for merchant in self._merchants.all())

    def _move(self, asked: Json) -> Json:
        events = 0
        with self._moving:
            for merchant in self._merchants.all():
                merchant.deliveries.wait_until_known()
            if "freeze" in asked:
                at = None if asked["freeze"] is None else int(asked["freeze"])
                if at is not None and at > self._clock.now():
                    events += self._happen(at)
                self._clock.freeze(at)
            if seconds := int(asked.get("advance", 0)):
                events += self._happen(self._clock.now() + seconds)
                self._clock.advance(seconds)
        for merchant in self._merchants.all():
            merchant.deliveries.wake()
        return {"now": self._clock.now(), "events": events}

    def _happen(self, until: int) -> int:
        return sum(merchant.lifecycle.advance(until) for merchant in self._merchants.all())

    def _fill(self, asked: Json) -> Json:
        population = Population(
            int(asked["customers"]),
            int(asked.get("seed", 0)),
            self._clock.now(),
            livemode=bool(asked.get("livemode", False)),
            skew=asked.get("skew", "growing"),
        )
        self._merchant(asked).account.populate(population)
        return {"customers": int(asked["customers"])}

    def _hold(self, objects: list[StripeObject]) -> int:
        """Keep the objects as they are, without events; how many are held then. A later one replaces an
        earlier one; what was once deleted stays deleted."""
        for shown in objects:
            account = self._merchants.of(livemode=bool(shown.get("livemode", False))).account
            before = account.get(shown["object"], shown["id"])
            if before is None or not before.get("deleted"):
                account.put(shown)
        return sum(merchant.account.held() for merchant in self._merchants.all())

    def _forget_requests(self, _: Json) -> Json:
        self._requests.clear()
        return self._requests.shown()

    def _limit(self, asked: Json) -> Json:
        """Sets all limits; those not named are removed."""
        self._throttle.set(Limits(**_known(Limits, asked)))
        return asked

    def _misbehave(self, asked: Json) -> Json:
        """Sets how deliveries misbehave; what is not named does not."""
        faults = DeliveryFaults(**_known(DeliveryFaults, asked))
        for merchant in self._all_or_one(asked):
            merchant.deliveries.set(faults)
        return self._counts()

    def _flush(self, asked: Json) -> Json:
        for merchant in self._all_or_one(asked):
            if not merchant.deliveries.flush(asked.get("timeout", 60)):
                raise InvalidRequest("The endpoints have not answered in time.")
        return self._counts()

    def _counts(self) -> Json:
        counted = {"sent": 0, "failed": 0, "pending": 0, "given_up": 0}
        for merchant in self._merchants.all():
            for name, count in merchant.deliveries.counts().items():
                counted[name] += count
        return counted

    def _add_key(self, asked: Json) -> Json:
        permissions = asked.get("permissions", "all")
        key = Key(
            asked["key"],
            None if permissions == "all" else frozenset(permissions),
            livemode=bool(asked.get("livemode", "_live_" in asked["key"])),
            revoked=bool(asked.get("revoked", False)),
            account=asked.get("account", MAIN),
        )
        self._keys.add(key)
        return {"key": key.value, "account": key.account, "livemode": key.livemode}

    def _set(self, asked: Json) -> Json:
        """The account's settings, which at Stripe are in its dashboard."""
        self._merchant(asked).lifecycle.gives_up = asked["gives_up"]
        return {"gives_up": asked["gives_up"]}

    def _add_account(self, asked: Json) -> Json:
        """An account (v2), which at Stripe is made by the v2 API; `with_customer`: beside a v1 customer."""
        params = {name: str(asked[name]) for name in ("email", "name") if asked.get(name)}
        with_customer = bool(asked.get("with_customer", False))
        return self._merchant(asked).lifecycle.create_account(params, with_customer=with_customer)

    def _merchant(self, asked: Json) -> Merchant:
        return self._merchants.of(asked.get("account", MAIN), livemode=bool(asked.get("livemode", False)))

    def _all_or_one(self, asked: Json) -> list[Merchant]:
        named = "account" in asked or "livemode" in asked
        return [self._merchant(asked)] if named else self._merchants.all()


def _known(kind: type[Limits] | type[DeliveryFaults], asked: Json) -> Json:
    """The settings of this kind; an unknown setting raises `TypeError`."""
    names = {field.name for field in fields(kind)}
    given = {name: value for name, value in asked.items() if name not in ("account", "livemode")}
    if unknown := given.keys() - names:
        raise TypeError(f"no such setting: {min(unknown)}")
    return given


def _objects(body: str) -> list[StripeObject]:
    """The objects of a JSON list, or of one JSON object a line."""
    if body.lstrip().startswith("["):
        listed: list[StripeObject] = json.loads(body)
        return listed
    return [json.loads(line) for line in body.splitlines() if line.strip()]
