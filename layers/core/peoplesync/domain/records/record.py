"""Records: what one Stripe customer's objects say, or an app of one of its users, folded from their changes.

Folding gives the same result whatever order the changes came in; see `snapshots` for what wins. Nothing here
looks at other records, segments or the clock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, TypeVar, cast

from peoplesync.domain.billing_events import BillingEvent
from peoplesync.domain.records.activity import MOST_TRACKED_KINDS, TRACKED, USER, Trait, email_in, with_traits
from peoplesync.domain.records.changes import Answer, Change, ObjectKey, ProductName
from peoplesync.domain.records.charges import Paid, Payments, settled_charge, with_charges
from peoplesync.domain.records.snapshots import GONE, NO_NEWS_WITHIN, Gone, Rank, Snapshot, Tied, settle
from peoplesync.domain.revenue.mrr import is_paid_for
from peoplesync.domain.stripe_objects import Customer, Subscription, fullest
from peoplesync.domain.stripe_objects.subscriptions import (
    TERMINAL_STATUSES,
    Item,
    alike,
    are_among,
    billed_currency,
    discounts_seen,
    in_currency,
)

KEPT_ENDED_SUBSCRIPTIONS: Final = 20
KEPT_AFTER_END: Final = 35 * 86_400
"""Ended subscriptions beyond the newest so many are dropped so many seconds after they ended: a record must
not grow for ever."""

MOST_SUBSCRIPTIONS: Final = 600
"""How many subscriptions that have not ended a record takes. Stripe allows 500; while events are late, some
that ended are still among them."""

KEPT_DISCOUNTS: Final = 40
"""How many of the newest discounts a record remembers."""

REMEMBERED_INSTANTS: Final = 32
"""How many of the newest instants of each kind of event a record keeps, for rules that count."""


@dataclass(frozen=True)
class Occurrences:
    """How often a kind of event happened, and when last: the newest instants, newest first."""

    count: int = 0
    newest: tuple[int, ...] = ()

    def with_one_at(self, at: int) -> Occurrences:
        return self + Occurrences(1, (at,))

    def __add__(self, other: Occurrences) -> Occurrences:
        newest = sorted(self.newest + other.newest, reverse=True)[:REMEMBERED_INSTANTS]
        return Occurrences(self.count + other.count, tuple(newest))


STATES: Final = frozenset({"customer", "subscription", "discount"})
"""Kinds of objects whose state a record holds; of the others it knows what happened."""


@dataclass(frozen=True)
class Record:
    """One Stripe customer, or one user of the app. `id` is the customer's, or `user:` with the app's id of
    the user; `first_seen_at` is when its first change came.

    `last_charge` and `last_paid_invoice` hold the newest payment of each sort (`created`, `amount` in the
    minor unit, `currency`, `description`), `payments` by currency what all charges come to. `asked` says that
    Stripe was asked for the customer, `dropped` that old subscriptions were dropped, of which
    `dropped_activity_at` is the latest activity. `traits` and `tracked_at`, the last tracked activity, are a
    user's.

    `looks` holds, of subscriptions that events show in part only, all items as Stripe showed them when it was
    asked; None where it did not know the subscription. `sightings` holds, of those whose last shape does not
    show all discounts, the ones that were shown before. `alias` is Stripe's account (Accounts v2) of the same
    customer.
    """

    id: str
    first_seen_at: int
    customer: Snapshot | None = None
    deleted: bool = False
    subscriptions: Mapping[str, Snapshot] = field(default_factory=dict)
    discounts: Mapping[str, Snapshot] = field(default_factory=dict)
    last_charge: Snapshot | None = None
    last_paid_invoice: Snapshot | None = None
    payments: Mapping[str, Paid] = field(default_factory=dict)
    looks: Mapping[str, Snapshot] = field(default_factory=dict)
    sightings: Mapping[str, Snapshot] = field(default_factory=dict)
    alias: str | None = None
    last_payment_failed_at: int | None = None
    last_checkout_at: int | None = None
    product_names: Mapping[str, ProductName] = field(default_factory=dict)
    events: Mapping[str, Occurrences] = field(default_factory=dict)
    asked: bool = False
    dropped: bool = False
    dropped_activity_at: int | None = None
    traits: Mapping[str, Trait] = field(default_factory=dict)
    tracked_at: int | None = None

    @property
    def is_user(self) -> bool:
        """Whether it is a user of the app."""
        return self.id.startswith(USER)

    @property
    def email(self) -> str | None:
        """The e-mail that assigns it to a person, as it was received."""
        if self.is_user:
            return email_in(self.traits)
        return self.facts["email"] if self.facts else None

    def snapshot_of(self, key: ObjectKey) -> Snapshot | None:
        """The state that is known of one of its objects, if it is one of `STATES`."""
        match key.kind:
            case "customer":
                return self.customer
            case "subscription":
                return self.subscriptions.get(key.id)
            case "discount":
                return self.discounts.get(key.id)
        return None

    @property
    def unidentified(self) -> bool:
        """Unidentified: an object of the customer came before the customer, or a user's e-mail is not
        known."""
        if self.is_user:
            return self.email is None
        return self.customer is None and not self.deleted and not self.is_account

    @property
    def is_account(self) -> bool:
        """Whether it is known by an account only (Accounts v2): no customer will ever follow."""
        return self.id.startswith("acct_")

    @property
    def awaits_customer(self) -> bool:
        """Whether to ask Stripe for the customer, if no event shows it."""
        return self.unidentified and not self.is_user and not self.asked

    @property
    def in_sync(self) -> bool:
        """Counted as a customer in sync with Stripe."""
        return self.customer is not None and not self.deleted

    @property
    def facts(self) -> Customer | None:
        """The customer's own fields."""
        return cast(Customer, self.customer.content) if self.customer else None

    def has_room_for(self, subscription: str) -> bool:
        """Whether it takes a subscription that has not ended."""
        if subscription in self.subscriptions:
            return True
        return sum(one.rank is not Rank.TERMINAL for one in self.subscriptions.values()) < MOST_SUBSCRIPTIONS

    @cached_property  # looked at some ten times in each evaluation
    def current_subscriptions(self) -> Sequence[Subscription]:
        """The subscriptions as they count: with the discounts that they were last seen with, and those of a
        deleted customer canceled."""
        contents = [
            _with_discounts_seen(self, cast(Subscription, one.content)) for one in self.subscriptions.values()
        ]
        if not self.deleted:
            return contents
        return [
            one if one["status"] in TERMINAL_STATUSES else Subscription(**{**one, "status": "canceled"})
            for one in contents
        ]


def as_one_customer(records: Iterable[Record]) -> list[Record]:
    """The records, where what arrived under a customer's account, before it was known whose that is, counts
    as the customer's."""
    every = {record.id: record for record in records}
    for record in list(every.values()):
        if record.alias in every and record.alias != record.id:
            every[record.id] = _together(record, every.pop(record.alias))
    return list(every.values())


def _together(customer: Record, account: Record) -> Record:
    """What a profile looks at in both; of what both know, the newer state counts."""

    def newer(name: str) -> dict[str, Snapshot]:
        mine, theirs = getattr(customer, name), getattr(account, name)
        both = {**theirs, **mine}
        for one in mine.keys() & theirs.keys():
            both[one] = max(mine[one], theirs[one], key=lambda snapshot: (snapshot.rank, snapshot.order))
        return both

    def newest(name: str) -> Snapshot | None:
        slots = (getattr(one, name) for one in (customer, account))
        return max((one for one in slots if one is not None), key=_payment, default=None)

    return replace(
        customer,
        subscriptions=newer("subscriptions"),
        discounts=newer("discounts"),
        looks=newer("looks"),
        sightings=newer("sightings"),
        last_charge=newest("last_charge"),
        last_paid_invoice=newest("last_paid_invoice"),
        last_payment_failed_at=_latest(customer.last_payment_failed_at, [account.last_payment_failed_at]),
        last_checkout_at=_latest(customer.last_checkout_at, [account.last_checkout_at]),
        dropped_activity_at=_latest(customer.dropped_activity_at, [account.dropped_activity_at]),
        product_names={**account.product_names, **customer.product_names},
        events=occurrences([customer, account]),
    )


def occurrences(records: Iterable[Record]) -> Mapping[str, Occurrences]:
    """What happened to all of them together, by kind."""
    together: dict[str, Occurrences] = {}
    for record in records:
        for kind, one in record.events.items():
            together[kind] = together.get(kind, Occurrences()) + one
    return together


@dataclass(frozen=True)
class FoldedRecord:
    """A record after its changes, the feed entries they add, the objects only Stripe can settle, and what
    each charge that changed counts for now. `fell` says that the last payment turned out not to be one, and
    that the one before it was not among what was given."""

    record: Record
    entries: tuple[BillingEvent, ...]
    ties: frozenset[ObjectKey]
    charges: Mapping[str, Snapshot] = field(default_factory=dict)
    fell: bool = False


def fold_record(
    record: Record,
    changes: Sequence[Change],
    known_entries: Collection[str],
    answers: Mapping[ObjectKey, Answer],
    charges: Mapping[str, Snapshot] | None = None,
    earlier: Sequence[Snapshot] | None = None,
) -> FoldedRecord:
    """The record after the changes. `known_entries` are the entries already in its feed, `charges` what those
    of the changes counted for so far, and `earlier` the newest payment before them, where it was looked for.
    """
    ties: set[ObjectKey] = set()
    rows, settled = charges or {}, dict[str, Snapshot]()
    for key in sorted({change.object for change in changes}, key=lambda key: (key.kind, key.id)):
        arriving = [one.snapshot for one in changes if one.object == key and one.snapshot is not None]
        answer = answers.get(key)
        asks = any(_asks(record, change) for change in changes if change.object == key)
        if asks or _may_be_dropped(record, key):
            if answer is None:
                ties.add(key)
                continue
            record = replace(record, asked=record.asked or key.kind == "customer")
            if isinstance(answer.snapshot, Snapshot):
                arriving = [answer.snapshot, *(arriving if key.kind == "subscription" else ())]
        try:
            if key.kind == "charge":
                fetched = answer.snapshot if answer else None
                charge = settled_charge(key.id, record.last_charge, rows, arriving, fetched)
                settled |= {key.id: charge} if charge else {}
            else:
                record = _with_object(record, key, arriving, answer)
        except Tied:
            ties.add(key)
        if answer is not None and answer.deleted and key.kind == "customer":
            record = replace(record, deleted=True)
    record = _with_discounts(record, changes, answers)
    payments = with_charges(Payments(record.last_charge, record.payments), settled, rows, earlier)
    entries = _new_entries(changes, known_entries)
    return FoldedRecord(
        replace(
            record,
            last_charge=payments.newest,
            payments=payments.sums,
            deleted=record.deleted or any(change.deleted for change in changes),
            alias=record.alias or next((one.alias for one in changes if one.alias), None),
            last_payment_failed_at=_latest(record.last_payment_failed_at, (one.failed_at for one in changes)),
            last_checkout_at=_latest(record.last_checkout_at, (one.checkout_at for one in changes)),
            tracked_at=_latest(record.tracked_at, _tracked(entries)),
            traits=with_traits(record.traits, (one.traits for one in changes)),
            product_names=_named(record.product_names, changes),
            events=_counted(record.events, entries),
        ),
        entries,
        frozenset(ties),
        {name: charge for name, charge in settled.items() if rows.get(name) != charge},
        payments.fell,
    )


def without_old_subscriptions(record: Record, now: int) -> Record:
    """The record without the ended subscriptions that it need not keep any longer."""
    ended = [
        cast(Subscription, one.content) for one in record.subscriptions.values() if one.rank is Rank.TERMINAL
    ]
    ended.sort(key=lambda one: (one["created"], one["id"]), reverse=True)
    old = {
        one["id"]: one
        for one in ended[KEPT_ENDED_SUBSCRIPTIONS:]
        if (one["ended_at"] or one["canceled_at"] or one["created"]) <= now - KEPT_AFTER_END
    }
    if not old:
        return record
    activity = (instant for one in old.values() for instant in (one["trial_start"], one["canceled_at"]))
    return replace(
        record,
        subscriptions={key: one for key, one in record.subscriptions.items() if key not in old},
        looks={key: one for key, one in record.looks.items() if key not in old},
        sightings={key: one for key, one in record.sightings.items() if key not in old},
        dropped=True,
        dropped_activity_at=_latest(record.dropped_activity_at, activity),
    )


def _asks(record: Record, change: Change) -> bool:
    """Whether to ask Stripe although no event showed the object."""
    if change.ask and change.object.kind == "subscription":
        return is_shown_in_part(record, change.object.id)
    if change.unseen_since is None:
        return change.ask
    return record.in_sync and record.customer is not None and record.customer.as_of < change.unseen_since


def _may_be_dropped(record: Record, key: ObjectKey) -> bool:
    """An unknown subscription of a record that dropped some is not believed before Stripe was asked."""
    return record.dropped and key.kind == "subscription" and key.id not in record.subscriptions


def _with_object(
    record: Record, key: ObjectKey, arriving: Sequence[Snapshot], answer: Answer | None
) -> Record:
    fetched = answer.snapshot if answer else None
    match key.kind:
        case "customer":
            within = NO_NEWS_WITHIN if answer is None else 0
            return replace(record, customer=settle(record.customer, arriving, fetched, no_news_within=within))
        case "subscription":
            return _with_subscription(record, key.id, arriving, answer)
        case "invoice":
            invoice = _newest_payment(record.last_paid_invoice, arriving, fetched)
            return replace(record, last_paid_invoice=invoice)
    return record


def _with_subscription(
    record: Record, name: str, arriving: Sequence[Snapshot], answer: Answer | None
) -> Record:
    stored, fetched = record.subscriptions.get(name), answer.snapshot if answer else None
    billed = billed_currency(one.content for one in (stored, *arriving, fetched) if isinstance(one, Snapshot))
    if billed is not None:
        stored, fetched = _in_currency(stored, billed), _in_currency(fetched, billed)
        arriving = [_in_currency(one, billed) for one in arriving]
    # Of one event in the shapes of two API versions, the one counts that shows all discounts.
    whole = {one.event: one for one in arriving if one.event and not one.content.get("more_discounts")}
    arriving = [whole.get(one.event, one) for one in arriving]
    if stored is not None and stored.content.get("more_discounts"):
        stored = whole.get(stored.event, stored)
    settled = settle(stored, arriving, fetched, alike)
    if settled is None:
        return record
    looks = {one: look for one, look in record.looks.items() if one != name}
    sightings = {one: seen for one, seen in record.sightings.items() if one != name}
    vain: int | None = None
    if answer is not None:
        known = {*record.discounts, *answer.discounts}
        unknown = _discounts_of(cast(Subscription, settled.content)) - known
        shown = answer.snapshot
        cut = isinstance(shown, Snapshot) and shown.content["more_items"]
        vain = answer.as_of if answer.missing or answer.unreadable or unknown or cut else None
    if look := _newest_look(record.looks.get(name), settled, [stored, *arriving], vain):
        looks[name] = look
    if seen := _newest_sighting(record.sightings.get(name), settled, [stored, *arriving, fetched]):
        sightings[name] = seen
    subscriptions = {**record.subscriptions, name: settled}
    return replace(record, subscriptions=subscriptions, looks=looks, sightings=sightings)


_AnySnapshot = TypeVar("_AnySnapshot", Snapshot, "Snapshot | None", "Snapshot | Gone | None")


def _in_currency(snapshot: _AnySnapshot, currency: str) -> _AnySnapshot:
    if not isinstance(snapshot, Snapshot):
        return snapshot
    return replace(snapshot, content=in_currency(cast(Subscription, snapshot.content), currency))


def _newest_look(
    before: Snapshot | None,
    settled: Snapshot,
    shown: Iterable[Snapshot | None],
    asked_in_vain_at: int | None,
) -> Snapshot | None:
    """What is remembered of when a subscription was seen whole: its items, where events do not show them all,
    and that Stripe was asked and could not show what is missing."""
    cut = settled.content["more_items"]
    seen = [] if before is None else [before]
    if cut:
        wholes = (one for one in shown if one is not None and not one.content["more_items"])
        seen += (Snapshot(one.as_of, "", Rank.STATE, {"items": one.content["items"]}) for one in wholes)
    if asked_in_vain_at is not None:
        seen.append(Snapshot(asked_in_vain_at, "", Rank.STATE, {"items": None}))
    newest = max(seen, key=lambda one: one.as_of, default=None)
    return newest if newest is None or cut or newest.as_of >= settled.as_of else None


def _newest_sighting(
    before: Snapshot | None, settled: Snapshot, shown: Iterable[Snapshot | Gone | None]
) -> Snapshot | None:
    """All discounts that a subscription was last seen with, where its last shape does not show them."""
    if not settled.content.get("more_discounts"):
        return None
    seen = [] if before is None else [before]
    for one in shown:
        if isinstance(one, Snapshot) and not one.content.get("more_discounts"):
            content = discounts_seen(one.content)
            seen.append(Snapshot(one.as_of, one.event, Rank.STATE, content))
    return max(seen, key=lambda one: one.order, default=None)


def _with_discounts_seen(record: Record, subscription: Subscription) -> Subscription:
    """The subscription with the discounts that it was seen with, where its own shape does not show all that
    there may be."""
    seen = _hidden_discounts(record, subscription["id"])
    if seen is None:
        return subscription
    shown = subscription["discounts"]
    items = [Item(**{**one, "discounts": seen.get(one["id"], [])}) for one in subscription["items"]]
    own = seen[""] if are_among(shown, seen[""]) else shown
    return Subscription(**{**subscription, "discounts": own, "items": items})


def is_out_of_sight(record: Record, subscription: str) -> bool:
    """Whether it had discounts that events have not shown since, so that they may have ended."""
    if _hidden_discounts(record, subscription) is None:
        return False
    return record.sightings[subscription].as_of < record.subscriptions[subscription].as_of


def _hidden_discounts(record: Record, subscription: str) -> Mapping[str, list[str]] | None:
    seen = record.sightings.get(subscription)
    if seen is None:
        return None
    # A single one of the whole subscription is shown by every shape.
    return seen.content if len(seen.content[""]) > 1 or len(seen.content) > 1 else None


def _discounts_of(subscription: Subscription) -> frozenset[str]:
    """The ids of all its discounts, also of those of the items that are shown."""
    of_items = (one for item in subscription["items"] for one in item["discounts"])
    return frozenset({*subscription["discounts"], *of_items})


def is_shown_in_part(record: Record, subscription: str) -> bool:
    """Whether Stripe, if it is asked now, can show more of a subscription than events have shown: items
    beyond the first ones, or what its discounts are."""
    snapshot, look = record.subscriptions.get(subscription), record.looks.get(subscription)
    if snapshot is None:
        return False
    if look is not None and look.as_of >= snapshot.as_of:
        return False
    content = cast(Subscription, snapshot.content)
    unknown = bool(_discounts_of(content) - record.discounts.keys()) or is_out_of_sight(record, subscription)
    # An ended subscription no longer has discounts, but still shows the plan that it had.
    return content["more_items"] or (unknown and not record.deleted and is_paid_for(content))


def _with_discounts(record: Record, changes: Iterable[Change], answers: Mapping[ObjectKey, Answer]) -> Record:
    """The record with what is known of its discounts: from events of their own, and from their holders."""
    arriving: dict[str, list[Snapshot]] = {}
    for change in changes:
        answer = answers.get(change.object)
        for name, shown in (*change.discounts.items(), *(answer.discounts.items() if answer else ())):
            arriving.setdefault(name, []).append(shown)
        if change.object.kind == "discount" and change.snapshot is not None:
            arriving.setdefault(change.object.id, []).append(change.snapshot)
    discounts = dict(record.discounts)
    for name, shown_ones in sorted(arriving.items()):
        discounts[name] = _settled_discount(discounts.get(name), shown_ones)
    newest = sorted(discounts, key=lambda one: (discounts[one].content["start"] or 0, one), reverse=True)
    return replace(record, discounts={one: discounts[one] for one in sorted(newest[:KEPT_DISCOUNTS])})


def _settled_discount(stored: Snapshot | None, arriving: Sequence[Snapshot]) -> Snapshot:
    """Stripe cannot be asked for a discount, and never needs to be: of one id only its end changes. What one
    shape has shown of it, the next one does not undo."""
    every = sorted([*([stored] if stored else []), *arriving], key=lambda one: one.order)
    leader = settle(stored, arriving, GONE, _same_discount) or every[-1]
    coupon = leader.content["coupon"]
    known = [one.content for one in every if one.content["coupon"] == coupon]
    content = {
        **leader.content,
        "terms": fullest(one["terms"] for one in known if one["terms"] is not None),
        "subscription": next((one["subscription"] for one in reversed(known) if one["subscription"]), None),
        "item": next((one["item"] for one in reversed(known) if one["item"]), None),
    }
    return replace(leader, content=content)


def _same_discount(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[name] == other[name] for name in ("coupon", "start", "end"))


def _newest_payment(
    stored: Snapshot | None, arriving: Sequence[Snapshot], fetched: Snapshot | Gone | None
) -> Snapshot | None:
    """The slot holds the newest payment; only snapshots of that one are folded on.

    A payment's `created` never changes, so which one is newest does not depend on the path taken.
    """
    if not arriving:
        return stored
    if stored is None or _payment(arriving[0]) > _payment(stored):
        return settle(None, arriving, fetched)
    return settle(stored, arriving, fetched) if _payment(arriving[0]) == _payment(stored) else stored


def _payment(snapshot: Snapshot) -> tuple[int, str]:
    return snapshot.content["created"], snapshot.content["id"]


def _new_entries(changes: Iterable[Change], known: Collection[str]) -> tuple[BillingEvent, ...]:
    new: dict[str, BillingEvent] = {}
    for change in changes:
        for event in change.events:
            if not event.is_known(known):
                new.setdefault(event.memory, event)
    return tuple(new.values())


def _named(stored: Mapping[str, ProductName], changes: Iterable[Change]) -> Mapping[str, ProductName]:
    names = dict(stored)
    for name in (name for change in changes for name in change.product_names):
        known = names.get(name.product)
        if known is None or name > known:
            names[name.product] = name
    return names


def _counted(events: Mapping[str, Occurrences], entries: Sequence[BillingEvent]) -> Mapping[str, Occurrences]:
    counted = dict(events)
    tracked = sum(kind.startswith(TRACKED) for kind in counted)
    for entry in entries:
        if entry.kind.startswith(TRACKED) and entry.kind not in counted:
            tracked += 1
            if tracked > MOST_TRACKED_KINDS:
                continue
        counted[entry.kind] = counted.get(entry.kind, Occurrences()).with_one_at(entry.at)
    return counted


def _tracked(entries: Iterable[BillingEvent]) -> Iterable[int]:
    """When the app tracked what is new: a message that comes again is not activity."""
    return (entry.at for entry in entries if entry.kind.startswith(TRACKED))


def _latest(stored: int | None, arriving: Iterable[int | None]) -> int | None:
    return max((one for one in (stored, *arriving) if one is not None), default=None)
