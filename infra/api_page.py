"""The HTTP API's reference as one page of HTML: nothing on it is asked of anybody else."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator
from html import escape
from typing import Any, Final

STYLE: Final = """
:root { color-scheme: light dark; --dim: light-dark(#5b6670, #9aa5ae); --line: light-dark(#dde2e6, #333b42);
  --accent: light-dark(#0a58ca, #7fb2ff); }
body { margin: 0 auto; max-width: 60rem; padding: 24px; font: 14px/1.5 system-ui, sans-serif; }
h1 { font-size: 24px; } h2 { font-size: 16px; margin: 32px 0 8px; text-transform: capitalize; }
nav { display: flex; flex-wrap: wrap; gap: 4px 16px; } a { color: var(--accent); } p { max-width: 44rem; }
details { border-top: 1px solid var(--line); padding: 8px 0; }
summary { cursor: pointer; display: grid; grid-template-columns: 4rem minmax(0, 1fr) auto; gap: 0 12px;
  list-style: none; }
summary code { overflow-wrap: anywhere; } summary span, small { color: var(--dim); }
summary p { grid-column: 2 / -1; margin: 0; color: var(--dim); }
b { font-weight: 600; } code, pre { font: 12px/1.5 ui-monospace, monospace; }
pre { overflow-x: auto; padding: 12px; border: 1px solid var(--line); border-radius: 4px; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 4px 16px; }
dd { margin: 0; color: var(--dim); }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY: Final = f"default-src 'none'; style-src 'sha256-{_HASH}'"
"""What a browser may load for it: its own style."""


def page(description: dict[str, Any]) -> str:
    """The page of an OpenAPI description."""
    return "\n".join(_lines(description)) + "\n"


def _lines(description: dict[str, Any]) -> Iterator[str]:
    rooms: dict[str, list[tuple[str, str, dict[str, Any]]]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            rooms.setdefault(operation["tags"][0], []).append((method, path, operation))
    info = description["info"]
    yield '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{escape(POLICY)}">'
    yield f"<title>{escape(info['title'])} HTTP API</title>\n<style>{STYLE}</style>"
    yield f"<h1>{escape(info['title'])} HTTP API</h1>\n<p>{escape(info['description'])}</p>"
    yield "<nav>" + "".join(f'<a href="#{room}">{room}</a>' for room in sorted(rooms)) + "</nav>"
    for room in sorted(rooms):
        yield f'<h2 id="{room}">{room}</h2>'
        for method, path, operation in rooms[room]:
            yield from _operation(method, path, operation)
    yield "<h2>Refusals</h2>\n<dl>"
    for status, refusal in description["components"]["responses"].items():
        yield f"<dt>{status}</dt><dd>{escape(refusal['description'])}</dd>"
    yield '</dl>\n<h2 id="schemas">Schemas</h2>'
    for name, schema in sorted(description["components"]["schemas"].items()):
        text = escape(json.dumps(schema, indent=1, ensure_ascii=False))
        yield f'<details id="{name}"><summary><b></b><code>{name}</code></summary><pre>{text}</pre></details>'


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    yield f"<details><summary><b>{method.upper()}</b><code>{escape(path)}</code>"
    yield f"<span>{operation['x-role']}</span><p>{escape(operation['summary'])}</p></summary>"
    if more := operation.get("description"):
        yield f"<p>{escape(more)}</p>"
    yield "<dl>"
    for one in operation.get("parameters", []):
        needed = "" if one.get("required") else ", optional"
        yield f"<dt><code>{one['name']}</code> <small>{one['in']}{needed}</small></dt>"
        yield f"<dd>{escape(one.get('description', ''))}</dd>"
    if body := operation.get("requestBody"):
        (content,) = body["content"].values()
        yield f"<dt><code>body</code></dt><dd>{_named(content['schema'])}</dd>"
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            (content,) = answer["content"].values()
            yield f"<dt><code>{status}</code></dt><dd>{_named(content['schema'])}</dd>"
    yield "</dl></details>"


def _named(schema: dict[str, Any]) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    return f'<a href="#{name}">{name}</a>' if name else escape(json.dumps(schema))
