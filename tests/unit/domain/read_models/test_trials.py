"""Trials begin and end by what one write says of a status."""

from __future__ import annotations

import pytest

from peoplesync.domain.people.person import EVERYONE
from peoplesync.domain.read_models.contribution import NOTHING, Circumstances, Contribution, delta_of
from peoplesync.domain.read_models.trials import trial_step


@pytest.mark.parametrize(
    ("before", "after", "step"),
    [
        ("", "trialing", "started"),
        ("canceled", "trialing", "started"),
        ("trialing", "active", "converted"),
        ("trialing", "past_due", "converted"),
        ("trialing", "canceled", "expired"),
        ("trialing", "paused", "expired"),
        ("trialing", "", "expired"),
        ("trialing", "trialing", None),
        ("active", "canceled", None),
    ],
)
def test_a_trial_begins_and_ends(before: str, after: str, step: str | None) -> None:
    assert trial_step(before, after) == step


def test_the_trial_of_somebody_who_is_gone_did_not_expire() -> None:
    trialing = Contribution(frozenset({EVERYONE}), status="trialing")

    assert not delta_of(trialing, NOTHING, Circumstances("reindex"), "per_1").flows
