"""The recipes of docs/recipes as they are written, what their README has receivers check, and a receiver."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from peoplesync_local.stack import local_template
from peoplesync_local.stack.places import Places

DOCS = Places().checkout / "docs"
RECIPES = {path.stem: path for path in (DOCS / "recipes").glob("*.yaml")}
EXAMPLES: dict[str, dict[str, Any]] = {
    schema["title"]: schema["examples"][0]
    for schema in (json.loads(path.read_text()) for path in (DOCS / "events").glob("*.json"))
}
Json = dict[str, Any]


def resources(recipe: str) -> dict[str, Any]:
    found: dict[str, Any] = local_template.read(RECIPES[recipe])["Resources"]
    return {name: resource["Properties"] for name, resource in found.items() if "Properties" in resource}


def rule_of(recipe: str) -> Json:
    """The properties of a recipe's rule, parameters at their defaults."""
    (rule,) = (one for one in resources(recipe).values() if "EventPattern" in one)
    text = json.dumps(rule).replace('{"Ref": "Segment"}', '"slipping_trials"')
    found: Json = json.loads(text)
    return found


def receiver() -> Callable[[str, bytes, bytes], bool]:
    """What the README tells receivers to check with."""
    (code,) = re.findall(r"```python\n(.*?)```", (DOCS / "recipes" / "README.md").read_text(), re.DOTALL)
    names: dict[str, Any] = {}
    exec(code, names)  # noqa: S102 - these lines are what is tested
    found: Callable[[str, bytes, bytes], bool] = names["is_genuine"]
    return found


@dataclass
class Address:
    """A server that takes what is posted to it; answers with the first of `answers`, else with 200."""

    url: str
    posts: list[tuple[Mapping[str, str], bytes]] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)


@contextmanager
def address() -> Iterator[Address]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            here.posts.append((dict(self.headers), body))
            self.send_response(here.answers.pop(0) if here.answers else 200)
            self.send_header("Location", here.url)
            self.end_headers()

        def do_GET(self) -> None:
            raise AssertionError("nobody gets anything here")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    here = Address(f"http://127.0.0.1:{server.server_port}/hooks")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
