"""Search terms: what one remembers of somebody finds them, however it is spelled."""

from __future__ import annotations

import pytest

from peoplesync.domain.people.person import Person
from peoplesync.domain.read_models.search_terms import folded, matching, terms_of_person


def somebody(email: str | None, name: str) -> Person:
    return Person("per_1", created_at=0, email=email, fields={"customer_name": name})


@pytest.mark.parametrize("sought", ["mia", "MÍA", "mia mus", "mus", "Müs", "mia@exa", "exam", "example.co"])
def test_the_beginning_of_an_email_a_word_of_the_name_or_a_companys_domain_finds(sought: str) -> None:
    assert matching(somebody("mia@example.com", "Mía Müster"), folded(sought))


@pytest.mark.parametrize("sought", ["ster", "mu mia", "xample", "com", "@exa"])
def test_what_is_in_the_middle_does_not(sought: str) -> None:
    assert not matching(somebody("mia@example.com", "Mía Müster"), folded(sought))


def test_nobody_is_found_by_the_domain_that_half_the_world_has() -> None:
    terms = terms_of_person(somebody("mia@gmail.com", "Li Wei"))

    assert terms == {"mia@gmail.com", "li wei", "wei"}


def test_both_sides_fold_the_same() -> None:
    assert folded("  Stra\u00dfe  \u0130stanbul ") == folded("STRASSE istanbul")
