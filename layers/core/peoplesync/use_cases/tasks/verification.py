"""Verifications: whether people are what Stripe says, and what is counted of them too."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.jobs.job import Answer, Unacceptable, failed
from peoplesync.use_cases.ports import Lists, NotPermitted, Page, Unavailable
from peoplesync.use_cases.read_models.reindex import Reindexer
from peoplesync.use_cases.tasks.runs import A_PAGE, Json, TaskRun, TaskRuns, Turn
from peoplesync.use_cases.tasks.steps import DONE
from peoplesync.use_cases.verifying.report import public_report
from peoplesync.use_cases.verifying.verify import Queue, Verifier

MOST_SECONDS: Final = 780
"""For so long Stripe may be asked; what follows has to fit into the rest of the function's timeout."""

MOST_TRIES: Final = 3
"""How often a verification is begun again where the function was interrupted."""

REPORT: Final = ("differences", "unreadable")
"""The lists of a report, which are stored in pages of their own."""

_TOO_LONG: Final = (
    "it took longer than a function may; verify a sample, or everybody with `peoplesync verify`, which has "
    "no such limit"
)


class OutOfTime(Exception):
    """There is no time left to ask Stripe."""


def verification_request(_connection: Connection, given: Json) -> dict[str, Any]:
    """What a verification may be given, checked: how many customers are its `sample` (everybody without it),
    and whether to `repair` what drifted. Raises `Unacceptable`."""
    sample, repair = given.get("sample"), given.get("repair") or False
    if sample is not None and (not isinstance(sample, int) or isinstance(sample, bool) or sample < 1):
        raise Unacceptable(f"sample is a number of customers, 1 or more; {sample!r} is not")
    if not isinstance(repair, bool):
        raise Unacceptable("repair is true or false")
    return {"sample": sample, "repair": repair}


@dataclass(frozen=True)
class VerificationWork:
    """What the one turn of a verification does. What it remembers is worth nothing later, when all may have
    changed; so it is begun again after an interruption, and must end within the function's timeout of 15
    minutes: that is some hundred thousand objects of Stripe's. Of more, a sample can be verified."""

    verifier: Verifier
    reindexer: Reindexer
    bulk: Queue
    note_counted: Callable[[Connection], None]
    clock: Callable[[], int]
    monotonic: Callable[[], float]

    def __call__(self, connection: Connection, turn: Turn) -> Answer:
        if turn.run.tries >= MOST_TRIES:
            return failed(f"it was interrupted {MOST_TRIES} times: {_TOO_LONG}")
        turn.keep(tries=turn.run.tries + 1)
        try:
            report = self._report(connection, turn)
        except OutOfTime:
            return failed(_TOO_LONG)
        except (Unavailable, NotPermitted) as refusal:
            return failed(f"it could not go on: {refusal}")
        pages: dict[str, int] = {}
        for name in REPORT:
            whole = report.pop(name)
            starts = range(0, len(whole), A_PAGE)
            for number, start in enumerate(starts):
                turn.put(name, number, whole[start : start + A_PAGE])
            pages[name] = len(starts)
        turn.keep(report=report, pages=pages)
        return DONE

    def _report(self, connection: Connection, turn: Turn) -> dict[str, Any]:
        given, messages = turn.run.given, None
        verifier, reindexer = self._in_time()
        found = verifier.verify(connection, given["sample"])
        turn.keep(tries=turn.run.tries)  # nothing is mended where it was stopped meanwhile
        if given["repair"] and found.differences:
            messages = verifier.repair(connection, found, self.bulk, self.clock())
        indexed = None
        if given["sample"] is None:
            indexed = reindexer.settled(connection.epoch, verifier.sleep, repair=given["repair"])
            if given["repair"]:
                self.note_counted(connection)
        return public_report(found, messages, indexed)

    def _in_time(self) -> tuple[Verifier, Reindexer]:
        """Both, which raise `OutOfTime` rather than go on for longer than there is."""
        ends_at = self.monotonic() + MOST_SECONDS

        def sleep(seconds: float) -> None:
            _check(self.monotonic() + seconds <= ends_at)
            self.verifier.sleep(seconds)

        def is_time(_: int = 0) -> None:
            _check(self.monotonic() <= ends_at)

        lists = _ListsInTime(self.verifier.lists, is_time)
        return replace(self.verifier, lists=lists, sleep=sleep), replace(self.reindexer, say=is_time)


def whole_report(run: TaskRun, runs: TaskRuns) -> Mapping[str, Any] | None:
    """The report of a verification that has succeeded, with its lists."""
    if (head := run.progress.get("report")) is None:
        return None
    # An earlier try may have left more pages.
    pages = {name: islice(runs.results(run, name), run.progress["pages"][name]) for name in REPORT}
    return {**head, **{name: [one for _, page in every for one in page] for name, every in pages.items()}}


@dataclass(frozen=True)
class _ListsInTime:
    lists: Lists
    check_time: Callable[[], None]

    def page(self, connection: str, resource: str, params: Mapping[str, Any]) -> Page:
        self.check_time()
        return self.lists.page(connection, resource, params)


def _check(is_time: bool) -> None:
    if not is_time:
        raise OutOfTime
