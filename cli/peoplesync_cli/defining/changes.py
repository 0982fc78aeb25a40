"""Shared by commands that change definitions: how they refuse, and what follows a change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import click

from peoplesync.domain.connections import Epoch
from peoplesync.domain.fields.custom import InvalidField
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.use_cases.defining.changes import DefinitionChange, InvalidDefinition
from peoplesync.use_cases.defining.fields import FieldDefiner
from peoplesync.use_cases.defining.segments import SegmentDefiner
from peoplesync.use_cases.ports import Unavailable, VersionConflict
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync_cli.failure import USAGE, Failure, sentence
from peoplesync_cli.jobs.reevaluation import begin_and_watch, summary
from peoplesync_cli.options import Command, connection_option, json_option, on_stack
from peoplesync_cli.target import Target


def changes_definitions(command: Command) -> Command:
    """Gives a command the options of all those that change definitions."""
    detach = click.option(
        "--detach", is_flag=True, help="Do not wait until people are evaluated; this goes on by itself."
    )
    return detach(connection_option(json_option(on_stack(command))))


def segment_definer(target: Target, connection: str) -> SegmentDefiner:
    """Changes a connection's segments; fails where it is disconnected."""
    return target.segment_definer(_connected(target, connection))


def field_definer(target: Target, connection: str) -> FieldDefiner:
    """Changes a connection's fields; fails where it is disconnected."""
    return target.field_definer(_connected(target, connection))


@contextmanager
def refusals(file: str = "") -> Iterator[None]:
    """Ends the command where a change is refused. `file` is where the rule came from."""
    try:
        yield
    except (NotFound, InvalidDefinition) as error:
        raise Failure(sentence(error)) from error
    except InvalidRule as error:
        raise Failure(f"The rule{f' in {file}' if file else ''} is not valid. {error}", USAGE) from error
    except InvalidField as error:
        raise Failure(sentence(error), USAGE) from error
    except VersionConflict as error:
        raise Failure(f"{sentence(error)} Nothing is changed: run it again.") from error
    except Unavailable as error:
        raise Failure(f"{sentence(error)} Nothing is changed: run it again later.") from error


def settled(
    target: Target, connection: str, change: DefinitionChange, *, detach: bool
) -> Mapping[str, Any] | None:
    """Has everybody evaluated again if the change may move anybody; the re-evaluation then, as `peoplesync
    reevaluate list` shows it. None where it moves nobody."""
    if not change.moves_people:
        return None
    try:
        return begin_and_watch(target, connection, detach=detach)
    except Failure as problem:
        raise Failure(
            f"The change is stored, but people are not evaluated yet: {problem.message} Once that is fixed, "
            "have it done with `peoplesync reevaluate start`."
        ) from problem


def outcome(reevaluation: Mapping[str, Any] | None) -> str:
    """A sentence about a re-evaluation that has not succeeded, or not yet; "" otherwise."""
    if reevaluation is None or reevaluation["status"] == "succeeded":
        return ""
    return summary(reevaluation)


def end(reevaluation: Mapping[str, Any] | None) -> None:
    """Ends the command with an error where people could not be evaluated."""
    if reevaluation is not None and reevaluation["status"] == "failed":
        raise SystemExit(1)


def _connected(target: Target, connection: str) -> Epoch:
    found = target.connection(connection)
    if found.disconnected_at is not None:
        raise Failure(f"{connection} is disconnected; `peoplesync connect` connects it again.")
    return found.epoch
