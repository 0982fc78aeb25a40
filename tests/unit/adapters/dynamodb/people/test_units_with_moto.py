"""What events and imports cost, in units reckoned from the items' sizes by AWS's rules (`bench/units.py`)."""

from __future__ import annotations

import pytest

from bench.import_pages import KEY, simulator
from bench.importing import indexed, measured
from bench.people_stream import PeopleStream
from bench.running import FUNCTION, connect
from bench.worker import Bench, batches_of_ten
from peoplesync.adapters import wiring
from peoplesync.adapters.parts import STRIPE_URL
from tests.support.stacks.moto_stack import REGION, MotoStack

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def one_write_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the tables in memory want it."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setattr(wiring, "WRITES_SIDE_BY_SIDE", 1)


def connected(aws: MotoStack, stripe_url: str = "") -> wiring.Wiring:
    wired = wiring.Wiring({**aws.environment, **FUNCTION, STRIPE_URL: stripe_url})
    connect(wired, KEY)
    return wired


def test_an_event_of_a_companys_usual_mix_costs_two_read_units_and_five_write_units(aws: MotoStack) -> None:
    bench, batches = Bench(connected(aws)), list(batches_of_ten())
    for events in batches[:30]:
        bench.apply(events)
    bench.units.clear()
    for events in batches[30:60]:
        bench.apply(events)

    assert bench.units.read / 300 <= 2.2
    assert bench.units.written / 300 <= 5.6


def test_an_import_writes_a_person_twice_and_costs_30_write_units_a_customer_and_8_to_index(
    aws: MotoStack,
) -> None:
    customers, stream = 60, PeopleStream()
    with simulator(customers, "growing") as stripe:
        wired = connected(aws, stripe.url)
        stream.watch(wired.tables.client)
        units, listed = measured(wired)

    assert listed > 5 * customers
    assert units.people / customers <= 2.2
    assert units.written / customers <= 35  # fewer of many: what comes once an import counts little then
    assert len(stream.records) == units.people
    assert indexed(wired, stream).written / customers <= 8
