"""Wiring for what operators do with their own permissions, not a function's."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from peoplesync.adapters import clock
from peoplesync.adapters.parts import STRIPE_URL
from peoplesync.adapters.stripe.api import TIMEOUT
from peoplesync.adapters.wiring import Wiring

if TYPE_CHECKING:
    from peoplesync.adapters.aws.dead_letter_queues import DeadLetterQueues
    from peoplesync.adapters.aws.failed_batches import FailedBatches
    from peoplesync.adapters.aws.user_pool import UserPool
    from peoplesync.adapters.dynamodb.audit import AuditTrail
    from peoplesync.adapters.dynamodb.definitions import DefinitionsStore
    from peoplesync.adapters.dynamodb.task_runs import TaskRuns
    from peoplesync.adapters.dynamodb.write_keys import WriteKeys
    from peoplesync.adapters.stripe.account import StripeAccount
    from peoplesync.domain.connections import Connection, Epoch
    from peoplesync.use_cases.connecting.connect import Connector
    from peoplesync.use_cases.connecting.disconnect import Disconnector
    from peoplesync.use_cases.defining.fields import FieldDefiner
    from peoplesync.use_cases.defining.segments import SegmentDefiner
    from peoplesync.use_cases.erasing.erase import Eraser
    from peoplesync.use_cases.jobs.job import Job
    from peoplesync.use_cases.jobs.overview import Overview as RunOverview
    from peoplesync.use_cases.jobs.starting import Starter
    from peoplesync.use_cases.publishing.republish import Republisher
    from peoplesync.use_cases.queries.browse import Browser
    from peoplesync.use_cases.read_models.history import History
    from peoplesync.use_cases.read_models.mrr_report import MrrReport
    from peoplesync.use_cases.read_models.overview import Overview
    from peoplesync.use_cases.read_models.reindex import Reindexer
    from peoplesync.use_cases.tasks.asking import Tasks
    from peoplesync.use_cases.tasks.runs import Kind, TaskRun
    from peoplesync.use_cases.verifying.check import Checker
    from peoplesync.use_cases.verifying.verify import Verifier


class OperatorWiring(Wiring):
    """What operators use of one stack, besides what its functions do."""

    @cached_property
    def definitions(self) -> DefinitionsStore:
        from peoplesync.adapters.dynamodb.definitions import DefinitionsStore

        return DefinitionsStore()

    @cached_property
    def write_keys(self) -> WriteKeys:
        from peoplesync.adapters.dynamodb.write_keys import WriteKeys

        return WriteKeys()

    @cached_property
    def dead_letters(self) -> DeadLetterQueues:
        from peoplesync.adapters.aws.dead_letter_queues import DeadLetterQueues

        return DeadLetterQueues(self.queues)

    @cached_property
    def failed_batches(self) -> FailedBatches:
        """The bucket of what could not be published."""
        from peoplesync.adapters.aws.failed_batches import FailedBatches

        bucket = self.environ["PUBLISH_FAILURES"]
        tables = {"people": self.stack.people_table, "feed": self.stack.feed_table}
        return FailedBatches(self.client("s3"), bucket, tables)

    def stripe_account(self, api_key: str) -> StripeAccount:
        """Stripe's account, opened with a key."""
        from peoplesync.adapters.stripe.account import StripeAccount

        return StripeAccount(api_key, self.environ.get(STRIPE_URL))

    def webhook_url(self, connection: str) -> str:
        """Where Stripe sends a connection's events."""
        return f"{self.environ['API_URL'].rstrip('/')}/webhooks/stripe/{connection}"

    @cached_property
    def user_pool(self) -> UserPool:
        """Who may sign in; not there where an issuer of one's own says it, or nobody may."""
        from peoplesync.adapters.aws.user_pool import UserPool

        pool, client = self.environ["USER_POOL_ID"], self.environ["SCRIPTS_CLIENT_ID"]
        return UserPool(self.client("cognito-idp"), pool, client)

    @property
    def console_url(self) -> str:
        """Where the console is, with a slash at its end."""
        return f"{self.environ['SIGN_IN_URL'].rstrip('/')}/"

    @cached_property
    def audit(self) -> AuditTrail:
        """Who changed what by the HTTP API."""
        from peoplesync.adapters.dynamodb.audit import AuditTrail

        return AuditTrail(int(self.environ["FEED_RETENTION_DAYS"]))

    def status_of(self, connection: Connection) -> dict[str, Any]:
        """How a connection is, as `peoplesync status` shows it."""
        imports = self.import_overview(connection.epoch)
        reevaluations = self.reevaluation_overview(connection.epoch)
        return self.health().status(connection, imports.latest(), reevaluations.current())

    def connector(self) -> Connector:
        from peoplesync.use_cases.connecting.connect import Connector

        return Connector(
            connections=self.connections,
            people=self.people,
            secrets=self.secrets,
            account=self.stripe_account,
            bulk=self.queues["bulk"],
            webhook_url=self.webhook_url,
        )

    def disconnector(self) -> Disconnector:
        from peoplesync.use_cases.connecting.disconnect import Disconnector

        return Disconnector(
            connections=self.connections,
            secrets=self.secrets,
            account=self.stripe_account,
            bulk=self.queues["bulk"],
            webhook_url=self.webhook_url,
        )

    def eraser(self, connection: Connection) -> Eraser:
        """Erases people of a connection."""
        from peoplesync.adapters.aws.erasure_keys import marker_of
        from peoplesync.adapters.dynamodb.people.erasure_receipts import ErasedRows
        from peoplesync.use_cases.erasing.erase import Eraser

        return Eraser(
            connection=connection,
            connections=self.connections,
            secrets=self.secrets,
            rows=ErasedRows(),
            people=self.people,
            live=self.queues["live"],
            marker=marker_of,
            sleep=time.sleep,
            stopwatch=time.monotonic,
        )

    def verifier(self, say: Callable[[str], None]) -> Verifier:
        """Compares people with Stripe; `say` gets what it is waiting for."""
        from peoplesync.adapters.dynamodb.people.records_reader import RecordsReader
        from peoplesync.use_cases.stripe_reads.event_lists import Patient
        from peoplesync.use_cases.verifying.verify import Verifier

        stripe = self.stripe_api(TIMEOUT)
        return Verifier(
            lists=Patient(stripe, time.sleep),
            stripe=stripe,
            records=RecordsReader(),
            waiting=self.depths.waiting,
            sleep=time.sleep,
            say=say,
            rng=random.Random(),  # noqa: S311 - a sample, not a key
        )

    def starter(self, overview: RunOverview[Any], patience: float) -> Starter:
        """Starts runs of that kind, which must have begun within so many seconds."""
        from peoplesync.use_cases.jobs.starting import Starter

        executions: Any = overview.job.executions  # the adapter, which can start some as well
        return Starter(overview, executions, patience, time.sleep, time.monotonic)

    def checker(self, connection: Connection) -> Checker:
        """Compares one person with Stripe."""
        from peoplesync.use_cases.verifying.check import Checker

        return Checker(
            browser=self.browser_of(connection),
            verifier=self.verifier(say=lambda _: None),
            live=self.queues["live"],
            erased=lambda who: self.eraser(connection).erased_before(who)[0],
            clock=clock.now,
            sleep=time.sleep,
        )

    def republisher(self) -> Republisher:
        """Publishes again what could not be published."""
        from peoplesync.use_cases.publishing.republish import Republisher

        return Republisher(self.failed_batches, self.publisher())

    def reindexer(self, say: Callable[[int], None]) -> Reindexer:
        """Compares the read models with all people; `say` gets how many it has looked at."""
        from peoplesync.use_cases.read_models.index import Indexer
        from peoplesync.use_cases.read_models.reindex import Reindexer

        store = self.read_model_store(0, int(self.environ["FEED_RETENTION_DAYS"]))
        indexer = Indexer(connections=self.connections, identities=store, store=store)
        return Reindexer(indexer=indexer, store=store, people=self.people, clock=clock.now, say=say)

    def browser_of(self, connection: Connection) -> Browser:
        """The people of a connection, for reading."""
        from peoplesync.use_cases.queries.browse import Browser
        from peoplesync.use_cases.read_models.find import Finder

        return Browser(
            connection=connection,
            people=self.people,
            catalogue=self.connections,
            finder=Finder(self.read_models, self.people),
            sizes=partial(self.read_models.sizes, connection),
            # Most who look never ask Stripe, and need neither its key nor a client for that.
            at_stripe=lambda path: self.stripe_api(TIMEOUT).shown(connection.name, path),
        )

    def history_of(self, connection: Connection) -> History:
        """The history of a connection's segments."""
        from peoplesync.use_cases.read_models.history import History

        return History(connection, self.read_models, self.browser_of(connection).segment, clock.now)

    def overview_of(self, connection: Connection) -> Overview:
        """How a connection's people are, in numbers."""
        from peoplesync.use_cases.read_models.overview import Overview

        return Overview(connection, self.read_models, self.browser_of(connection).segments, clock.now)

    def mrr_report_of(self, connection: Connection) -> MrrReport:
        """The MRR of a connection's people, by month."""
        from peoplesync.use_cases.read_models.mrr_report import MrrReport

        return MrrReport(connection, self.read_models, clock.now)

    def segment_definer(self, epoch: Epoch) -> SegmentDefiner:
        from peoplesync.use_cases.defining.segments import SegmentDefiner

        return SegmentDefiner(self.definitions, epoch, clock.now)

    def field_definer(self, epoch: Epoch) -> FieldDefiner:
        from peoplesync.use_cases.defining.fields import FieldDefiner

        return FieldDefiner(self.definitions, epoch, clock.now)

    def task_runs(self, kind: Kind) -> TaskRuns:
        """Where the runs of a kind are kept."""
        from peoplesync.adapters.dynamodb.task_runs import TaskRuns

        return TaskRuns(kind, clock.now)

    def task_job(self, kind: Kind, runs: TaskRuns) -> Job[TaskRun]:
        """The runs of a kind, and what drives them."""
        from peoplesync.use_cases.jobs.job import Job
        from peoplesync.use_cases.tasks.runs import COLLECTIONS

        executions = self.task_executions
        return Job(kind, COLLECTIONS[kind], self.connections, runs, executions, clock.now)

    def tasks(self, kind: Kind) -> Tasks:
        """Starts, stops and resumes queries, verifications or reconciliations, and reads them."""
        from peoplesync.use_cases.tasks.asking import Tasks
        from peoplesync.use_cases.tasks.querying import QueryRequest
        from peoplesync.use_cases.tasks.reconciliation import reconciliation_request
        from peoplesync.use_cases.tasks.verification import verification_request

        requests: Mapping[Kind, Callable[[Connection, Mapping[str, Any]], Mapping[str, Any]]] = {
            "query": QueryRequest(self.connections),
            "verification": verification_request,
            "reconciliation": reconciliation_request,
        }
        runs = self.task_runs(kind)
        return Tasks(
            kind=kind,
            job=self.task_job(kind, runs),
            runs=runs,
            machine=self.task_executions,
            request=requests[kind],
            new_id=lambda: f"{kind}-{secrets.token_hex(8)}",
        )
