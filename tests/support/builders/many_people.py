"""Many people in the tables of a stack, put there faster than Stripe's events would make them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from pynamodb.models import Model

from peoplesync.adapters.dynamodb.people.stored_people import from_row, to_row
from peoplesync.adapters.dynamodb.tables import IdentityRow, MemberRow, PersonRow
from peoplesync.domain.connections import Connection, Epoch
from peoplesync.domain.people.person import Person
from peoplesync.domain.segments.definitions import Definitions
from tests.support.builders.stripe import DAY, customer, event, invoice, price, subscription
from tests.support.fakes.world import FakeConnections, World

TEMPLATE: Final = "cus_template"
WRITERS: Final = 4

LIVES: Final[Sequence[dict[str, Any]]] = (
    {},
    {},
    {},
    {"mrr": 1_900},
    {"mrr": 4_900},
    {"mrr": 9_900, "failed": 2},
    {"mrr": 2_900, "status": "past_due", "failed": 1},
    {"mrr": 5_900, "status": "canceled"},
    {"mrr": 1_500, "status": "trialing"},
)
"""What may have happened to somebody: a subscription of so many cents a month, and payments that failed."""


def customer_id(number: int) -> str:
    """The Stripe customer of the person of that number."""
    return f"cus_{number:06}"


class Defined(FakeConnections):
    """A connection that has these definitions."""

    def __init__(self, connection: Connection, definitions: Definitions) -> None:
        super().__init__(connection)
        self._definitions = definitions

    def definitions(self, connection: Connection) -> Definitions:
        return self._definitions


def store_people(connection: Connection, definitions: Definitions, count: int, now: int) -> None:
    """So many people of all kinds of lives, evaluated with the definitions, as an import would leave them."""
    templates = [_template(connection, definitions, life, now) for life in LIVES]
    people = [_person(connection.epoch, templates[n % len(LIVES)], n) for n in range(count)]
    rows: list[Model] = [to_row(connection.epoch, one, "import") for one in people]
    for one in people:
        rows += _found_by(connection.epoch, one)
    parts = [(model, some) for model in (PersonRow, IdentityRow, MemberRow) for some in _of(model, rows)]
    with ThreadPoolExecutor(WRITERS) as writers:
        list(writers.map(lambda part: _write(*part), parts))


def _template(connection: Connection, definitions: Definitions, life: dict[str, Any], now: int) -> str:
    """Somebody with that life, as JSON."""
    world = World(now, connections=Defined(connection, definitions))
    since = now - 20 * DAY
    told = [event("customer.created", customer(TEMPLATE, created=since), created=since)]
    if mrr := life.get("mrr"):
        facts: dict[str, Any] = {"created": since, "status": life.get("status", "active")}
        if facts["status"] == "canceled":
            facts |= {"canceled_at": now - DAY, "ended_at": now - DAY}
        if facts["status"] == "trialing":
            facts["trial_end"] = now + 30 * DAY
        priced = price(unit_amount=mrr)
        bought = subscription(f"sub_{TEMPLATE}", customer=TEMPLATE, price=priced, **facts)
        told.append(event("customer.subscription.created", bought, created=since))
    for number in range(life.get("failed", 0)):
        told.append(payment_failed(TEMPLATE, f"{TEMPLATE}_{number}", now - (3 + number) * DAY))
    world.apply(*told, epoch=connection.epoch)
    (person,) = world.people.people.values()
    row = to_row(connection.epoch, person, "import")
    row.records, row.records_json = None, row.records  # as text, in which names can be replaced
    return json.dumps(row.to_dynamodb_dict())


def payment_failed(of: str, name: str, at: int) -> dict[str, Any]:
    """Stripe's event of a payment that failed."""
    unpaid = invoice(f"in_{name}", customer=of, subscription=f"sub_{of}", created=at, status="open")
    return event("invoice.payment_failed", unpaid | {"attempt_count": 1, "attempted": True}, created=at)


def _person(epoch: Epoch, template: str, number: int) -> Person:
    row = PersonRow()
    row.from_dynamodb_dict(json.loads(template.replace(TEMPLATE, customer_id(number))))
    row.records, row.records_json = row.records_json, None
    row.pk = PersonRow.key(epoch, f"per_{number:06}")
    return from_row(row)


def _found_by(epoch: Epoch, person: Person) -> Iterator[Model]:
    for identity in person.identities:
        yield IdentityRow(pk=IdentityRow.key(epoch, identity), person=person.id)
    for (index, member), since in person.indexed_in.items():
        yield MemberRow(pk=MemberRow.key(epoch, index, member), sk=member, since=since)


def _of(model: type[Model], rows: Sequence[Model]) -> Iterator[Sequence[Model]]:
    """The rows of one model, shared out among the writers."""
    theirs = [one for one in rows if isinstance(one, model)]
    return (theirs[part::WRITERS] for part in range(WRITERS))


def _write(model: type[Model], rows: Sequence[Model]) -> None:
    with model.batch_write() as batch:
        for row in rows:
            batch.save(row)
