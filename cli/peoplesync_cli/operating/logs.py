"""The functions' log lines, made readable."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

import click
from botocore.exceptions import BotoCoreError, ClientError

from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.jobs.reconcile import instant
from peoplesync_cli.operating.function_logs import FunctionLogs, LogEvent
from peoplesync_cli.options import json_option, on_stack
from peoplesync_cli.output import print_json
from peoplesync_cli.target import Target

_DAY_MS: Final = 86_400_000
_ERRORS: Final = ("ERROR", "CRITICAL")
_COLOURS: Final = {"WARNING": "yellow", "ERROR": "red", "CRITICAL": "red"}

_OF_LAMBDA: Final = ("START RequestId", "END RequestId", "REPORT RequestId", "INIT_START", "EXTENSION\t")
"""What Lambda itself says about invocations."""

_UNCAUGHT: Final = re.compile(
    r"\[ERROR\]|Traceback \(most recent call last\)|Task timed out|Runtime exited|Status: timeout"
)
"""What Lambda logs where our code cannot: an uncaught exception, a timeout, a killed process."""

_ABOUT_THE_CALL: Final = frozenset(
    "level location message timestamp service cold_start function_name function_memory_size function_arn "
    "function_request_id xray_trace_id exception exception_name stack_trace".split()
)
"""What Powertools adds to each line, and what has a place of its own."""


@dataclass(frozen=True)
class Line:
    """A line of a function. `data` is Powertools' JSON; None where it is `text` alone."""

    at: int
    function: str
    stream: str
    level: str
    text: str
    data: Mapping[str, Any] | None = None

    def public(self) -> dict[str, Any]:
        """As it was logged; text as an object with the same names."""
        if self.data is not None:
            return dict(self.data)
        moment = datetime.fromtimestamp(self.at / 1_000, UTC).isoformat(timespec="milliseconds")
        level = {"level": self.level} if self.level else {}
        return {**level, "message": self.text, "timestamp": moment, "service": self.function}

    def shown(self, *, date: bool) -> str:
        """As a person reads it: `12:00:05 apply_changes INFO batch applied applied=3`, with the date before
        it where that is not clear."""
        moment = datetime.fromtimestamp(self.at / 1_000, UTC)
        when = f"{moment:%Y-%m-%d %H:%M:%S}" if date else f"{moment:%H:%M:%S}"
        level = click.style(self.level, fg=_COLOURS.get(self.level))
        parts = [when, self.function, *([level] if self.level else []), _printable(self.text)]
        for name, value in (self.data or {}).items():
            if name not in _ABOUT_THE_CALL and value not in (None, ""):
                parts.append(f"{name}={_value(value)}")
        trace = (self.data or {}).get("exception")
        return " ".join(parts) + (f"\n{_printable(trace)}" if isinstance(trace, str) else "")


@click.command()
@click.argument("function", required=False)
@click.option(
    "--since", default="10m", show_default=True, metavar="10m|2h|3d|DATE", help="How far back to begin."
)
@click.option("--errors", is_flag=True, help="Only errors, logged or uncaught.")
@click.option("--follow", "-f", is_flag=True, help="Go on with the lines to come.")
@json_option
@on_stack
def logs(target: Target, function: str | None, since: str, errors: bool, follow: bool, as_json: bool) -> None:
    """Print the functions' log lines, oldest first; only those of FUNCTION, such as apply_changes.

    Times are UTC. What Lambda says about invocations and the metrics are left out.
    """
    now = int(time.time())  # of AWS, whose clock is not moved with a local stack's
    start = instant(since, now) * 1_000
    client = target.session.client
    source = FunctionLogs(client("logs"), client("cloudformation"), target.name)
    with _reachable():
        functions = _chosen(source, function)
        rounds = source.follow(functions, start) if follow else iter([source.since(functions, start)])
        for events in rounds:
            for line in lines(events):
                if errors and line.level not in _ERRORS:
                    continue
                if as_json:
                    print_json(line.public())
                else:
                    click.echo(line.shown(date=now * 1_000 - start > _DAY_MS))


def lines(events: Iterable[LogEvent]) -> Iterator[Line]:
    """What our own code logged, and what went wrong without it. A trace that was logged line by line, as the
    local emulator does, is one line here."""
    before: Line | None = None
    for event in events:
        line = _line(event)
        if line is None:
            continue
        if before is not None:
            if _go_together(before, line):
                before = _joined(before, line)
                continue
            yield before
        before = line
    if before is not None:
        yield before


def _line(event: LogEvent) -> Line | None:
    """The line; None where it is Lambda's, or a metric."""
    data = _json(event.text)
    if data is None:
        uncaught = _UNCAUGHT.search(event.text)
        if not event.text or (event.text.startswith(_OF_LAMBDA) and not uncaught):
            return None
        return Line(event.at, event.function, event.stream, "ERROR" if uncaught else "", event.text)
    if "_aws" in data:
        return None
    level, message = data.get("level"), data.get("message")
    text = message if isinstance(message, str) else json.dumps(message, ensure_ascii=False)
    return Line(event.at, event.function, event.stream, level if isinstance(level, str) else "", text, data)


def _go_together(before: Line, line: Line) -> bool:
    """Whether two lines of text were logged as one."""
    structured = before.data is not None or line.data is not None
    return not structured and (before.at, before.stream) == (line.at, line.stream)


def _joined(before: Line, line: Line) -> Line:
    return replace(before, text=f"{before.text}\n{line.text}", level=before.level or line.level)


def _json(text: str) -> dict[str, Any] | None:
    if not text.startswith("{"):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _value(value: Any) -> str:
    """A value as a word, or in quotes where it is more than one."""
    if isinstance(value, str) and re.fullmatch(r"[^\s\"=]+", value) and value.isprintable():
        return value
    return _printable(json.dumps(value, ensure_ascii=False))


def _printable(text: str) -> str:
    """Without control characters: a line may hold what a stranger sent."""
    return "".join(one if one.isprintable() or one in "\n\t" else repr(one)[1:-1] for one in text)


def _chosen(source: FunctionLogs, function: str | None) -> list[str]:
    if function is None:
        return list(source.groups)
    if function not in source.groups:
        there_are = ", ".join(source.groups) or "none"
        raise Failure(f"There is no function {function}; there are: {there_are}.", USAGE)
    return [function]


@contextmanager
def _reachable() -> Iterator[None]:
    """Ends the command where CloudWatch or CloudFormation does not answer."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Failure(f"The logs cannot be read: {error}") from error
