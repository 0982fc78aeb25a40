"""Chunking: every part of a list goes into exactly one chunk, and no chunk is too much for one message."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from peoplesync.domain.stripe_objects import slim, slim_object
from peoplesync.use_cases.messages.message import BulkBatch, Message, decode
from peoplesync.use_cases.messages.packing import (
    BYTES_A_CHUNK,
    CUSTOMERS_A_CHUNK,
    NEAR,
    chunks_of_events,
    chunks_of_objects,
)
from tests.support.builders.stripe import NOW, customer, event, price, product, subscription
from tests.support.fakes.world import TEST

Json = Mapping[str, Any]


def told_of(*customers: int) -> list[Json]:
    """An event of each of the customers, in that order."""
    return [
        event(
            "customer.updated",
            customer(f"cus_{one}", name=f"name {place}"),
            id=f"evt_{place}",
            created=NOW + place,
        )
        for place, one in enumerate(customers)
    ]


def sized(owner: int, size: int, place: int) -> Json:
    return {"object": "customer", "id": f"cus_{owner}", "name": "x" * size, "created": place}


def customers_in(chunk: Sequence[Json]) -> set[str]:
    return {str(one["data"]["object"]["id"]) for one in chunk}


def test_an_event_goes_slimmed_as_the_queue_carries_it() -> None:
    shown = customer("cus_1", metadata={"tier": "gold"}, invoice_settings={"footer": "x"})
    whole = event("customer.updated", shown, created=NOW)

    ((packed,),) = chunks_of_events([whole])

    assert packed == slim(whole)
    assert "invoice_settings" not in packed["data"]["object"]
    assert packed["data"]["object"]["metadata"] == {"tier": "gold"}


def test_a_chunk_is_of_25_customers_at_most() -> None:
    chunks = list(chunks_of_events(told_of(*range(60))))

    assert [len(customers_in(chunk)) for chunk in chunks] == [25, 25, 10]


def test_events_of_one_customer_that_are_near_go_together() -> None:
    events = told_of(*(place % 50 for place in range(NEAR)))

    chunks = list(chunks_of_events(events))

    assert len(chunks) == 2
    assert customers_in(chunks[0]).isdisjoint(customers_in(chunks[1]))


def test_many_events_of_one_customer_are_one_chunk() -> None:
    assert len(list(chunks_of_events(told_of(*[1] * 100)))) == 1


def test_products_and_prices_count_like_customers() -> None:
    listed = [price(f"price_{one}", product=f"prod_{one}") for one in range(20)]
    listed += [product(f"prod_{one}") for one in range(20)]

    assert [len(chunk) for chunk in chunks_of_objects(listed)] == [25, 15]


def test_a_subscription_goes_with_its_customer() -> None:
    listed: list[Json] = []
    for one in range(30):
        listed.append(customer(f"cus_{one}"))
    for one in range(30):
        listed.append(subscription(f"sub_{one}", customer=f"cus_{one}"))

    first, second = chunks_of_objects(listed)

    assert [len(first), len(second)] == [50, 10]


def test_a_part_that_is_too_large_goes_alone() -> None:
    listed = [sized(1, 10, 0), sized(2, BYTES_A_CHUNK + 1, 1), sized(3, 10, 2)]

    assert [[one["id"] for one in chunk] for chunk in chunks_of_objects(listed)] == [
        ["cus_1"],
        ["cus_2"],
        ["cus_3"],
    ]


def test_nothing_listed_is_no_chunk() -> None:
    assert list(chunks_of_events([])) == []
    assert list(chunks_of_objects([])) == []


def test_packing_takes_no_more_of_a_list_than_it_needs() -> None:
    taken = 0

    def endless() -> Iterator[Json]:
        nonlocal taken
        while True:
            taken += 1
            yield sized(taken, 10, taken)

    next(chunks_of_objects(endless()))

    assert taken <= NEAR


def test_a_full_chunk_fits_into_a_message_whatever_its_letters() -> None:
    listed = [{"object": "customer", "id": f"cus_{one}", "name": "é🦊" * 900} for one in range(25)]

    for chunk in chunks_of_objects(listed):
        body = Message(TEST, chunk=BulkBatch("c", "r", NOW, chunk), cause="import").encode()
        assert len(body.encode()) <= BYTES_A_CHUNK + 300
        assert decode(body).chunk == BulkBatch("c", "r", NOW, chunk)


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 3) | st.integers(BYTES_A_CHUNK // 3, BYTES_A_CHUNK + 9)),
        max_size=120,
    )
)
def test_every_part_is_in_exactly_one_chunk_and_none_is_too_much(parts: list[tuple[int, int]]) -> None:
    listed = [sized(owner, size, place) for place, (owner, size) in enumerate(parts)]

    chunks = list(chunks_of_objects(listed))

    packed = sorted((one for chunk in chunks for one in chunk), key=lambda one: int(one["created"]))
    assert packed == [slim_object(one) for one in listed]
    for chunk in chunks:
        assert len({one["id"] for one in chunk}) <= CUSTOMERS_A_CHUNK
        size = sum(len(json.dumps(one, separators=(",", ":"))) + 1 for one in chunk)
        assert size <= BYTES_A_CHUNK or len(chunk) == 1
