"""The dashboard on the local stack: what is deployed is the file, and what is measured is drawn."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

from peoplesync.use_cases.metrics import Metric
from peoplesync_cli.local_stack.invoking import HEALTH, invoke
from peoplesync_cli.target import of_local
from peoplesync_local.dashboard.emf import logged, samples
from peoplesync_local.dashboard.of_stack import dashboard_of
from peoplesync_local.dashboard.picture import filled_in
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack

SOURCE = Places().checkout / "infra" / "dashboard.json"


def test_cloudformation_deploys_the_dashboard_as_it_is_in_its_file(local_stack: LocalStack) -> None:
    deployed = local_stack.session().client("cloudwatch").get_dashboard(DashboardName=local_stack.name)

    assert json.loads(deployed["DashboardBody"]) == json.loads(
        filled_in(SOURCE.read_text(), local_stack.name, local_stack.region)
    )
    assert local_stack.outputs["DashboardUrl"].endswith(f"#dashboards/dashboard/{local_stack.name}")


def test_what_a_function_measures_is_on_the_picture(local_stack: LocalStack) -> None:
    invoke(of_local(local_stack), HEALTH, {})

    measured = {series.metric for series in samples(logged(local_stack))}
    dashboard = dashboard_of(local_stack)

    assert {Metric.PEOPLE.title, Metric.DEAD_LETTERS.title, Metric.SEGMENT_SIZE.title} <= measured
    states = {alarm.name: alarm.state for alarm in dashboard.alarms}
    assert states[f"{local_stack.name}-unwatched"] == "OK"
    # A metric of SQS itself, which the emulator does not have.
    assert states[f"{local_stack.name}-stuck"] == "no data"
    drawing = ElementTree.fromstring(dashboard.svg)  # noqa: S314 - ours
    tiles = [one for one in drawing.iter() if one.get("class") == "tile"]
    assert len(tiles) == len(states)
