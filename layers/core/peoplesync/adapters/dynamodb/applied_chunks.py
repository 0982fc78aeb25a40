"""Which chunks of an import are applied: all that the worker, who notes it, needs to know of imports."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from pynamodb.exceptions import PutError

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.tables import ImportRow

if TYPE_CHECKING:
    from peoplesync.domain.connections import Epoch

CONFLICT: Final = "ConditionalCheckFailedException"


class AppliedChunks:
    """See `ports.Runs`."""

    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int, reasons: Sequence[str] = ()) -> None:
        content = {"failed": failed} | ({"reasons": list(reasons)} if reasons else {})
        row = ImportRow(f"{epoch}#{run}", f"chunk#{chunk}", content_json=content)
        try:
            with busy_as_unavailable():
                row.save(condition=ImportRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != CONFLICT:
                raise
