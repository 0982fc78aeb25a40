"""Import runs in DynamoDB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from peoplesync.adapters.dynamodb.import_runs import ImportRuns
from peoplesync.adapters.dynamodb.run_rows import of
from peoplesync.adapters.dynamodb.tables import ImportRow
from peoplesync.domain.connections import Epoch
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.progress import UNSEEN, counts, objects_listed
from peoplesync.use_cases.importing.runs import ImportRun, ListState
from peoplesync.use_cases.jobs.cursor import Cursor
from peoplesync.use_cases.jobs.pages import missing_pages
from peoplesync.use_cases.jobs.progress import progress_of
from peoplesync.use_cases.jobs.runs import ListedPage, Superseded
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import moto_stack

MAIN = Epoch("main", 1)
RUN = ImportRun("imp_1", MAIN, NOW, created_after=NOW - 5, share=0.25, execution="arn:imp_1")


@pytest.fixture
def runs() -> Iterator[ImportRuns]:
    with moto_stack():
        yield ImportRuns()


def page(list_name: str, window: str, number: int, *objects: int) -> ListedPage:
    """A page with a chunk of so many objects each."""
    chunks = {f"{list_name}#{window}#{number:06}#{place:03}#aa": count for place, count in enumerate(objects)}
    return ListedPage(list_name, window, number, chunks, {"limit": 100})


def test_a_run_is_read_as_it_was_written(runs: ImportRuns) -> None:
    runs.save(RUN)

    assert runs.get(MAIN, "imp_1") == RUN
    assert runs.get(MAIN, "imp_2") is None
    assert runs.get(Epoch("main", 2), "imp_1") is None


def test_runs_are_listed_the_latest_first_and_without_their_pages(runs: ImportRuns) -> None:
    later = replace(RUN, id="imp_0", started_at=NOW + 1)
    runs.save(RUN)
    runs.save(later)
    runs.add_page(RUN, page("customers", "1", 0, 5))

    assert runs.all(MAIN) == [later, RUN]


def test_what_belongs_to_a_run_expires_and_the_run_with_its_figures_does_not(runs: ImportRuns) -> None:
    runs.save(replace(RUN, status="succeeded", figures={"listed": 5, "lists": {"customers": 5}}))
    runs.save_window(RUN, "customers", Window("1", 0, NOW))
    runs.save_list_state(RUN, "customers", ListState())
    runs.add_page(RUN, page("customers", "1", 0, 5))
    runs.applied(MAIN, RUN.id, "customers#1", 0)

    expiring = {row.sk.partition("#")[0]: row.expires_at is not None for row in ImportRow.scan()}

    assert expiring == {"imp_1": False, "window": True, "list": True, "page": True, "chunk": True}
    run = runs.get(MAIN, RUN.id)
    assert run is not None
    assert run.figures == {"listed": 5, "lists": {"customers": 5}}


def test_a_window_that_somebody_else_has_moved_is_not_moved_again(runs: ImportRuns) -> None:
    first = runs.save_window(RUN, "customers", Window("1", 0, NOW))
    moved = runs.save_window(RUN, "customers", first.after([{"id": "cus_1", "created": 5}], True))

    with pytest.raises(Superseded):
        runs.save_window(RUN, "customers", first.after([{"id": "cus_2", "created": 4}], True))
    with pytest.raises(Superseded):
        runs.save_window(RUN, "customers", Window("1", 0, NOW))

    assert runs.windows(RUN, "customers") == {"1": moved}
    assert runs.windows(RUN, "subscriptions") == {}
    assert runs.listed(RUN) == {"customers": 1}


def test_what_is_listed_and_what_is_applied_are_compared_chunk_by_chunk(runs: ImportRuns) -> None:
    runs.add_page(RUN, page("customers", "1", 0, 25, 25))
    runs.add_page(RUN, page("customers", "12", 0, 7))
    runs.add_page(RUN, page("customers", "2", 10, 3))
    runs.add_page(RUN, page("unseen", "0", 0, 20))
    for chunk, failed in (
        ("customers#1#000000#000#aa", 0),
        ("customers#1#000000#001#aa", 2),
        ("customers#1#000000#001#of-a-page-that-was-listed-again", 0),
        ("customers#2#000010#000#aa", 0),
        ("unseen#0#000000#000#aa", 0),
    ):
        runs.applied(MAIN, "imp_1", chunk, failed)

    progress = progress_of(RUN, runs)

    told = {"listed": 0, "enqueued": 60, "applied": 51, "failed": 2}
    assert counts(progress, objects_listed(RUN, runs)) == told
    assert (progress.enqueued[UNSEEN], progress.applied[UNSEEN], progress.done) == (20, 20, 73)
    assert progress.missing == ["customers#12#000000#000#aa"]
    missing = missing_pages(RUN, runs)
    assert [(one.list, one.window) for one in missing] == [("customers", "12")]


def test_rows_are_what_earlier_versions_read_and_wrote(runs: ImportRuns) -> None:
    runs.save(replace(RUN, enqueued_again=True, done_before=7))
    runs.save_cursor(RUN, UNSEEN, Cursor("3", "cus_9", pages=1, listed=25))

    kept = ImportRow.get(str(MAIN), "imp_1").content_json
    shard = ImportRow.get(of(RUN), f"window#{UNSEEN}#3").content_json

    assert (kept["relisted"], kept["applied_before"]) == (True, 7)
    window = Window("3", 0, 0, "cus_9", pages=1, listed=25, version=1)
    assert Window(**shard, version=1) == window
    runs.save_window(RUN, UNSEEN, window)
    assert runs.cursors(RUN, UNSEEN) == {"3": Cursor("3", "cus_9", pages=1, listed=25, version=2)}


def test_a_chunk_that_is_applied_twice_is_noted_as_it_was_the_first_time(runs: ImportRuns) -> None:
    runs.applied(MAIN, "imp_1", "customers#1#000000#000#aa", 3)
    runs.applied(MAIN, "imp_1", "customers#1#000000#000#aa", 0)

    assert list(runs.chunks_applied(RUN)) == [("customers#1#000000#000#aa", 3)]


def test_how_a_list_fares_is_kept(runs: ImportRuns) -> None:
    assert runs.list_states(RUN) == {}

    runs.save_list_state(RUN, "charges", ListState(refused=4, idle_since=NOW, reason="busy"))

    assert runs.list_states(RUN) == {"charges": ListState(4, NOW, "busy")}


def test_a_list_whose_state_an_older_version_kept_has_no_reason(runs: ImportRuns) -> None:
    ImportRow(of(RUN), "list#charges", content_json={"refused": 4, "idle_since": NOW}).save()

    assert runs.list_states(RUN) == {"charges": ListState(4, NOW)}


def test_why_parts_failed_is_kept_with_their_chunks(runs: ImportRuns) -> None:
    runs.applied(MAIN, "imp_1", "customers#1#000000#000#aa", 2, ["customer cus_1: created is missing"])
    runs.applied(MAIN, "imp_1", "customers#1#000000#001#aa", 0)
    runs.applied(MAIN, "imp_1", "customers#1#000000#002#aa", 1, ["customer cus_2: email is missing"])

    assert list(runs.failures(RUN)) == [
        "customer cus_1: created is missing",
        "customer cus_2: email is missing",
    ]
    assert dict(runs.chunks_applied(RUN))["customers#1#000000#000#aa"] == 2
