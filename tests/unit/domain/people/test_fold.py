"""The fold: records brought home to the people of their e-mails, and what must be written as one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from peoplesync.domain.catalogue import CatalogueKey, Entry
from peoplesync.domain.people.fold import fold
from peoplesync.domain.people.person import Person
from peoplesync.domain.people.write_set import FoldResult, LoadedState, WriteSet
from peoplesync.domain.records.changes import Answer, Change, ObjectKey, read_answer, read_change
from peoplesync.domain.segments.definitions import PREDEFINED, Definitions
from peoplesync.domain.stripe_objects import read_event
from tests.support.builders.stripe import DAY, NOW, customer, event, invoice, subscription

SEGMENTS = Definitions(1, PREDEFINED)


def says(customer_id: str, email: str | None, at: int = NOW, **facts: Any) -> Change:
    """A customer's state, with this e-mail."""
    shown = customer(customer_id, email=email, **facts)
    return read_change(read_event(event("customer.updated", shown, created=at, previous={})))


def has(customer_id: str, subscription_id: str, status: str = "active") -> Change:
    shown = subscription(subscription_id, customer=customer_id, status=status)
    return read_change(read_event(event("customer.subscription.updated", shown, created=NOW, previous={})))


@dataclass
class Town:
    """Folds changes onto everybody who is known, and takes what comes out."""

    people: dict[str, Person] = field(default_factory=dict)
    entries: dict[str, set[str]] = field(default_factory=dict)
    now: int = NOW

    def known(self, emails: Sequence[str] = ()) -> LoadedState:
        """All people, and who everybody is that the tests speak of."""
        nobody = {f"customer:cus_{number}": None for number in range(1, 6)}
        nobody |= {f"email:{name}@example.com": None for name in ("a", "b", "c")}
        nobody |= {f"email:{email}": None for email in emails}
        owners = {identity: person.id for person in self.people.values() for identity in person.identities}
        nothing = {key: Entry(key) for key in (CatalogueKey("product", "prod_1"),)}
        return LoadedState({**nobody, **owners}, dict(self.people), dict(self.entries), nothing)

    def fold(self, *changes: Change, emails: Sequence[str] = ()) -> tuple[WriteSet, ...]:
        outcome = fold(self.known(emails), changes, SEGMENTS, self.now, {}, self._new_id())
        assert not outcome.ties
        assert not outcome.unknown
        assert not outcome.unlisted
        for write_set in outcome.write_sets:
            for person_id, after in write_set.after.items():
                assert write_set.before[person_id] == self.people.pop(person_id, None)
                if after:
                    self.people[person_id] = after
            for record, entry in write_set.entries:
                self.entries.setdefault(record, set()).add(entry.entry)
        return outcome.write_sets

    def _new_id(self) -> Callable[[], str]:
        numbers = iter(range(len(self.entries) + len(self.people) + 1, 10**6))
        return lambda: f"per_{next(numbers)}"

    def homes(self) -> dict[str | None, set[str]]:
        """Who lives with whom: records by the e-mail of their person."""
        assert len({person.email for person in self.people.values()}) == len(self.people)
        return {person.email: set(person.records) for person in self.people.values()}


A, B, C = "a@example.com", "b@example.com", "c@example.com"


def test_a_new_customer_is_a_new_person() -> None:
    town = Town()
    (write_set,) = town.fold(says("cus_1", A))
    ((person_id, person),) = write_set.after.items()
    assert person
    assert write_set.before == {person_id: None}
    assert (person.version, person.created_at, person.last_sync_at, person.email) == (1, NOW, NOW, A)
    assert person.fields["customer_email"] == A


def test_every_fold_raises_the_version_by_one() -> None:
    town = Town()
    town.fold(says("cus_1", A))
    ((_, person),) = town.fold(says("cus_1", A, NOW + 60, name="New"))[0].after.items()
    assert person
    assert person.version == 2


@pytest.mark.parametrize("other", [A, " A@Example.com ", "A@EXAMPLE.COM"])
@pytest.mark.parametrize("together", [True, False])
def test_several_customers_with_one_email_are_one_person(other: str, together: bool) -> None:
    town = Town()
    changes = [says("cus_1", A), says("cus_2", other)]
    if together:
        assert len(town.fold(*changes)) == 1
    else:
        for change in changes:
            town.fold(change)
    assert town.homes() == {A: {"cus_1", "cus_2"}}


def test_customers_without_email_are_people_of_their_own() -> None:
    town = Town()
    town.fold(says("cus_1", None), says("cus_2", None), says("cus_3", "  "))
    assert sorted(map(sorted, (person.records for person in town.people.values()))) == [
        ["cus_1"],
        ["cus_2"],
        ["cus_3"],
    ]
    assert {person.email for person in town.people.values()} == {None}


def test_a_pending_record_joins_the_person_of_its_email_once_its_customer_comes() -> None:
    town = Town()
    town.fold(says("cus_1", A))
    town.fold(has("cus_2", "sub_2"))
    assert town.homes() == {A: {"cus_1"}, None: {"cus_2"}}
    (write_set,) = town.fold(says("cus_2", A))
    assert town.homes() == {A: {"cus_1", "cus_2"}}
    assert list(write_set.after.values()).count(None) == 1
    assert set(write_set.before) == set(write_set.after)
    (person,) = town.people.values()
    assert person.fields["subscription_id"] == "sub_2"


def test_a_pending_record_becomes_a_person_under_the_same_id() -> None:
    town = Town()
    town.fold(has("cus_1", "sub_1"))
    (pending,) = town.people
    town.fold(says("cus_1", A))
    assert list(town.people) == [pending]
    assert town.people[pending].created_at == NOW
    assert not town.people[pending].unidentified


def test_what_tells_nothing_new_is_no_write_set() -> None:
    town = Town()
    told = [says("cus_1", A), has("cus_1", "sub_1"), invoice_paid("cus_1")]
    town.fold(*told)
    assert town.fold(*told) == ()
    assert town.fold(told[2]) == ()
    assert town.fold(says("cus_1", A, NOW - 3)) == ()


def test_a_repeated_event_of_another_kind_than_the_state_is_no_write_set_either() -> None:
    town = Town()
    town.fold(invoice_paid("cus_1"))
    assert town.fold(invoice_paid("cus_1")) == ()


def invoice_paid(customer_id: str, number: int = 1) -> Change:
    shown = invoice(f"in_{number}", customer=customer_id, status="paid")
    return read_change(read_event(event("invoice.paid", shown, created=NOW)))


def test_a_write_set_brings_the_new_entries_and_all_the_changes_that_were_folded() -> None:
    town = Town()
    changes = [
        says("cus_1", A),
        invoice_paid("cus_1"),
        invoice_paid("cus_1"),
        says("cus_2", B),
        invoice_paid("cus_2", 2),
    ]
    write_sets = town.fold(*changes)
    brought = {entry.key: record for write_set in write_sets for record, entry in write_set.entries}
    assert brought == {"invoice_paid:in_1": "cus_1", "invoice_paid:in_2": "cus_2"}
    assert sum(len(write_set.entries) for write_set in write_sets) == 2
    assert [len(write_set.changes) for write_set in write_sets] == [3, 2]
    assert {id(change) for write_set in write_sets for change in write_set.changes} == set(map(id, changes))


def test_people_who_have_nothing_to_do_with_each_other_are_written_apart() -> None:
    write_sets = Town().fold(says("cus_1", A), says("cus_2", B), says("cus_3", A))
    assert sorted(len(write_set.after) for write_set in write_sets) == [1, 1]


# --- e-mails that change


def test_a_new_email_of_a_persons_only_record_renames_the_person() -> None:
    town = Town()
    town.fold(says("cus_1", A))
    (before,) = town.people
    town.fold(says("cus_1", B, NOW + 60))
    assert town.homes() == {B: {"cus_1"}}
    assert list(town.people) == [before]
    assert "email:a@example.com" not in town.people[before].identities


def test_an_email_that_only_changes_its_spelling_moves_nobody() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", A))
    (before,) = town.people
    town.fold(says("cus_1", " A@example.com", NOW + 60))
    assert list(town.people) == [before]


def test_a_record_whose_email_becomes_anothers_moves_to_them_and_leaves_nobody_behind() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", B))
    (write_set,) = town.fold(says("cus_1", B, NOW + 60))
    assert town.homes() == {B: {"cus_1", "cus_2"}}
    assert len(write_set.after) == 2
    assert None in write_set.after.values()


def test_one_of_several_records_with_a_new_email_becomes_a_person_of_its_own() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", A))
    (write_set,) = town.fold(says("cus_1", B, NOW + 60))
    assert town.homes() == {A: {"cus_2"}, B: {"cus_1"}}
    assert len(write_set.after) == 2


def test_a_record_that_loses_its_email_leaves_the_others() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", A))
    town.fold(says("cus_1", None, NOW + 60))
    assert town.homes() == {A: {"cus_2"}, None: {"cus_1"}}


@pytest.mark.parametrize("first", ["cus_1", "cus_2"])
def test_an_email_given_up_and_taken_in_one_fold_is_written_as_one(first: str) -> None:
    town = Town()
    second = "cus_2" if first == "cus_1" else "cus_1"
    town.fold(says(first, A))
    write_sets = town.fold(says(first, B, NOW + 60), says(second, A, NOW + 60))
    assert town.homes() == {A: {second}, B: {first}}
    assert len(write_sets) == 1


def test_two_records_that_swap_their_emails_swap_their_homes_as_one() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", B))
    write_sets = town.fold(says("cus_1", B, NOW + 60), says("cus_2", A, NOW + 60))
    assert town.homes() == {A: {"cus_2"}, B: {"cus_1"}}
    assert len(write_sets) == 1


def test_three_records_that_change_places_are_written_as_one() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", B), says("cus_3", C))
    write_sets = town.fold(*(says(f"cus_{n}", email, NOW + 60) for n, email in enumerate((B, C, A), start=1)))
    assert town.homes() == {A: {"cus_3"}, B: {"cus_1"}, C: {"cus_2"}}
    assert len(write_sets) == 1


def test_a_record_carries_its_segments_and_counts_to_its_new_home() -> None:
    town = Town()
    town.fold(says("cus_1", A), has("cus_1", "sub_1", "past_due"), says("cus_2", B))
    town.fold(says("cus_1", B, NOW + 60))
    (person,) = town.people.values()
    assert "past_due_subscriptions" in person.segments


# --- what is lacking


def outcome(
    known: LoadedState, *changes: Change, answers: dict[ObjectKey, Answer] | None = None
) -> FoldResult:
    return fold(known, changes, SEGMENTS, NOW, answers or {}, lambda: "per_1")


def test_an_identity_that_was_not_looked_up_is_asked_for_and_nothing_is_decided() -> None:
    assert outcome(LoadedState(), says("cus_1", A)) == FoldResult(unknown=frozenset({"customer:cus_1"}))
    customer_only = LoadedState({"customer:cus_1": None})
    assert outcome(customer_only, says("cus_1", A)) == FoldResult(unknown=frozenset({"email:a@example.com"}))
    looked_up = LoadedState({"customer:cus_1": None, "email:a@example.com": None})
    assert len(outcome(looked_up, says("cus_1", A)).write_sets) == 1


def test_an_email_that_only_stripes_answer_brings_is_asked_for_too() -> None:
    known = LoadedState({"customer:cus_1": None, "email:a@example.com": None, "email:b@example.com": None})
    tied = [says("cus_1", A, NOW), says("cus_1", B, NOW + 1)]
    key = ObjectKey("customer", "cus_1")
    assert outcome(known, *tied) == FoldResult(ties=frozenset({key}))
    answer = read_answer(key, customer("cus_1", email="new@example.com"), NOW + 60)
    assert outcome(known, *tied, answers={key: answer}) == FoldResult(
        unknown=frozenset({"email:new@example.com"})
    )


def test_one_tie_holds_back_everybody_of_the_fold_until_it_is_settled() -> None:
    known = Town().known()
    tied = [has("cus_1", "sub_1", "active"), has("cus_1", "sub_1", "past_due"), says("cus_2", B)]
    assert outcome(known, *tied) == FoldResult(ties=frozenset({ObjectKey("subscription", "sub_1")}))


def test_a_clock_that_runs_behind_takes_no_evaluation_back() -> None:
    town = Town()
    town.fold(says("cus_1", A))
    town.now = NOW - DAY
    town.fold(says("cus_1", A, NOW + 60, name="New"))
    (person,) = town.people.values()
    assert (person.evaluated_at, person.fields["customer_name"]) == (NOW, "New")
