"""Contributions: what one person adds to the read models, and what a change of it moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC, EVERYONE, Person
from peoplesync.domain.publishing import IMPORT, OF_IMPORTS, public_cause
from peoplesync.domain.read_models.days import Counts, nonzero
from peoplesync.domain.read_models.search_terms import terms_of_person
from peoplesync.domain.read_models.trials import trial_step
from peoplesync.domain.revenue.by_customer import Amounts, MrrByCustomer, sum_of
from peoplesync.domain.revenue.money import minor

Kind = Literal["segments", "mrr", "plans"]
KINDS: Final[tuple[Kind, ...]] = ("segments", "mrr", "plans")

Movement = Literal[
    "new",
    "expanded",
    "contracted",
    "churned",
    "reactivated",
    "imported",
    "corrected",
    "transferred",
    "removed",
]
"""Why MRR changed. The first five are what customers did. `imported` is what an import brought, or was there
when counting began; `corrected` what terms that became known, changed definitions or a reindex made of it;
`transferred` moved with a customer between two people, sum 0; `removed` was erased."""

BEFORE: Final = ""
"""Stands for the customers of a person who was stored before MRR was kept by customer."""


@dataclass(frozen=True)
class Contribution:
    """What a person adds: to the count of each of `indexes` (segments, and `everyone`) and of `customers` in
    sync, to the cell of their `status` and `plan`, to MRR, to the search index."""

    indexes: frozenset[str] = frozenset()
    customers: int = 0
    status: str = ""
    plan: str = ""
    mrr: MrrByCustomer = field(default_factory=dict)
    terms: frozenset[str] = frozenset()

    @property
    def worth(self) -> Amounts:
        """MRR by currency; what is not known counts as nothing."""
        sums: Counter[str] = Counter()
        for amounts in self.mrr.values():
            sums.update(amounts or {})
        return sums


NOTHING: Final = Contribution()


def contribution_of(person: Person | None) -> Contribution:
    """What a person adds; somebody unidentified adds nothing yet."""
    if person is None or person.unidentified:
        return NOTHING
    return Contribution(
        frozenset({EVERYONE, *person.segments}),
        sum(record.in_sync for record in person.records.values()),
        str(person.fields.get("subscription_status") or ""),
        str(person.fields.get("product_name") or person.fields.get("plan_id") or ""),
        _mrr_of(person),
        terms_of_person(person),
    )


def _mrr_of(person: Person) -> MrrByCustomer:
    if person.mrr is not None:
        return person.mrr
    shown: Any = person.fields.get("mrr") or {}
    return {BEFORE: {currency: minor(amount, currency) for currency, amount in shown.items()}}


@dataclass(frozen=True)
class Move:
    """Somebody who moved: `who` is a customer, whose MRR in the currency `where` changed by `amount`, or a
    person who entered or left the segment `where`."""

    who: str
    what: str
    where: str
    amount: int = 0


@dataclass(frozen=True)
class Delta:
    """What one write moves. `totals` and `flows` are by kind and key: of `segments`, (index) and (segment,
    cause, entered or left); of `mrr`, (currency) and (currency, movement, amount or count); of `plans`,
    (status, plan, currency or ""), where "" counts people, and (cause, step of a trial)."""

    totals: Counts = field(default_factory=Counter)
    flows: Counts = field(default_factory=Counter)
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True)
class Circumstances:
    """Of a write: its `cause`; customers who moved in with it and their MRR; customers who were `erased`;
    whether it is `opening`, since the person was there before anything was counted; whether records `moved`
    with it between people, which neither begins nor ends a trial."""

    cause: str = "live"
    moved_in: MrrByCustomer = field(default_factory=dict)
    erased: frozenset[str] = frozenset()
    opening: bool = False
    moved: bool = False


def delta_of(before: Contribution, after: Contribution, why: Circumstances, person: str) -> Delta:
    """What moves when what a person adds becomes another."""
    delta = Delta(_totals(after))
    delta.totals.subtract(_totals(before))
    moves: list[Move] = []
    cause = public_cause(why.cause)
    for what, segments in (
        ("entered", after.indexes - before.indexes),
        ("left", before.indexes - after.indexes),
    ):
        for segment in sorted(segments - {EVERYONE}):
            delta.flows["segments", segment, cause, what] += 1
            if why.cause not in OF_IMPORTS and not why.opening:
                moves.append(Move(person, what, segment))
    step = trial_step(before.status, after.status)
    if step and EVERYONE in after.indexes and not why.moved:
        delta.flows["plans", IMPORT if why.opening else cause, step] += 1
    for customer in sorted(before.mrr.keys() | after.mrr.keys()):
        moves += _movements(customer, before, after, why)
    for move in moves:
        if move.amount:
            delta.flows["mrr", move.where, move.what, "amount"] += move.amount
            delta.flows["mrr", move.where, move.what, "count"] += 1
    return Delta(nonzero(delta.totals), delta.flows, tuple(moves))


def _totals(one: Contribution) -> Counts:
    totals: Counts = Counter(("segments", index) for index in one.indexes)
    totals["segments", CUSTOMERS_IN_SYNC] = one.customers
    totals["plans", one.status, one.plan, ""] = EVERYONE in one.indexes
    for currency, amount in one.worth.items():
        totals["mrr", currency] += amount
        totals["plans", one.status, one.plan, currency] += amount
    return totals


def _movements(customer: str, before: Contribution, after: Contribution, why: Circumstances) -> list[Move]:
    """How a customer's MRR moved. Who moves in comes with what they had; what moves out goes the same way,
    since nothing but a move or an erasure takes a customer from a person."""
    had, brought = before.mrr.get(customer, {}), why.moved_in.get(customer, {})
    now = after.mrr.get(customer, {})
    found: Counter[tuple[str, Movement]] = Counter()
    for currency, amount in (brought or {}).items():
        found[currency, "transferred"] += amount
    old = dict(sum_of(had or {}, brought or {}) or {})
    if customer not in after.mrr and customer != BEFORE:
        for currency, amount in (had or {}).items():
            found[currency, _leaving(customer, why)] -= amount
        old = dict(brought or {})
    unclear = None in (had, brought, now) or BEFORE in before.mrr
    new = now or {}
    for currency in sorted(old.keys() | new.keys()):
        if step := new.get(currency, 0) - old.get(currency, 0):
            found[currency, _class(currency, old, new, why, unclear=unclear)] += step
    by_currency = sorted(found.items())
    return [Move(customer, movement, one, amount) for (one, movement), amount in by_currency if amount]


def _leaving(customer: str, why: Circumstances) -> Movement:
    if why.cause == REINDEX:
        return "corrected"
    return "removed" if customer in why.erased else "transferred"


def _class(currency: str, old: Amounts, new: Amounts, why: Circumstances, *, unclear: bool) -> Movement:
    if why.opening or why.cause in OF_IMPORTS:
        return "imported"
    if unclear or why.cause in _CORRECTIONS:
        return "corrected"
    if not old.get(currency):
        return "reactivated" if currency in old else "new"
    if not new.get(currency):
        return "churned"
    return "expanded" if new[currency] > old[currency] else "contracted"


REINDEX: Final = "reindex"
_CORRECTIONS: Final = frozenset({REINDEX, "definition_changed"})


def to_json(one: Contribution) -> Mapping[str, Any]:
    """A contribution as plain JSON."""
    return {
        "indexes": sorted(one.indexes),
        "customers": one.customers,
        "status": one.status,
        "plan": one.plan,
        "mrr": dict(one.mrr),
        "terms": sorted(one.terms),
    }


def from_json(value: Mapping[str, Any]) -> Contribution:
    """The contribution that was stored."""
    indexes, terms = frozenset(value["indexes"]), frozenset(value["terms"])
    return Contribution(indexes, value["customers"], value["status"], value["plan"], value["mrr"], terms)
