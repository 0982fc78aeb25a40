"""The use cases, wired once for the life of the function."""

from __future__ import annotations

import os
from functools import cache
from http import HTTPStatus

from peoplesync.adapters.operator_wiring import OperatorWiring
from peoplesync.domain.connections import Connection
from peoplesync.use_cases.queries.browse import Browser
from peoplesync_api.problems import Problem


@cache
def wiring() -> OperatorWiring:
    """The wiring of this function's stack."""
    return OperatorWiring.of_function(os.environ)


def connection_of(name: str) -> Connection:
    """The connection, also a disconnected one, whose people can still be looked at. Raises `Problem`."""
    found = wiring().connections.get_even_disconnected(name)
    if found is None:
        raise Problem(
            HTTPStatus.NOT_FOUND,
            f"there is no connection {name}; /api/v1/connections lists them",
            "/path/connection",
        )
    return found


def active(name: str) -> Connection:
    """The connection; raises `Problem` where it is disconnected, too."""
    found = connection_of(name)
    if found.disconnected_at is not None:
        raise Problem(HTTPStatus.CONFLICT, f"{name} is disconnected; connect it again first")
    return found


def browser(name: str) -> Browser:
    """The people of a connection, for reading. Raises `Problem`."""
    return wiring().browser_of(connection_of(name))
