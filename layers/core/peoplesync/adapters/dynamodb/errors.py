"""DynamoDB's errors: what passes by itself, as throttling does, is distinguished from what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from botocore.exceptions import BotoCoreError
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from peoplesync.use_cases.ports import Unavailable

_BUSY: Final = frozenset(
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


@contextmanager
def busy_as_unavailable() -> Iterator[None]:
    """Turns throttling and lost connections into `Unavailable`; all else passes unchanged."""
    try:
        yield
    except PynamoDBException as error:
        if error_codes(error) & _BUSY or isinstance(error.cause, BotoCoreError):
            raise Unavailable("the tables are throttled or out of reach") from error
        raise
    except BotoCoreError as error:
        raise Unavailable("the tables are out of reach") from error


def error_codes(error: PynamoDBException) -> frozenset[str]:
    """The error's code, and of a cancelled transaction its reasons'."""
    reasons = error.cancellation_reasons if isinstance(error, TransactWriteError) else []
    codes = {error.cause_response_code, *(reason.code for reason in reasons if reason)}
    return frozenset(code for code in codes if code)
