"""Dead letters: the changes that could not be applied, looked at, put back or dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import click
from botocore.exceptions import BotoCoreError, ClientError
from rich.progress import Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from peoplesync.adapters.aws.dead_letter_queues import NotMoved
from peoplesync.use_cases.messages.dead_letters import DeadLetter
from peoplesync_cli.failure import USAGE, Failure
from peoplesync_cli.options import json_option, on_stack
from peoplesync_cli.output import print_json, print_lines, stderr, stdout, table
from peoplesync_cli.target import Target

SHORT_ID: Final = 8
NONE: Final = "There are no dead letters."
_SHOWN: Final = "`peoplesync dead list` shows the dead letters"

_COLUMNS: Final = ("id", "queue", "since (UTC)", "connection", "what", "why")

ids_argument = click.argument("ids", nargs=-1, metavar="[ID…]")
all_option = click.option("--all", "every", is_flag=True, help="All that `peoplesync dead list` shows.")


@click.group()
def dead() -> None:
    """Look at the changes that could not be applied; put them back, or drop them.

    SQS keeps a dead letter for 14 days from when the message was first sent.
    """


@dead.command("list")
@json_option
@on_stack
def list_dead(target: Target, as_json: bool) -> None:
    """List what could not be applied, and why; without anything personal."""
    with _reachable():
        letters = target.dead_letters.all()
        hidden = target.dead_letters.count() - len(letters)
    if as_json:
        print_lines(letter.described() for letter in letters)
        return
    if letters:
        stdout.print(table(None, _COLUMNS, _rows(letters)))
        again = "`peoplesync dead replay` has them applied again"
        stdout.print(Text(f"{_count(letters)}; {again}", style="dim"))
    else:
        stdout.print(NONE)
    if hidden > 0:
        stderr.print(f"SQS counts {hidden:,} more, which somebody else looks at now, or which are just gone.")


@dead.command()
@click.argument("beginning", metavar="ID")
@click.option("--payload", is_flag=True, help="Show what the message says too, which is personal data.")
@json_option
@on_stack
def show(target: Target, beginning: str, payload: bool, as_json: bool) -> None:
    """Show one dead letter; ID is the beginning of its id."""
    with _reachable():
        (letter,) = chosen(target.dead_letters.all(), [beginning])
    facts = letter.described() | {"bytes": len(letter.body.encode())}
    if as_json:
        print_json(facts | ({"payload": letter.content()} if payload else {}))
        return
    stdout.print(table(None, ("", ""), [(name.replace("_", " "), value) for name, value in facts.items()]))
    if payload:
        stderr.print("What follows is personal data.", style="yellow")
        stdout.print(Text(json.dumps(letter.content(), ensure_ascii=False, indent=2)))


@dead.command()
@ids_argument
@all_option
@json_option
@on_stack
def replay(target: Target, ids: Sequence[str], every: bool, as_json: bool) -> None:
    """Put dead letters back on their queues, to be applied again; do so when the cause is fixed.

    What was applied meanwhile changes nothing. What fails again becomes a dead letter again.
    """
    _either(ids, every)
    with _reachable():
        if every:
            count = _redrive(target)
        else:
            letters = chosen(target.dead_letters.all(), ids)
            put_back = target.dead_letters.put_back(letters)
            _report_the_rest(letters, put_back)
            count = len(put_back)
            if put_back and not as_json:
                stdout.print(*_lines(put_back, "put back "), sep="\n")
    if as_json:
        print_json({"replayed": count})
    elif every:
        messages = f"{count:,} message{' is' if count == 1 else 's are'}"
        stdout.print(
            f"{messages} back on the queues; `peoplesync status` shows how they fare." if count else NONE
        )


@dead.command()
@ids_argument
@all_option
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@json_option
@on_stack
def drop(target: Target, ids: Sequence[str], every: bool, yes: bool, as_json: bool) -> None:
    """Delete dead letters for good.

    `peoplesync verify --repair` then brings in what Stripe still shows of them.
    """
    _either(ids, every)
    with _reachable():
        letters = target.dead_letters.all()
        letters = letters if every else chosen(letters, ids)
        if letters and not yes:
            stderr.print(*_lines(letters), sep="\n")
            click.confirm(f"Delete {_count(letters)} for good?", abort=True, err=True)
        dropped = target.dead_letters.drop(letters)
    _report_the_rest(letters, dropped)
    if as_json:
        print_lines(letter.described() for letter in dropped)
    elif dropped:
        stdout.print(*_lines(dropped, "dropped "), sep="\n")
    else:
        stdout.print(NONE)


def chosen(letters: Sequence[DeadLetter], ids: Sequence[str]) -> list[DeadLetter]:
    """The letters whose ids begin with these; fails where one matches none, or more than one."""
    found: dict[str, DeadLetter] = {}
    for beginning in ids:
        fitting = [letter for letter in letters if letter.id.startswith(beginning.lower())]
        if not fitting:
            raise Failure(f"There is no dead letter {beginning}; {_SHOWN}.")
        if len(fitting) > 1:
            count = f"{len(fitting)} dead letters' ids begin with {beginning}"
            raise Failure(f"{count}: give more of it; {_SHOWN}.")
        found[fitting[0].id] = fitting[0]
    return list(found.values())


def short_ids(ids: Sequence[str]) -> list[str]:
    """The ids cut to what distinguishes them, but to no fewer than eight characters."""
    length = SHORT_ID
    while len({one[:length] for one in ids}) < len(set(ids)):
        length += 1
    return [one[:length] for one in ids]


def _rows(letters: Sequence[DeadLetter]) -> list[tuple[Any, ...]]:
    shorts = short_ids([letter.id for letter in letters])
    return [
        (
            short,
            one["queue"],
            one["since"].replace("T", " ").removesuffix("Z"),
            one["connection"],
            one["what"],
            one["why"],
        )
        for short, one in zip(shorts, (letter.described() for letter in letters), strict=True)
    ]


def _count(letters: Sequence[DeadLetter]) -> str:
    return f"{len(letters):,} dead letter{'s' * (len(letters) != 1)}"


def _lines(letters: Sequence[DeadLetter], done: str = "") -> list[Text]:
    return [Text(f"{done}{short}  {queue}  {what}") for short, queue, _, _, what, _ in _rows(letters)]


def _report_the_rest(wanted: Sequence[DeadLetter], done: Sequence[DeadLetter]) -> None:
    if missing := len(wanted) - len(done):
        stderr.print(f"{missing:,} of {_count(wanted)} are gone, or somebody else looks at them now.")


def _redrive(target: Target) -> int:
    """Has SQS put everything back, one queue after the other; how many messages that were."""
    columns = TextColumn("{task.description}"), TextColumn("{task.completed} put back"), TimeElapsedColumn()
    total = 0
    with Progress(*columns, console=stderr, transient=True) as progress:
        for name in target.dead_letters.queues:
            described = partial(_show_progress, progress, progress.add_task(name, total=None))
            try:
                total += target.dead_letters.redrive(name, described)
            except NotMoved as error:
                problem = f"The dead letters of the {name} queue were not all put back: {error}."
                raise Failure(problem) from error
    return total


def _show_progress(progress: Progress, task: TaskID, moved: int) -> None:
    progress.update(task, completed=moved)


def _either(ids: Sequence[str], every: bool) -> None:
    if bool(ids) is every:
        raise Failure(f"Give either ids or --all; {_SHOWN}.", USAGE)


@contextmanager
def _reachable() -> Iterator[None]:
    """Ends the command where SQS does not answer."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise Failure(f"The dead-letter queues cannot be reached: {error}") from error
