"""The dashboard of a running local stack: its lines, its alarms, and the body that the template deploys."""

from __future__ import annotations

import json
from dataclasses import dataclass

from peoplesync_local import LocalStackError
from peoplesync_local.dashboard.alarms import Alarm, definitions, evaluated
from peoplesync_local.dashboard.emf import logged, samples
from peoplesync_local.dashboard.picture import drawn, filled_in
from peoplesync_local.dashboard.series import Span, span_of
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack


@dataclass(frozen=True)
class Dashboard:
    """The picture, the time that it shows, and the alarms at its end."""

    svg: str
    span: Span
    alarms: list[Alarm]


def dashboard_of(stack: LocalStack, places: Places | None = None) -> Dashboard:
    """Draw what the stack's functions have logged so far. Raises LocalStackError where that is nothing."""
    source = (places or Places()).checkout / "infra" / "dashboard.json"
    body = json.loads(filled_in(source.read_text(), stack.name, stack.region))
    logged_samples = samples(logged(stack))
    if not logged_samples:
        raise LocalStackError(
            "The functions have not logged any metrics yet; health is measured every five minutes."
        )
    span = span_of(logged_samples)
    alarms = [evaluated(definition, logged_samples, span.end) for definition in definitions(stack)]
    return Dashboard(drawn(body, logged_samples, alarms, stack.name), span, alarms)
