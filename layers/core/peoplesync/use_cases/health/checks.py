"""Health checks: what to report about a connection, in a word, with its reason and what to do about it.

Each that asks somebody to do something has a page in docs/runbooks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.public_json import iso
from peoplesync.use_cases.publishing.publish import PUBLISHED_WITHIN
from peoplesync.use_cases.scheduled.reconcile import KEPT_BY_STRIPE

State = Literal["in_sync", "importing", "reevaluating", "behind", "paused", "attention", "stopped"]

RECONCILE_OVERDUE: Final = 45 * 60
"""Seconds after which a checkpoint is too old: the reconciler has failed to move it three times in a row."""

SWEEP_OVERDUE: Final = 180
"""Seconds for which a review may be overdue: the sweep looks every minute, and promises two."""

REFUSED_FOR: Final = 120
"""Seconds for which signatures may be wrong, while a new secret is on its way into the caches."""

REEVALUATED_WITHIN: Final = 60
"""Seconds after a change of segments or fields within which a re-evaluation should have begun."""

SLOW: Final = 60
"""Seconds from Stripe to the person that are worth mentioning."""


@dataclass(frozen=True)
class HealthCheck:
    """`headline` is for a glance, `reason` the sentence behind it."""

    state: State
    headline: str
    reason: str
    what_to_do: str = ""
    runbook: str = ""

    @property
    def needs_somebody(self) -> bool:
        """Whether it does not pass by itself."""
        return self.state in ("paused", "attention", "stopped")


@dataclass(frozen=True)
class HealthInputs:
    """What is known of a connection at a moment: messages on each of the `queues` and `dead` ones; since when
    the worker is paused; since when somebody is due by the clock and not reviewed; its last import; since
    when nothing is published; its last re-evaluation, and whether people are `outdated`: evaluated
    with older segments and fields."""

    connection: Connection
    now: int
    queues: Mapping[str, int] = field(default_factory=dict)
    dead: int = 0
    paused_since: int | None = None
    due_since: int | None = None
    last_import: Mapping[str, Any] | None = None
    unpublished_since: int | None = None
    last_reevaluation: Mapping[str, Any] | None = None
    outdated: bool = False

    @property
    def waiting(self) -> int:
        """Messages on all queues."""
        return sum(self.queues.values())

    @property
    def known_until(self) -> int:
        """Up to when all events are known."""
        checkpoint = self.connection.reconciled_until
        return self.connection.created_at if checkpoint is None else checkpoint

    @property
    def unpublished_for(self) -> int:
        """Seconds for which nothing has been published, by a pause."""
        return 0 if self.unpublished_since is None else max(0, self.now - self.unpublished_since)

    @property
    def due_for(self) -> int:
        """Seconds for which the oldest review has been overdue."""
        return 0 if self.due_since is None else max(0, self.now - self.due_since)


def health_checks(facts: HealthInputs) -> list[HealthCheck]:
    """All checks that apply, the most pressing first; the last one is that it is in sync."""
    if facts.connection.disconnected_at is not None:
        return [_disconnected(facts.connection, facts.connection.disconnected_at)]
    return [*_stopped(facts), *_attention(facts), *_passing(facts), _in_sync(facts.connection)]


def _disconnected(connection: Connection, at: int) -> HealthCheck:
    return HealthCheck(
        "stopped",
        "Stopped: disconnected",
        f"disconnected since {iso(at)}",
        f"`peoplesync connect{_of(connection)}` connects it again, with its people",
        "disconnected",
    )


def _stopped(facts: HealthInputs) -> Iterator[HealthCheck]:
    """Where nothing comes in, or nothing is done with it."""
    connection = facts.connection
    if connection.key_refused_at is not None:
        yield HealthCheck(
            "stopped",
            "Stopped: key revoked",
            f"Stripe has refused the API key since {iso(connection.key_refused_at)}",
            f"connect again with a new one: `peoplesync connect{_of(connection)}`",
            "key-refused",
        )
    if facts.paused_since is not None:
        yield HealthCheck(
            "paused",
            "Paused",
            f"changes have not been applied since {iso(facts.paused_since)}; {_changes(facts.waiting)} "
            "on the queues, kept for 14 days",
            "`peoplesync resume` goes on",
            "paused",
        )
    if connection.endpoint_id is not None:
        yield from _webhook_stopped(facts)


def _webhook_stopped(facts: HealthInputs) -> Iterator[HealthCheck]:
    """The reconciler makes up for it every quarter of an hour, so that nothing is lost, but late."""
    connection, page = facts.connection, "webhook-stopped"
    heard, refused = connection.webhook_heard_at, connection.webhook_refused_since
    reconnect = f"`peoplesync connect{_of(connection)}` restores it; it asks for the API key"
    if connection.endpoint_problem == "gone":
        reason = "the webhook endpoint was deleted at Stripe; events come every 15 minutes only"
        yield HealthCheck("stopped", "Stopped: webhook deleted", reason, reconnect, page)
    elif connection.endpoint_problem == "disabled":
        reason = "the webhook endpoint is disabled at Stripe; events come every 15 minutes only"
        yield HealthCheck("stopped", "Stopped: webhook disabled", reason, reconnect, page)
    elif refused is not None and facts.now - refused > REFUSED_FOR:
        reason = f"signatures have been failing since {iso(refused)}: the secret was changed at Stripe only"
        rotate = f"`peoplesync rotate-secret{_of(connection)}` makes a new one, known to both"
        yield HealthCheck("stopped", "Stopped: webhook refused", reason, rotate, "signatures")
    elif (connection.webhook_missed_at or 0) > max(heard or 0, connection.webhook_since or 0):
        reason = (
            f"an event of {iso(connection.webhook_missed_at or 0)} came by the reconciler only, "
            f"and nothing by the webhook {'yet' if heard is None else f'since {iso(heard)}'}"
        )
        look = "look at the endpoint's deliveries at Stripe; this clears with the next event delivered"
        yield HealthCheck("stopped", "Stopped: webhook silent", reason, look, page)


def _attention(facts: HealthInputs) -> Iterator[HealthCheck]:
    """What does not pass by itself, though the sync goes on."""
    connection, now = facts.connection, facts.now
    if facts.dead:
        letters = f"{facts.dead} dead letter{'s' * (facts.dead != 1)}"
        reason = f"{facts.dead} message{'s' * (facts.dead != 1)} could not be applied"
        look = "`peoplesync dead list` says why; then `dead replay` or `dead drop`"
        yield HealthCheck("attention", f"Attention: {letters}", reason, look, "dead-letters")
    lost_since = connection.gap_since
    if lost_since is None and facts.known_until < now - KEPT_BY_STRIPE:
        lost_since = facts.known_until
    if lost_since is not None:
        reason = f"events since {iso(lost_since)} are lost, since Stripe keeps them for 30 days"
        anew = f"`peoplesync import start{_of(connection)}` makes up for it"
        yield HealthCheck("attention", "Attention: events lost", reason, anew, "gap")
    if now - facts.known_until > RECONCILE_OVERDUE:
        ago = duration(now - facts.known_until)
        reason = f"reconcile has not run for {ago}; events may be missing"
        run = f"`peoplesync reconcile{_of(connection)}` runs it, or says what stops it"
        yield HealthCheck("attention", "Attention: reconcile stopped", reason, run, "reconcile-stale")
    if facts.last_import is not None and facts.last_import["status"] == "failed":
        reason = f"the last import failed; `peoplesync import list{_of(connection)}` says why"
        resume = f"`peoplesync import resume {facts.last_import['id']}{_of(connection)}`"
        what_to_do = f"{resume} goes on where it was"
        if facts.last_import.get("failed"):  # what is dead stays so, however often the rest is done again
            anew = f"`peoplesync import start{_of(connection)}`"
            what_to_do = f"`peoplesync dead list` shows what stopped it; then `dead replay --all` and {anew}"
        yield HealthCheck("attention", "Attention: import failed", reason, what_to_do, "import-failed")
    changed_at = connection.definitions_changed_at
    if facts.outdated and changed_at is not None and now - changed_at > REEVALUATED_WITHIN:
        yield _not_reevaluated(facts, now - changed_at)
    if facts.unpublished_since is not None:
        yield _unpublished(facts.unpublished_since, now)
    if facts.due_for > SWEEP_OVERDUE and facts.paused_since is None:
        reason = f"somebody has been due by the clock for {duration(facts.due_for)} and was not reviewed"
        look = "`peoplesync logs sweep_segments` shows whether the sweep runs"
        yield HealthCheck("attention", "Attention: segments late", reason, look, "sweep-late")


def is_outdated(connection: Connection, last_reevaluation: Mapping[str, Any] | None) -> bool:
    """Whether segments or fields have changed since everybody was evaluated, and no re-evaluation is
    running."""
    if connection.definitions_changed_at is None:
        return False  # they are as the connection began with them
    if last_reevaluation is None:
        return True
    if last_reevaluation["status"] == "succeeded":
        return int(last_reevaluation["version"]) < connection.definitions_version
    return bool(last_reevaluation["status"] != "running")


def _not_reevaluated(facts: HealthInputs, ago: int) -> HealthCheck:
    last, of = facts.last_reevaluation, _of(facts.connection)
    reason = f"segments or fields changed {duration(ago)} ago and people have not been re-evaluated"
    what_to_do = f"`peoplesync reevaluate start{of}` does it, or goes on where it was"
    if last is not None and last["status"] == "failed":
        reason += f"; `peoplesync reevaluate list{of}` says why"
        if last["failed"]:
            what_to_do = f"`peoplesync dead list` shows whom, and why; then `peoplesync reevaluate start{of}`"
    return HealthCheck(
        "attention", "Attention: people not re-evaluated", reason, what_to_do, "not-reevaluated"
    )


def _unpublished(since: int, now: int) -> HealthCheck:
    within = duration(PUBLISHED_WITHIN)
    if now - since < PUBLISHED_WITHIN:
        cost = f"it is published later, if you resume within {within}"
    else:
        cost = f"what is older than {within} at the resume is put aside, and no longer published by itself"
    reason = f"nothing has gone out on the bus since {iso(since)}; {cost}"
    what_to_do = "`peoplesync publish resume` goes on"
    return HealthCheck("attention", "Attention: publishing paused", reason, what_to_do, "publish-paused")


def _passing(facts: HealthInputs) -> Iterator[HealthCheck]:
    """What passes by itself."""
    connection, last_import = facts.connection, facts.last_import
    if last_import is not None and last_import["status"] == "running":
        percent = progress(last_import)
        listed = f"{last_import['applied']:,} of {last_import['enqueued']:,} listed objects"
        reason = f"{percent} %: {listed} are applied so far"
        headline = f"Importing {percent} %"
        if waits := waiting_text(last_import):
            yield HealthCheck(
                "importing", f"{headline}: waits for Stripe", f"{waits}; {listed} are applied so far"
            )
        else:
            yield HealthCheck("importing", headline, reason)
    last = facts.last_reevaluation
    if last is not None and last["status"] == "running":
        percent = 100 * last["evaluated"] // last["people"] if last["people"] else 0
        reason = f"{last['evaluated']:,} of {last['people']:,} people are evaluated so far"
        yield HealthCheck("reevaluating", f"Re-evaluating {percent} %", reason)
    if facts.waiting:
        lag = connection.lag_seconds or 0
        if lag > SLOW:
            reason = f"{_changes(facts.waiting)} on the queues; the newest took {duration(lag)} to arrive"
            yield HealthCheck("behind", f"Behind {duration(lag)}", reason, runbook="lag")
        else:
            reason = f"{_changes(facts.waiting)} on the queues"
            yield HealthCheck("behind", f"Behind: {_changes(facts.waiting)}", reason)


def _in_sync(connection: Connection) -> HealthCheck:
    missed = connection.missed_events
    reason = "every event that arrived is applied"
    if connection.last_event_at is None:
        reason = "no event has arrived yet"
    elif missed and connection.endpoint_id is not None:
        reason = f"every event is applied, also {missed:,} event{'s' * (missed != 1)} that the webhook missed"
    return HealthCheck("in_sync", "In sync", reason)


def progress(one_import: Mapping[str, Any]) -> int:
    """Percent of what an import has put on the queue that is applied."""
    enqueued = one_import["enqueued"]
    return 100 * one_import["applied"] // enqueued if enqueued else 0


def waiting_text(one_import: Mapping[str, Any]) -> str:
    """Since when an import waits, and why: of several lists the one that has waited longest. "" where it
    goes on."""
    waiting = sorted(one_import.get("waiting") or (), key=lambda one: (one["since"], one["list"]))
    return f"waiting for Stripe since {waiting[0]['since']}: {waiting[0]['reason']}" if waiting else ""


def _of(connection: Connection) -> str:
    """The option that names a connection other than the default."""
    return "" if connection.name == "main" else f" --connection {connection.name}"


def _changes(count: int) -> str:
    return f"{count:,} change{'s' * (count != 1)}"


def duration(seconds: int) -> str:
    """A duration in words, in the largest unit of which there are at least two."""
    for length, unit in ((86_400, "days"), (3_600, "hours")):
        if seconds >= 2 * length:
            return f"{seconds // length} {unit}"
    return f"{seconds // 60} minutes" if seconds >= 120 else f"{seconds} second{'s' * (seconds != 1)}"
