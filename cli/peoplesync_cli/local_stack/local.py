"""Commands for the local stack."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from peoplesync.adapters import clock
from peoplesync_cli.durations import seconds_of
from peoplesync_cli.failure import NO_TARGET, USAGE, Failure
from peoplesync_cli.local_stack.invoking import time_jumps
from peoplesync_cli.options import json_option
from peoplesync_cli.output import print_json
from peoplesync_cli.target import of_local
from peoplesync_local import LocalStackError
from peoplesync_local.dashboard.of_stack import dashboard_of
from peoplesync_local.stack import stack as local_stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack, Prepare
from peoplesync_local.stripe_simulator.control import Simulator


def say(line: str) -> None:
    """Progress, on stderr."""
    click.echo(line, err=True)


def prepare(stack: LocalStack) -> None:
    """Connects `main` to the simulator of Stripe, in test mode, as `peoplesync connect` does."""
    target = of_local(stack)
    use_case = target.connector()
    use_case.connect(use_case.examine("main", stack.stripe_api_key), clock.now())


def bring_up(prepare: Prepare | None = prepare, *, simulated: bool = True) -> LocalStack:
    """The running local stack, started if it is not."""
    try:
        return local_stack.up(say, prepare, simulated=simulated)
    except LocalStackError as error:
        raise Failure(str(error), NO_TARGET) from error


@click.group()
def local() -> None:
    """The embedded local stack: the real template on this machine."""


@local.command()
@json_option
def up(as_json: bool) -> None:
    """Start the local stack and deploy the template to it; does nothing if it is up."""
    stack = bring_up()
    url = of_local(stack).webhook_url("main")
    if as_json:
        print_json({"state": "up", "endpoint": stack.endpoint, "webhook_url": url})
        return
    say(f"Up at {stack.endpoint}; Stripe's webhooks go to {url}")


@local.command()
@json_option
def down(as_json: bool) -> None:
    """Stop the local stack; its data is gone."""
    try:
        stopped = local_stack.down(say)
    except LocalStackError as error:
        raise Failure(str(error), NO_TARGET) from error
    if as_json:
        print_json({"state": "down", "stopped": stopped})


@local.command()
@json_option
def status(as_json: bool) -> None:
    """Show whether the local stack is up."""
    found = local_stack.status()
    if as_json:
        print_json({"state": found.state, "reason": found.sentence})
    else:
        click.echo(found.sentence)
    if found.state != "up":
        raise SystemExit(NO_TARGET)


@local.command()
@click.argument("duration", metavar="DURATION")
@json_option
def advance(duration: str, as_json: bool) -> None:
    """Let time pass for the whole local system: 90m, 12h or 3d.

    The simulator of Stripe lets happen what is due meanwhile (trials end, subscriptions renew, payments fail)
    and delivers the events; then what AWS runs by the clock is run: the sweep, the reconciler, the health.
    """
    seconds = seconds_of(duration)
    if seconds is None:
        raise Failure(f"{duration} is not a duration: write 90m, 12h or 3d.", USAGE)
    stack = _running()
    if not stack.stripe_api_url:
        raise Failure("This stack asks the real Stripe, whose time passes by itself.")
    simulator = Simulator(stack.stripe_api_url)
    simulator.flush()  # what is on its way when time jumps would be late, and refused
    with time_jumps(of_local(stack)):
        events = simulator.advance(seconds)
        simulator.flush()
    now = datetime.fromtimestamp(simulator.now(), UTC)
    if as_json:
        print_json({"now": now.strftime("%Y-%m-%dT%H:%M:%SZ"), "events": events})
        return
    click.echo(f"It is {now:%Y-%m-%d %H:%M} (UTC) now; {events:,} events happened.")


@local.command()
@click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    metavar="FILE.svg",
    help="Where to; by default .local/dashboard.svg.",
)
@json_option
def dashboard(out: Path | None, as_json: bool) -> None:
    """Draw the CloudWatch dashboard from what the functions have logged so far.

    The picture has the widgets that the template deploys. Its times are the local system's.
    """
    stack = _running()
    try:
        drawn = dashboard_of(stack)
    except LocalStackError as error:
        raise Failure(str(error)) from error
    out = out or Places().state_directory / "dashboard.svg"
    out.write_text(drawn.svg)
    states = {alarm.name.removeprefix(f"{stack.name}-"): alarm.state for alarm in drawn.alarms}
    if as_json:
        print_json({"file": str(out), "alarms": states})
        return
    click.echo(f"Drawn to {out}")
    if on := [name for name, state in states.items() if state == "ALARM"]:
        click.echo(f"Alarms that would be on: {', '.join(on)}")


def _running() -> LocalStack:
    try:
        running = local_stack.running()
    except LocalStackError as error:
        raise Failure(str(error), NO_TARGET) from error
    if running is None:
        raise Failure(local_stack.status().sentence, NO_TARGET)
    return running
