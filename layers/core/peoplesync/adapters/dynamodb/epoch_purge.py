"""Deletes the rows of an epoch that is over, which nobody reads."""

from __future__ import annotations

import json
from typing import Any, Final

from pynamodb.models import Model

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.tables import (
    CatalogueRow,
    FeedRow,
    FieldRow,
    IdentityRow,
    ImportRow,
    MemberRow,
    PersonRow,
    ReadModelRow,
    SegmentRow,
)
from peoplesync.domain.connections import Epoch

TABLES: Final[dict[str, type[Model]]] = {
    "people": PersonRow,
    "identities": IdentityRow,
    "members": MemberRow,
    "feed": FeedRow,
    "catalogue": CatalogueRow,
    "imports": ImportRow,
    "fields": FieldRow,
    "segments": SegmentRow,
    "read_models": ReadModelRow,
}
"""In the order in which they are emptied: people first, since they should be gone soon. What was still being
written when the epoch ended goes with a second purge, which begins when nobody can be writing any more."""

ROWS_A_LOOK: Final = 500


class EpochPurge:
    """Deletes what is keyed by an epoch, a few hundred rows at a time. A scan reads the whole table, which is
    what leaves nothing over; it happens once in a connection's life, when it goes live or is given up."""

    def purge(self, epoch: Epoch, table: str, after: str) -> tuple[str, str] | None:
        """See `ports.EpochPurge`; `after` is where DynamoDB's scan stopped, as JSON."""
        name = table or next(iter(TABLES))
        model: Any = TABLES[name]
        prefix = str(epoch)
        with busy_as_unavailable():
            scan = model.scan(
                model.pk.startswith(f"{prefix}#") | (model.pk == prefix),
                last_evaluated_key=json.loads(after) if after else None,
                page_size=ROWS_A_LOOK,
                consistent_read=True,
            )
            # One page and not more, though the filter may leave little of it: a message is one look.
            page = next(scan.page_iter)
            with model.batch_write() as batch:
                for row in page["Items"]:
                    batch.delete(model.from_raw_data(row))
        if place := page.get("LastEvaluatedKey"):
            return name, json.dumps(place)
        names = list(TABLES)
        rest = names[names.index(name) + 1 :]
        return (rest[0], "") if rest else None
