"""The tables, one model each. Keys begin with the epoch they belong to (`main#1`).

Attributes named `*_json` hold JSON as text, which is smaller than DynamoDB's own maps: write units grow with
the size of the item. Records, the largest part of a person, are compressed.
"""

from __future__ import annotations

import json
import zlib
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pynamodb.attributes import (
    Attribute,
    BooleanAttribute,
    NumberAttribute,
    UnicodeAttribute,
    UnicodeSetAttribute,
)
from pynamodb.constants import BINARY, STRING
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection
from pynamodb.models import Model

from peoplesync.adapters.dynamodb.compression import compressed, uncompressed

if TYPE_CHECKING:
    from botocore.session import Session

    from peoplesync.adapters.stack import Stack
    from peoplesync.domain.catalogue import CatalogueKey
    from peoplesync.domain.connections import Epoch

SHARDS: Final = 8
"""Partitions of an index that everybody may be in: one DynamoDB partition takes 1,000 writes a second."""


def shard_of(member: str) -> int:
    """The shard of a person or customer: the same everywhere and for ever."""
    return zlib.crc32(member.encode()) % SHARDS


def whole(number: float | None) -> int | None:
    """A number as the domain has it: DynamoDB knows no integers."""
    return None if number is None else int(number)


class JSONAttribute(Attribute[Any]):
    """JSON as text, without blanks."""

    attr_type = STRING

    def serialize(self, value: Any) -> str:
        return json.dumps(value, separators=(",", ":"))

    def deserialize(self, value: str) -> Any:
        return json.loads(value, strict=False)


class CompressedJSONAttribute(Attribute[Any]):
    """JSON, compressed. A stream shows its bytes to a function as text, in base64."""

    attr_type = BINARY

    def serialize(self, value: Any) -> bytes:
        return compressed(value)

    def deserialize(self, value: bytes | str) -> Any:
        return uncompressed(b64decode(value) if isinstance(value, str) else value)


class DueIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]  # PynamoDB's own hook
    """Who is to be looked at again, and when; sparse: who has no `review_at` is not in it."""

    class Meta:
        index_name = "due"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True)
    review_at = NumberAttribute(range_key=True)


class PersonRow(Model):
    """A person with their records, projected fields and segments. `pk` is `epoch#person id`.

    Until version 0.2 the records were stored as `records_json`.
    """

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    version = NumberAttribute()
    email = UnicodeAttribute(null=True)
    created_at = NumberAttribute()
    last_sync_at = NumberAttribute(null=True)
    evaluated_at = NumberAttribute()
    definitions_version = NumberAttribute()
    cause = UnicodeAttribute()
    records = CompressedJSONAttribute(null=True)
    records_json = JSONAttribute(null=True)
    fields_json = JSONAttribute()
    segments_json = JSONAttribute()
    terms_json = JSONAttribute(null=True)
    errors_json = JSONAttribute(null=True)
    absorbed_json = JSONAttribute(null=True)
    mrr_json = JSONAttribute(null=True)
    moved_in_json = JSONAttribute(null=True)
    due_shard = UnicodeAttribute(null=True)
    review_at = NumberAttribute(null=True)
    due = DueIndex()

    @staticmethod
    def key(epoch: Epoch, person: str) -> str:
        return f"{epoch}#{person}"

    @property
    def person_id(self) -> str:
        return str(self.pk).rpartition("#")[2]


class IdentityRow(Model):
    """What finds a person: `customer:cus_...`, `email:...`, `user:...`. `pk` is `epoch#identity`.

    Who was erased is found by `customer:cus_...` still, else by `erased:<hash>`; `former` is whose the
    customer was.
    """

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    person = UnicodeAttribute()
    former = UnicodeAttribute(null=True)

    @staticmethod
    def key(epoch: Epoch, identity: str) -> str:
        return f"{epoch}#{identity}"


class ReceiptRow(Model):
    """What was removed with a person, in the table of identities: `pk` is `epoch#receipt:person id`. It adds
    up, since somebody with many records is erased in several steps."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    asked_at = NumberAttribute(null=True)
    erased_at = NumberAttribute(null=True)
    feed_deleted_at = NumberAttribute(null=True)
    indexed = BooleanAttribute(null=True)
    unindexed_at = NumberAttribute(null=True)
    customers = UnicodeSetAttribute(null=True)
    users = NumberAttribute(null=True)
    identities = NumberAttribute(null=True)
    memberships = NumberAttribute(null=True)
    fields = NumberAttribute(null=True)
    entries = NumberAttribute(null=True)

    @staticmethod
    def key(epoch: Epoch, person: str) -> str:
        return f"{epoch}#receipt:{person}"


MARKER: Final = "marker"
CHARGE: Final = "charge"
"""Kinds of a feed's rows that are not entries: one only remembers that an entry was counted, the other what a
charge counts for. Neither is ever shown or published."""


class FeedRow(Model):
    """A billing event of a record: `pk` is `epoch#customer id`, `sk` is `time#key`. Markers and charges have
    another `sk`, which sorts after all times; charges are in order of when they were made, and do not
    expire."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    kind = UnicodeAttribute()
    content_json = JSONAttribute()
    cause = UnicodeAttribute()
    written_at = NumberAttribute()
    expires_at = NumberAttribute(null=True)

    @staticmethod
    def key(epoch: Epoch, record: str) -> str:
        return f"{epoch}#{record}"

    @staticmethod
    def charge_key(charge: Mapping[str, Any]) -> str:
        """The `sk` of a charge, of which `created` and `id` are given."""
        return f"{CHARGE}#{charge['created']:011d}#{charge['id']}"

    @staticmethod
    def entry_key(at: int, key: str) -> str:
        """The `sk` of an entry."""
        return f"{at:011d}#{key}"

    @property
    def at_and_key(self) -> tuple[int, str]:
        at, _, key = str(self.sk).partition("#")
        return int(at), key


class MemberRow(Model):
    """An entry of a segment's index. `pk` is `epoch#segment#shard`, `sk` the member's id."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    since = NumberAttribute()

    @staticmethod
    def key(epoch: Epoch, index: str, member: str) -> str:
        return f"{epoch}#{index}#{shard_of(member)}"

    @staticmethod
    def shards(epoch: Epoch, index: str) -> Iterator[str]:
        return (f"{epoch}#{index}#{shard}" for shard in range(SHARDS))


class FieldRow(Model):
    """A field's definition. `pk` is the epoch, `sk` the field's key; `position` keeps their order."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    position = NumberAttribute()
    title = UnicodeAttribute()
    group = UnicodeAttribute()
    type = UnicodeAttribute()
    source = UnicodeAttribute()
    builtin = BooleanAttribute()
    enabled = BooleanAttribute(null=True)


class SegmentRow(Model):
    """A segment's definition. `pk` is the epoch, `sk` the segment's id."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    position = NumberAttribute()
    title = UnicodeAttribute()
    rule_json = JSONAttribute()
    enabled = BooleanAttribute(null=True)


class UnansweredIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]  # PynamoDB's own hook
    """What Stripe was asked for and did not show, and when; sparse: what it showed is not in it."""

    class Meta:
        index_name = "unanswered"
        projection = KeysOnlyProjection()

    refused_in = UnicodeAttribute(hash_key=True)
    asked_at = NumberAttribute(range_key=True)


class CatalogueRow(Model):
    """A product, price or coupon. `pk` is `epoch#kind:id`; `refused_in` is the epoch where Stripe refused to
    show it when it was asked."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    version = NumberAttribute()
    revision = NumberAttribute()
    told = NumberAttribute()
    editions_json = JSONAttribute()
    touched = NumberAttribute(null=True)
    asked_at = NumberAttribute(null=True)
    refusal = UnicodeAttribute(null=True)
    refused_in = UnicodeAttribute(null=True)
    unanswered = UnansweredIndex()

    @staticmethod
    def key(epoch: Epoch, entry: CatalogueKey) -> str:
        return f"{epoch}#{entry}"


class CatalogueRevisionRow(Model):
    """How often anything in an epoch's catalogue has changed. `pk` is `epoch#revision`, in the table of the
    catalogue."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    number = NumberAttribute()

    @staticmethod
    def key(epoch: Epoch) -> str:
        return f"{epoch}#revision"


class ConnectionRow(Model):
    """A connection. `pk` is its name."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    livemode = BooleanAttribute()
    epoch_number = NumberAttribute()
    definitions_version = NumberAttribute()
    definitions_changed_at = NumberAttribute(null=True)
    erased_since = NumberAttribute(null=True)
    counted = BooleanAttribute(null=True)
    created_at = NumberAttribute()
    last_event_at = NumberAttribute(null=True)
    endpoint_id = UnicodeAttribute(null=True)
    permissions_json = JSONAttribute(null=True)
    reconciled_until = NumberAttribute(null=True)
    gap_since = NumberAttribute(null=True)
    missed_events = NumberAttribute(null=True)
    key_refused_at = NumberAttribute(null=True)
    disconnected_at = NumberAttribute(null=True)
    lag_seconds = NumberAttribute(null=True)
    webhook_since = NumberAttribute(null=True)
    webhook_heard_at = NumberAttribute(null=True)
    webhook_refused_since = NumberAttribute(null=True)
    webhook_missed_at = NumberAttribute(null=True)
    endpoint_problem = UnicodeAttribute(null=True)
    rhythm_json = JSONAttribute(null=True)
    swept_json = JSONAttribute(null=True)


class ImportRow(Model):
    """An import run or a re-evaluation, and what belongs to it. An import's `pk` is the epoch, that of a
    re-evaluation `epoch#reevaluations`, and its `sk` its id; `pk` is `epoch#run id` for its windows (`sk` is
    `window#...`), the pages listed (`page#...`) and the chunks applied (`chunk#...`), which all expire.

    The runs of tasks are rows of `epoch#queries`, `epoch#verifications` and `epoch#reconciliations`; the
    pages of what one came to are below that and its id (`sk` is `name#number`). These expire, too."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute(null=True)
    content_json = JSONAttribute(null=True)
    content = CompressedJSONAttribute(null=True)
    expires_at = NumberAttribute(null=True)


class MovesIndex(GlobalSecondaryIndex[Any]):  # type: ignore[no-untyped-call]  # PynamoDB's own hook
    """Who moved on a day: `moved_on` is `epoch#day`, `move` says what, where and who. Sparse."""

    class Meta:
        index_name = "moves"
        projection = AllProjection()

    moved_on = UnicodeAttribute(hash_key=True)
    move = UnicodeAttribute(range_key=True)


class ReadModelRow(Model):
    """What is kept for readers. By `pk`, each after the epoch: `days#shard` is a part of the counters, with
    its `head`, the lock for writing it, and its days (`sk` is `kind#day`); `mark#person` is what has been
    counted of a person; `moves#who` are the moves of a customer or person; `find#abc` are the search terms
    that begin so, `find#user:#shard` the ids of users of the app (`sk` is `term#person`)."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    version = NumberAttribute(null=True)
    content = CompressedJSONAttribute(null=True)
    expires_at = NumberAttribute(null=True)
    moved_on = UnicodeAttribute(null=True)
    move = UnicodeAttribute(null=True)
    moves = MovesIndex()

    @staticmethod
    def part(epoch: Epoch, part: int) -> str:
        return f"{epoch}#days#{part}"

    @staticmethod
    def mark(epoch: Epoch, person: str) -> str:
        return f"{epoch}#mark#{person}"

    @staticmethod
    def moves_of(epoch: Epoch, who: str) -> str:
        return f"{epoch}#moves#{who}"

    @staticmethod
    def terms(epoch: Epoch, beginning: str) -> str:
        return f"{epoch}#find#{beginning[:3]}"

    @staticmethod
    def users(epoch: Epoch, shard: int) -> str:
        """Ids of users begin all alike: `user:`."""
        return f"{epoch}#find#user:#{shard}"


class WriteKeyRow(Model):
    """A key for sending activity. `pk` is its SHA-256 in hex; the key itself is kept nowhere, and belongs to
    no epoch."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    connection = UnicodeAttribute()
    name = UnicodeAttribute()
    hint = UnicodeAttribute()
    created_at = NumberAttribute()
    revoked_at = NumberAttribute(null=True)


class AuditRow(Model):
    """A change that somebody asked for by the HTTP API. `pk` is the connection's name, "" for what belongs to
    none; `sk` is `instant#order#request id`. `status` is that of the answer, None where the request died."""

    class Meta:
        table_name = ""

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    who = UnicodeAttribute()
    what = UnicodeAttribute()
    status = NumberAttribute(null=True)
    expires_at = NumberAttribute()


MODELS: Final = (
    PersonRow,
    IdentityRow,
    ReceiptRow,
    FeedRow,
    MemberRow,
    FieldRow,
    SegmentRow,
    ConnectionRow,
    CatalogueRow,
    CatalogueRevisionRow,
    ImportRow,
    ReadModelRow,
    WriteKeyRow,
    AuditRow,
)


def use_tables(
    stack: Stack,
    *,
    region: str | None = None,
    endpoint: str | None = None,
    credentials: tuple[str, str] | None = None,
) -> None:
    """Points the models at the tables of a stack, for the whole process.

    A function leaves the rest to its environment; `endpoint` and `credentials` are for the local stack.
    """
    names: dict[type[Model], str] = {
        PersonRow: stack.people_table,
        IdentityRow: stack.identities_table,
        ReceiptRow: stack.identities_table,
        FeedRow: stack.feed_table,
        MemberRow: stack.segment_members_table,
        FieldRow: stack.fields_table,
        SegmentRow: stack.segments_table,
        ConnectionRow: stack.connections_table,
        CatalogueRow: stack.catalogue_table,
        CatalogueRevisionRow: stack.catalogue_table,
        ImportRow: stack.imports_table,
        ReadModelRow: stack.read_models_table,
        WriteKeyRow: stack.write_keys_table,
        AuditRow: stack.audit_table,
    }
    for model, name in names.items():
        meta: Any = model.Meta
        meta.table_name = name
        meta.region, meta.host = region, endpoint
        meta.aws_access_key_id, meta.aws_secret_access_key = credentials or (None, None)
        model._connection = None


def share_client(session: Session, *models: type[Model]) -> None:
    """Gives these models one client, which this session makes: those that PynamoDB makes for each would take
    a tenth of a second of a cold start every time."""
    first, *others = (model._get_connection().connection for model in models)
    first._local.session = session
    for other in others:
        other._client = first.client
