"""The catalogue in DynamoDB: its parts, and what Stripe refused to show."""

from __future__ import annotations

import pytest

from peoplesync.adapters.dynamodb.catalogue import CatalogueStore
from peoplesync.domain.catalogue import CatalogueChange, CatalogueKey, Entry, answered_entry, fold_entry
from peoplesync.use_cases.ports import VersionConflict
from tests.support.builders.stripe import DAY, NOW, coupon, price
from tests.support.fakes.world import TEST
from tests.support.stacks.moto_stack import MotoStack

HALF, EURO = CatalogueKey("coupon", "HALF"), CatalogueKey("price", "price_1")


def answered(key: CatalogueKey, at: int) -> Entry:
    shown = coupon("HALF", created=NOW - 90 * DAY) if key is HALF else price()
    return fold_entry(Entry(key), [answered_entry(key, shown, at)], None)


def refused(key: CatalogueKey, at: int) -> Entry:
    return fold_entry(Entry(key), [CatalogueChange(key, asked_at=at, refusal="not_permitted")], None)


@pytest.fixture
def store(aws: MotoStack) -> CatalogueStore:
    return CatalogueStore()


def test_an_entry_is_read_as_it_was_written(store: CatalogueStore) -> None:
    entry = answered(HALF, NOW)
    store.write(TEST, entry)
    assert store.read(TEST, [HALF, EURO]) == {HALF: entry, EURO: Entry(EURO)}
    with pytest.raises(VersionConflict):
        store.write(TEST, entry)


def test_what_was_refused_is_found_by_when_it_was_asked_for(store: CatalogueStore) -> None:
    store.write(TEST, refused(HALF, NOW - DAY))
    store.write(TEST, refused(EURO, NOW))
    assert store.refused(TEST, NOW, 9) == [(HALF, NOW - DAY)]
    assert len(store.refused(TEST, NOW + 1, 1)) == 1


def test_what_was_answered_since_is_no_refusal_any_more(store: CatalogueStore) -> None:
    store.write(TEST, refused(HALF, NOW - DAY))
    before = store.read(TEST, [HALF])[HALF]
    shown = answered_entry(HALF, coupon("HALF", created=NOW - 90 * DAY), NOW)
    store.write(TEST, fold_entry(before, [shown], None))
    assert store.refused(TEST, NOW + 9 * DAY, 9) == []
