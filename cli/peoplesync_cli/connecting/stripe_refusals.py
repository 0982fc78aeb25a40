"""Why a command that speaks to Stripe could not be done, in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from peoplesync.use_cases.connecting.connect import InvalidConnection
from peoplesync.use_cases.connecting.endpoints import EndpointRefused
from peoplesync.use_cases.connecting.permissions import UnusableKey
from peoplesync.use_cases.ports import KeyRefused, NotPermitted, Unavailable, VersionConflict
from peoplesync_cli.failure import Failure


@contextmanager
def in_a_sentence() -> Iterator[None]:
    """Ends the command where the use case refuses."""
    try:
        yield
    except UnusableKey as error:
        raise Failure(str(error)) from error
    except (InvalidConnection, KeyRefused, NotPermitted) as error:
        raise Failure(_sentence(error)) from error
    except EndpointRefused as error:
        raise Failure(
            f"Stripe does not take the webhook endpoint: {error} Where Stripe cannot reach the stack, "
            "use --no-webhook."
        ) from error
    except VersionConflict as error:
        raise Failure(
            f"{_sentence(error)} Look at `peoplesync connections list`, and run it again."
        ) from error
    except Unavailable as error:
        raise Failure(f"{_sentence(error)} Nothing is lost: run it again.") from error


def _sentence(error: Exception) -> str:
    text = str(error)
    return text[:1].upper() + text[1:].rstrip(".") + "."
