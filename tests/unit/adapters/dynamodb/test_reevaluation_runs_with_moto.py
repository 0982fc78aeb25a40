"""Re-evaluations in DynamoDB, beside the imports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from peoplesync.adapters.dynamodb.import_runs import ImportRuns
from peoplesync.adapters.dynamodb.reevaluation_runs import ReevaluationRuns
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.importing.runs import ImportRun
from peoplesync.use_cases.jobs.cursor import Cursor
from peoplesync.use_cases.jobs.runs import ListedPage
from peoplesync.use_cases.reevaluating.runs import LIST, Reevaluation, final_counts, progress_of
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import moto_stack

MAIN = Epoch("main", 1)
RUN = Reevaluation(id="re_1", epoch=MAIN, started_at=NOW, execution="arn:re_1", version=2, people=60)


@pytest.fixture
def runs() -> Iterator[ReevaluationRuns]:
    with moto_stack():
        yield ReevaluationRuns()


def test_a_run_is_read_as_it_was_written(runs: ReevaluationRuns) -> None:
    runs.save(RUN)

    assert runs.get(MAIN, "re_1") == RUN
    assert runs.get(MAIN, "re_2") is None
    assert runs.get(Epoch("main", 2), "re_1") is None


def test_re_evaluations_are_not_among_the_imports_nor_imports_among_them(runs: ReevaluationRuns) -> None:
    an_import = ImportRun("imp_1", MAIN, NOW)
    later = replace(RUN, id="re_0", started_at=NOW + 1)
    ImportRuns().save(an_import)
    runs.save(RUN)
    runs.save(later)

    assert runs.all(MAIN) == [later, RUN]
    assert ImportRuns().all(MAIN) == [an_import]


def test_what_is_enqueued_and_what_the_worker_has_noted_are_compared(runs: ReevaluationRuns) -> None:
    for shard, people in ((0, 30), (1, 30)):
        runs.save_cursor(RUN, LIST, Cursor(str(shard), "per_9", pages=1, listed=people, done=True))
        chunks = {
            f"{LIST}#{shard}#000000#000#aa": people - 5,
            f"{LIST}#{shard}#000000#001#aa": 5,
        }
        runs.add_page(RUN, ListedPage(LIST, str(shard), 0, chunks, {"after": ""}))
    # The worker does not know of which kind a run is.
    worker = ImportRuns()
    for chunk, failed in (("0#000000#000#aa", 0), ("0#000000#001#aa", 2), ("1#000000#001#aa", 0)):
        worker.applied(MAIN, "re_1", f"{LIST}#{chunk}", failed)

    progress = progress_of(RUN, runs, 2)

    assert progress.all_enqueued
    assert final_counts(RUN, runs, 2) == {"people": 60, "evaluated": 33, "failed": 2}
    assert progress.missing == [f"{LIST}#1#000000#000#aa"]
    assert not progress_of(RUN, runs, 8).all_enqueued
