"""Lambda's event source mappings in memory: a change takes its time, as there."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from tests.support.builders.stripe import NOW


@dataclass
class Functions:
    """Lambda's mappings: a change takes `looks` looks, during which another is refused."""

    state: dict[str, str]
    modified: dict[str, int]
    looks: int = 2
    left: dict[str, int] = field(default_factory=dict)
    asked: list[tuple[str, bool]] = field(default_factory=list)

    @classmethod
    def of(cls, uuids: Iterable[str]) -> Functions:
        """All of them enabled."""
        every = list(uuids)
        return cls(dict.fromkeys(every, "Enabled"), dict.fromkeys(every, NOW))

    def get_event_source_mapping(self, UUID: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if self.left.get(UUID):
            self.left[UUID] -= 1
            if not self.left[UUID]:
                self.state[UUID] = {"Enabling": "Enabled", "Disabling": "Disabled"}[self.state[UUID]]
        return {"State": self.state[UUID], "LastModified": datetime.fromtimestamp(self.modified[UUID], UTC)}

    def update_event_source_mapping(self, UUID: str, Enabled: bool) -> None:  # noqa: N803 - boto3's names
        if self.left.get(UUID):
            raise ClientError({"Error": {"Code": "ResourceInUseException"}}, "UpdateEventSourceMapping")
        self.asked.append((UUID, Enabled))
        self.state[UUID] = "Enabling" if Enabled else "Disabling"
        self.modified[UUID] = NOW + len(self.asked)
        self.left[UUID] = self.looks


@dataclass
class Session:
    """A session whose Lambda is ours, and all else moto's."""

    session: Any
    functions: Functions

    def client(self, service: str, **options: Any) -> Any:
        return self.functions if service == "lambda" else self.session.client(service, **options)
