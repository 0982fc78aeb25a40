"""Erasing in the stack's tables: what is left of the erased is nothing that anybody could read."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from peoplesync.adapters.aws.erasure_keys import ErasureKeys, marker_of
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.epoch_purge import EpochPurge
from peoplesync.adapters.dynamodb.people.erasure_receipts import ErasedRows
from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.people.plans import MAX_ITEMS
from peoplesync.adapters.dynamodb.people.records_reader import RecordsReader
from peoplesync.adapters.dynamodb.tables import CHARGE, MARKER, FeedRow, IdentityRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import ERASED, SHARED
from peoplesync.domain.publishing import PersonWritten
from peoplesync.domain.segments.definitions import MOST_ENABLED, PREDEFINED, Segment
from peoplesync.use_cases.erasing.erase import KeyLost
from peoplesync.use_cases.ports import Unavailable, VersionConflict
from peoplesync.use_cases.publishing.publish import Publisher
from tests.support.builders.stripe import DAY, NOW, customer, event
from tests.support.fakes.erased import (
    CUSTOMER,
    EMAIL,
    PERSONAL,
    USER,
    activities,
    replayed,
    shown_customer,
    told_by_the_app,
)
from tests.support.fakes.streams import FakeBus
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.erasing_worker import MAIN, Worker, identities, rows, traces, with_somebody


@pytest.fixture
def worker(aws: MotoStack) -> Worker:
    return with_somebody(aws)


def test_nothing_personal_is_left_in_any_table(worker: Worker) -> None:
    assert {text for text in PERSONAL if traces(worker.aws, (text,))} == set(PERSONAL)

    person = worker.erase()

    assert traces(worker.aws) == []
    left = [row for row in rows(worker.aws) if CUSTOMER in row or person in row]
    assert len(left) == 3, "the customer's marker, the receipt, and for two days that they are not counted"


def test_emails_and_users_are_remembered_by_a_keyed_hash_and_customers_by_their_id(worker: Worker) -> None:
    person = worker.erase()

    key = worker.secrets.erasure_key("main")
    assert key is not None
    assert re.fullmatch(r"[0-9a-f]{64}", key)
    known = identities(worker.aws)
    hashed = {name for name in known if name.startswith("erased:")}
    assert hashed == {marker_of(key, f"email:{EMAIL}"), marker_of(key, USER)}
    assert all(re.fullmatch(r"erased:[0-9a-f]{64}", one) for one in hashed)
    assert {known[one]["person"]["S"] for one in hashed} == {ERASED}
    assert all("former" not in known[one] for one in hashed), "what links an e-mail to a person is not kept"
    marker = known[f"customer:{CUSTOMER}"]
    assert (marker["person"]["S"], marker["former"]["S"]) == (ERASED, person)


def test_the_receipt_counts_and_names_nothing_personal(worker: Worker) -> None:
    theirs = [row for row in FeedRow.scan() if row.pk in (f"main#1#{CUSTOMER}", f"main#1#{USER}")]
    entries = len([row for row in theirs if row.kind not in (MARKER, CHARGE)])
    before = PeopleReader().person_of(MAIN, f"customer:{CUSTOMER}")
    assert before is not None

    person = worker.erase()

    receipt = ErasedRows().receipt(MAIN, person)
    assert receipt is not None
    assert receipt.public() == {
        "person": person,
        "complete": True,
        "asked_at": "2026-03-01T12:00:00Z",
        "erased_at": "2026-03-01T12:00:00Z",
        "feed_deleted_at": "2026-03-01T12:00:00Z",
        "unindexed_at": "2026-03-01T12:00:00Z",
        "customers": [CUSTOMER],
        "removed": {
            "records": 2,
            "identities": 3,
            "memberships": len(before.segments),
            "fields": len(before.fields),
            "feed_entries": entries,
        },
    }


def test_nothing_that_is_told_again_brings_them_back(worker: Worker) -> None:
    worker.erase()
    left = sorted(rows(worker.aws))

    for body in (*replayed(), *reversed(replayed())):
        worker.deliver(body)
        worker.settle()
    worker.tell(event("customer.created", shown_customer("cus_new"), created=NOW))

    assert traces(worker.aws) == []
    now = sorted(rows(worker.aws))
    added = [row for row in now if row not in left and not row.startswith(worker.aws.stack.connections_table)]
    assert len(added) == 1 + sum("product:" in row for row in added)
    assert identities(worker.aws)["customer:cus_new"]["person"]["S"] == ERASED


def test_the_key_is_made_once_and_the_connection_remembers_since_when(worker: Worker) -> None:
    assert worker.erased_since() is None
    worker.erase()
    key = worker.secrets.erasure_key("main", fresh=True)

    worker.secrets.make_erasure_key("main")
    worker.connections.note_erasing(MAIN, NOW + DAY)

    assert worker.erased_since() == NOW
    assert worker.secrets.erasure_key("main", fresh=True) == key


def test_each_connection_has_a_key_of_its_own(worker: Worker) -> None:
    for name in ("main", "other"):
        worker.secrets.make_erasure_key(name)

    assert worker.secrets.erasure_key("main") != worker.secrets.erasure_key("other")


def test_nobody_is_erased_in_an_epoch_that_is_over(worker: Worker) -> None:
    with pytest.raises(VersionConflict):
        worker.connections.note_erasing(Epoch("main", 2), NOW)


def test_without_the_key_nobody_can_be_told_from_the_erased_and_changes_wait(worker: Worker) -> None:
    worker.erase()
    worker.secrets.forget_erasure_key("main")
    again = PeopleStore(
        worker.people.connection, 400, ErasureKeys(ConnectionsStore(), worker.aws.secrets.erasure_key)
    )
    worker.applier.people = again

    for told in (shown_customer("cus_new"), customer("cus_else")):
        report = worker.tell(event("customer.created", told, created=NOW))
        assert report.counts["waiting"] == 1
    assert traces(worker.aws) == []
    other = PeopleReader().person_of(MAIN, "customer:cus_other")
    assert other is not None
    with pytest.raises(KeyLost):
        worker.eraser.ask(other, NOW)


def test_a_worker_that_was_running_before_looks_too(worker: Worker) -> None:
    # It has read the connection, and knows nobody to be erased.
    assert worker.people.read(MAIN, [f"email:{EMAIL}", "email:new@example.com"], {}).people

    worker.erase()

    known = worker.people.read(MAIN, [f"email:{EMAIL}", USER, "email:new@example.com"], {})
    assert known.identities == {f"email:{EMAIL}": ERASED, USER: ERASED, "email:new@example.com": None}


def test_an_erasure_between_two_parts_of_one_read_is_seen(worker: Worker) -> None:
    """The first erasure of all: the connection was read just before it, the identities just after it."""
    worker.erase()
    first = [True]

    def older(parsed: dict[str, Any], **_: Any) -> None:
        for connection in parsed["Responses"].get(worker.aws.stack.connections_table, ()) if first else ():
            del connection["erased_since"]
        first.clear()

    worker.people.connection.client.meta.events.register("after-call.dynamodb.BatchGetItem", older)
    fresh = PeopleStore(worker.people.connection, 400, ErasureKeys(worker.connections, worker.keys.key))
    worker.applier.people = fresh

    worker.tell(event("customer.created", shown_customer("cus_9", email=EMAIL), created=NOW))

    assert not first
    assert traces(worker.aws, (EMAIL,)) == []


def test_who_was_read_before_the_erasing_is_not_written_after_it(worker: Worker) -> None:
    write = worker.people.write

    class Late:
        """Somebody is added and erased between this worker's look and its write."""

        def __getattr__(self, name: str) -> Any:
            return getattr(worker.people, name)

        def write(self, *arguments: Any) -> Sequence[Exception | None]:
            worker.applier.people = worker.people
            worker.tell(
                event("customer.created", shown_customer("cus_2", email="b@example.com"), created=NOW)
            )
            worker.erase("email:b@example.com")
            return write(*arguments)

    worker.erase()
    worker.applier.people = Late()
    worker.tell(event("customer.created", customer("cus_3", email="b@example.com"), created=NOW))

    assert traces(worker.aws, ("b@example.com",)) == []
    assert identities(worker.aws)["customer:cus_3"]["person"]["S"] == ERASED


def test_the_bus_is_told_why_also_where_only_the_app_knew_them(worker: Worker) -> None:
    worker.deliver(told_by_the_app(*activities("user:only-here", "only-here@example.com")))
    before = PeopleReader().person_of(MAIN, "user:only-here")
    assert before is not None
    worker.erase("user:only-here")
    bus = FakeBus()
    removed = PersonWritten(MAIN, before, None, "live", NOW)

    Publisher(worker.connections, worker.people, bus).publish({"1": removed})

    assert {(one.type, one.detail["cause"]) for one in bus.told} >= {("Person Removed", "erased")}
    assert {one.detail["cause"] for one in bus.told} == {"erased"}


def test_readers_find_nobody_behind_erased_and_shared_identities(worker: Worker) -> None:
    worker.erase()
    IdentityRow(pk="main#1#email:agency@example.com", person=SHARED).save()
    reader = PeopleReader()

    assert reader.person_of(MAIN, f"customer:{CUSTOMER}") is None
    assert reader.person_of(MAIN, "email:agency@example.com") is None
    assert RecordsReader().records(MAIN, [CUSTOMER, "cus_other"]).keys() == {"cus_other"}
    assert RecordsReader().erased(MAIN, [CUSTOMER, "cus_other", "cus_nobody"]) == {CUSTOMER}


def test_an_epoch_that_is_over_takes_markers_and_receipts_along(worker: Worker) -> None:
    worker.erase()
    place: tuple[str, str] | None = ("", "")
    while place is not None:
        place = EpochPurge().purge(MAIN, *place)

    assert identities(worker.aws) == {}


def test_a_connection_given_up_with_its_people_has_nobody_erased_any_more(worker: Worker) -> None:
    worker.erase()

    worker.connections.disconnect(MAIN, NOW, for_good=False)
    assert worker.erased_since() == NOW
    worker.connections.disconnect(MAIN, NOW, for_good=True)
    assert worker.erased_since() is None


def test_the_largest_person_goes_in_transactions_that_fit(aws: MotoStack) -> None:
    everybody = {"has": "stripe_customer"}
    own = [Segment(f"own_{number}", f"Segment {number}", everybody) for number in range(MOST_ENABLED)]
    worker = Worker(aws, [*(replace(one, enabled=False) for one in PREDEFINED), *own])
    customers = [shown_customer(f"cus_{number:03}") for number in range(49)]
    for start in range(0, 49, 15):
        some = customers[start : start + 15]
        worker.tell(*(event("customer.created", one, created=NOW - DAY) for one in some))
    person = PeopleReader().person_of(MAIN, f"email:{EMAIL}")
    assert person is not None
    assert (len(person.records), len(person.segments)) == (49, MOST_ENABLED)
    sizes: list[int] = []

    def note(params: dict[str, Any], **_: Any) -> None:
        sizes.append(len(json.loads(params["body"])["TransactItems"]))

    worker.people.connection.client.meta.events.register("before-call.dynamodb.TransactWriteItems", note)
    worker.erase("customer:cus_000")

    assert traces(aws) == []
    assert len(sizes) == 4
    assert max(sizes) <= MAX_ITEMS
    receipt = ErasedRows().receipt(MAIN, person.id)
    assert receipt is not None
    assert receipt.complete
    assert (len(receipt.customers), receipt.identities, receipt.memberships) == (49, 50, MOST_ENABLED)


def test_the_hash_of_an_identity_depends_on_key_and_identity_alone() -> None:
    one, other = "11" * 32, "22" * 32

    assert marker_of(one, f"email:{EMAIL}") == marker_of(one, f"email:{EMAIL}")
    assert len({marker_of(key, who) for key in (one, other) for who in (f"email:{EMAIL}", USER)}) == 4
    assert EMAIL not in marker_of(one, f"email:{EMAIL}")


def test_a_key_that_cannot_be_read_now_can_be_later(worker: Worker) -> None:
    worker.erase()

    def refused(connection: str) -> str:
        raise Unavailable("throttled")

    with pytest.raises(Unavailable):
        ErasureKeys(worker.connections, refused).markers(MAIN, [f"email:{EMAIL}"])
