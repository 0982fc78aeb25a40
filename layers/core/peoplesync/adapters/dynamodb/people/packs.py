"""Packs: write sets of several people in one transaction, each of which fares as if it were written alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from botocore.exceptions import ClientError
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from peoplesync.adapters.dynamodb.errors import BUSY, busy_as_unavailable, call, error_codes
from peoplesync.adapters.dynamodb.people.plans import MAX_ITEMS, Item, Plan
from peoplesync.use_cases.ports import Unavailable, VersionConflict

MAX_BYTES: Final = 3_500_000
"""Under the 4 MB that a transaction takes."""

CONFLICTS: Final = frozenset(
    {
        "ConditionalCheckFailed",
        "ConditionalCheckFailedException",
        "TransactionConflict",
        "TransactionConflictException",
    }
)
"""Codes by which a write is refused since somebody else was there first."""

Failures = Mapping[int, Exception]
"""By number the plans that were not written: a VersionConflict, Unavailable, or what they crashed with."""


@dataclass(frozen=True)
class PackWriter:
    """Writes plans. At most `side_by_side` requests run in parallel."""

    connection: Connection
    side_by_side: int = 1

    def write(self, plans: Mapping[int, Plan]) -> Failures:
        """Writes each plan whole or not at all. One plan's conflict or throttling is no other's."""
        failures: dict[int, Exception] = {}
        requests = list(_requests(plans))
        if len(requests) > 1 and self.side_by_side > 1:
            with ThreadPoolExecutor(min(self.side_by_side, len(requests))) as pool:
                answers: Iterable[Failures] = pool.map(self._send, requests)
                for answer in answers:
                    failures |= answer
        else:
            for request in requests:
                failures |= self._send(request)
        return failures

    def _send(self, pack: Mapping[int, Plan]) -> Failures:
        try:
            with busy_as_unavailable():
                return self._send_item(pack) if _is_single(pack) else self._send_transaction(pack)
        except Exception as failure:
            return dict.fromkeys(pack, failure)

    def _send_item(self, pack: Mapping[int, Plan]) -> Failures:
        """One item needs no transaction, which costs twice as much."""
        ((number, plan),) = pack.items()
        (item,) = plan.items
        request = {**item.request, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        try:
            call(self.connection, f"{item.operation}Item", request)
        except PynamoDBException as error:
            if not error_codes(error) & CONFLICTS:
                raise
            if _already_written(item, error):
                return {}
            return {number: _conflict(error)}
        return {}

    def _send_transaction(self, pack: Mapping[int, Plan]) -> Failures:
        """Who is in conflict, or throttled, is left out, and the others are sent again."""
        failures: dict[int, Exception] = {}
        left = dict(pack)
        while left:
            items = [item for plan in left.values() for item in plan.items]
            request = {"TransactItems": [{item.operation: item.request} for item in items]}
            try:
                call(self.connection, "TransactWriteItems", request)
            except TransactWriteError as error:
                refused = _refused(left, error)
                if not refused:
                    raise
                failures |= refused
                left = {number: plan for number, plan in left.items() if number not in refused}
            else:
                break
        return failures


def _requests(plans: Mapping[int, Plan]) -> Iterator[Mapping[int, Plan]]:
    """The plans, as they are sent together."""
    pack: dict[int, Plan] = {}
    keys: set[tuple[str, ...]] = set()
    count = size = 0
    for number, plan in plans.items():
        if plan.alone or len(plan.items) < 2:
            if plan.items:
                yield {number: plan}
            continue
        its_keys, its_size = {item.key for item in plan.items}, sum(item.bytes for item in plan.items)
        is_full = count + len(plan.items) > MAX_ITEMS or size + its_size > MAX_BYTES
        if pack and (is_full or keys & its_keys):
            yield pack
            pack, keys, count, size = {}, set(), 0, 0
        pack[number] = plan
        keys |= its_keys
        count += len(plan.items)
        size += its_size
    if pack:
        yield pack


def _is_single(pack: Mapping[int, Plan]) -> bool:
    (plan, *others) = pack.values()
    return not others and len(plan.items) == 1 and plan.items[0].operation in ("Put", "Delete")


def _refused(pack: Mapping[int, Plan], error: TransactWriteError) -> Failures:
    """Which plans have an item that was a reason to cancel the transaction; none where it was not cancelled
    for such a reason."""
    failures: dict[int, Exception] = {}
    reasons: Sequence[Any] = error.cancellation_reasons
    begins = 0
    for number, plan in pack.items():
        codes = {one.code for one in reasons[begins : begins + len(plan.items)] if one}
        begins += len(plan.items)
        if codes - CONFLICTS - BUSY:
            raise error
        if codes & CONFLICTS:
            failures[number] = _conflict(error)
        elif codes:
            failures[number] = _busy(error)
    return failures


def _already_written(item: Item, error: PynamoDBException) -> bool:
    """Whether what was refused is what is there already: it was written, its answer was lost, and the client
    tried again."""
    answer = error.cause.__cause__ if error.cause else None  # PynamoDB's own exception leaves the item out
    there = answer.response.get("Item") if isinstance(answer, ClientError) else None
    return there is not None and there == item.request.get("Item")


def _conflict(error: Exception) -> VersionConflict:
    conflict = VersionConflict()
    conflict.__cause__ = error
    return conflict


def _busy(error: Exception) -> Unavailable:
    busy = Unavailable("the tables are throttled or out of reach")
    busy.__cause__ = error
    return busy
