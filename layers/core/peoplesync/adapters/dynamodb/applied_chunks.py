"""Which chunks of an import are applied: all that the worker, who notes it, needs to know of imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pynamodb.exceptions import PutError

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, condition_failed
from peoplesync.adapters.dynamodb.tables import ImportRow

if TYPE_CHECKING:
    from peoplesync.domain.connections import Epoch

KEPT_SECONDS: Final = 60 * 86_400
"""For so long can a run be gone on with; what it came to is kept in its own row, for ever."""


def expiry() -> int:
    """When what belongs to a run and is written now may go."""
    return clock.now() + KEPT_SECONDS


class AppliedChunks:
    """See `ports.Runs`."""

    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int, reasons: Sequence[str] = ()) -> None:
        content = {"failed": failed} | ({"reasons": list(reasons)} if reasons else {})
        row = ImportRow(f"{epoch}#{run}", f"chunk#{chunk}", content_json=content, expires_at=expiry())
        try:
            with busy_as_unavailable():
                row.save(condition=ImportRow.pk.does_not_exist())
        except PutError as error:
            if not condition_failed(error):
                raise
