"""The worker, paused or not, as readers see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from peoplesync.use_cases.messages.dead_letters import KEPT_SECONDS
from peoplesync.use_cases.public_json import iso

KEPT_DAYS: Final = KEPT_SECONDS // 86_400


def pause_json(enabled: Mapping[str, bool], waiting: int, since: int | None) -> dict[str, Any]:
    """Since when the worker has been paused, how many changes wait, and for how many days queues keep them;
    `enabled` says which queues are taken from."""
    return {
        "paused": since is not None,
        "since": None if since is None else iso(since),
        "waiting": waiting,
        "kept_days": KEPT_DAYS,
        "queues": {name: "enabled" if one else "disabled" for name, one in enabled.items()},
    }
