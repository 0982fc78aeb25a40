"""template.yaml as tests look at it."""

from __future__ import annotations

from functools import cache

from peoplesync_local.stack import local_template
from peoplesync_local.stack.local_template import Template
from peoplesync_local.stack.places import Places


@cache
def sam_template() -> Template:
    """The template that is deployed, parsed once: that takes longer than most tests. Nobody may change it."""
    return local_template.read(Places().template)
