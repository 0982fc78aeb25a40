"""The stack that a command acts on, and everything by which it is reached."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import boto3
import click
from aws_lambda_powertools.utilities.parameters import SSMProvider
from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.adapters import clock
from peoplesync.adapters.catalogue_store import CatalogueStore
from peoplesync.adapters.connections_store import ConnectionsStore
from peoplesync.adapters.dead_letter_queues import DeadLetterQueues
from peoplesync.adapters.definitions_store import DefinitionsStore
from peoplesync.adapters.event_source_mappings import Mappings
from peoplesync.adapters.executions import Executions
from peoplesync.adapters.import_runs import ImportRuns
from peoplesync.adapters.people_reader import PeopleReader
from peoplesync.adapters.queues import ChangeQueue, QueueDepths
from peoplesync.adapters.reevaluation_runs import ReevaluationRuns
from peoplesync.adapters.secrets import Secrets
from peoplesync.adapters.stack import Stack
from peoplesync.adapters.tables import use_tables
from peoplesync.adapters.write_keys import WriteKeys
from peoplesync.domain.connections import Connection
from peoplesync.sync.browse import Browser
from peoplesync.sync.health import Health
from peoplesync.sync.importing.overview import Imports
from peoplesync.sync.reevaluating.overview import Reevaluations
from peoplesync_cli.failure import NO_TARGET, Failure
from peoplesync_local import LocalStackError
from peoplesync_local import stack as local
from peoplesync_local.aws_session import CREDENTIALS
from peoplesync_local.stack import LocalStack

QUEUES = ("live", "bulk", "review")
"""What the queues are called, in the order of `QueueDepths.queues`."""

STREAMS = ("people", "feed")
"""What the streams are called from which changes are published."""

NO_STACK = (
    "There is no stack to act on. Start the local one with `peoplesync local up`, or name a deployed one "
    "with --stack NAME (or PEOPLESYNC_STACK), with the usual AWS profile and region."
)


@dataclass(frozen=True)
class Target:
    """One deployed stack, with its outputs. `stripe_simulator` is the local stack's simulator of Stripe;
    `name` is what CloudFormation calls the stack."""

    title: str
    stack: Stack
    api_url: str
    session: boto3.Session
    stripe_simulator: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    name: str = ""

    @cached_property
    def connections(self) -> ConnectionsStore:
        return ConnectionsStore()

    @cached_property
    def definitions(self) -> DefinitionsStore:
        return DefinitionsStore()

    @cached_property
    def people(self) -> PeopleReader:
        return PeopleReader()

    @cached_property
    def secrets(self) -> Secrets:
        client: Any = self.session.client("ssm")
        return Secrets(SSMProvider(boto3_client=client), self.stack.secrets_prefix)

    @cached_property
    def write_keys(self) -> WriteKeys:
        return WriteKeys()

    @cached_property
    def depths(self) -> QueueDepths:
        sqs: Any = self.session.client("sqs")
        return QueueDepths(
            (
                ChangeQueue(sqs, self.stack.live_queue_url, self.stack.live_dead_letter_queue_url),
                ChangeQueue(sqs, self.stack.bulk_queue_url, self.stack.bulk_dead_letter_queue_url),
                ChangeQueue(sqs, self.stack.review_queue_url, self.stack.review_dead_letter_queue_url),
            )
        )

    @cached_property
    def dead_letters(self) -> DeadLetterQueues:
        return DeadLetterQueues(dict(zip(QUEUES, self.depths.queues, strict=True)))

    @cached_property
    def worker(self) -> Mappings:
        """What has the worker take changes from the queues; fails where the stack does not tell it."""
        return self._mappings({name: f"{name.capitalize()}Mapping" for name in QUEUES})

    @cached_property
    def publisher(self) -> Mappings:
        """What has changes published from the streams; fails where the stack does not tell it."""
        return self._mappings({name: f"{name.capitalize()}StreamMapping" for name in STREAMS})

    @cached_property
    def imports(self) -> ImportRuns:
        return ImportRuns()

    @cached_property
    def executions(self) -> Executions:
        return Executions(self.session.client("stepfunctions"), self.outputs.get("ImportStateMachine", ""))

    @cached_property
    def reevaluations(self) -> ReevaluationRuns:
        return ReevaluationRuns()

    @cached_property
    def reevaluating(self) -> Executions:
        """Executions of the state machine that re-evaluates people."""
        machine = self.outputs.get("ReevaluateStateMachine", "")
        return Executions(self.session.client("stepfunctions"), machine)

    @property
    def bulk(self) -> ChangeQueue:
        """The queue for what may take its time."""
        return self.depths.queues[1]

    def connection(self, name: str) -> Connection:
        """The connection, also a disconnected one, whose people can still be looked at; fails with the names
        that there are."""
        connection = self.connections.get_even_disconnected(name)
        if connection is None:
            there_are = ", ".join(one.name for one in self.connections.all()) or "none yet"
            raise Failure(f"There is no connection {name}; there are: {there_are}.")
        return connection

    def browser(self, connection: str) -> Browser:
        return Browser(self.connection(connection).epoch, self.people, self.connections)

    def imports_of(self, connection: str) -> Imports:
        """The imports of a connection."""
        return Imports(self.connection(connection).epoch, self.imports, self.executions, clock.now)

    def reevaluations_of(self, connection: str) -> Reevaluations:
        """The re-evaluations of a connection."""
        epoch = self.connection(connection).epoch
        return Reevaluations(epoch, self.reevaluations, self.reevaluating, clock.now, self.people.shards)

    def status(self, connection: str) -> dict[str, Any]:
        """How a connection is, as `peoplesync status` shows it."""
        found, last_import = self.connection(connection), self.imports_of(connection).latest()
        health = Health(self.people, CatalogueStore(), self.depths, self.worker, clock.now, self.publisher)
        return health.status(found, last_import, self.reevaluations_of(connection).current())

    def webhook_url(self, connection: str) -> str:
        return f"{self.api_url.rstrip('/')}/webhooks/stripe/{connection}"

    def _mappings(self, outputs: Mapping[str, str]) -> Mappings:
        """The mappings whose ids the stack has as these outputs."""
        try:
            uuids = {name: self.outputs[output] for name, output in outputs.items()}
        except KeyError as error:
            missing = f"The stack has no output {error}; deploy this version of the template."
            raise Failure(missing) from error
        return Mappings(self.session.client("lambda"), uuids)


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
