"""Publishing: whatever happens, in whatever order, a consumer of the bus comes to know it once and right."""

from collections import Counter
from typing import Any

from hypothesis import given, settings

from peoplesync.use_cases.public_json import present
from peoplesync.use_cases.publishing.publish import Published
from tests.support.builders.stripe import HOUR
from tests.support.fakes.streams import Stage, StreamedPeople
from tests.support.oracles.tellings import Telling, tellings, world_of

LAST_SYNC = "customer_last_sync_at"
SOME = settings(max_examples=100, deadline=None, derandomize=True, database=None)


def told(telling: Telling) -> Stage:
    """A stage on which a telling was told, an hour between batches, with nothing published yet."""
    people = StreamedPeople()
    stage = Stage(world_of(telling, people=people), people)
    for batch in telling.batches:
        stage.world.apply(*batch)
        stage.world.now += HOUR
    stage.world.settle()
    return stage


@given(tellings())
@SOME
def test_each_event_is_told_once_and_under_the_same_id_when_its_write_is_delivered_again(
    telling: Telling,
) -> None:
    stage = told(telling)
    stream = stage.people.stream

    assert stage.publisher.publish(stream) == Published(len(stage.bus.told), {})
    once = list(stage.bus.told)
    assert max(Counter(stage.bus.ids).values(), default=1) == 1

    # Again, one by one and from the last to the first: a stream's order is not the bus's.
    stage.bus.told.clear()
    for number in sorted(stream, reverse=True):
        stage.publisher.publish({number: stream[number]})
    assert {one.detail["id"]: one for one in stage.bus.told} == {one.detail["id"]: one for one in once}


@given(tellings())
@SOME
def test_who_follows_the_bus_knows_people_fields_segments_and_feeds(telling: Telling) -> None:
    stage = told(telling)
    stage.publish()
    fields: dict[str, dict[str, Any]] = {}
    segments: dict[str, set[str]] = {}
    entries = Counter[str]()
    absorbed: set[str] = set()
    for one in stage.bus.told:
        person = one.detail["person"]["id"]
        match one.type:
            case "Person Created":
                fields[person] = dict(one.detail["fields"])
                segments[person] = set()
            case "Person Updated":
                for key, change in one.detail["changes"].items():
                    was = fields[person].pop(key, None)
                    # The last sync is told along with other changes only.
                    assert was == change["old"] or key == LAST_SYNC
                    fields[person] |= {} if change["new"] is None else {key: change["new"]}
            case "Person Merged":
                absorbed |= set(one.detail["merged"])
            case "Person Removed":
                del fields[person]
            case "Segment Entered":
                assert one.detail["segment"] not in segments[person]
                segments[person].add(one.detail["segment"])
            case "Segment Left":
                segments[person].remove(one.detail["segment"])
            case _:
                entries[str(one.detail["customer"])] += 1

    people = {person.id: person for person in stage.people.people.values() if not person.unidentified}
    assert fields.keys() == people.keys()
    assert not absorbed & people.keys()
    assert {name: found for name, found in segments.items() if found} == {
        name: set(person.segments) for name, person in people.items() if person.segments
    }
    for name, person in people.items():
        shown = {key: value for key, value in present(person)["fields"].items() if value is not None}
        assert fields[name] | {LAST_SYNC: None} == shown | {LAST_SYNC: None}
    assert entries == Counter({record: len(feed) for record, feed in stage.people.feeds.items() if feed})


@given(tellings())
@SOME
def test_different_writes_of_a_person_are_told_under_different_ids(telling: Telling) -> None:
    stage = told(telling)
    stream = stage.people.stream
    ids = []
    for number, write in stream.items():
        stage.bus.told.clear()
        stage.publisher.publish({number: write})
        ids.append(set(stage.bus.ids))

    assert sum(map(len, ids)) == len(set().union(*ids))
