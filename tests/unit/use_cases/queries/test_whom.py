"""Whom one means: by a whole id, by what belongs to them at Stripe, by a beginning that leaves no doubt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pytest

from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.person import Person
from peoplesync.domain.read_models.search_terms import terms_of_person
from peoplesync.use_cases.ports import NotPermitted, OtherMode
from peoplesync.use_cases.queries.whom import Ambiguous, NotFound, Whom
from peoplesync.use_cases.read_models.find import Finder

MAIN = Epoch("main", 1)


class Here:
    """People with an e-mail, a name and a customer each, and their index."""

    def __init__(self, *names: str) -> None:
        self.people = {f"per_{name}": self._person(name) for name in names}

    def _person(self, name: str) -> Person:
        email = f"{name}@example.com"
        words = " ".join(f"{name}{place}" for place in range(40))
        return Person(f"per_{name}", 0, email=email, fields={"customer_name": words})

    def person(self, epoch: Epoch, person_id: str) -> Person | None:
        return self.people.get(person_id)

    def person_of(self, epoch: Epoch, identity: str) -> Person | None:
        owners = {f"customer:cus_{one.removeprefix('per_')}": person for one, person in self.people.items()}
        owners |= {f"email:{person.email}": person for person in self.people.values()}
        return owners.get(identity)

    def of_ids(self, epoch: Epoch, ids: Iterable[str]) -> Any:
        return (self.people[one] for one in ids)

    def beginning(self, epoch: Epoch, index: str, start: str, most: int, after: str = "") -> Sequence[str]:
        return sorted(one for one in self.people if one.startswith(start) and one > after)[:most]

    def find(self, epoch: Epoch, sought: str, most: int, after: str = "") -> Sequence[tuple[str, str]]:
        every = sorted(f"{term}#{one.id}" for one in self.people.values() for term in terms_of_person(one))
        found = [one for one in every if one.startswith(sought) and one > after][:most]
        return [(one.rpartition("#")[0], one.rpartition("#")[2]) for one in found]


def whom(here: Here, at_stripe: Mapping[str, Any] | Exception | None = None) -> Whom:
    def shown(path: str) -> Mapping[str, Any] | None:
        assert at_stripe is not None, f"Stripe was asked for {path}"
        if isinstance(at_stripe, Exception):
            raise at_stripe
        return at_stripe.get(path)

    return Whom(here, Finder(here, here), shown)


@pytest.mark.parametrize("who", ["mia@example.com", "per_mia", "cus_mia", "mia@", "per_mi", "mia3"])
def test_a_whole_id_and_a_beginning_that_leaves_no_doubt_find_one_person(who: str) -> None:
    assert whom(Here("mia", "tom")).meant(MAIN, who).id == "per_mia"


def test_a_beginning_of_several_names_them_though_one_of_them_has_many_terms() -> None:
    with pytest.raises(Ambiguous, match=r"mia could be per_mia \(mia@example.com\), per_miab") as said:
        whom(Here("mia", "miab")).meant(MAIN, "mia")

    assert said.value.candidates == (("per_mia", "mia@example.com"), ("per_miab", "miab@example.com"))


def test_of_many_five_are_named() -> None:
    with pytest.raises(Ambiguous, match="and others; name one of them") as said:
        whom(Here(*(f"mia{one}x" for one in "abcdefgh"))).meant(MAIN, "per_mia")

    assert len(said.value.candidates) == 5


@pytest.mark.parametrize("who", ["nobody", "mi", ""])
def test_what_finds_nobody_is_said_to(who: str) -> None:
    with pytest.raises(NotFound, match=f"no person matches {who}"):
        whom(Here("mia")).meant(MAIN, who)


@pytest.mark.parametrize(
    ("who", "path"),
    [
        ("in_1", "invoices/in_1"),
        ("py_1", "charges/py_1"),
        ("pi_1", "payment_intents/pi_1"),
        ("cs_test_1", "checkout/sessions/cs_test_1"),
    ],
)
def test_what_is_theirs_at_stripe_finds_them_by_its_customer(who: str, path: str) -> None:
    at_stripe = {path: {"id": who, "object": "whatever", "customer": {"id": "cus_mia"}}}

    assert whom(Here("mia"), at_stripe).meant(MAIN, who).id == "per_mia"


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        ({}, "Stripe knows no invoice in_1"),
        ({"invoices/in_1": {"customer": None}}, "the invoice in_1 has no customer"),
        ({"invoices/in_1": {"customer": "cus_2"}}, "is of the customer cus_2, and no person here has"),
        (OtherMode(""), "in_1 is of the other of Stripe's modes than main"),
    ],
)
def test_what_stripe_does_not_say_is_said(shown: Any, said: str) -> None:
    with pytest.raises(NotFound, match=said):
        whom(Here("mia"), shown).meant(MAIN, "in_1")


def test_a_permission_that_the_key_lacks_is_named() -> None:
    refused = NotPermitted("the key may not", "rak_payment_intent_read")

    with pytest.raises(NotPermitted, match=r"may not read payment intents \(rak_payment_intent_read\)"):
        whom(Here("mia"), refused).meant(MAIN, "pi_1")
