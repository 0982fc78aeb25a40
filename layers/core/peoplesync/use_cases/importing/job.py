"""Imports, as a job. The worker, which only notes what it has applied, loads none of this."""

from __future__ import annotations

from dataclasses import dataclass

from peoplesync.use_cases.importing.runs import ImportRun, ImportRuns
from peoplesync.use_cases.jobs.job import Job


@dataclass(frozen=True)
class ImportJob(Job[ImportRun]):
    """Imports, and where they are kept, with how their lists fare."""

    runs: ImportRuns
