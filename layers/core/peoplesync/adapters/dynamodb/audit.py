"""The audit trail in DynamoDB: who changed what by the HTTP API, and when."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.tables import AuditRow
from peoplesync.use_cases.public_json import iso


@dataclass(frozen=True)
class AuditTrail:
    """An entry is written before what it is about is done, and completed with how that ended: a request that
    dies is in it too. They expire after so many days."""

    retention_days: int

    def begin(self, connection: str, request: str, at: int, who: str, what: str) -> AuditRow:
        """Notes that somebody is about to change something. Raises Unavailable, as `end` does."""
        expires_at = at + self.retention_days * 86_400
        row = AuditRow(
            connection or "-",
            f"{at:011d}#{time.time_ns():020d}#{request}",
            who=who,
            what=what,
            expires_at=expires_at,
        )
        with busy_as_unavailable():
            row.save()
        return row

    def end(self, row: AuditRow, status: int, about: str | None) -> None:
        """Notes how it ended, by the answer's status, and whom it was `about`, where only the answer says."""
        actions: list[Any] = [AuditRow.status.set(status)]
        if about:
            actions.append(AuditRow.what.set(f"{row.what} {about}"))
        with busy_as_unavailable():
            row.update(actions=actions)

    def page(self, connection: str, most: int, before: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """The newest entries, those `before` a place; and the place of the next page, if there is one."""
        older = AuditRow.sk < before if before else None
        rows: list[Any] = list(
            AuditRow.query(connection or "-", older, scan_index_forward=False, limit=most + 1)
        )
        shown = [
            {
                "at": iso(int(row.sk.partition("#")[0])),
                "who": row.who,
                "what": row.what,
                "status": None if row.status is None else int(row.status),
                "request": row.sk.rpartition("#")[2],
            }
            for row in rows[:most]
        ]
        return shown, str(rows[most - 1].sk) if len(rows) > most else None
