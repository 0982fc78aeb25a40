"""Re-evaluations in DynamoDB, beside the imports."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from peoplesync.adapters.dynamodb.import_runs import ImportRuns
from peoplesync.adapters.dynamodb.reevaluation_runs import ReevaluationRuns
from peoplesync.domain.connections import Epoch
from peoplesync.domain.windows import Window
from peoplesync.use_cases.importing.runs import ListedPage, Run, Superseded
from peoplesync.use_cases.reevaluating.runs import LIST, Reevaluation, progress_of
from tests.support.builders.stripe import NOW
from tests.support.stacks.moto_stack import moto_stack

MAIN = Epoch("main", 1)
RUN = Reevaluation("re_1", MAIN, 2, NOW, 60, execution="arn:re_1")


@pytest.fixture
def runs() -> Iterator[ReevaluationRuns]:
    with moto_stack():
        yield ReevaluationRuns()


def test_a_run_is_read_as_it_was_written(runs: ReevaluationRuns) -> None:
    runs.create(RUN)

    assert runs.get(MAIN, "re_1") == RUN
    assert runs.get(MAIN, "re_2") is None
    assert runs.get(Epoch("main", 2), "re_1") is None


def test_re_evaluations_are_not_among_the_imports_nor_imports_among_them(runs: ReevaluationRuns) -> None:
    an_import = Run("imp_1", MAIN, NOW)
    later = replace(RUN, id="re_0", started_at=NOW + 1)
    ImportRuns().create(an_import)
    runs.create(RUN)
    runs.create(later)

    assert runs.all(MAIN) == [later, RUN]
    assert ImportRuns().all(MAIN) == [an_import]


def test_what_is_handed_out_and_what_the_worker_has_noted_are_compared(runs: ReevaluationRuns) -> None:
    for shard, people in ((0, 30), (1, 30)):
        window = Window(str(shard), 0, 0, cursor="per_9", pages=1, listed=people, done=True)
        runs.save_window(RUN, LIST, window)
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

    assert (progress.everybody, progress.handed_out) == (True, 60)
    assert (progress.evaluated, progress.failed) == (33, 2)
    assert progress.missing == [f"{LIST}#1#000000#000#aa"]
    assert not progress_of(RUN, runs, 8).everybody


def test_a_shard_that_somebody_else_has_moved_is_not_moved_again(runs: ReevaluationRuns) -> None:
    first = runs.save_window(RUN, LIST, Window("0", 0, 0))
    runs.save_window(RUN, LIST, replace(first, cursor="per_1"))

    with pytest.raises(Superseded):
        runs.save_window(RUN, LIST, replace(first, cursor="per_2"))
