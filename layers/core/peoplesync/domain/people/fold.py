"""The fold: people after some changes.

First each record takes its changes, by itself. Then it is assigned to the person of its e-mail. Then the
people it touched are evaluated: fields, segments, next review. What must be written together comes out as one
write_set: a person, or the two of a move.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.people.identities import IdentityResolver
from peoplesync.domain.people.person import (
    UNIDENTIFIED_PATIENCE,
    email_identity,
    normal_email,
    record_identity,
)
from peoplesync.domain.people.write_set import FoldResult, LoadedState
from peoplesync.domain.records.activity import email_in
from peoplesync.domain.records.changes import Answer, Change, ObjectKey
from peoplesync.domain.records.record import fold_record, without_old_subscriptions
from peoplesync.domain.records.snapshots import Snapshot
from peoplesync.domain.segments.definitions import Definitions


def fold(
    known: LoadedState,
    changes: Sequence[Change],
    definitions: Definitions,
    now: int,
    answers: Mapping[ObjectKey, Answer],
    new_id: Callable[[], str],
    reviews: Collection[str] = (),
    erasures: Collection[str] = (),
) -> FoldResult:
    """The people after the changes, in whatever order those came.

    `answers` holds what Stripe said about earlier `ties`; `new_id` names a person seen for the first time;
    `reviews` are people to be evaluated again without changes of theirs, `erasures` people to be
    erased. Changes about erased people are not folded.
    """
    if any(person.definitions_version > definitions.version for person in known.people.values()):
        return FoldResult(outdated=True)
    resolver = IdentityResolver(known, now, new_id)
    resolver.erase(erasures)
    ties: set[ObjectKey] = set()
    unknown: set[str] = set()
    fell: dict[str, Collection[str]] = {}
    all_changes = addressed([*changes, *_overdue(known, reviews, now)], known)
    for record_id, theirs in _by_record(all_changes).items():
        identity = record_identity(record_id)
        if identity not in known.identities:
            unknown.add(identity)
            continue
        if resolver.is_erased(identity):
            continue
        if known.identities[identity] is None and all(one.unseen_since is not None for one in theirs):
            continue
        before = resolver.record(record_id)
        folded = fold_record(
            before,
            theirs,
            _known_entries(known, record_id, theirs),
            answers,
            known.charges.get(record_id, {}),
            known.earlier.get(record_id),
        )
        ties |= folded.ties
        if folded.fell:
            fell[record_id] = {one.object.id for one in theirs if one.object.kind == "charge"}
        record = resolver.with_free_alias(without_old_subscriptions(folded.record, now))
        if record.alias and not resolver.knows(record_identity(record.alias)):
            unknown.add(record_identity(record.alias))
        email = normal_email(record.email)
        if email is not None and not resolver.knows(email_identity(email)):
            unknown.add(email_identity(email))
        elif email is not None and resolver.is_erased(email_identity(email)):
            resolver.reject_erased(record_id, theirs)
        elif (
            record != before
            or folded.entries
            or folded.charges
            or resolver.is_stale(record_id, definitions.version)
        ):
            resolver.assign(record, email)
            resolver.note(record_id, folded.entries, theirs, folded.charges.values())
    if ties or unknown or fell:
        return FoldResult(ties=frozenset(ties), unknown=frozenset(unknown), fell=fell)
    resolver.review(reviews)
    if unlisted := resolver.uses() - known.catalogue.keys():
        return FoldResult(unlisted=frozenset(unlisted))
    return FoldResult(write_sets=tuple(resolver.write_sets(definitions)))


def _overdue(known: LoadedState, reviews: Collection[str], now: int) -> Iterable[Change]:
    """The unidentified records of reviewed people whose minute has passed: Stripe is asked for their
    customers."""
    for person in (known.people[one] for one in sorted(reviews) if one in known.people):
        for record in person.records.values():
            if record.awaits_customer and now >= record.first_seen_at + UNIDENTIFIED_PATIENCE:
                yield Change(record.id, ObjectKey("customer", record.id), now, ask=True)


def addressed(changes: Iterable[Change], known: LoadedState) -> list[Change]:
    """The changes, each for the record that keeps what it is about.

    What arrives under an account is the customer's whose account it is, where that is known; a charge that
    was counted under one of the two before stays there.
    """
    every = list(changes)
    customers = {one.alias: one.record for one in every if one.alias}
    for person in known.people.values():
        customers |= {one.alias: one.id for one in person.records.values() if one.alias}

    def of(change: Change) -> Change:
        account = change.alias or change.record
        customer = customers.get(account)
        if customer is None:
            return change
        counted = [one for one in (customer, account) if change.object.id in known.charges.get(one, {})]
        if counted and counted[0] == account:
            return replace(change, record=account, alias=None)
        return replace(change, record=customer, alias=account) if change.alias is None else change

    return [of(change) for change in every]


def _known_entries(known: LoadedState, record: str, changes: Iterable[Change]) -> Collection[str]:
    """The entries in a record's feed; and in that of its alias, under which it may have been known before."""
    aliases = {one.alias for one in changes if one.alias}
    return {entry for one in (record, *aliases) for entry in known.entries.get(one, ())}


def _by_record(changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    grouped: defaultdict[str, list[Change]] = defaultdict(list)
    for change in changes:
        grouped[change.record].append(change)
    return dict(sorted(grouped.items()))


def identities_in(changes: Iterable[Change]) -> frozenset[str]:
    """The identities that the changes may touch: their records, and the e-mails that decide their person."""
    found = set()
    for change in changes:
        found.add(record_identity(change.record))
        if change.alias:
            found.add(record_identity(change.alias))
        shown = email_in(change.traits)
        if change.object.kind == "customer" and change.snapshot is not None:
            shown = change.snapshot.content["email"]
        email = normal_email(shown)
        found |= {email_identity(email)} if email else set()
    return frozenset(found)


def entries_in(changes: Iterable[Change]) -> Mapping[str, Collection[BillingEvent]]:
    """The billing events of the changes, by the record whose feed they may be in already."""
    found: dict[str, list[BillingEvent]] = {}
    for change in changes:
        for record in (change.record, change.alias):
            if record is not None:
                found.setdefault(record, []).extend(change.events)
    return found


def charges_in(changes: Iterable[Change]) -> Mapping[str, Collection[Snapshot]]:
    """The charges of the changes, by the record beside whose feed what they count for may be kept already."""
    found: dict[str, list[Snapshot]] = {}
    for change in changes:
        if change.object.kind == "charge" and change.snapshot is not None:
            for record in (change.record, change.alias):
                if record is not None:
                    found.setdefault(record, []).append(change.snapshot)
    return found
