"""The stack's tables and queues in memory (moto), made from template.yaml's own definitions."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import Any

import boto3
import botocore.session
from botocore import UNSIGNED
from botocore.config import Config
from moto import mock_aws
from moto.core import responses
from moto.core.serialize import AttributePicker, AttributePickerContext
from moto.core.utils import method_names_from_class
from moto.dynamodb.models import dynamodb_backends
from pynamodb.connection import Connection as PynamoConnection
from pynamodb.models import Model

from peoplesync.adapters.aws.secrets import Secrets
from peoplesync.adapters.dynamodb.compression import uncompressed
from peoplesync.adapters.dynamodb.connections import ConnectionsStore
from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
from peoplesync.adapters.dynamodb.tables import MODELS, use_tables
from peoplesync.adapters.stack import Stack
from peoplesync.domain.connections import Epoch
from peoplesync.domain.people.write_set import WriteSet
from peoplesync.use_cases.ports import People
from tests.support.fakes.world import CONNECTED, nobody_erased
from tests.support.stacks.sam_template import sam_template

REGION = "us-east-1"
ACCOUNT = "123456789012"
SECRETS_PREFIX = "/peoplesync/test"
Tables = Mapping[str, Any]

UNCHECKED = Config(parameter_validation=False, signature_version=UNSIGNED, user_agent="tests")
"""Without what only a real AWS looks at: to sign a request and to say who asks took a sixth of its time."""

_TYPES = frozenset("S N B SS NS BS M L NULL BOOL".split())
_OF_CREATE_TABLE = ("BillingMode", "AttributeDefinitions", "KeySchema", "GlobalSecondaryIndexes")


@dataclass(frozen=True)
class MotoStack:
    """A stack that is there for as long as its `moto_stack` block; `environment` is its functions'."""

    stack: Stack
    session: boto3.Session

    @property
    def environment(self) -> dict[str, str]:
        return {
            **self.stack.environment,
            "PEOPLESYNC_STACK": "test",
            "FEED_RETENTION_DAYS": "400",
            "PRICE_PER_MILLION_READ_UNITS": "0.125",
            "PRICE_PER_MILLION_WRITE_UNITS": "0.625",
            "POWERTOOLS_LOG_LEVEL": "INFO",
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
        }

    @property
    def secrets(self) -> Secrets:
        """The stack's secrets, with a cache of their own."""
        return Secrets(self.client("ssm"), self.stack.secrets_prefix)

    def client(self, service: Any) -> Any:
        return self.session.client(service)

    def messages(self, url: str) -> list[dict[str, Any]]:
        """What can be received from a queue now, with attributes; it stays hidden from then on."""
        found: list[dict[str, Any]] = []
        sqs = self.client("sqs")
        while True:
            received = sqs.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
            ).get("Messages", [])
            if not received:
                return found
            found += received

    def items(self, table: str) -> list[dict[str, Any]]:
        """Everything in a table, in DynamoDB's own notation."""
        found: list[dict[str, Any]] = self.client("dynamodb").scan(TableName=table)["Items"]
        return found

    def remembered(self) -> Tables:
        """What is in the tables, to be `recalled` in another stack."""
        tables = dynamodb_backends[ACCOUNT][REGION].tables
        return {name: deepcopy(table.items) for name, table in tables.items()}

    def recall(self, remembered: Tables) -> None:
        """Puts that into the tables, in place of what is there: without the calls that it once took."""
        for name, items in remembered.items():
            dynamodb_backends[ACCOUNT][REGION].tables[name].items = deepcopy(items)

    def seed(self, rows: Iterable[Model]) -> None:
        """Puts many rows into their tables, without the calls that they would take."""
        tables = dynamodb_backends[ACCOUNT][REGION].tables
        for row in rows:
            tables[row.Meta.table_name].put_item(row.serialize())

    def people(self) -> dict[str, list[str]]:
        """All that is in the tables of people, identities, members and feed entries, by table."""
        stack = self.stack
        names = (stack.people_table, stack.identities_table, stack.segment_members_table, stack.feed_table)
        return {name: sorted(map(as_text, self.items(name))) for name in names}


@contextmanager
def moto_stack() -> Iterator[MotoStack]:
    """A fresh stack in memory; the models point at its tables."""
    with mock_aws():
        session = _session()
        # One client for all tables: to make one takes longer than most tests.
        dynamodb: Any = session.client("dynamodb", config=UNCHECKED)
        # Without, PynamoDB makes one for each model after all.
        dynamodb._request_signer._credentials = session.get_credentials()
        queues = {f"{name}Url": url for name, url in _queues(session.client("sqs"))}
        tables = {name: _table(dynamodb, name) for name in _of_type("AWS::DynamoDB::Table")}
        stack = Stack.from_outputs({**tables, **queues, "SecretsPrefix": SECRETS_PREFIX})
        use_tables(stack, region=REGION)
        for model in MODELS:
            connection = model._get_connection().connection
            connection._local.session, connection._client = session._session, dynamodb
        yield MotoStack(stack, session)


@cache
def _session() -> boto3.Session:
    """One for all, since reading botocore's models takes longer than most tests. For the same reason sessions
    that the code makes by itself, as functions do in their cold start, find what others have read."""
    botocore.session.create_loader = cache(botocore.session.create_loader)
    _look_for_no_other_names()
    return boto3.Session("test", "test", region_name=REGION)


def _look_for_no_other_names() -> None:
    """A value as DynamoDB writes it (`{"S": "text"}`) has one type. moto looks for each of the nine others
    under every name that it may have in Python, which took a quarter of the time of these tests."""
    asked: Callable[[AttributePicker, AttributePickerContext], Any] = AttributePicker.__call__

    def pick(picker: AttributePicker, context: AttributePickerContext) -> Any:
        shown = context.obj
        if type(shown) is dict and len(shown) == 1 and shown.keys() <= _TYPES:
            return shown.get(context.key)
        return asked(picker, context)

    setattr(AttributePicker, "__call__", pick)  # noqa: B010 - mypy allows no method to be assigned
    # For each call moto also lists what methods there are.
    setattr(responses, "method_names_from_class", cache(method_names_from_class))  # noqa: B010


@cache
def _of_type(resource_type: str) -> Mapping[str, Mapping[str, Any]]:
    resources = sam_template()["Resources"]
    return {
        name: resource["Properties"]
        for name, resource in resources.items()
        if resource["Type"] == resource_type
    }


def _table(dynamodb: Any, name: str) -> str:
    properties = _of_type("AWS::DynamoDB::Table")[name]
    dynamodb.create_table(
        TableName=name, **{key: properties[key] for key in _OF_CREATE_TABLE if key in properties}
    )
    if "TimeToLiveSpecification" in properties:
        dynamodb.update_time_to_live(
            TableName=name, TimeToLiveSpecification=properties["TimeToLiveSpecification"]
        )
    return name


def _queues(sqs: Any) -> Iterator[tuple[str, str]]:
    """Creates the queues, those that others redrive to first; each one's name with its address."""
    definitions = _of_type("AWS::SQS::Queue")
    for name in sorted(definitions, key=lambda name: "RedrivePolicy" in definitions[name]):
        attributes = {
            key: str(value) for key, value in definitions[name].items() if not isinstance(value, Mapping)
        }
        if redrive := definitions[name].get("RedrivePolicy"):
            target = redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]
            arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{target}"
            attributes["RedrivePolicy"] = json.dumps({**redrive, "deadLetterTargetArn": arn})
        yield name, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]


def break_operation(
    connection: PynamoConnection, operation: str, code: str, *reasons: str
) -> Callable[[], int]:
    """Lets every call of a DynamoDB operation fail with an error code (a cancelled transaction also with
    reasons); the result tells how often it did."""
    calls = []

    class Answer:
        status_code = 400

    def fail(**_: Any) -> Any:
        calls.append(operation)
        error = {"Error": {"Code": code, "Message": "injected"}, "ResponseMetadata": {}}
        return Answer(), {**error, "CancellationReasons": [{"Code": reason} for reason in reasons]}

    connection.client.meta.events.register(f"before-call.dynamodb.{operation}", fail)
    return lambda: len(calls)


def as_text(row: Mapping[str, Any]) -> str:
    """A row as text, with what is compressed in it."""
    return json.dumps(row, default=lambda packed: json.dumps(uncompressed(bytes(packed))))


def people_store() -> PeopleStore:
    """The people of the stack, of whom nobody was erased, in a connection that is there."""
    ConnectionsStore().create(CONNECTED)
    return PeopleStore(PynamoConnection(region=REGION), 400, nobody_erased())


def write_one(people: People, epoch: Epoch, write_set: WriteSet, cause: str, now: int) -> None:
    """Writes one write set; raises why it was refused."""
    (refusal,) = people.write(epoch, [(write_set, cause)], now)
    if refusal is not None:
        raise refusal
