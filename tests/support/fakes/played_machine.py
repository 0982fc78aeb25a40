"""A state machine that is played."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class PlayedMachine:
    """Executions that do, when they are started, what `begins` does; they run until they end or are
    stopped."""

    begins: Callable[[Mapping[str, Any], str], str] = lambda given, name: ""
    started: list[Mapping[str, Any]] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    names: list[str] = field(default_factory=list)
    why: str = "stopped"

    def start(self, given: Mapping[str, Any], name: str) -> str:
        self.started.append(given)
        arn = f"arn:{name}"
        self.running.add(arn)
        if self.begins(given, name) == "ends":
            self.running.discard(arn)
        return arn

    def is_running(self, execution: str) -> bool:
        return execution in self.running

    def arn(self, name: str) -> str:
        return f"arn:{name}"

    def was_started(self, execution: str) -> bool:
        return execution in self.names

    def start_once(self, given: Mapping[str, Any], name: str) -> None:
        if not self.was_started(self.arn(name)):
            self.names.append(self.start(given, name))

    def cause(self, execution: str) -> str:
        return self.why
