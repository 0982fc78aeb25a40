"""Event source mappings, by which Lambda takes from queues or streams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError

from peoplesync.adapters import clock

_ENABLED: Final = frozenset({"Creating", "Enabling", "Enabled", "Updating"})
_SETTLED: Final = frozenset({"Enabled", "Disabled"})


@dataclass(frozen=True)
class State:
    """How the mapping `name` is. One that is not settled is on its way; `enabled` is where to.
    `last_modified` is in Unix seconds, by AWS's clock."""

    name: str
    enabled: bool
    settled: bool
    last_modified: int


@dataclass(frozen=True)
class Mappings:
    """A function's mappings by the names of what they take from. `functions` is boto3's client for Lambda,
    `uuids` are the mappings' ids."""

    functions: Any
    uuids: Mapping[str, str]

    def states(self) -> Sequence[State]:
        return [
            _state(name, self.functions.get_event_source_mapping(UUID=uuid))
            for name, uuid in self.uuids.items()
        ]

    def set_enabled(self, enabled: bool) -> None:
        """Asks Lambda to change those that differ, which takes up to minutes. One in the middle of a change
        is left alone: ask again when it has settled."""
        for state in self.states():
            if state.settled and state.enabled is not enabled:
                self._update(state.name, enabled)

    def paused_since(self) -> int | None:
        """When the last of the disabled mappings was disabled; None where every one is enabled.

        It is as long before the system's time as it is before the real one: a local stack's clock may have
        been moved, and queues and streams forget by the real one.
        """
        disabled = [state.last_modified for state in self.states() if not state.enabled]
        return max(disabled) + clock.distance() if disabled else None

    def _update(self, name: str, enabled: bool) -> None:
        try:
            self.functions.update_event_source_mapping(UUID=self.uuids[name], Enabled=enabled)
        except ClientError as error:
            # Lambda is still at an earlier change, which its answers do not always show yet.
            if error.response["Error"]["Code"] not in ("ResourceInUseException", "ResourceConflictException"):
                raise


def _state(name: str, mapping: Mapping[str, Any]) -> State:
    state = mapping["State"]
    return State(name, state in _ENABLED, state in _SETTLED, int(mapping["LastModified"].timestamp()))
