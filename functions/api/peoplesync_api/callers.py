"""Who asks: API Gateway has checked their access token; here is read what it says."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any


class Role(IntEnum):
    """What somebody may. A viewer reads, an admin may do all."""

    NONE = 0
    VIEWER = 1
    ADMIN = 2


@dataclass(frozen=True)
class Caller:
    """Somebody who is signed in. `name` is what the audit trail calls them."""

    name: str
    role: Role


def caller_of(event: Mapping[str, Any]) -> Caller:
    """The caller of a request, as the authorizer describes them; without any role where it says nothing."""
    context = event.get("requestContext") or {}
    claims = ((context.get("authorizer") or {}).get("jwt") or {}).get("claims") or {}
    groups = _groups(claims.get(os.environ.get("GROUPS_CLAIM", "cognito:groups")))
    role = Role.ADMIN if "admin" in groups else Role.VIEWER if "viewer" in groups else Role.NONE
    name = claims.get("email") or claims.get("username") or claims.get("sub") or "somebody"
    return Caller(str(name), role)


def _groups(claim: Any) -> frozenset[str]:
    """API Gateway writes a list as text: `[admin viewer]`."""
    if isinstance(claim, list):
        return frozenset(map(str, claim))
    return frozenset(re.findall(r'[^\s,"\[\]]+', str(claim or "")))
