"""Somebody who has the command line, the alarms and the runbooks of a company's stack, and moves its time."""

from __future__ import annotations

import json
import operator
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters import clock
from peoplesync.domain.connections import Connection
from peoplesync.domain.records.snapshots import TIE_WINDOW
from peoplesync_cli import options
from peoplesync_cli.local_stack.invoking import HEALTH, SWEEP, invoke
from peoplesync_cli.main import main
from peoplesync_local.dashboard.emf import samples
from peoplesync_local.stack import stack
from peoplesync_local.stack.places import Places
from tests.support.stacks.sam_template import sam_template
from tests.support.stacks.stack_company import Company, eventually

CHECKED: Final = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
}
ALARMS: Final = {
    alarm["Properties"]["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-"): alarm["Properties"]
    for alarm in sam_template()["Resources"].values()
    if alarm["Type"] == "AWS::CloudWatch::Alarm"
}


def goes_off(name: str, value: float) -> bool:
    """Whether the template's alarm goes off by this value, if it stays so for as long as it wants."""
    return bool(CHECKED[ALARMS[name]["ComparisonOperator"]](value, ALARMS[name]["Threshold"]))


@dataclass(frozen=True)
class Operator:
    """Somebody who has the command line, the alarms and the runbooks of a company's stack."""

    company: Company
    folder: Path

    def __call__(self, *arguments: str) -> str:
        """What `peoplesync` prints, which succeeds."""
        result = self._run(*arguments)
        assert result.exit_code == 0, result.output
        return result.stdout

    def about(self, *arguments: str) -> str:
        """The same, of the company's connection."""
        return self(*arguments, "--connection", self.company.name)

    def refused(self, *arguments: str) -> str:
        """Why `peoplesync` fails."""
        result = self._run(*arguments, "--connection", self.company.name)
        assert result.exit_code == 1, result.output
        return result.stderr

    def follow(self, advice: str, *arguments: str) -> str:
        """Runs the first command that a verdict recommends, as it stands there."""
        found = re.search("`peoplesync ([^`]+)`", advice)
        assert found is not None, advice
        return self(*found[1].split(), *arguments)

    def status(self, headline: str) -> dict[str, Any]:
        """What `peoplesync status` says under this headline; the page that it refers to is there."""
        told: dict[str, Any] = json.loads(self.about("status", "--json"))
        assert told["headline"] == headline, told
        if told["runbook"] is not None:
            assert (Places().checkout / "docs" / "runbooks" / f"{told['runbook']}.md").is_file()
        return told

    def alarms(self) -> dict[str, float]:
        """Measures health; which alarms on it go off, and by which values."""
        before = len(self.log("ReportHealth"))
        invoke(self.company.target, HEALTH, {})
        eventually(lambda: bool(self.told("ReportHealth", before)), 10, "the log has it")
        measured = self.told("ReportHealth", before)
        return {
            name: measured[alarm["MetricName"]]
            for name, alarm in ALARMS.items()
            if alarm.get("Statistic") == "Maximum" and goes_off(name, measured.get(alarm["MetricName"], 0))
        }

    def told(self, function: str, since: int) -> dict[str, float]:
        """The sum of each metric that a function told, since its log had so many entries; on the dimension
        that alarms look at."""
        alarmed = {("service", self.company.running.name)}
        lines = (line for entry in self.log(function)[since:] for line in entry.splitlines())
        return {
            series.metric: sum(sample.value for sample in each)
            for series, each in samples(lines).items()
            if series.dimensions == alarmed
        }

    def log(self, function: str) -> list[str]:
        """All that a function has logged."""
        pages = self.company.target.session.client("logs").get_paginator("filter_log_events")
        group = self.company.running.log_groups[function]
        return [one["message"] for page in pages.paginate(logGroupName=group) for one in page["events"]]

    def key_file(self) -> str:
        """The company's key, for `peoplesync connect`."""
        file = self.folder / "key"
        file.write_text(self.company.keys[False])
        return str(file)

    @property
    def connection(self) -> Connection:
        return self.company.target.connection(self.company.name)

    @cached_property
    def customer(self) -> str:
        """One of the company's customers."""
        return str(self.company.stripe().v1.customers.list({"limit": 1}).data[0].id)

    def rename(self, name: str, *, waits: bool = False) -> None:
        """The customer's name changes at Stripe, which tells of it if it can; that is applied, or waits."""
        # Later than the last change, or Stripe would have to be asked which of the two is newer.
        self.company.simulator().advance(TIE_WINDOW + 1)
        self.company.stripe().v1.customers.update(self.customer, {"name": name})
        self.company.simulator().flush()
        if not waits:
            self.company.drain(20)

    @property
    def name(self) -> Any:
        """What the customer is called here."""
        return self.company.target.browser(self.company.name).person(self.customer)["fields"]["customer_name"]

    def wait_until(self, moment: int) -> None:
        """It becomes that time for the whole system, and what happens meanwhile is applied."""
        simulator = self.company.simulator()
        simulator.advance(moment - simulator.now())
        simulator.flush()
        time.sleep(2 * clock.TRUSTED_FOR)  # then no process goes by an older time any more
        self.company.drain(20)

    def sweep(self) -> None:
        """What the schedule does every minute, until nobody is due."""
        while invoke(self.company.target, SWEEP, {})["due"]:
            self.company.drain()

    def schedule(self, function: str, *, on: bool) -> None:
        """Finds a schedule as the runbooks do, and switches it."""
        events = self.company.target.session.client("events")
        (rule,) = events.list_rules(NamePrefix=f"{self.company.target.name}-{function}")["Rules"]
        (events.enable_rule if on else events.disable_rule)(Name=rule["Name"])

    def forget(self) -> None:
        """Has the functions start anew: key and secret, kept for up to a minute, are read again."""
        functions = self.company.target.session.client("lambda")
        for one in functions.list_functions()["Functions"]:
            functions.update_function_configuration(FunctionName=one["FunctionName"], Timeout=one["Timeout"])

    def is_well(self) -> None:
        """Everything is applied, nothing is left to say, and no alarm goes off."""
        self.company.drain(20)
        assert self.status("In sync")["also"] == []
        assert self.alarms() == {}

    def _run(self, *arguments: str) -> Result:
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(options, "resolve", lambda stack: self.company.target)
            return CliRunner().invoke(main, arguments)


SCHEDULES: Final = ("SweepSegments", "ReconcileEvents", "ReportHealth")


@contextmanager
def frozen_stack(folder: Path) -> Iterator[Operator]:
    """A stack of its own for a company that is not connected yet. Its time stands still until it is moved,
    and nothing runs by the real clock."""
    places = Places(state_directory=folder)
    with pytest.MonkeyPatch.context() as patched:
        try:
            running = stack.up(print, places=places)
            patched.setenv(clock.VARIABLE, stack.clock_url(running.stripe_api_url))
            found = Operator(Company(running, "shop"), folder)
            simulator = found.company.simulator()
            simulator.freeze(simulator.now())
            for function in SCHEDULES:
                found.schedule(function, on=False)
            yield found
        finally:
            stack.down(print, places=places)
