"""Wiring: the one place where use cases are given their adapters.

A function wires itself by its environment (`Wiring.of_function(os.environ)`) and builds its one use case at
its cold start. What operators use besides is in `operator_wiring.py`. As in `parts.py`, imports wait until
they are needed.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final, Self

from peoplesync.adapters import clock
from peoplesync.adapters.parts import Parts

if TYPE_CHECKING:
    from peoplesync.domain.connections import Epoch
    from peoplesync.use_cases.health.health import Health
    from peoplesync.use_cases.health.report import HealthReporter
    from peoplesync.use_cases.importing.overview import Imports
    from peoplesync.use_cases.importing.runs import ImportRun
    from peoplesync.use_cases.importing.steps import Importer
    from peoplesync.use_cases.ingress.activity_api import ActivityReceiver
    from peoplesync.use_cases.ingress.stripe_webhook import Receiver
    from peoplesync.use_cases.jobs.job import Job
    from peoplesync.use_cases.publishing.publish import Publisher
    from peoplesync.use_cases.read_models.index import Indexer
    from peoplesync.use_cases.reevaluating.overview import Reevaluations
    from peoplesync.use_cases.reevaluating.runs import Reevaluation
    from peoplesync.use_cases.reevaluating.steps import Reevaluator
    from peoplesync.use_cases.scheduled.reconcile import Reconciler
    from peoplesync.use_cases.scheduled.sweep import Swept
    from peoplesync.use_cases.worker.apply import Applier

CONNECTION_SECONDS: Final = 10
"""How old a connection may be where it only labels messages with its epoch."""

WRITE_KEY_SECONDS: Final = 30
"""How old may be what is known of a write key."""

PAGE_SECONDS: Final = 30
"""How long Stripe may take for a page of an import: with everything expanded it takes its time."""

EVENTS_SECONDS: Final = 10
"""How long Stripe may take for a page of events: nobody waits for the reconciler."""

WRITES_SIDE_BY_SIDE: Final = 8
"""So many of a worker's writes are on their way at once."""

OBJECTS_BETWEEN_COLLECTIONS: Final = 50_000
"""What a cold start loads stays for good. To look through it for garbage as often as Python does by itself
took a twenty-fifth of it."""

NEVER_WRITES: Final = 0
"""The feed's retention in days for a store that is only read."""


class Wiring(Parts):
    """The use cases of one stack, whole."""

    @classmethod
    def of_function(cls, environ: Mapping[str, str]) -> Self:
        """The wiring of the function that has this environment: the tables' models point at its stack, for
        the whole process, and what they consume is measured."""
        from peoplesync.adapters.dynamodb.table_units import count_units
        from peoplesync.adapters.dynamodb.tables import MODELS, share_client, use_tables

        gc.set_threshold(OBJECTS_BETWEEN_COLLECTIONS)
        wiring = cls(environ)
        use_tables(wiring.stack)
        share_client(wiring.botocore, *MODELS)
        count_units(wiring.measure, *MODELS)
        return wiring

    def webhook(self) -> Receiver:
        """Takes Stripe's webhooks."""
        from peoplesync.use_cases.ingress.stripe_webhook import Receiver

        return Receiver(
            connections=self.connections_as_of(CONNECTION_SECONDS),
            secrets=self.secrets,
            queue=self.queues["live"],
        )

    def activity_api(self) -> ActivityReceiver:
        """Takes what the app sends about its users."""
        from peoplesync.adapters.dynamodb.write_keys import WriteKeys
        from peoplesync.use_cases.ingress.activity_api import ActivityReceiver

        return ActivityReceiver(
            connections=self.connections_as_of(CONNECTION_SECONDS),
            keys=WriteKeys(cache_seconds=WRITE_KEY_SECONDS),
            queue=self.queues["live"],
        )

    def worker(self) -> Applier:
        """Folds changes into people."""
        import random

        from peoplesync.adapters.dynamodb.applied_chunks import AppliedChunks
        from peoplesync.adapters.dynamodb.epoch_purge import EpochPurge
        from peoplesync.adapters.ids import person_ids
        from peoplesync.adapters.stripe.api import TIMEOUT
        from peoplesync.use_cases.worker.apply import Applier

        return Applier(
            people=self.people_store(
                int(self.environ["FEED_RETENTION_DAYS"]), self.secrets, side_by_side=WRITES_SIDE_BY_SIDE
            ),
            catalogue=self.catalogue,
            stripe=self.stripe_api(TIMEOUT),
            connections=self.connections,
            runs=AppliedChunks(),
            old_rows=EpochPurge(),
            clock=clock.now,
            new_id=person_ids(clock.now),
            jitter=random.random,
            sleep=time.sleep,
        )

    def import_job(self) -> Job[ImportRun]:
        """The imports, and what drives them."""
        from peoplesync.use_cases.importing.progress import final_counts
        from peoplesync.use_cases.jobs.job import Job

        counts = partial(final_counts, runs=self.imports)
        return Job("import", "import", self.connections, self.imports, self.executions, clock.now, counts)

    def reevaluation_job(self) -> Job[Reevaluation]:
        """The re-evaluations, and what drives them."""
        from peoplesync.use_cases.jobs.job import Job
        from peoplesync.use_cases.reevaluating.runs import final_counts

        runs, executions = self.reevaluations, self.reevaluating
        counts = partial(final_counts, runs=runs, shards=self.people.shards)
        return Job("re-evaluation", "reevaluate", self.connections, runs, executions, clock.now, counts)

    def importer(self) -> Importer:
        """Takes the steps of an import."""
        from peoplesync.use_cases.importing.steps import Importer

        return Importer(
            job=self.import_job(),
            runs=self.imports,
            close_gap=self.connections.close_gap,
            lists=self.stripe_api(PAGE_SECONDS),
            queue=self.queues["bulk"],
            members=self.people,
            monotonic=time.monotonic,
            sleep=time.sleep,
            slice_seconds=float(self.environ["IMPORT_SLICE_SECONDS"]),
            share=int(self.environ["IMPORT_SHARE"]) / 100,
        )

    def reevaluator(self) -> Reevaluator:
        """Takes the steps of a re-evaluation."""
        from peoplesync.use_cases.reevaluating.steps import Reevaluator

        return Reevaluator(
            job=self.reevaluation_job(),
            queue=self.queues["bulk"],
            members=self.people,
            monotonic=time.monotonic,
            sleep=time.sleep,
            slice_seconds=float(self.environ["REEVALUATE_SLICE_SECONDS"]),
        )

    def reconciler(self) -> Reconciler:
        """Reads what the webhook missed."""
        from peoplesync.use_cases.scheduled.reconcile import Reconciler

        stripe = self.stripe_api(EVENTS_SECONDS)
        return Reconciler(
            lists=stripe,
            endpoints=stripe,
            connections=self.connections,
            catalogue=self.catalogue,
            bulk=self.queues["bulk"],
            clock=clock.now,
            monotonic=time.monotonic,
            sleep=time.sleep,
        )

    def sweeper(self) -> Callable[[int], Swept]:
        """Has people reviewed for whom the clock alone may have changed something by that instant."""
        from peoplesync.use_cases.scheduled.sweep import sweep

        return partial(sweep, self.connections, self.people, self.queues["review"])

    def publisher(self) -> Publisher:
        """Publishes on the bus what was written."""
        from botocore.config import Config

        from peoplesync.adapters.aws.bus import EventBus
        from peoplesync.use_cases.publishing.publish import Publisher

        # What fails comes again, so it should fail soon: well within the function's timeout.
        soon = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard", "max_attempts": 3})
        return Publisher(
            connections=self.connections,
            people=self.people_store(NEVER_WRITES, self.secrets_of(soon)),
            bus=EventBus(self.client("events", soon), self.environ["BUS_NAME"]),
        )

    def indexer(self) -> Indexer:
        """Counts and indexes what was written to people."""
        import random

        from peoplesync.adapters.dynamodb.read_models.stored_days import PARTS
        from peoplesync.use_cases.read_models.index import Indexer

        store = self.read_model_store(
            random.randrange(PARTS),  # noqa: S311 - no secret
            int(self.environ["FEED_RETENTION_DAYS"]),
        )
        return Indexer(connections=self.connections, identities=store, store=store)

    def import_overview(self, epoch: Epoch) -> Imports:
        """The imports of an epoch."""
        from peoplesync.use_cases.importing.overview import Imports

        return Imports(epoch, self.import_job(), self.imports)

    def reevaluation_overview(self, epoch: Epoch) -> Reevaluations:
        """The re-evaluations of an epoch."""
        from peoplesync.use_cases.reevaluating.overview import Reevaluations

        return Reevaluations(epoch, self.reevaluation_job())

    def health(self) -> Health:
        """Says whether people are in sync with Stripe."""
        from peoplesync.use_cases.health.health import Health

        return Health(
            people=self.people,
            counts=self.read_models,
            catalogue=self.catalogue,
            depths=self.depths,
            worker=self.worker_mappings,
            publisher=self.publisher_mappings,
            clock=clock.now,
        )

    def health_reporter(self) -> HealthReporter:
        """Measures the health of all connections."""
        from peoplesync.use_cases.health.report import HealthReporter

        return HealthReporter(
            health=self.health(),
            connections=self.connections,
            counts=self.read_models,
            depths=self.depths,
            imports=self.import_overview,
            reevaluations=self.reevaluation_overview,
            measures=self.measuring,
            clock=clock.now,
        )
