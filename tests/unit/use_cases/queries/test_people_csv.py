"""People as CSV: what a spreadsheet gets, and what it must not take for a formula."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from peoplesync.domain.fields.built_in import FIELDS
from peoplesync.use_cases.queries.columns import InvalidColumns, InvalidSort, columns_of, is_newest_first
from peoplesync.use_cases.queries.people_csv import csv_page


def person(**fields: Any) -> dict[str, Any]:
    customers = [{"id": "cus_1", "deleted": False}, {"id": "cus_2", "deleted": True}]
    return {
        "id": "per_1",
        "email": None,
        "fields": fields,
        "segments": [],
        "customers": customers,
        "users": [],
    }


def cells(*columns: str, **fields: Any) -> list[str]:
    """The cells of a person's line."""
    (line,) = csv.reader(io.StringIO(csv_page([person(**fields)], columns, FIELDS, header=False)))
    return line


def test_pages_joined_are_one_file() -> None:
    pages = [csv_page([person()], ("id", "email"), FIELDS, header=first) for first in (True, False)]

    assert "".join(pages) == "id,email\r\nper_1,\r\nper_1,\r\n"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_what_a_spreadsheet_would_run_is_text(start: str) -> None:
    assert cells("customer_name", customer_name=f"{start}cmd()") == [f"'{start}cmd()"]


def test_each_kind_of_value_has_a_cell() -> None:
    mrr = {"usd": "49.00", "eur": "10.00"}
    columns = "mrr", "customer_mrr", "subscription_count", "customer_delinquent", "customers"

    assert cells(
        *columns, mrr=mrr, customer_mrr="-5.00", subscription_count=2, customer_delinquent=False
    ) == ["49.00 USD; 10.00 EUR", "-5.00", "2", "false", "cus_1; cus_2"]


def test_unknown_columns_and_orders_are_refused_with_what_there_is() -> None:
    with pytest.raises(InvalidColumns, match="no column customer_mr; did you mean customer_mrr"):
        columns_of("id,customer_mr", FIELDS)
    with pytest.raises(InvalidSort, match=r"cannot be sorted by mrr: .* there are created and -created"):
        is_newest_first("mrr")
