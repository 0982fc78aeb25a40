"""The composition root: every use case is whole, and a function loads only what it uses."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from peoplesync.adapters.aws.erasure_keys import ErasureKeys
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.tables import PersonRow
from peoplesync.adapters.operator_wiring import OperatorWiring
from peoplesync.adapters.task_wiring import TaskWiring
from peoplesync.adapters.wiring import Wiring
from peoplesync.domain.connections import Epoch
from peoplesync.use_cases.metrics import Metric
from peoplesync_cli.failure import Failure
from peoplesync_cli.target import Target
from peoplesync_local.stack.places import CHECKOUT
from tests.support.stacks.moto_stack import REGION, MotoStack

OF_FUNCTIONS = {
    "BUS_NAME": "peoplesync-test",
    "IMPORT_SLICE_SECONDS": "60",
    "IMPORT_SHARE": "40",
    "REEVALUATE_SLICE_SECONDS": "60",
    "TASK_SLICE_SECONDS": "60",
    "FEED_RETENTION_DAYS": "400",
    **{f"{name}_MAPPING": "uuid" for name in ("LIVE", "BULK", "REVIEW", "PEOPLE_STREAM", "FEED_STREAM")},
}
MAIN = Epoch("main", 1)
BUILT: dict[str, Callable[[Wiring], Any]] = {
    "receive_webhook": Wiring.webhook,
    "receive_activity": Wiring.activity_api,
    "apply_changes": Wiring.worker,
    "import_customers": Wiring.importer,
    "reevaluate_people": Wiring.reevaluator,
    "run_tasks": lambda wiring: TaskWiring(wiring.environ).task_runner(),
    "reconcile_events": Wiring.reconciler,
    "sweep_segments": Wiring.sweeper,
    "publish_changes": Wiring.publisher,
    "index_people": Wiring.indexer,
    "report_health": Wiring.health_reporter,
}
"""What builds each function's use case."""

UNUSED = {
    "receive_webhook": (
        "peoplesync.use_cases.worker.apply",
        "peoplesync.adapters.dynamodb.people.people_store",
        "peoplesync.domain.segments.definitions",
        "boto3",
        "stripe",
    ),
    "apply_changes": (
        "peoplesync.use_cases.importing.runs",
        "peoplesync.use_cases.health.health",
        "aws_lambda_powertools.utilities.batch",
        "boto3",
        "stripe",
    ),
    "publish_changes": ("peoplesync.use_cases.worker.apply", "boto3", "stripe"),
    "index_people": ("peoplesync.use_cases.worker.apply", "boto3", "stripe"),
}
"""What those for whom somebody waits never use, and so never load."""


@pytest.fixture
def environment(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    return aws.environment | OF_FUNCTIONS


def test_each_function_has_its_use_case(environment: dict[str, str]) -> None:
    wiring = Wiring.of_function(environment)

    functions = {path.parent.name for path in (CHECKOUT / "functions").glob("*/app.py")}
    assert functions - {"api", "console"} == BUILT.keys(), "the API has all of them, the console none"
    assert all(build(wiring) for build in BUILT.values())


def test_nobody_else_gives_use_cases_their_adapters() -> None:
    """Stores, queues, secrets and Stripe's API are made here alone."""
    made_here = re.compile(
        r"\b(PeopleStore|ConnectionsStore|CatalogueStore|ChangeQueue|ConnectionsReader|Secrets|StripeApi|StripeAccount|ErasureKeys"
        r"|EventBus|Mappings|Executions|PeopleReader|Measuring)\("
    )
    sources = [path for room in ("functions", "cli", "local") for path in (CHECKOUT / room).rglob("*.py")]

    assert [path.name for path in sources if made_here.search(path.read_text())] == []


def test_who_reads_or_writes_people_knows_the_erased(environment: dict[str, str]) -> None:
    wiring = Wiring.of_function(environment)

    for people in (wiring.worker().people, wiring.publisher().people):
        assert isinstance(people, PeopleStore)
        assert isinstance(people.markers, ErasureKeys)


def test_what_a_function_reads_is_measured_whatever_the_table(environment: dict[str, str]) -> None:
    wiring = Wiring.of_function(environment)
    measured: list[Metric] = []
    wiring.measuring.add = lambda metric, value=1: measured.append(metric)  # type: ignore[method-assign]

    wiring.people.person(MAIN, "per_nobody")
    wiring.catalogue.refused(MAIN, 0, 1)

    assert measured == [Metric.READ_UNITS] * 2
    assert PersonRow.Meta.table_name == environment["PEOPLE_TABLE"]


def test_a_command_measures_nothing_and_fails_with_the_output_that_the_stack_lacks(aws: MotoStack) -> None:
    target = Target("test", aws.stack, "https://api.example.com/", aws.session, outputs={"BusName": "bus"})

    target.measure(Metric.STRIPE_CALLS, 1)

    assert isinstance(target, OperatorWiring)
    assert target.webhook_url("main") == "https://api.example.com/webhooks/stripe/main"
    with pytest.raises(Failure, match="The stack has no output 'PublishFailures'; deploy this version"):
        _ = target.failed_batches
    with pytest.raises(Failure, match="The stack has no output 'LiveMapping'"):
        target.health()


@pytest.mark.parametrize("function", UNUSED)
def test_a_cold_start_loads_only_what_the_function_uses(aws: MotoStack, function: str) -> None:
    code = (
        "import runpy, sys\n"
        f"runpy.run_path({str(CHECKOUT / 'functions' / function / 'app.py')!r})\n"
        f"print([one for one in {UNUSED[function]!r} if one in sys.modules])\n"
    )
    environment = os.environ | aws.environment | OF_FUNCTIONS | {"AWS_DEFAULT_REGION": REGION}

    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
