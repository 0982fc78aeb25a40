"""Import, as a use case: everything that Stripe lists becomes people, whatever happens on the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, repeat
from typing import Any

import pytest

from peoplesync.domain.catalogue import EVENT_TYPES as CATALOGUE_EVENT_TYPES
from peoplesync.domain.connections import Connection
from peoplesync.domain.people.person import CUSTOMERS_IN_SYNC
from peoplesync.domain.records.changes import EVENT_TYPES
from peoplesync.use_cases.importing.lists import lists_of
from peoplesync.use_cases.importing.overview import Imports
from peoplesync.use_cases.importing.runs import ImportRun
from peoplesync.use_cases.importing.steps import GIVES_UP_AFTER
from peoplesync.use_cases.messages.message import decode
from peoplesync.use_cases.ports import CursorGone, KeyRefused, NotPermitted, RateLimited, Unavailable
from tests.support.builders.stripe import DAY, NOW, charge, coupon, customer, event, subscription
from tests.support.fakes.world import TEST
from tests.support.worlds.import_world import ImportWorld, company

Json = Mapping[str, Any]


def test_all_customers_become_people_with_their_subscriptions() -> None:
    world = ImportWorld.of(company(250), NOW)

    answer = world.drive()

    assert answer["status"] == "succeeded"
    assert answer["listed"] == answer["enqueued"] == answer["applied"] == 250 + 300 + 1
    assert len(world.world.people.people) == 250
    assert len([one for one in world.world.people.members if one[0] == CUSTOMERS_IN_SYNC]) == 250


def test_canceled_subscriptions_are_imported_too() -> None:
    world = ImportWorld.of([customer(), subscription(status="canceled", ended_at=NOW - DAY)], NOW)

    world.drive()

    person = world.world.person("customer:cus_1")
    assert person is not None
    assert "churned_customers" in person.segments


def test_customers_come_with_their_subscriptions_and_to_list_them_again_writes_nothing() -> None:
    world = ImportWorld.of(
        [customer("cus_1"), subscription(customer="cus_1"), customer("cus_alone", email="b@example.com")], NOW
    )

    for place in world.begin("run_1")["lists"]:
        assert world.steps.read_list(place)["status"] == "done"
        world.world.settle()
        world.world.now += 5

    assert {person.version for person in world.world.people.people.values()} == {1}


def test_a_second_import_within_minutes_asks_stripe_for_nobody_whom_the_first_has_seen() -> None:
    world = ImportWorld.of(company(20), NOW)
    world.drive()
    world.world.now = world.world.stripe.now = NOW + 120

    assert world.drive(name="run_2")["status"] == "succeeded"

    assert world.world.stripe.asked == []


def test_the_lists_of_events_ask_for_all_types_that_count_and_each_for_no_more_than_stripe_takes() -> None:
    lists = lists_of(ImportRun("run_1", TEST, NOW), {})
    types = [one.params["types"] for one in lists if one.resource == "events"]

    assert max(map(len, types)) <= 20
    assert sorted(chain(*types)) == sorted(EVENT_TYPES | CATALOGUE_EVENT_TYPES)


def test_a_list_that_this_version_does_not_read_fails_the_import_in_words() -> None:
    world = ImportWorld.of(company(5), NOW)
    begun = world.begin("run_1")

    answer = world.steps.read_list({**begun["lists"][0], "list": "events-1"})

    assert answer["status"] == "failed"
    assert answer["reason"] == "this version reads no list of events-1: start a new import"


def test_an_import_that_has_ended_is_shown_without_its_pages() -> None:
    world = ImportWorld.of(company(30), NOW)
    world.drive()
    shown = imports_of(world)
    world.runs.rows.clear()

    assert imports_of(world) == shown
    assert (shown[0]["listed"], shown[0]["failed"]) == (67, 0)


def test_of_one_that_ended_before_its_figures_were_kept_the_pages_are_read_once() -> None:
    world = ImportWorld.of(company(30), NOW)
    world.drive()
    (run,) = world.runs.all(TEST)
    shown = imports_of(world)
    world.runs.save(replace(run, figures=None))

    assert imports_of(world) == shown
    world.runs.rows.clear()
    assert imports_of(world) == shown


def test_an_import_that_is_gone_on_with_is_counted_anew() -> None:
    world = ImportWorld.of(company(30), NOW)
    world.lists.problems = chain([None] * 3, repeat(KeyRefused("revoked")))
    assert world.drive()["status"] == "failed"
    world.lists.problems = iter(())

    assert world.drive({"connection": "main", "resume": "run_1"}, "run_2")["status"] == "succeeded"

    assert imports_of(world)[0]["listed"] == 67


def imports_of(world: ImportWorld) -> Any:
    return Imports(TEST, world.steps.job, world.runs).all()


def test_a_thousand_customers_cost_25_calls_at_most() -> None:
    world = ImportWorld.of(company(1000), NOW)

    world.drive()

    calls = {name: world.lists.asked[name] for name in ("customers", "subscriptions", "prices")}
    assert sum(calls.values()) <= 25, calls


def test_a_page_is_all_that_is_ever_in_memory() -> None:
    world = ImportWorld.of(company(600), NOW)
    held: list[int] = []
    whole = world.queue.send_all

    def measured(bodies: Sequence[str]) -> None:
        held.append(sum(map(len, bodies)))
        whole(bodies)

    world.queue.send_all = measured  # type: ignore[method-assign]

    world.drive()

    assert max(held) < 100 * 3_000


def test_a_rate_limited_import_goes_on_slower_and_is_complete() -> None:
    world = ImportWorld.of(company(250), NOW)
    refusals = [RateLimited("429", "endpoint-rate"), RateLimited("429"), None] * 4
    world.lists.problems = iter(refusals)

    answer = world.drive()

    assert (answer["status"], answer["listed"]) == ("succeeded", 551)


def test_an_import_that_stripe_leaves_no_room_never_counts_as_a_success() -> None:
    world = ImportWorld.of(company(5), NOW)
    ticks = iter(range(10**9))
    world.steps.monotonic = lambda: float(next(ticks))
    world.lists.problems = repeat(RateLimited("429", "account-rate"))

    answer = world.drive()

    assert answer["status"] == "failed"
    assert answer["reason"].startswith("the list of prices cannot be read, for an hour now: ")
    run = world.runs.all(world.connections.connection.epoch)[0]
    assert (run.status, bool(run.failure)) == ("failed", True)
    assert world.waited >= GIVES_UP_AFTER // 60


def test_when_stripe_is_down_for_a_while_the_import_waits() -> None:
    world = ImportWorld.of(company(5), NOW)
    world.lists.problems = iter([Unavailable("503")] * 12)

    assert world.drive()["status"] == "succeeded"
    assert world.waited > 0


def test_a_revoked_key_ends_the_import_with_its_reason_and_a_new_one_resumes_it() -> None:
    world = ImportWorld.of(company(250), NOW, readers=1)
    world.lists.problems = chain([None], [KeyRefused("Stripe does not accept the API key")])

    answer = world.drive()
    again = world.drive({"connection": "main", "resume": "run_1"})

    assert answer["reason"] == "Stripe does not accept the API key"
    assert (again["status"], again["listed"]) == ("succeeded", 551)


def test_without_the_optional_permissions_the_import_does_without() -> None:
    objects = [*company(3), coupon()]
    world = ImportWorld.of(objects, NOW)
    page = world.lists.page

    def partly(connection: str, resource: str, params: Mapping[str, Any]) -> Any:
        if resource == "coupons":
            raise NotPermitted("rak_coupon_read is missing", "rak_coupon_read")
        if "data.product" in params.get("expand", ()):
            raise NotPermitted("rak_product_read is missing", "rak_product_read")
        return page(connection, resource, params)

    world.lists.page = partly  # type: ignore[method-assign]

    answer = world.drive()

    assert answer["status"] == "succeeded"
    assert {name: count for name, count in answer["lists"].items() if count} == {
        "customers": 3,
        "subscriptions": 4,
        "prices": 1,
    }


def test_a_missing_permission_fails_the_import_and_is_named() -> None:
    world = ImportWorld.of(company(3), NOW)
    world.lists.problems = iter([NotPermitted("the key may not: rak_customer_read", "rak_customer_read")])

    answer = world.drive()

    assert answer["status"] == "failed"
    assert "rak_customer_read" in answer["reason"]


def test_an_object_that_cannot_be_read_fails_the_import_but_nothing_else_of_it() -> None:
    broken = {**customer("cus_bad"), "email": 7}
    world = ImportWorld.of([*company(10), broken], NOW)

    answer = world.drive()

    assert (answer["status"], answer["failed"]) == ("failed", 1)
    assert answer["reason"] == (
        "1 object could not be applied, among them “customer cus_bad: email should be text, not a number”; "
        "`peoplesync dead list` shows which, and why"
    )
    assert len(world.world.people.people) == 10


@pytest.mark.parametrize(
    "junk", [None, 5, "text", [], {}, {"id": 7}, {"id": "cus_x", "object": ["customer"]}]
)
def test_what_is_no_object_at_all_fails_nothing_else_of_the_import(junk: Any) -> None:
    world = ImportWorld.of(company(110), NOW)
    page = world.lists.page

    def with_junk(connection: str, resource: str, params: Mapping[str, Any]) -> Any:
        shown = page(connection, resource, params)
        is_first = resource == "customers" and "starting_after" not in params
        return replace(shown, objects=[junk, *shown.objects]) if is_first else shown

    world.lists.page = with_junk  # type: ignore[method-assign]

    answer = world.drive()

    assert (answer["status"], answer["failed"]) == ("failed", 1)
    assert "1 object could not be applied, among them" in answer["reason"]
    assert len(world.world.people.people) == 110


def test_a_list_without_ids_fails_in_a_sentence() -> None:
    world = ImportWorld.of(company(110), NOW)
    page = world.lists.page

    def without_ids(connection: str, resource: str, params: Mapping[str, Any]) -> Any:
        return replace(page(connection, resource, params), objects=[None], has_more=True)

    world.lists.page = without_ids  # type: ignore[method-assign]

    assert world.drive()["reason"] == "list page: data has no object with an id to go on after"


def test_customers_deleted_meanwhile_are_found() -> None:
    world = ImportWorld.of(company(30), NOW)
    world.drive()
    world.world.now = world.world.stripe.now = NOW + DAY
    world.lists.objects = [one for one in world.lists.objects if one["id"] != "cus_7"]
    world.world.stripe.objects["cus_7"] = {"id": "cus_7", "object": "customer", "deleted": True}

    answer = world.drive(name="run_2")

    assert answer["status"] == "succeeded"
    assert world.world.stripe.asked == ["cus_7"]
    person = world.world.person("customer:cus_7")
    assert person is not None
    assert person.records["cus_7"].deleted


def test_what_happens_during_an_import_is_neither_lost_nor_overwritten() -> None:
    world = ImportWorld.of(company(250), NOW)
    page = world.lists.page
    told: list[Any] = []

    def with_news(connection: str, resource: str, params: Mapping[str, Any]) -> Any:
        answer = page(connection, resource, params)
        if resource == "subscriptions" and not told:
            renamed = customer("cus_3", email="customer-3@example.com", name="Renamed")
            new = customer("cus_new", email="new@example.com", created=NOW + 1)
            told.append(world.world.apply(event("customer.updated", renamed, created=NOW + 20)))
            told.append(world.world.apply(event("customer.created", new, created=NOW + 21)))
        return answer

    world.lists.page = with_news  # type: ignore[method-assign]

    assert world.drive()["status"] == "succeeded"

    person = world.world.person("customer:cus_3")
    assert person is not None
    assert person.fields["customer_name"] == "Renamed"
    assert world.world.person("email:new@example.com") is not None
    assert world.world.stripe.asked == []


def test_the_events_of_the_last_30_days_fill_the_feed() -> None:
    told = event("charge.succeeded", charge("ch_1", customer="cus_1", created=NOW - DAY), created=NOW - DAY)
    unused = event("payout.paid", {"id": "po_1", "object": "payout"}, created=NOW - DAY)
    world = ImportWorld.of([customer(), told, unused], NOW)

    answer = world.drive()

    assert answer["status"] == "succeeded"
    assert [one.kind for one in world.world.people.feeds["cus_1"].values()] == ["charge_succeeded"]


def test_only_customers_created_after_an_instant_are_imported_if_asked() -> None:
    old = customer("cus_old", email="old@example.com", created=NOW - 100 * DAY)
    young = customer("cus_young", email="young@example.com", created=NOW - DAY)
    world = ImportWorld.of([old, young], NOW)

    answer = world.drive({"connection": "main", "created_after": NOW - 2 * DAY})

    assert answer["status"] == "succeeded"
    assert list(world.people()) == ["young@example.com"]
    assert world.connections.closed == []


def test_a_full_import_makes_up_for_what_was_missed_before() -> None:
    world = ImportWorld.of(company(3), NOW)

    world.drive()

    assert world.connections.closed == [NOW]


def test_a_list_goes_on_when_the_customer_at_its_cursor_was_deleted() -> None:
    world = ImportWorld.of(company(250), NOW, readers=1)
    world.lists.problems = iter([None, CursorGone("deleted")])

    assert world.drive()["listed"] >= 551
    assert len(world.world.people.people) == 250


def test_an_import_of_an_epoch_that_is_over_stops_and_brings_nobody() -> None:
    world = ImportWorld.of(company(250), NOW, readers=1)
    page = world.lists.page

    def going_live(connection: str, resource: str, params: Mapping[str, Any]) -> Any:
        answer = page(connection, resource, params)
        world.connections.connection = Connection("main", True, 2, 1, NOW)
        return answer

    world.lists.page = going_live  # type: ignore[method-assign]

    answer = world.drive()
    world.world.settle()

    assert (answer["status"], answer["reason"]) == (
        "failed",
        "the connection has begun a new epoch, or no longer exists",
    )
    assert world.lists.asked.total() == 1
    assert world.world.people.people == {}


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ({"conection": "main"}, "the input has conection; known are connection, created_after"),
        ({"connection": "main", "share": 0}, "share is a percentage"),
        ({"connection": "main", "created_after": "last year"}, "created_after is a date such as 2026-01-31"),
        ({"connection": "main", "event_days": 31}, "event_days is a number of days from 0 to 30"),
        ({"connection": "main", "publish": "yes"}, "publish is true or false, not 'yes'"),
    ],
)
def test_a_request_that_cannot_be_met_is_refused_with_what_to_do(given: Json, reason: str) -> None:
    answer = ImportWorld.of([], NOW).begin("run_1", given)

    assert answer["status"] == "refused"
    assert answer["reason"].startswith(reason)


@pytest.mark.parametrize(("asked", "cause"), [({}, "import"), ({"publish": True}, "import_told")])
def test_all_that_an_import_sends_says_whether_it_is_to_be_told_of(asked: Json, cause: str) -> None:
    world = ImportWorld.of(company(3), NOW)
    sent: list[str] = []
    send_all = world.queue.send_all

    def noted(bodies: Sequence[str]) -> None:
        sent.extend(bodies)
        send_all(bodies)

    world.queue.send_all = noted  # type: ignore[method-assign]  # a queue that tells

    assert world.drive({"connection": "main", **asked})["status"] == "succeeded"
    assert {decode(body).cause for body in sent} == {cause}
    assert any(decode(body).chunk.unseen for body in sent)  # type: ignore[union-attr]  # all are chunks


def test_an_import_that_is_resumed_is_told_of_as_it_was_asked_for() -> None:
    world = ImportWorld.of(company(3), NOW)
    world.runs.save(ImportRun("run_1", TEST, NOW, status="failed", publish=True))

    assert world.drive({"connection": "main", "resume": "run_1"})["status"] == "succeeded"
    assert world.runs.runs[TEST, "run_1"].cause == "import_told"


def test_permissions_that_are_known_to_be_missing_are_not_tried() -> None:
    world = ImportWorld.of(company(3), NOW)
    lacking = {"rak_coupon_read": False, "rak_product_read": False}
    world.connections.connection = replace(world.connections.connection, permissions=lacking)

    assert world.drive()["status"] == "succeeded"
    assert world.lists.asked["coupons"] == 0
    assert all("data.product" not in params.get("expand", ()) for _, params in world.lists.params)
