"""`peoplesync` on a stack in memory, with the simulator of Stripe."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pynamodb.connection import Connection as PynamoConnection

from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.world import AtWork, World, nobody_erased
from tests.support.stacks.moto_stack import REGION, MotoStack
from tests.support.worlds.simulated_stripe import KEY

LIVE_KEY = "rk_live_simulated"


@dataclass
class Commands:
    """Runs `peoplesync` with these arguments; `imported` are the connections whose import it started."""

    aws: MotoStack
    monkeypatch: pytest.MonkeyPatch
    stripe: str
    imported: list[str] = field(default_factory=list)
    imports_end: str = "succeeded"

    def __post_init__(self) -> None:
        session, stack = self.aws.session, self.aws.stack
        target = Target("test (in memory)", stack, "https://api.example.com/", session, self.stripe)
        vars(target)["worker_mappings"] = vars(target)["publisher_mappings"] = AtWork()
        self.monkeypatch.setattr(options, "resolve", lambda stack: target)
        self.monkeypatch.delenv("STRIPE_API_KEY", raising=False)
        imports = SimpleNamespace(start_import=self._start_import, summary=lambda run: f"{run['id']} ended")
        self.monkeypatch.setitem(sys.modules, "peoplesync_cli.jobs.imports", imports)

    def __call__(self, *arguments: str, answers: str = "", key: str | None = KEY) -> Result:
        """The key is in the environment, unless it is None; `answers` are given to the questions."""
        environment = {"STRIPE_API_KEY": key} if key else {}
        return CliRunner().invoke(main, arguments, input=answers, env=environment)

    def _start_import(self, target: Target, connection: str) -> dict[str, Any]:
        self.imported.append(connection)
        return {"id": f"imp_{len(self.imported)}", "status": self.imports_end}

    def become_customer(self) -> None:
        """Somebody becomes a customer."""
        world = World(NOW)
        world.applier.people = PeopleStore(PynamoConnection(region=REGION), 400, nobody_erased())
        found = ConnectionsStore().get("main")
        assert found is not None
        world.connections.connection = found
        world.apply(event("customer.created", customer("cus_1"), created=NOW), epoch=found.epoch)


def done(result: Result) -> str:
    """What was printed on stdout; nothing secret was printed anywhere."""
    assert result.exit_code == 0, result.output
    assert KEY not in result.output
    assert LIVE_KEY not in result.output
    assert "whsec_" not in result.output
    return result.stdout


def answer(result: Result) -> dict[str, Any]:
    """The one line of JSON that was printed."""
    (line,) = done(result).splitlines()
    found: dict[str, Any] = json.loads(line)
    return found
