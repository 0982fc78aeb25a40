"""What a person's feed looks like in a terminal."""

from __future__ import annotations

from typing import Any

from peoplesync_cli.output import feed_rows

AT = "2026-03-01T12:00:00Z"


def tracked(**properties: Any) -> dict[str, Any]:
    kind = "tracked:Report Exported"
    return {"id": "x", "at": AT, "kind": kind, "event": "Report Exported", "properties": properties}


def test_what_a_user_did_is_told_by_its_name_with_its_properties() -> None:
    assert list(feed_rows([tracked(format="pdf", pages=12, draft=False)])) == [
        ("2026-03-01 12:00:00", "Report Exported", "format: pdf  pages: 12  draft: no")
    ]


def test_long_properties_are_cut() -> None:
    ((_, _, told),) = feed_rows([tracked(text="x" * 500)])

    assert len(told) == 80
    assert told.endswith("x…")


def test_a_billing_event_is_told_in_words() -> None:
    entry = {"id": "x", "at": AT, "kind": "charge_failed", "amount": "49.00", "currency": "usd"}

    assert list(feed_rows([entry])) == [("2026-03-01 12:00:00", "charge failed", "49.00 USD")]
