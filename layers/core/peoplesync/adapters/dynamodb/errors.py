"""DynamoDB under load: throttling and lost connections pass by themselves, all else is a fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError
from pynamodb.connection import Connection
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from peoplesync.use_cases.ports import Unavailable

BUSY: Final = frozenset(
    {
        "InternalServerError",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailable",
        "ThrottlingError",
        "ThrottlingException",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
"""Codes of errors, and of the reasons of a cancelled transaction, that a later attempt may not meet."""


@contextmanager
def busy_as_unavailable() -> Iterator[None]:
    """Turns throttling and lost connections into `Unavailable`; all else passes unchanged."""
    try:
        yield
    except PynamoDBException as error:
        if error_codes(error) & BUSY or isinstance(error.cause, BotoCoreError):
            raise Unavailable("the tables are throttled or out of reach") from error
        raise
    except BotoCoreError as error:
        raise Unavailable("the tables are out of reach") from error


def call(connection: Connection, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """DynamoDB's answer to a request that PynamoDB has no method for. Raises PynamoDBException."""
    try:
        answer: dict[str, Any] = connection.dispatch(operation, dict(request))
    except (BotoCoreError, ClientError) as error:
        kind = TransactWriteError if operation == "TransactWriteItems" else PynamoDBException
        raise kind(f"{operation} failed", error) from error
    return answer


def condition_failed(error: PynamoDBException) -> bool:
    """Whether a write was refused because its condition did not hold."""
    return "ConditionalCheckFailedException" in error_codes(error)


def error_codes(error: PynamoDBException) -> frozenset[str]:
    """The error's code, and of a cancelled transaction its reasons'; none where no answer came."""
    if isinstance(error.cause, BotoCoreError):
        return frozenset()  # of a lost connection PynamoDB looks for the code in an answer that is None
    reasons = error.cancellation_reasons if isinstance(error, TransactWriteError) else []
    codes = {error.cause_response_code, *(reason.code for reason in reasons if reason)}
    return frozenset(code for code in codes if code)
