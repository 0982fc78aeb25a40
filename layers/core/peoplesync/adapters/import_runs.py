"""Import runs in DynamoDB."""

from __future__ import annotations

from pynamodb.exceptions import PutError

from peoplesync.adapters.busy import busy_as_unavailable
from peoplesync.adapters.tables import ImportRow
from peoplesync.domain.connections import Epoch


class ImportRuns:
    """The imports of a stack."""

    def applied(self, epoch: Epoch, run: str, chunk: str, failed: int) -> None:
        """See `ports.Runs`."""
        row = ImportRow(f"{epoch}#{run}", f"chunk#{chunk}", content_json={"failed": failed})
        try:
            with busy_as_unavailable():
                row.save(condition=ImportRow.pk.does_not_exist())
        except PutError as error:
            if error.cause_response_code != "ConditionalCheckFailedException":
                raise
