"""Whatever a client sends: it is refused, or becomes an activity that can travel and be folded."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from peoplesync.domain.records.activity import read_activity
from peoplesync.use_cases.ingress.activity_schema import InvalidActivity, read_item
from peoplesync.use_cases.ingress.bodies import Unacceptable, read_json
from tests.support.builders.stripe import NOW

QUICK = settings(max_examples=100, deadline=None, derandomize=True, database=None)

texts = st.text(st.characters(), max_size=20) | st.sampled_from(["track", "identify", "2026-03-01", "a@b"])
scalars = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
traits = st.dictionaries(texts | st.just("email"), values, max_size=3)
sound = {
    "type": st.sampled_from(["track", "identify"]),
    "userId": st.text(min_size=1, max_size=5) | st.integers(),
    "event": st.text(min_size=1, max_size=5),
    "timestamp": st.datetimes().map(lambda moment: moment.isoformat()) | st.none(),
    "messageId": st.text(min_size=1, max_size=5) | st.none(),
    "properties": st.dictionaries(texts, values, max_size=3),
    "traits": traits,
    "context": st.fixed_dictionaries({"traits": traits}),
}
items = st.fixed_dictionaries({name: part | values for name, part in sound.items()})


@QUICK
@given(items | st.fixed_dictionaries(sound) | values)
def test_an_item_is_refused_or_becomes_an_activity(item: Any) -> None:
    try:
        told = read_item(item, NOW, "fallback")
    except InvalidActivity:
        return
    travelled = json.loads(json.dumps(told, allow_nan=False))
    assert travelled == told
    json.dumps(told, ensure_ascii=False).encode()
    activity = read_activity(travelled)
    assert activity.user == told["user"]
    assert (activity.event is not None) is (told["type"] == "track")


@QUICK
@given(st.fixed_dictionaries(sound))
def test_an_item_that_is_sent_again_tells_the_same(item: dict[str, Any]) -> None:
    told = []
    for now in (NOW, NOW + 60):
        try:
            told.append(read_item(item | {"sentAt": now}, now, "fallback"))
        except InvalidActivity as refused:
            told.append({"refused": str(refused)})
    if item["timestamp"] is not None:
        assert told[0] == told[1]


bodies = st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode())


@QUICK
@given(bodies, texts | st.just("gzip"))
@example(b"\x1f\x8b" + b"\x00" * 50, "gzip")
def test_a_body_is_refused_or_is_an_object(body: bytes, encoding: str) -> None:
    with suppress(Unacceptable):
        assert isinstance(read_json(body, encoding), dict)
