"""Serves the pages of the console, and where to sign in. It reads no data: what it serves is the same for
everybody."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

PAGES: Final = Path(__file__).parent / "pages"
TYPES: Final = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8"}

LOGIN: Final = os.environ["OIDC_LOGIN"]
ISSUER: Final = os.environ["OIDC_ISSUER"]

POLICY: Final = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; base-uri 'none'; "
    f"form-action 'none'; frame-ancestors 'none'; connect-src 'self' {LOGIN or ISSUER}"
)
HEADERS: Final = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}

CONFIG: Final = json.dumps(
    {
        "issuer": ISSUER,
        "client_id": os.environ["OIDC_CLIENT_ID"],
        "authorization_endpoint": f"{LOGIN}/oauth2/authorize" if LOGIN else None,
        "token_endpoint": f"{LOGIN}/oauth2/token" if LOGIN else None,
        "api": "api/v1",
    }
)
FILES: Final = {path.name: path.read_text() for path in sorted(PAGES.iterdir())}


def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A page, by its name."""
    name = str(event.get("rawPath", "/")).rpartition("/")[2] or "index.html"
    if name == "config.json":
        return _answer(200, "application/json", CONFIG)
    if name in FILES:
        return _answer(200, TYPES[Path(name).suffix], FILES[name])
    return _answer(404, TYPES[".html"], FILES["index.html"])


def _answer(status: int, content_type: str, body: str) -> dict[str, Any]:
    return {"statusCode": status, "headers": {"Content-Type": content_type, **HEADERS}, "body": body}
