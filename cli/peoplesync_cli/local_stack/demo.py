"""The demo: a company that bills through Stripe connects, imports its customers, and sees them live.

Stripe is the simulator; with a restricted test key in STRIPE_API_KEY it is the real one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

import click
import stripe

from peoplesync.adapters import clock
from peoplesync_cli.connecting.connect import show_permissions
from peoplesync_cli.connecting.stripe_refusals import in_a_sentence
from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.jobs.imports import start_import, summary
from peoplesync_cli.local_stack.demo_rule import rule_for_slipping_trials, sentence
from peoplesync_cli.local_stack.invoking import time_jumps
from peoplesync_cli.local_stack.local import bring_up, say
from peoplesync_cli.local_stack.polling import follow
from peoplesync_cli.local_stack.wait_for_queues import wait_for_counts
from peoplesync_cli.output import card, feed_lines, stdout, table
from peoplesync_cli.target import Target, of_local
from peoplesync_local.stack.stack import LocalStack
from peoplesync_local.stripe_simulator.control import Simulator

_SEED = 7
_DAY = 86_400
_WHO = "trial-07@example.com"
_ADMIN = "admin@example.com"
_KEY = "STRIPE_API_KEY"


@click.command()
@click.option(
    "--customers",
    type=click.IntRange(1, 100_000),
    default=2_000,
    show_default=True,
    metavar="N",
    help="How many customers the simulated company has.",
)
def demo(customers: int) -> None:
    """Connect a company to the local stack, import its customers, and follow what happens to them.

    Stripe is simulated. With a restricted test key in STRIPE_API_KEY it is the real one, in test mode: its
    events are asked for every few seconds, since it cannot reach this machine.
    """
    started = time.monotonic()
    api_key = os.environ.get(_KEY, "").strip()
    if api_key and not api_key.startswith("rk_test_"):
        raise Failure(f"{_KEY} holds no restricted test key (rk_test_…); the demo takes no other.", USAGE)
    running = bring_up(None, simulated=not api_key)
    target = of_local(running)
    if not api_key:
        say(f"Filling the simulator of Stripe with {customers:,} customers")
        Simulator(running.stripe_api_url).fill(customers, seed=_SEED)
    _connect(target, api_key or running.stripe_api_key, webhook=not api_key)
    imported = start_import(target, "main", share=100)
    say(summary(imported))
    if imported["status"] != "succeeded":
        raise SystemExit(1)
    if api_key:
        _show_segments(target)
        follow(target, "main")
        return
    _live(target, running)
    _show_segments(target)
    health = target.status("main")
    stdout.print(
        f"\n{health['headline']}: {health['reason']}\n"
        f"{health['customers_in_sync']:,} Stripe customers in sync, {health['people']:,} people, "
        f"in {time.monotonic() - started:.0f} s.\n\n"
        f"The stack is still running. Its HTTP API is at {target.console_url}api/v1; sign in as\n"
        f"  {_ADMIN}  {target.user_pool.set_password(_ADMIN, 'admin')}\n"
        "Look around:\n"
        "  .venv/bin/peoplesync status\n"
        "  .venv/bin/peoplesync people list --segment slipping_trials\n"
        "  .venv/bin/peoplesync people explain trial-07@example.com\n"
        "  .venv/bin/peoplesync import list\n"
        "  .venv/bin/peoplesync users token\n"
        "  .venv/bin/peoplesync local advance 3d\n"
        "Stop it:\n"
        "  make down"
    )


def _connect(target: Target, api_key: str, *, webhook: bool) -> None:
    with in_a_sentence():
        use_case = target.connector()
        examined = use_case.examine("main", api_key)
        show_permissions(examined.permissions)
        use_case.connect(examined, clock.now(), webhook=webhook)
    stdout.print()
    if webhook:
        say(f"Connected; Stripe sends its events to {target.webhook_url('main')}")


def _live(target: Target, running: LocalStack) -> None:
    """Somebody signs up, and days pass in which they do nothing: a rule on the bus matches."""
    simulator = Simulator(running.stripe_api_url)
    with rule_for_slipping_trials(target) as heard:
        say(f"{_WHO} starts a trial, and three days pass")
        _sign_up(running, _WHO)
        simulator.flush()  # what is on its way when time jumps would be days late, and refused
        with time_jumps(target):
            events = simulator.advance(3 * _DAY)
            simulator.flush()
        say(f"Stripe sent {events:,} events, and they are applied")
        slipping = heard.of(_WHO)
    stdout.print()
    stdout.print("A rule on the event bus, for the segment slipping_trials, has received:")
    stdout.print(f"  {sentence(slipping)}", style="bold")
    browser = target.browser("main")
    person = browser.person(_WHO)
    stdout.print()
    stdout.print(*card(person), sep="\n")
    stdout.print()
    stdout.print("Feed", style="bold")
    stdout.print(*feed_lines(browser.feed(person["id"])), sep="\n")


def _sign_up(running: LocalStack, email: str) -> None:
    """A customer with a trial, made through Stripe's API."""
    addresses: Any = {"api": running.stripe_api_url}
    client = stripe.StripeClient(running.stripe_api_key, base_addresses=addresses)
    prices: list[dict[str, Any]] = client.raw_request("get", "/v1/prices", limit=100).data["data"]
    monthly = next(one for one in prices if _is_plain(one))
    customer = client.raw_request("post", "/v1/customers", email=email, name="Trial 07").data["id"]
    client.raw_request(
        "post", "/v1/subscriptions", customer=customer, items=[{"price": monthly["id"]}], trial_period_days=14
    )


def _is_plain(price: Mapping[str, Any]) -> bool:
    """Dollars a month, for one of something."""
    return (price["currency"], price["recurring"]["interval"]) == ("usd", "month") and bool(
        price["unit_amount"]
    )


def _show_segments(target: Target) -> None:
    wait_for_counts(target, "main", 60)
    rows = [(one["title"], f"{one['count']:,}", one["id"]) for one in target.browser("main").list_segments()]
    stdout.print()
    stdout.print(table("Segments", ("", "people", ""), rows, right=(1,)))
