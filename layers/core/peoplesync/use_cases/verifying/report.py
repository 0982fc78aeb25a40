"""What a verification came to, as public JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from peoplesync.use_cases.read_models.reindex import Reindexed
from peoplesync.use_cases.verifying.verify import VerificationReport


def public_report(
    report: VerificationReport, repair_messages: int | None, indexed: Reindexed | None
) -> dict[str, Any]:
    """How many objects were compared, how many customers were erased here and how many drifted, in how many
    messages they were put on the queue again (None: they were not), all differences, and what could not be
    read; under `read_models` what differs in counts and search, if these were compared."""
    differences = [one.public() for of in report.differences.values() for one in of]
    return {
        **report.compared,
        "erased": len(report.erased),
        "drifted": len(report.differences),
        "repair_messages": repair_messages,
        "differences": differences,
        "unreadable": [one.public() for one in report.unreadable.values()],
        **({} if indexed is None else {"read_models": asdict(indexed)}),
    }
