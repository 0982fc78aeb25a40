"""Walking through a member index, shard by shard."""

from __future__ import annotations

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable
from peoplesync.adapters.dynamodb.tables import SHARDS, MemberRow
from peoplesync.domain.connections import Epoch


class MemberPages:
    """The member indexes, a page at a time."""

    @property
    def shards(self) -> int:
        """How many shards a member index has."""
        return SHARDS

    def members_page(self, epoch: Epoch, index: str, shard: int, after: str, most: int) -> list[str]:
        """At most `most` members of one shard of an index, in order of id, after the given one."""
        with busy_as_unavailable():
            later = MemberRow.sk > after if after else None
            key = f"{epoch}#{index}#{shard}"
            return [row.sk for row in MemberRow.query(key, later, consistent_read=True, limit=most)]
