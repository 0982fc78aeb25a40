"""The functions' log events in CloudWatch Logs, of a deployed stack and of the local one."""

from __future__ import annotations

import heapq
import re
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

_GROUP, _FUNCTION = "AWS::Logs::LogGroup", "AWS::Lambda::Function"
_SUFFIX: Final = "Logs"

LATE_MS: Final = 20_000
"""How much is read again when following: CloudWatch may show an event seconds late."""

FOLLOW_SECONDS: Final = 2.0
"""CloudWatch answers a few such questions a second, and there is one for each function."""


@dataclass(frozen=True)
class LogEvent:
    """What a function logged at once, at `at` in Unix milliseconds."""

    at: int
    function: str
    stream: str
    text: str


@dataclass(frozen=True)
class FunctionLogs:
    """The log groups of a stack's functions. `logs` and `cloudformation` are boto3's clients."""

    logs: Any
    cloudformation: Any
    stack: str

    @cached_property
    def groups(self) -> Mapping[str, str]:
        """The log groups by the functions' names, such as receive_webhook: the template gives the function
        ReceiveWebhook the group ReceiveWebhookLogs."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.stack)
        resources = [one for page in pages for one in page["StackResourceSummaries"]]
        functions = {one["LogicalResourceId"] for one in resources if one["ResourceType"] == _FUNCTION}
        return {
            _snake(one["LogicalResourceId"].removesuffix(_SUFFIX)): one["PhysicalResourceId"]
            for one in sorted(resources, key=lambda one: str(one["LogicalResourceId"]))
            if one["ResourceType"] == _GROUP and one["LogicalResourceId"].removesuffix(_SUFFIX) in functions
        }

    def since(self, functions: Collection[str], start: int) -> Iterator[LogEvent]:
        """What these functions logged since `start` (Unix milliseconds), oldest first."""
        return heapq.merge(*(self._of(function, start) for function in functions), key=lambda event: event.at)

    def follow(self, functions: Collection[str], start: int) -> Iterator[list[LogEvent]]:
        """The same and then what comes, each time what is new; without end."""
        shown: Counter[LogEvent] = Counter()
        while True:
            found = Counter(self.since(functions, start))
            fresh = found - shown
            yield [event for event in found if event in fresh for _ in range(fresh[event])]
            shown = found
            start = max([start, *(event.at - LATE_MS for event in found)])
            time.sleep(FOLLOW_SECONDS)

    def _of(self, function: str, start: int) -> Iterator[LogEvent]:
        pages = self.logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.groups[function], startTime=start
        )
        for page in pages:
            for one in page["events"]:
                yield LogEvent(one["timestamp"], function, one["logStreamName"], one["message"].rstrip())


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
