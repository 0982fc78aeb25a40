"""Trials: what a change of somebody's status says of theirs."""

from __future__ import annotations

from typing import Final, Literal

TRIALING: Final = "trialing"
_PAYS: Final = frozenset({"active", "past_due"})

TrialStep = Literal["started", "converted", "expired"]
"""`converted`: a customer now, also one whose first payment failed; `expired`: anything else."""


def trial_step(before: str, after: str) -> TrialStep | None:
    """What begins or ends with it; None where a trial does neither."""
    if before == after or TRIALING not in (before, after):
        return None
    if after == TRIALING:
        return "started"
    return "converted" if after in _PAYS else "expired"
