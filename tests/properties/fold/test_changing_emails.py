"""However e-mails change hands, in any order and batching: in the end those who share one are one person."""

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from peoplesync_local.stripe_simulator.objects.shapes import StripeObject
from tests.support.builders.stripe import NOW, customer, event, subscription
from tests.support.fakes.world import World
from tests.support.oracles.tellings import outcome, split

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)
LONG = settings(QUICK, max_examples=2_000)
CUSTOMERS = ["cus_1", "cus_2", "cus_3", "cus_4"]
SPELLINGS: dict[str | None, list[str | None]] = {
    None: [None, " "],
    "a@example.com": ["a@example.com", " A@Example.com"],
    "b@example.com": ["B@EXAMPLE.COM"],
    "c@example.com": ["c@example.com"],
}
EMAILS = list(SPELLINGS)


@dataclass(frozen=True)
class Moves:
    """`emails` is each customer's e-mail after each of their changes; `batches` is how these arrive."""

    emails: dict[str, list[str | None]]
    batches: list[list[StripeObject]]

    @property
    def homes(self) -> set[frozenset[str]]:
        last = {one: emails[-1] for one, emails in self.emails.items()}
        shared = {email: frozenset(one for one in last if last[one] == email) for email in EMAILS if email}
        alone = {frozenset({one}) for one, email in last.items() if email is None}
        return alone | {home for home in shared.values() if home}


@st.composite
def moves(draw: st.DrawFn) -> Moves:
    emails = {
        one: draw(st.lists(st.sampled_from(EMAILS), min_size=1, max_size=3))
        for one in CUSTOMERS[: draw(st.integers(2, len(CUSTOMERS)))]
    }
    events = [
        event(
            "customer.updated",
            customer(one, email=draw(st.sampled_from(SPELLINGS[email])), name=f"Name {turn}"),
            created=NOW + 10 * turn,
            previous={},
        )
        for one, theirs in emails.items()
        for turn, email in enumerate(theirs)
    ]
    events += [
        event("customer.subscription.created", subscription(f"sub_{one}", customer=one), created=NOW)
        for one in emails
    ]
    return Moves(emails, split(draw(st.permutations(events)), draw(st.sampled_from([1, 2, 3, 20])), None))


def all_come_home(moved: Moves) -> None:
    plain, world = World(now=NOW), World(now=NOW)
    for one in sorted((one for batch in moved.batches for one in batch), key=lambda one: str(one["id"])):
        plain.apply(one)
    for batch in moved.batches:
        assert not world.apply(*batch).crashed
    assert outcome(world) == outcome(plain)
    people = world.people.people.values()
    assert {frozenset(person.records) for person in people} == moved.homes
    assert len(people) == len(moved.homes)
    for person in people:
        emails = {moved.emails[record][-1] for record in person.records}
        assert emails == {person.email}
        assert all(world.person(identity) == person for identity in person.identities)
    assert set(world.people.identities) == {identity for person in people for identity in person.identities}


@given(moves())
@QUICK
def test_customers_who_change_their_emails_end_with_those_who_share_it(moved: Moves) -> None:
    all_come_home(moved)


@pytest.mark.long
@given(moves())
@LONG
def test_thousands_of_changes_of_emails_bring_everybody_home(moved: Moves) -> None:
    all_come_home(moved)
