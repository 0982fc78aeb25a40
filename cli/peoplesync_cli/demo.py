"""The demo: a small company's two months at Stripe, told to the local stack."""

from __future__ import annotations

import time

import click

from peoplesync_cli.local import bring_up, say
from peoplesync_cli.output import card, feed_rows, stdout, table
from peoplesync_cli.replay import run, unkind_order
from peoplesync_cli.target import of_local
from peoplesync_local.story import story

_SEED = 7
_DUPLICATES = 0.1


@click.command()
def demo() -> None:
    """Start the local stack, tell it a small company's two months at Stripe, and show the people."""
    started = time.monotonic()
    target = of_local(bring_up())
    events = story(int(time.time()), _SEED)
    order = unkind_order(events, _DUPLICATES, _SEED, shuffled=True)
    url = target.webhook_url("main")
    say(f"Sending {len(events)} Stripe events, shuffled, a tenth of them twice, to {url}")
    tally = run(target, events, order, connection="main", concurrency=4, timeout=300)
    browser = target.browser("main")
    stdout.print()
    rows = [(one["title"], one["count"], one["id"]) for one in browser.list_segments()]
    stdout.print(table("Segments", ("", "people", ""), rows, right=(1,)))
    stdout.print()
    person = browser.person("team-03@example.com")
    stdout.print(*card(person), sep="\n")
    stdout.print()
    stdout.print(table("Feed", ("when (UTC)", "what", ""), feed_rows(browser.feed(person["id"]))))
    health = target.health().status(target.connection("main"))
    stdout.print()
    stdout.print(
        f"{tally}\n"
        f"{health['customers_in_sync']} Stripe customers in sync, {health['people']} people, "
        f"in {time.monotonic() - started:.0f} s.\n\n"
        "The stack is still running. Look around:\n"
        "  .venv/bin/peoplesync status\n"
        "  .venv/bin/peoplesync people list --segment slipping_trials\n"
        f"  .venv/bin/peoplesync people get {person['email']} --json\n"
        f"  .venv/bin/peoplesync feed {person['email']}\n"
        "Stop it:\n"
        "  make down"
    )
    if tally.refused or tally.dead:
        raise SystemExit(1)
