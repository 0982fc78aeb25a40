"""Receipts: what was removed with a person, counted, without anything personal.

A receipt adds up in the transactions that remove the person, and then counts the entries of the feed. Beside
it stand the rows by which the erased are known.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from pynamodb.exceptions import DeleteError, UpdateError
from pynamodb.expressions.update import Action

from peoplesync.adapters.dynamodb.errors import busy_as_unavailable, condition_failed
from peoplesync.adapters.dynamodb.tables import IdentityRow, ReceiptRow, whole
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import ERASED
from peoplesync.use_cases.erasing.receipt import ErasureReceipt


def additions(removed: ErasureReceipt) -> list[Action]:
    """What a transaction that removed this adds to the person's receipt."""
    actions: list[Action] = [
        ReceiptRow.users.add(removed.users),
        ReceiptRow.identities.add(removed.identities),
        ReceiptRow.memberships.add(removed.memberships),
        ReceiptRow.fields.add(removed.fields),
    ]
    if removed.customers:
        actions.append(ReceiptRow.customers.add(set(removed.customers)))
    if removed.erased_at is not None:
        actions.append(ReceiptRow.erased_at.set(removed.erased_at))
        actions.append(ReceiptRow.indexed.set(True))
    return actions


def note_feed_deleted(epoch: Epoch, person: str, entries: int, at: int | None) -> None:
    """Adds deleted entries to a person's receipt, if there is one; `at` where no more can come."""
    feed_deleted_at = ReceiptRow.feed_deleted_at
    done = [] if at is None else [feed_deleted_at.set(feed_deleted_at | at)]
    row = ReceiptRow(ReceiptRow.key(epoch, person))
    try:
        with busy_as_unavailable():
            row.update(actions=[ReceiptRow.entries.add(entries), *done], condition=ReceiptRow.pk.exists())
    except UpdateError as error:
        if not condition_failed(error):
            raise


@dataclass(frozen=True)
class ErasedRows:
    """Receipts, and the rows by which the erased are known, for who asks for them. Everything raises
    Unavailable."""

    def ask(self, epoch: Epoch, person: str, at: int) -> None:
        """Begins a receipt. One asked for twice was asked for when it was first."""
        asked_at = ReceiptRow.asked_at
        with busy_as_unavailable():
            ReceiptRow(ReceiptRow.key(epoch, person)).update(actions=[asked_at.set(asked_at | at)])

    def receipt(self, epoch: Epoch, person: str) -> ErasureReceipt | None:
        """A person's receipt, as far as it has got."""
        try:
            with busy_as_unavailable():
                row = ReceiptRow.get(ReceiptRow.key(epoch, person), consistent_read=True)
        except ReceiptRow.DoesNotExist:
            return None
        return ErasureReceipt(
            person=person,
            asked_at=whole(row.asked_at),
            erased_at=whole(row.erased_at),
            feed_deleted_at=whole(row.feed_deleted_at),
            # Who was erased before there were read models is in none.
            unindexed_at=whole(row.unindexed_at if row.indexed else row.feed_deleted_at),
            customers=tuple(sorted(row.customers or ())),
            users=int(row.users or 0),
            identities=int(row.identities or 0),
            memberships=int(row.memberships or 0),
            fields=int(row.fields or 0),
            entries=int(row.entries or 0),
        )

    def former(self, epoch: Epoch, identity: str) -> str | None:
        """Whose an erased identity was, "" where that is not known; None where it is not erased."""
        with suppress(IdentityRow.DoesNotExist), busy_as_unavailable():
            row = IdentityRow.get(IdentityRow.key(epoch, identity), consistent_read=True)
            if row.person == ERASED:
                return row.former or ""
        return None

    def lift(self, epoch: Epoch, identity: str) -> bool:
        """Forgets that an identity is erased; whether it was."""
        row = IdentityRow(IdentityRow.key(epoch, identity))
        try:
            with busy_as_unavailable():
                row.delete(condition=IdentityRow.person == ERASED)
        except DeleteError as error:
            if not condition_failed(error):
                raise
            return False
        return True
