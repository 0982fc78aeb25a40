"""The parts of a stack: the clients, stores, queues and secrets that use cases are wired from (`wiring.py`).

Each part is built when it is first asked for, and its module is imported then: a function pays at its cold
start only for what it uses.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from peoplesync.adapters.stack import Stack

if TYPE_CHECKING:
    import boto3
    from botocore.config import Config
    from botocore.session import Session as BotocoreSession
    from pynamodb.connection import Connection as TableConnection

    from peoplesync.adapters.aws.erasure_keys import ErasureKeys
    from peoplesync.adapters.aws.event_source_mappings import Mappings
    from peoplesync.adapters.aws.executions import Executions
    from peoplesync.adapters.aws.measuring import Measuring
    from peoplesync.adapters.aws.queues import ChangeQueue, QueueDepths
    from peoplesync.adapters.aws.secrets import Secrets
    from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
    from peoplesync.adapters.dynamodb.connections import ConnectionsStore
    from peoplesync.adapters.dynamodb.connections_reader import ConnectionsReader
    from peoplesync.adapters.dynamodb.import_runs import ImportRuns
    from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader
    from peoplesync.adapters.dynamodb.people.people_store import PeopleStore
    from peoplesync.adapters.dynamodb.read_models.read_model_reader import ReadModelReader
    from peoplesync.adapters.dynamodb.read_models.read_model_store import ReadModelStore
    from peoplesync.adapters.dynamodb.reevaluation_runs import ReevaluationRuns
    from peoplesync.adapters.stripe.api import StripeApi
    from peoplesync.adapters.stripe.api_keys import ApiKeys
    from peoplesync.use_cases.metrics import Metric

STRIPE_URL: Final = "PEOPLESYNC_STRIPE_API_URL"
"""The variable by which a local stack replaces Stripe's address; nothing that is deployed to AWS sets it."""


class Parts:
    """The parts of one stack, named by `environ` as the template names them for functions.

    Clients are made by `session`; without one by botocore's, as a function's are. A part whose
    name is missing in `environ` raises what `environ` raises (`KeyError` for a plain dictionary).
    """

    def __init__(self, environ: Mapping[str, str], session: boto3.Session | None = None) -> None:
        self.environ = environ
        self._session = session

    @cached_property
    def stack(self) -> Stack:
        return Stack.from_environment(self.environ)

    @cached_property
    def botocore(self) -> BotocoreSession:
        """What makes a function's clients, the tables' among them: one alone, since each reads all that
        botocore knows of AWS anew. boto3 would add a tenth to a cold start, and nothing that is used.

        Saying with each request what else botocore was used for, and checking parameters whose types mypy
        knows, took a tenth of its time.
        """
        from botocore.config import Config
        from botocore.session import get_session

        session = get_session()
        session.set_default_client_config(Config(user_agent="peoplesync", parameter_validation=False))
        return session

    def client(self, service: str, config: Config | None = None) -> Any:
        """A client for a service."""
        make: Any = self._session.client if self._session else self.botocore.create_client
        return make(service, config=config)

    @cached_property
    def measuring(self) -> Measuring:
        from peoplesync.adapters.aws.measuring import Measuring

        return Measuring(self.environ)

    def measure(self, metric: Metric, value: float) -> None:
        """Where the parts report what they consume."""
        self.measuring.add(metric, value)

    @property
    def tables(self) -> TableConnection:
        """The connection to DynamoDB that the tables' models have; they are pointed at the stack before."""
        from peoplesync.adapters.dynamodb.tables import PersonRow

        return PersonRow._get_connection().connection

    def secrets_of(self, config: Config | None = None) -> Secrets:
        """The secrets, read by a client of that configuration."""
        from peoplesync.adapters.aws.secrets import Secrets

        return Secrets(self.client("ssm", config), self.stack.secrets_prefix)

    @cached_property
    def secrets(self) -> Secrets:
        return self.secrets_of()

    def connections_as_of(self, seconds: float) -> ConnectionsReader:
        """The connections, each as it was at most so many seconds ago."""
        from peoplesync.adapters.dynamodb.connections_reader import ConnectionsReader

        return ConnectionsReader(cache_seconds=seconds)

    @cached_property
    def connections(self) -> ConnectionsStore:
        """The connections as they are now."""
        from peoplesync.adapters.dynamodb.connections import ConnectionsStore

        return ConnectionsStore()

    @cached_property
    def api_keys(self) -> ApiKeys:
        from peoplesync.adapters.stripe.api_keys import ApiKeys

        return ApiKeys(self.connections, self.secrets)

    def erasure_keys(self, secrets: Secrets) -> ErasureKeys:
        """The keys that recognize erased people."""
        from peoplesync.adapters.aws.erasure_keys import ErasureKeys

        return ErasureKeys(self.connections, secrets.erasure_key)

    def people_store(self, feed_retention_days: int, secrets: Secrets, side_by_side: int = 1) -> PeopleStore:
        """People for writing, or for consistent look-ups as the worker's."""
        from peoplesync.adapters.dynamodb.people.people_store import PeopleStore

        markers = self.erasure_keys(secrets)
        return PeopleStore(self.tables, feed_retention_days, markers, side_by_side)

    @cached_property
    def people(self) -> PeopleReader:
        """People for reading only."""
        from peoplesync.adapters.dynamodb.people.people_reader import PeopleReader

        return PeopleReader()

    @cached_property
    def read_models(self) -> ReadModelReader:
        """Counts, history, movements and search, for reading only."""
        from peoplesync.adapters.dynamodb.read_models.read_model_reader import ReadModelReader

        return ReadModelReader(self.tables)

    def read_model_store(self, part: int, retention_days: int) -> ReadModelStore:
        """The same, for who keeps them."""
        from peoplesync.adapters.dynamodb.read_models.read_model_store import ReadModelStore

        return ReadModelStore(self.tables, part, retention_days)

    @cached_property
    def catalogue(self) -> CatalogueStore:
        from peoplesync.adapters.dynamodb.catalogue import CatalogueStore

        return CatalogueStore()

    @cached_property
    def imports(self) -> ImportRuns:
        from peoplesync.adapters.dynamodb.import_runs import ImportRuns

        return ImportRuns()

    @cached_property
    def reevaluations(self) -> ReevaluationRuns:
        from peoplesync.adapters.dynamodb.reevaluation_runs import ReevaluationRuns

        return ReevaluationRuns()

    @cached_property
    def executions(self) -> Executions:
        """Executions of the state machine that imports. A function, which only asks how they are, need not
        know which that is."""
        return self._executions("IMPORT_STATE_MACHINE")

    @cached_property
    def reevaluating(self) -> Executions:
        """The same of the state machine that re-evaluates people."""
        return self._executions("REEVALUATE_STATE_MACHINE")

    @cached_property
    def task_executions(self) -> Executions:
        """The same of the state machine that has tasks take their turns."""
        return self._executions("TASK_STATE_MACHINE")

    def _executions(self, machine: str) -> Executions:
        from peoplesync.adapters.aws.executions import Executions

        return Executions(self.client("stepfunctions"), self.environ.get(machine, ""))

    @cached_property
    def queues(self) -> Mapping[str, ChangeQueue]:
        """The queues of changes by name: live, bulk and review. functions/apply_changes takes from them."""
        from peoplesync.adapters.aws.queues import ChangeQueue

        sqs, stack = self.client("sqs"), self.stack
        return {
            "live": ChangeQueue(sqs, stack.live_queue_url, stack.live_dead_letter_queue_url),
            "bulk": ChangeQueue(sqs, stack.bulk_queue_url, stack.bulk_dead_letter_queue_url),
            "review": ChangeQueue(sqs, stack.review_queue_url, stack.review_dead_letter_queue_url),
        }

    @cached_property
    def depths(self) -> QueueDepths:
        from peoplesync.adapters.aws.queues import QueueDepths

        return QueueDepths(tuple(self.queues.values()))

    @cached_property
    def worker_mappings(self) -> Mappings:
        """The mappings by which Lambda takes changes from the queues."""
        return self._mappings({name: f"{name.upper()}_MAPPING" for name in ("live", "bulk", "review")})

    @cached_property
    def publisher_mappings(self) -> Mappings:
        """The mappings by which Lambda publishes changes from the streams."""
        return self._mappings({name: f"{name.upper()}_STREAM_MAPPING" for name in ("people", "feed")})

    def _mappings(self, variables: Mapping[str, str]) -> Mappings:
        from peoplesync.adapters.aws.event_source_mappings import Mappings

        uuids = {name: self.environ[variable] for name, variable in variables.items()}
        return Mappings(self.client("lambda"), uuids)

    def stripe_api(self, timeout: float) -> StripeApi:
        """Stripe, which may take so many seconds for an answer."""
        from peoplesync.adapters.stripe.api import StripeApi

        return StripeApi(
            self.api_keys,
            self.environ.get(STRIPE_URL),
            timeout=timeout,
            measure=self.measure,
            fresh_key=self.api_keys.fresh,
        )
