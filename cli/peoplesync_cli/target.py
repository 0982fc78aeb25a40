"""The stack that a command acts on, and everything by which it is reached."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
import click
from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.adapters import clock
from peoplesync.adapters.dynamodb.tables import use_tables
from peoplesync.adapters.operator_wiring import OperatorWiring
from peoplesync.adapters.parts import STRIPE_URL
from peoplesync.adapters.stack import Stack, output_of, variable_of
from peoplesync.domain.connections import Connection
from peoplesync_cli.failure import NO_TARGET, Failure
from peoplesync_local import LocalStackError
from peoplesync_local.stack import stack as local
from peoplesync_local.stack.aws_session import CREDENTIALS
from peoplesync_local.stack.stack import LocalStack

if TYPE_CHECKING:
    from peoplesync.use_cases.importing.overview import Imports
    from peoplesync.use_cases.metrics import Metric
    from peoplesync.use_cases.queries.browse import Browser
    from peoplesync.use_cases.reevaluating.overview import Reevaluations
    from peoplesync.use_cases.tasks.overview import TaskOverview
    from peoplesync.use_cases.tasks.runs import Kind

NO_STACK = (
    "There is no stack to act on. Start the local one with `peoplesync local up`, or name a deployed one "
    "with --stack NAME (or PEOPLESYNC_STACK), with the usual AWS profile and region."
)


class Known(dict[str, str]):
    """What is known of a stack, by the names that its functions have for it; what is missing ends the
    command."""

    def __missing__(self, variable: str) -> str:
        missing = output_of(variable)
        raise Failure(f"The stack has no output {missing!r}; deploy this version of the template.")


class Target(OperatorWiring):
    """One deployed stack, with its outputs, wired as its functions are. `stripe_simulator` is the local
    stack's simulator of Stripe; `name` is what CloudFormation calls the stack."""

    def __init__(
        self,
        title: str,
        stack: Stack,
        api_url: str,
        session: boto3.Session,
        stripe_simulator: str | None = None,
        outputs: Mapping[str, str] | None = None,
        name: str = "",
    ) -> None:
        self.title, self.api_url, self.session, self.name = title, api_url, session, name
        self.stripe_simulator, self.outputs = stripe_simulator, outputs or {}
        known = Known({variable_of(output): value for output, value in self.outputs.items()})
        known |= {**stack.environment, "API_URL": api_url}
        if stripe_simulator:
            known[STRIPE_URL] = stripe_simulator
        super().__init__(known, session)

    def measure(self, metric: Metric, value: float) -> None:
        """The functions measure themselves; what a command consumes is not theirs."""

    def connection(self, name: str) -> Connection:
        """The connection, also a disconnected one, whose people can still be looked at; fails with the names
        that there are."""
        connection = self.connections.get_even_disconnected(name)
        if connection is None:
            there_are = ", ".join(one.name for one in self.connections.all()) or "none yet"
            raise Failure(f"There is no connection {name}; there are: {there_are}.")
        return connection

    def browser(self, connection: str) -> Browser:
        return self.browser_of(self.connection(connection))

    def imports_of(self, connection: str) -> Imports:
        """The imports of a connection."""
        return self.import_overview(self.connection(connection).epoch)

    def reevaluations_of(self, connection: str) -> Reevaluations:
        """The re-evaluations of a connection."""
        return self.reevaluation_overview(self.connection(connection).epoch)

    def runs_of(self, kind: Kind, connection: str) -> TaskOverview:
        """The queries, verifications or reconciliations of a connection."""
        return self.tasks(kind).overview(self.connection(connection).epoch)

    def status(self, connection: str) -> dict[str, Any]:
        """How a connection is, as `peoplesync status` shows it."""
        return self.status_of(self.connection(connection))


def resolve(name: str | None) -> Target:
    """The named stack in AWS, else this checkout's running local stack; fails where there is neither."""
    if name:
        return _deployed(name)
    try:
        running = local.running()
    except LocalStackError as error:
        raise Failure(str(error), NO_TARGET) from error
    if running is None:
        raise Failure(NO_STACK, NO_TARGET)
    return of_local(running)


def of_local(running: LocalStack) -> Target:
    """The local stack as a target."""
    stack = Stack.from_outputs(running.outputs)
    session = running.session()
    use_tables(stack, region=running.region, endpoint=running.endpoint, credentials=CREDENTIALS)
    # The local system's time is the simulator's, for this process too.
    if running.stripe_api_url:
        os.environ[clock.VARIABLE] = local.clock_url(running.stripe_api_url)
    title = f"{running.name} (this checkout's local stack)"
    return Target(
        title, stack, running.api_url, session, running.stripe_api_url or None, running.outputs, running.name
    )


def _deployed(name: str) -> Target:
    session = boto3.Session()
    region = session.region_name
    if region is None:
        raise Failure("No AWS region is set: use AWS_DEFAULT_REGION or a profile that has one.", NO_TARGET)
    try:
        described = session.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        outputs = {one["OutputKey"]: one["OutputValue"] for one in described.get("Outputs", [])}
        stack = Stack.from_outputs(outputs)
    except KeyError as error:
        message = f"Stack {name} in {region} is not a peoplesync stack: it has no output {error}."
        raise Failure(message, NO_TARGET) from error
    except (ClientError, BotoCoreError) as error:
        raise Failure(f"Stack {name} in {region} cannot be reached: {error}", NO_TARGET) from error
    use_tables(stack, region=region)
    return Target(f"{name} in {region}", stack, outputs["ApiUrl"], session, outputs=outputs, name=name)


def announce(target: Target) -> None:
    """Stderr's first line: what the command acts on."""
    click.echo(f"peoplesync · {target.title}", err=True)
