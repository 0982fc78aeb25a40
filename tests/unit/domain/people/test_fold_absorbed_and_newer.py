"""The fold: who is absorbed by whom, and who is evaluated anew since definitions are newer."""

from dataclasses import replace

import pytest

from peoplesync.domain.people.fold import fold
from peoplesync.domain.people.write_set import FoldResult
from peoplesync.domain.records.changes import Change
from peoplesync.domain.segments.definitions import Definitions, Segment
from tests.support.builders.stripe import NOW
from tests.unit.domain.people.test_fold import SEGMENTS, A, B, C, Town, has, says


def test_a_person_absorbs_who_moves_in_with_their_last_record() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", B))
    former, home = (next(p for p in town.people.values() if p.email == email).id for email in (A, B))
    town.fold(says("cus_1", B, NOW + 60))
    assert town.people[home].absorbed == (former,)
    town.fold(says("cus_1", B, NOW + 120, name="New"))
    assert town.people[home].absorbed == ()


def test_that_somebody_was_absorbed_is_no_reason_to_write_again() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", B))
    moved = says("cus_1", B, NOW + 60)
    town.fold(moved)
    assert town.fold(moved) == ()
    (person,) = town.people.values()
    assert person.absorbed
    assert fold(town.known(), [], SEGMENTS, NOW, {}, lambda: "per_9", reviews=[person.id]).write_sets == ()


def test_who_keeps_a_record_is_not_absorbed() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", A), says("cus_3", B))
    town.fold(says("cus_1", B, NOW + 60))
    assert [person.absorbed for person in town.people.values()] == [(), ()]


def test_who_was_nobody_yet_is_not_absorbed() -> None:
    town = Town()
    town.fold(says("cus_1", A))
    town.fold(has("cus_2", "sub_2"))
    town.fold(says("cus_2", A))
    (person,) = town.people.values()
    assert set(person.records) == {"cus_1", "cus_2"}
    assert person.absorbed == ()


def test_several_who_move_in_at_once_are_absorbed_together() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", B), says("cus_3", C))
    absorbed = sorted(one.id for one in town.people.values() if one.email != C)
    town.fold(says("cus_1", C, NOW + 60), says("cus_2", C, NOW + 60))
    (person,) = town.people.values()
    assert person.absorbed == tuple(absorbed)


def test_who_parts_is_absorbed_by_each_who_took_in_a_record() -> None:
    town = Town()
    town.fold(says("cus_1", A), says("cus_2", A))
    (former,) = town.people
    town.fold(says("cus_3", B), says("cus_4", C))
    town.fold(says("cus_1", B, NOW + 60), says("cus_2", C, NOW + 60))
    assert {person.email: person.absorbed for person in town.people.values()} == {
        B: (former,),
        C: (former,),
    }


# --- newer definitions


@pytest.mark.parametrize("change", [says("cus_1", A), says("cus_1", A, NOW - 99), says("cus_1", A, NOW + 60)])
def test_a_person_with_older_definitions_is_evaluated_anew_by_any_change(change: Change) -> None:
    town = Town()
    town.fold(says("cus_1", A))
    (before,) = town.people.values()
    newer = Definitions(2, (Segment("with_email", "With e-mail", {"has": "email"}),))
    (write_set,) = fold(town.known(), [change], newer, NOW, {}, lambda: "per_9").write_sets
    after = write_set.after[before.id]
    assert after
    assert (after.version, after.definitions_version, after.segments) == (2, 2, {"with_email": NOW})


def test_older_definitions_than_somebodys_are_not_folded_with() -> None:
    town = Town()
    town.fold(says("cus_1", A))
    town.people = {one.id: replace(one, definitions_version=2) for one in town.people.values()}
    assert fold(town.known(), [says("cus_1", A)], SEGMENTS, NOW, {}, lambda: "per_9") == FoldResult(
        outdated=True
    )


@pytest.mark.parametrize("change", [says("cus_1", A), says("cus_1", A, NOW - 99)])
def test_whom_newer_definitions_do_not_change_is_not_written(change: Change) -> None:
    town = Town()
    town.fold(says("cus_1", A))
    newer = replace(SEGMENTS, version=2)
    found = fold(town.known(), [change], newer, NOW + 60, {}, lambda: "per_9", reviews=list(town.people))
    assert (found.complete, found.write_sets) == (True, ())


def test_another_next_review_is_a_reason_to_write() -> None:
    town = Town()
    town.fold(says("cus_1", A))
    town.people = {one.id: replace(one, review_at=NOW + 1) for one in town.people.values()}
    newer, everybody = replace(SEGMENTS, version=2), list(town.people)
    (write_set,) = fold(town.known(), [], newer, NOW, {}, lambda: "per_9", reviews=everybody).write_sets
    (after,) = write_set.after.values()
    assert after
    assert (after.review_at, after.definitions_version) == (None, 2)


def test_what_concerns_several_people_is_written_only_with_the_newest_definitions() -> None:
    """What is folded again is about a record, and does not lead to whom the record has left."""
    town = Town()
    (first,) = town.fold(says("cus_1", A))
    (joined,) = town.fold(says("cus_2", A))
    (parted,) = town.fold(says("cus_2", C, NOW + 60))
    (merged,) = town.fold(says("cus_2", A, NOW + 120))
    write_sets = [first, joined, parted, merged]
    assert [one.only_with_definitions for one in write_sets] == [None, None, 1, 1]
