"""Bodies of requests, packed and not."""

from __future__ import annotations

import gzip
import json

import pytest

from peoplesync.use_cases.ingress.bodies import LARGEST_BODY, Unacceptable, read_json

BODY = json.dumps({"batch": [], "name": "Zoë"}, ensure_ascii=False).encode()
VALUE = {"batch": [], "name": "Zoë"}


PACKED = gzip.compress(BODY, mtime=0)


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (BODY, ""),
        (BODY, "identity"),
        (b"\xef\xbb\xbf" + BODY, ""),
        (PACKED, "gzip"),
        (PACKED, " GZIP "),
        (BODY, "gzip"),  # unpacked on its way
    ],
)
def test_a_body_is_read_as_its_header_says(body: bytes, encoding: str) -> None:
    assert read_json(body, encoding) == VALUE


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (b"", "", "not JSON"),
        (b"{", "", "not JSON"),
        (b"[1]", "", "not a JSON object"),
        (b'"text"', "", "not a JSON object"),
        (b'{"a": NaN}', "", "not JSON"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "", "not JSON"),
        (b'{"a": ' + b"[" * 100_000, "", "not JSON"),
        (b"\xff\xfe{}", "", "not JSON"),
        (PACKED, "", "not JSON"),
        (PACKED, "br", "with nothing else"),
        (PACKED[:20], "gzip", "ends too soon"),
        (PACKED[:10] + b"\xff" * 9, "gzip", "not compressed with gzip"),
        (PACKED.decode(errors="replace").encode(), "gzip", "damaged on its way"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(body: bytes, encoding: str, reason: str) -> None:
    with pytest.raises(Unacceptable, match=reason) as refused:
        read_json(body, encoding)

    assert not refused.value.too_large


def of_size(size: int) -> bytes:
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


def test_a_body_may_be_as_large_as_500_kb() -> None:
    assert read_json(of_size(LARGEST_BODY))
    assert read_json(gzip.compress(of_size(LARGEST_BODY)), "gzip")


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (of_size(LARGEST_BODY + 1), ""),
        (gzip.compress(of_size(LARGEST_BODY + 1)), "gzip"),
        (gzip.compress(b"0" * 50_000_000, 1, mtime=0), "gzip"),
    ],
    ids=["plain", "packed", "a bomb"],
)
def test_a_larger_one_is_refused_without_being_unpacked(body: bytes, encoding: str) -> None:
    with pytest.raises(Unacceptable, match="more than 512,000 bytes") as refused:
        read_json(body, encoding)

    assert refused.value.too_large
