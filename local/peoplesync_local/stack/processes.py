"""Processes that outlive the command that started them, each the leader of its own process group.

A group is what makes stopping complete: the emulator's functions are children of the emulator, and a group
holds them even when the emulator itself was killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

_PROC = Path("/proc")
_POLL_SECONDS = 0.02

# Children of this very process. Holding them lets them be reaped; one that is not would linger as a zombie.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True)
class Process:
    """A process and when it started, since a later one can have the same number."""

    pid: int
    started: str


class _Row(NamedTuple):
    pid: int
    group: int
    started: str


def start(command: Sequence[str | Path], *, environment: Mapping[str, str], log: Path) -> Process:
    """Start `command` detached, with exactly `environment`, its output going to a fresh `log`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(
            [str(word) for word in command],
            env=dict(environment),
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[child.pid] = child
    started = next((row.started for row in _rows() if row.pid == child.pid), "")
    return Process(child.pid, started)


def is_running(process: Process) -> bool:
    """Whether the process itself, not merely a child of it, is alive."""
    return any(row.pid == process.pid and row.started == process.started for row in _rows())


def group(process: Process) -> list[int]:
    """The living members of the process's group; none if its number is another process's by now."""
    rows = [row for row in _rows() if row.group == process.pid]
    if any(row.pid == process.pid and row.started != process.started for row in rows):
        return []
    return [row.pid for row in rows]


def stop(process: Process, *, grace_seconds: float = 2.0) -> None:
    """End the process and all its children, killing those that do not go. Returns when none is left."""
    for number, patience in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        if not group(process):
            return
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        deadline = time.monotonic() + patience
        while group(process) and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)


def _rows() -> list[_Row]:
    """All living processes; zombies are dead."""
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            del _children[pid]
    return _rows_of_proc() if (_PROC / "self" / "stat").exists() else _rows_of_ps()


def _rows_of_proc() -> list[_Row]:
    rows = []
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):  # it ended while we looked
            # "PID (NAME) STATE PPID GROUP …", and NAME may contain anything, parentheses too.
            fields = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
            if fields[0] not in "ZX":
                rows.append(_Row(int(entry.name), int(fields[2]), fields[19]))
    return rows


def _rows_of_ps() -> list[_Row]:
    """The same on systems without /proc, such as macOS."""
    listing = subprocess.run(
        ["/bin/ps", "-A", "-o", "pid=,pgid=,stat=,lstart="], capture_output=True, text=True, check=True
    ).stdout
    rows = []
    for line in listing.splitlines():
        pid, group_id, state, started = line.split(None, 3)
        if not state.startswith("Z"):
            rows.append(_Row(int(pid), int(group_id), started.strip()))
    return rows
