"""Metrics: everything that is measured, once, with what it means.

Functions emit them by `adapters.aws.measuring`; infra/dashboard.json shows them and template.yaml's
alarms watch them. A count is emitted only where it is not zero: a metric costs money for each hour in which
it is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Unit = Literal["Count", "Seconds", "Percent", "None"]


@dataclass(frozen=True)
class Measure:
    """A metric's unit, and what a number of it says. A `gauge` is a state at a moment, of which the newest
    or the worst counts; of the others the sum does, and of seconds a percentile."""

    unit: Unit
    meaning: str
    gauge: bool = False


class Metric(Enum):
    """The value's name is the metric's in CloudWatch: `ChangesApplied` of `CHANGES_APPLIED`."""

    # The webhook
    WEBHOOKS_RECEIVED = Measure("Count", "requests to the webhook")
    WEBHOOKS_ENQUEUED = Measure("Count", "events put on the live queue")
    WEBHOOKS_REFUSED_SIGNATURE = Measure("Count", "refused: the signature is missing, old or wrong")
    WEBHOOKS_REFUSED_CONNECTION = Measure("Count", "refused: there is no connection of that name")
    WEBHOOKS_REFUSED_MALFORMED = Measure("Count", "refused: signed, but not a Stripe event")
    WEBHOOKS_REFUSED_MODE = Measure("Count", "refused: a test event for a live connection, or vice versa")
    WEBHOOKS_REFUSED_SIZE = Measure("Count", "refused: larger than the queue takes")
    WEBHOOKS_DROPPED_UNSUPPORTED = Measure("Count", "acknowledged, of a type that is not used")
    WEBHOOKS_DROPPED_GUEST = Measure("Count", "acknowledged, of somebody who is not a customer")
    WEBHOOKS_DROPPED_CONNECT = Measure("Count", "acknowledged, of another account by Stripe Connect")
    WEBHOOKS_DROPPED_NO_ID = Measure("Count", "acknowledged, of an object without an id")

    # The activity API
    ACTIVITIES_RECEIVED = Measure("Count", "tracked events and identifies put on the live queue")
    ACTIVITIES_REFUSED = Measure("Count", "refused: items, or whole requests, that are not sound")
    ACTIVITY_UNAUTHORIZED = Measure("Count", "requests refused: no write key, a wrong or a revoked one")

    # The worker
    CHANGES_APPLIED = Measure("Count", "changes and reviews that changed somebody")
    CHANGES_STALE = Measure("Count", "changes that brought nothing new")
    CHANGES_DUPLICATE = Measure("Count", "of these, duplicates of what was known")
    CHANGES_DROPPED = Measure("Count", "changes of an epoch that is over, or of no use")
    CHANGES_WAITING = Measure("Count", "changes sent again with a delay, since they could not be done now")
    CHANGES_DEAD = Measure("Count", "changes put into a dead-letter queue, since none can ever apply them")
    CHANGES_CRASHED = Measure("Count", "messages whose handling crashed, to be delivered again")
    CHANGE_LAG = Measure("Seconds", "from Stripe's `created` until a live event was applied")
    TIES_FETCHED = Measure("Count", "objects fetched, since their events did not show which is newer")
    TIES_NOT_FOUND = Measure("Count", "of these, objects that Stripe does not know, or no longer")
    TIES_UNREADABLE = Measure("Count", "of these, objects that Stripe shows in a way that cannot be read")
    CONFLICTS_REFOLDED = Measure("Count", "changes folded again, since somebody else wrote the person first")
    FEED_ENTRIES = Measure("Count", "entries added to feeds")
    WEBHOOK_MISSED = Measure("Count", "events that only the reconciler brought")
    OLD_ROWS_PURGED = Measure("Count", "steps of deleting an epoch that is over")

    # The clock
    SWEEP_DUE = Measure("Count", "people found whom the clock may have moved")
    SWEEP_FLIPPED = Measure("Count", "of these, people whose segments really changed")
    SWEEP_HELD_BACK = Measure("Count", "sweeps that waited for the reviews of the last one")
    SWEEP_LATE = Measure("Seconds", "from the moment somebody was due until they were reviewed")

    # Stripe
    STRIPE_CALLS = Measure("Count", "requests to Stripe's API")
    STRIPE_RATE_LIMITED = Measure("Count", "of these, refused by Stripe's rate limit (429)")
    EVENTS_RECONCILED = Measure("Count", "events read again by the reconciler")
    RECONCILE_PROBLEMS = Measure("Count", "turns of the reconciler that Stripe or its key stopped")

    # Imports
    IMPORTS_SUCCEEDED = Measure("Count", "imports that ended, complete")
    IMPORTS_FAILED = Measure("Count", "imports that ended, incomplete")

    # Re-evaluations
    REEVALUATIONS_SUCCEEDED = Measure("Count", "re-evaluations that ended, with everybody looked at")
    REEVALUATIONS_FAILED = Measure("Count", "re-evaluations that ended, incomplete")

    # Events that go out
    EVENTS_PUBLISHED = Measure("Count", "events put on the bus, for others to act upon")
    PUBLISH_FAILED = Measure("Count", "writes of which something could not be published, to be tried again")

    # Read models
    PEOPLE_INDEXED = Measure("Count", "people of whom something was counted or indexed")
    INDEX_PASSED_OVER = Measure(
        "Count", "writes of people that could not be counted; `reindex` makes up for it"
    )

    # What it costs
    READ_UNITS = Measure("Count", "read units that DynamoDB counted")
    WRITE_UNITS = Measure("Count", "write units that DynamoDB counted")
    TABLES_THROTTLED = Measure("Count", "answers of DynamoDB that asked to slow down")
    ESTIMATED_COST = Measure("None", "US dollars: the units by the prices that the template was given")

    # Health, every five minutes, from the tables and queues themselves; over connections the sum or the worst
    OUT_OF_SYNC = Measure("Count", "connections that need somebody to do something", gauge=True)
    CUSTOMERS_IN_SYNC = Measure("Count", "Stripe customers in step", gauge=True)
    PEOPLE = Measure("Count", "people", gauge=True)
    SEGMENT_SIZE = Measure("Count", "people in a segment", gauge=True)
    LIVE_WAITING = Measure("Count", "messages on the live queue", gauge=True)
    BULK_WAITING = Measure("Count", "messages on the bulk queue", gauge=True)
    REVIEWS_WAITING = Measure("Count", "messages on the review queue", gauge=True)
    DEAD_LETTERS = Measure("Count", "messages in the dead-letter queues", gauge=True)
    WORKER_PAUSED = Measure("Count", "1 while nothing is taken from a queue", gauge=True)
    PUBLISH_PAUSED = Measure("Seconds", "for which nothing has gone out on the bus, by a pause", gauge=True)
    SINCE_LAST_EVENT = Measure("Seconds", "since Stripe's newest event", gauge=True)
    SILENCE_RATIO = Measure(
        "None", "that time by this account's 99th-percentile gap (1 h or more)", gauge=True
    )
    RECONCILE_AGE = Measure("Seconds", "since all events are known", gauge=True)
    SWEEP_OVERDUE = Measure("Seconds", "for which somebody has been due and was not reviewed", gauge=True)
    WEBHOOK_STOPPED = Measure("Count", "connections whose webhook no longer delivers", gauge=True)
    KEY_REFUSED = Measure("Count", "connections whose key Stripe refuses", gauge=True)
    IMPORT_PROGRESS = Measure(
        "Percent", "of what a running import has listed, so much is applied", gauge=True
    )
    IMPORT_BROKEN = Measure("Count", "connections whose last import failed or was stopped", gauge=True)
    NOT_REEVALUATED = Measure(
        "Count", "connections with people who are not evaluated by the newest segments and fields", gauge=True
    )

    @property
    def title(self) -> str:
        """The metric's name in CloudWatch."""
        return "".join(word.capitalize() for word in self.name.split("_"))
