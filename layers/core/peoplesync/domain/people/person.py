"""People: the fold of the records that share an e-mail."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from peoplesync.domain.catalogue import EMPTY, Catalogue, index_of_users
from peoplesync.domain.fields.built_in import FIELD_TYPES, FieldType, FieldValue, project, types_of
from peoplesync.domain.fields.custom import custom_values
from peoplesync.domain.fields.profile import profile_of
from peoplesync.domain.fields.terms import uses_of
from peoplesync.domain.records.activity import USER
from peoplesync.domain.records.record import Record, occurrences
from peoplesync.domain.revenue.by_customer import MrrByCustomer, mrr_by_customer
from peoplesync.domain.segments.definitions import Definitions, memberships
from peoplesync.domain.segments.rules import Subject, earliest

UNIDENTIFIED_PATIENCE: Final = 60
"""Seconds to wait for the customer of a record whose subscription came first."""

SHARED_BY: Final = 50
"""How many records with one e-mail make it shared (an agency's billing address): each is a person of its
own."""

SHARED: Final = "shared"
"""The owner of an e-mail that is shared."""

ERASED: Final = "erased"
"""The owner of an identity whose person was erased: nothing of it is kept."""

EVERYONE: Final = "everyone"
CUSTOMERS_IN_SYNC: Final = "customers_in_sync"
"""Indexes kept beside the segments: of all people, and of all Stripe customers that are not deleted."""


def normal_email(email: str | None) -> str | None:
    """An e-mail as an identity: trimmed, case-folded, NFC; None where there is none."""
    if email is None:
        return None
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", email.strip()).casefold()) or None


def customer_identity(customer: str) -> str:
    """The identity of a Stripe customer."""
    return f"customer:{customer}"


def record_identity(record: str) -> str:
    """The identity of a record: of a Stripe customer, or of a user of the app."""
    return record if record.startswith(USER) else customer_identity(record)


def email_identity(email: str) -> str:
    """The identity of a (normal) e-mail."""
    return f"email:{email}"


@dataclass(frozen=True)
class Person:
    """One human. `version` is 0 until stored; `email` is the identity they hold, in normal form.

    `segments` says since when they are in each; `evaluated_at` is the `now` of their last evaluation, which
    never runs backwards; `review_at` is when something may change by itself. `terms` are the
    revisions of the catalogue's entries that they were last written with; so is `definitions_version`: whom
    newer definitions do not change is not written.

    `errors` says by field why its value cannot be converted. `absorbed` are the people whose last record
    has moved here, in this very write; `moved_in` are the customers who did, with the MRR that they were kept
    with elsewhere. `mrr` is None of a person who was stored before it was kept by customer.
    """

    id: str
    created_at: int
    version: int = 0
    email: str | None = None
    records: Mapping[str, Record] = field(default_factory=dict)
    fields: Mapping[str, FieldValue] = field(default_factory=dict)
    segments: Mapping[str, int] = field(default_factory=dict)
    last_sync_at: int | None = None
    evaluated_at: int = 0
    review_at: int | None = None
    definitions_version: int = 0
    terms: Mapping[str, int] = field(default_factory=dict)
    errors: Mapping[str, str] = field(default_factory=dict)
    absorbed: tuple[str, ...] = ()
    mrr: MrrByCustomer | None = None
    moved_in: MrrByCustomer = field(default_factory=dict)

    @property
    def unidentified(self) -> bool:
        """Unidentified: of all their records nothing but a stray object is known."""
        return all(record.unidentified for record in self.records.values())

    @property
    def unsharing(self) -> bool:
        """Their e-mail turned out to be shared, and their records have not all left yet."""
        return self.email is None and self.customers > 1

    @property
    def customers(self) -> int:
        """How many customers or users they are: an account that is another id of one is none of its own."""
        aliases = {record.alias for record in self.records.values()}
        return sum(name not in aliases for name in self.records)

    @property
    def identities(self) -> frozenset[str]:
        """The identities by which this person is found."""
        records = {record_identity(record) for record in self.records}
        records |= {record_identity(one.alias) for one in self.records.values() if one.alias}
        return frozenset(records | ({email_identity(self.email)} if self.email else set()))

    @property
    def indexed_in(self) -> Mapping[tuple[str, str], int]:
        """Their entries in the member indexes, `(index, member id)`, each with its `since`."""
        entries = {(segment, self.id): since for segment, since in self.segments.items()}
        if not self.unidentified:
            entries[EVERYONE, self.id] = self.created_at
        for record in self.records.values():
            if record.in_sync:
                entries[CUSTOMERS_IN_SYNC, record.id] = record.first_seen_at
        for used in self.terms:
            entries[index_of_users(used), self.id] = self.created_at
        return entries


def terms_of(person: Person, catalogue: Catalogue) -> Mapping[str, int]:
    """The revisions of the catalogue's entries that a person uses."""
    uses = sorted(uses_of(person.records.values()), key=str)
    return {str(key): catalogue[key].revision for key in uses if key in catalogue}


def subject_of(
    person: Person, fields: Mapping[str, FieldValue], types: Mapping[str, FieldType] = FIELD_TYPES
) -> Subject:
    """What rules look at in a person with these fields, which are of those types."""
    records = person.records.values()
    return Subject(
        fields,
        stripe_customer=any(record.in_sync for record in records),
        events=occurrences(records),
        email=any(normal_email(record.email) for record in records),
        types=types,
    )


def evaluate(person: Person, definitions: Definitions, now: int, catalogue: Catalogue = EMPTY) -> Person:
    """The person's fields, memberships and next review as they stand at `now`."""
    now = max(now, person.evaluated_at)
    profile = profile_of(person.records, person.last_sync_at, now, catalogue)
    own, errors = custom_values(profile, definitions.fields)
    enabled = types_of(definitions.fields)
    shown = enabled.keys() - errors.keys()
    fields = {key: value for key, value in {**project(profile), **own}.items() if key in shown}
    if person.unidentified:
        segments: frozenset[str] = frozenset()
        unasked = (record for record in person.records.values() if record.awaits_customer)
        until = earliest(max(record.first_seen_at + UNIDENTIFIED_PATIENCE, now + 1) for record in unasked)
    else:
        segments, until = memberships(definitions.enabled, subject_of(person, fields, enabled), now)
        until = earliest((until, profile.until, now + UNIDENTIFIED_PATIENCE if person.unsharing else None))
    brought = {customer: amounts for customer, amounts in person.moved_in.items() if amounts != {}}
    return replace(
        person,
        fields=fields,
        segments={segment: person.segments.get(segment, now) for segment in sorted(segments)},
        evaluated_at=now,
        review_at=until if until is not None and until > now else None,
        definitions_version=definitions.version,
        terms=terms_of(person, catalogue),
        errors=errors,
        mrr=mrr_by_customer(profile.mrr_of, {**(person.mrr or {}), **brought}),
    )
