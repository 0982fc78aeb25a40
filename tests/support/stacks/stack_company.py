"""A company that bills through the simulator of Stripe, with a connection of its own on a local stack."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import stripe
from click.testing import CliRunner, Result

from peoplesync.adapters import clock
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.connecting.connect import Connected
from peoplesync.use_cases.verifying.verify import VerificationReport
from peoplesync_cli import options
from peoplesync_cli.local_stack.wait_for_queues import drain
from peoplesync_cli.main import main
from peoplesync_cli.target import Target, of_local
from peoplesync_local.stack.stack import LocalStack
from peoplesync_local.stripe_simulator.control import Simulator
from tests.support.worlds.simulated_stripe import client

POLL = 0.05


def eventually(condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Returns as soon as the condition holds; fails if it does not within so many seconds."""
    gives_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < gives_up_at, f"{what}: not within {seconds:.0f} s"
        time.sleep(POLL)


def processes_of(running: LocalStack, function: str) -> list[int]:
    """The emulator's child processes that run a function: each works in a folder named after it."""
    children = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((process / "stat").read_text().rpartition(")")[2].split()[1])
            folder = str((process / "cwd").readlink())
        except OSError:
            continue
        if parent == running.emulator.pid and f"-{function}-" in folder:
            children.append(int(process.name))
    return children


def kill(running: LocalStack, function: str) -> int:
    """Kills every process that runs a function, in whatever it is doing; how many those were."""
    killed = processes_of(running, function)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    return len(killed)


@dataclass(frozen=True)
class Company:
    """A connection named `name` to the simulator's account `account`, whose test and live keys it knows."""

    running: LocalStack
    name: str
    account: str = ""
    keys: dict[bool, str] = field(init=False)

    def __post_init__(self) -> None:
        account = self.account or self.name
        object.__setattr__(self, "account", account)
        word = account.replace("-", "")
        keys = {False: f"rk_test_{word}", True: f"rk_live_{word}"}
        object.__setattr__(self, "keys", keys)
        for livemode, key in keys.items():
            self.simulator(livemode=livemode).add_key(key)

    @cached_property
    def target(self) -> Target:
        return of_local(self.running)

    def simulator(self, *, livemode: bool = False) -> Simulator:
        return Simulator(self.running.stripe_api_url, account=self.account, livemode=livemode)

    def stripe(self, *, livemode: bool = False) -> stripe.StripeClient:
        """Stripe's own client with the account's key."""
        return client(self.running.stripe_api_url, self.keys[livemode], retries=2)

    def connect(self, *, livemode: bool = False) -> Connected:
        """Connects, or goes live: the people there are may go."""
        use_case = self.target.connector()
        examined = use_case.examine(self.name, self.keys[livemode])
        return use_case.connect(examined, clock.now(), people_may_go=True)

    @property
    def epoch(self) -> Epoch:
        return self.target.connection(self.name).epoch

    def start_import(self, **given: Any) -> str:
        """Starts an import as the Step Functions console does; the execution's ARN."""
        states = self.target.session.client("stepfunctions")
        started = states.start_execution(
            stateMachineArn=self.target.outputs["ImportStateMachine"],
            input=json.dumps({"connection": self.name, **given}),
        )
        return str(started["executionArn"])

    def execution(self, arn: str) -> dict[str, Any]:
        described: dict[str, Any] = self.target.session.client("stepfunctions").describe_execution(
            executionArn=arn
        )
        return described

    def ended(self, arn: str, seconds: float = 60) -> dict[str, Any]:
        """The execution when it has ended."""
        eventually(lambda: self.execution(arn)["status"] != "RUNNING", seconds, f"the end of {arn}")
        return self.execution(arn)

    def history(self, arn: str) -> list[str]:
        """The types of what happened in an execution."""
        pages = (
            self.target.session.client("stepfunctions")
            .get_paginator("get_execution_history")
            .paginate(executionArn=arn)
        )
        return [str(one["type"]) for page in pages for one in page["events"]]

    def listed_pages(self, arn: str, name: str) -> int:
        """How many pages of a list the execution's run has read."""
        run = self.target.imports.get(self.epoch, arn.rpartition(":")[2])
        windows = {} if run is None else self.target.imports.windows(run, name)
        return sum(window.pages for window in windows.values())

    def drain(self, seconds: int = 60) -> None:
        """Waits until the queues are empty."""
        drain(self.target, seconds)

    def verify(self) -> VerificationReport:
        """Everybody compared with Stripe, as `peoplesync verify` does."""
        return self.target.verifier(print).verify(self.target.connection(self.name))

    def people(self) -> dict[str, dict[str, Any]]:
        """Everybody as readers see them, with their feed, by their Stripe customers; without what tells when
        we did something, and without ids of our own."""
        browser = self.target.browser(self.name)
        shown = {}
        for person in browser.list_people():
            customers = " ".join(one["id"] for one in person["customers"])
            of_ours = {"customer_last_sync_at"}
            fields = {name: value for name, value in person["fields"].items() if name not in of_ours}
            shown[customers] = {
                "email": person["email"],
                "fields": fields,
                "segments": person["segments"],
                "feed": list(browser.feed(person["id"])),
            }
        return shown


@dataclass(frozen=True)
class Commands:
    """`peoplesync` on a local stack, with a connection."""

    company: Company

    def __call__(self, *arguments: str) -> Result:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(options, "resolve", lambda stack: self.company.target)
            return CliRunner().invoke(main, [*arguments, "--connection", self.company.name])

    def json(self, *arguments: str) -> list[dict[str, Any]]:
        """The lines of JSON that the command printed."""
        result = self(*arguments, "--json")
        assert result.exit_code == 0, result.output
        return [json.loads(line) for line in result.stdout.splitlines()]


@contextmanager
def slow(company: Company, latency_ms: float) -> Iterator[None]:
    """Stripe takes so long for every answer."""
    company.simulator().limit(latency_ms=latency_ms)
    try:
        yield
    finally:
        company.simulator().limit()
