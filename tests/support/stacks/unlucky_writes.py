"""DynamoDB in memory, to whose clients all happens that can happen to a write."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import ConnectionClosedError
from moto.core.botocore_stubber import MockRawResponse
from moto.core.models import botocore_stubber

from peoplesync.adapters.dynamodb.tables import PersonRow

PASS: Final = "pass"
LOST: Final = "lost"
"""It is written, but its answer does not arrive: the client tries again."""
LOST_FOR_GOOD: Final = "lost for good"
"""It is written, but no answer arrives, however often the client tries."""
UNSENT: Final = "unsent"
CONFLICT: Final = "conflict"
"""Another write is on its way to one of the people."""
THROTTLED: Final = "throttled"
OVERTAKEN: Final = "overtaken"
"""Another worker changes one of the people first."""
LOST_AND_OVERTAKEN: Final = "lost and overtaken"
TURNS: Final = (PASS, LOST, LOST_FOR_GOOD, UNSENT, CONFLICT, THROTTLED, OVERTAKEN, LOST_AND_OVERTAKEN)

KINDS: Final = ("pack", "put", "transaction", "other")
"""Several people in one transaction, one person without one, other transactions, and what is no person."""

_CODES: Final = {
    ("PutItem", CONFLICT): "TransactionConflictException",
    ("PutItem", THROTTLED): "ProvisionedThroughputExceededException",
    ("TransactWriteItems", CONFLICT): "TransactionConflict",
    ("TransactWriteItems", THROTTLED): "ThrottlingError",
}


@dataclass
class UnluckyWrites:
    """What happens to writes: to each of `KINDS` what its own `turns` say, one after the other; when they are
    used up, all pass. `overtake` has another worker change a person, and says whether it could. `seen` counts
    what happened to which kind."""

    turns: Mapping[str, Iterator[str]]
    rng: random.Random
    overtake: Callable[[PersonRow], bool]
    seen: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrongly_sent: list[set[str]] = field(default_factory=list)
    """Who was sent again after they were refused, or was not, though somebody else of their pack was."""
    _calls: dict[str, str] = field(default_factory=dict)
    _answers: dict[str, AWSResponse] = field(default_factory=dict)
    _others: set[str] | None = None
    _overtaking: bool = False

    @contextmanager
    def of(self, clients: Collection[Any]) -> Iterator[None]:
        """Everything that these clients write meanwhile."""
        for client in clients:
            client.meta.events.unregister("before-send", botocore_stubber)
            client.meta.events.register("before-send", self._send)
        try:
            yield
        finally:
            for client in clients:
                client.meta.events.unregister("before-send", self._send)
                client.meta.events.register("before-send", botocore_stubber)

    def _send(self, event_name: str, request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        operation = event_name.rpartition(".")[2]
        if self._overtaking or operation not in ("PutItem", "TransactWriteItems"):
            return botocore_stubber(event_name, request)
        assert isinstance(request.body, bytes)
        body = json.loads(request.body)
        # All attempts at one call have this in common.
        call = str(request.headers["amz-sdk-invocation-id"])
        is_first = call not in self._calls
        people = _people_in(body)
        if is_first:
            kind = _kind(operation, people)
            self._calls[call] = next(self.turns[kind], PASS)
            self.seen[self._calls[call], kind] += 1
            self._compare_with_others(people)
        turn = self._calls[call]
        if turn == UNSENT:
            raise ConnectionClosedError(endpoint_url=request.url)
        if is_first and people and turn == OVERTAKEN:
            self._overtake(people)
        if people and (turn == THROTTLED or (turn == CONFLICT and is_first)):
            return self._refusal(operation, request, body, people, _CODES[operation, turn])
        answer = self._answer(event_name, request, body)
        if is_first and people and turn == LOST_AND_OVERTAKEN:
            self._overtake(people)
        if turn == LOST_FOR_GOOD or (is_first and turn in (LOST, LOST_AND_OVERTAKEN)):
            raise ConnectionClosedError(endpoint_url=request.url)
        return answer

    def _compare_with_others(self, people: Mapping[int, PersonRow]) -> None:
        """The others of a pack are sent again at once when one of them is refused."""
        others, self._others = self._others, None
        if others is not None and (wrong := others ^ {row.person_id for row in people.values()}):
            self.wrongly_sent.append(wrong)

    def _answer(
        self, event_name: str, request: AWSPreparedRequest, body: Mapping[str, Any]
    ) -> AWSResponse | None:
        """DynamoDB does a transaction once, however often it comes with the same token; moto does not."""
        token = body.get("ClientRequestToken", "")
        if token in self._answers:
            self._answers[token].raw.seek(0)
            return self._answers[token]
        answer = botocore_stubber(event_name, request)
        if token and answer is not None and answer.status_code == 200:
            self._answers[token] = answer
        return answer

    def _overtake(self, people: Mapping[int, PersonRow]) -> None:
        self._overtaking = True
        others = list(people.values())
        self.rng.shuffle(others)
        self.seen["somebody", "overtaken"] += any(map(self.overtake, others))
        self._overtaking = False

    def _refusal(
        self,
        operation: str,
        request: AWSPreparedRequest,
        body: Mapping[str, Any],
        people: Mapping[int, PersonRow],
        code: str,
    ) -> AWSResponse:
        """The answer that one of the people, by any of the items that are theirs, cannot be written."""
        answer: dict[str, Any] = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}"}
        if operation == "TransactWriteItems":
            count = len(body["TransactItems"])
            begin = self.rng.choice(list(people))
            if _kind(operation, people) == "pack":
                self._others = {row.person_id for place, row in people.items() if place != begin}
            end = min([place for place in people if place > begin], default=count)
            reasons = [{"Code": "None"}] * count
            reasons[self.rng.randrange(begin, end)] = {"Code": code}
            answer = {
                "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
                "CancellationReasons": reasons,
            }
        return AWSResponse(request.url, 400, {}, MockRawResponse(json.dumps(answer)))  # type: ignore[arg-type]


def _people_in(body: Mapping[str, Any]) -> Mapping[int, PersonRow]:
    """The people that are put, by the places of their items."""
    requests: Sequence[Mapping[str, Any]] = [
        one.get("Put", {}) for one in body.get("TransactItems", [{"Put": body}])
    ]
    return {
        place: PersonRow.from_raw_data(dict(one["Item"]))
        for place, one in enumerate(requests)
        if one.get("TableName") == PersonRow.Meta.table_name
    }


def _kind(operation: str, people: Mapping[int, PersonRow]) -> str:
    """In a pack each person's items come one after the other; where records move, the people come first."""
    if not people:
        return "other"
    if operation == "PutItem":
        return "put"
    is_pack = any(place and place - 1 not in people for place in people)
    return "pack" if is_pack else "transaction"
