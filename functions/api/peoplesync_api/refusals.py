"""What use cases refuse, as problems: the same sentences as the command line's."""

from __future__ import annotations

from http import HTTPStatus

from botocore.exceptions import BotoCoreError, ClientError

from peoplesync.domain.fields.custom import InvalidField
from peoplesync.domain.segments.conditions import InvalidRule
from peoplesync.use_cases.connecting.connect import InvalidConnection, Unconfirmed
from peoplesync.use_cases.connecting.endpoints import EndpointRefused
from peoplesync.use_cases.connecting.permissions import MissingPermissions, UnusableKey
from peoplesync.use_cases.defining.changes import InvalidDefinition
from peoplesync.use_cases.defining.write_keys import InvalidKeyName, KeyExists
from peoplesync.use_cases.erasing.erase import KeyLost, PersonMoved
from peoplesync.use_cases.jobs.job import Unacceptable
from peoplesync.use_cases.ports import KeyRefused, NotPermitted, Unavailable, VersionConflict
from peoplesync.use_cases.queries.browse import NotFound
from peoplesync.use_cases.queries.columns import InvalidColumns, InvalidSort
from peoplesync.use_cases.read_models.find import TooShort
from peoplesync.use_cases.read_models.read import NotCounted, NotUnderstood
from peoplesync.use_cases.tasks.asking import Conflict
from peoplesync_api.problems import Problem

_INVALID = HTTPStatus.UNPROCESSABLE_ENTITY


def problem_of(error: Exception) -> Problem | None:
    """The problem that an exception of a use case is; None where it is no refusal but a fault."""
    match error:
        case NotFound():
            return Problem(HTTPStatus.NOT_FOUND, str(error))
        case InvalidColumns():
            return Problem(_INVALID, str(error), "/query/fields")
        case InvalidSort():
            return Problem(_INVALID, str(error), "/query/sort")
        case InvalidKeyName():
            return Problem(_INVALID, str(error), "/body/name")
        case KeyExists():
            return Problem(HTTPStatus.CONFLICT, str(error), "/body/name")
        case Conflict():
            return Problem(HTTPStatus.CONFLICT, str(error))
        case Unacceptable():
            return Problem(_INVALID, str(error), "/body")
        case NotCounted():
            return Problem(HTTPStatus.CONFLICT, str(error))
        case NotUnderstood():
            return Problem(_INVALID, str(error), "/query")
        case TooShort():
            return Problem(_INVALID, str(error), "/query/q")
        case InvalidRule():
            return Problem(_INVALID, str(error), "/body/rule")
        case UnusableKey():
            return Problem(_INVALID, str(error), "/body/key")
        case InvalidField() | InvalidDefinition() | MissingPermissions() | InvalidConnection():
            return Problem(_INVALID, str(error), "/body")
        case KeyRefused() | NotPermitted():
            return Problem(_INVALID, f"{error}; give the connection a key that may", "/body/key")
        case EndpointRefused():
            return Problem(_INVALID, f"Stripe does not take the webhook endpoint: {error}", "/body")
        case Unconfirmed():
            return Problem(
                HTTPStatus.CONFLICT, f"{error}; send people_may_go: true to have it so", "/body/people_may_go"
            )
        case VersionConflict():
            return Problem(HTTPStatus.CONFLICT, f"{error}; nothing is changed: read it again, and try again")
        case PersonMoved() | KeyLost():
            return Problem(HTTPStatus.CONFLICT, str(error))
        case Unavailable() | BotoCoreError():
            return Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                f"{error}; nothing is lost: try again in some seconds",
                headers={"Retry-After": "5"},
            )
        case ClientError() if error.response["Error"]["Code"] in _BUSY:
            return Problem(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "AWS does not take more requests at the moment; try again in some seconds",
                headers={"Retry-After": "5"},
            )
    return None


_BUSY = frozenset({"ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"})
