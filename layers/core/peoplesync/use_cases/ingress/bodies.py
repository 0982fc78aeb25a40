"""Bodies: what an HTTP request carries, unpacked within bounds and read as JSON."""

from __future__ import annotations

import json
import zlib
from typing import Any, Final

LARGEST_BODY: Final = 500 * 1_024
"""Bytes of a body, unpacked."""

_GZIP: Final = b"\x1f\x8b"
_DAMAGED: Final = b"\x1f\xef\xbf\xbd"
"""How a gzip begins that something on the way has decoded as text."""

_AS_GZIP: Final = 16 + zlib.MAX_WBITS


class Unacceptable(ValueError):
    """A body that cannot be read; the text says why."""

    def __init__(self, message: str, *, too_large: bool = False) -> None:
        super().__init__(message)
        self.too_large = too_large


def read_json(body: bytes, encoding: str = "") -> dict[str, Any]:
    """The JSON object in a body, which may be compressed (`Content-Encoding: gzip`). Raises Unacceptable."""
    match encoding.strip().lower():
        case "" | "identity":
            pass
        case "gzip" if body.startswith(_GZIP):
            body = _unpacked(body)
        case "gzip" if body.startswith(_DAMAGED):
            raise Unacceptable("the compressed body was damaged on its way; send it uncompressed")
        case "gzip":
            pass  # A proxy on the way may have unpacked it, and left the header as it was.
        case _:
            raise Unacceptable("the body may be compressed with gzip, and with nothing else")
    if len(body) > LARGEST_BODY:
        raise _too_large()
    try:
        value = json.loads(body.decode("utf-8-sig"), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unacceptable("the body is not JSON") from None
    if not isinstance(value, dict):
        raise Unacceptable("the body is not a JSON object")
    return value


def _unpacked(body: bytes) -> bytes:
    """The body, unpacked no further than one byte over what is allowed, however large it is."""
    unpacking = zlib.decompressobj(_AS_GZIP)
    try:
        unpacked = unpacking.decompress(body, LARGEST_BODY + 1)
    except zlib.error:
        raise Unacceptable("the body is not compressed with gzip, as its header says") from None
    if len(unpacked) > LARGEST_BODY:
        raise _too_large()
    if not unpacking.eof:
        raise Unacceptable("the compressed body ends too soon")
    return unpacked


def _too_large() -> Unacceptable:
    return Unacceptable(f"the body has more than {LARGEST_BODY:,} bytes; send several", too_large=True)


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
