"""Schemathesis asks the deployed API whatever openapi.json allows, and what it does not, and goes from answer
to request by the links."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.describe_api import WRITTEN
from tests.support.stacks.http_client import HttpClient
from tests.support.stacks.stack_company import Company

pytestmark = pytest.mark.long

CONFIGURATION = """
continue-on-failure = true
request-timeout = 40.0

[parameters]
"path.connection" = "{connection}"

[checks]
# Not all that makes a rule, a source or a key of Stripe's valid can be said in a schema.
positive_data_acceptance.expected-statuses = ["2xx", "401", "403", "404", "409", "410", "422", "428", "503"]

[phases.stateful]
max-steps = 12
"""

STOPS_ALL = ("disconnect", "pause")
"""After these there is little left to ask a connection: they are asked of one that is not there."""


def ask(admin: HttpClient, folder: Path, connection: str, *options: str) -> None:
    configuration = folder / f"{connection}.toml"
    configuration.write_text(CONFIGURATION.format(connection=connection))
    command = [str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(configuration), "run"]
    command += [str(WRITTEN), "--url", admin.target.console_url.rstrip("/"), "--seed", "7", "--no-shrink"]
    command += ["--header", f"Authorization: Bearer {admin.token}", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2_000:]


def test_no_answer_is_other_than_described(company: Company, admin: HttpClient, tmp_path: Path) -> None:
    company = Company(company.running, "fuzzed")
    company.simulator().fill(20, seed=5)
    company.connect()
    assert company.ended(company.start_import(share=100))["status"] == "SUCCEEDED"
    without = [option for one in STOPS_ALL for option in ("--exclude-operation-id", one)]
    try:
        ask(admin, tmp_path, company.name, "--max-examples", "15", *without)
    finally:
        admin.ask("POST", f"api/v1/connections/{company.name}/resume")


def test_what_stops_all_is_refused_where_there_is_nothing(admin: HttpClient, tmp_path: Path) -> None:
    only = [option for one in STOPS_ALL for option in ("--include-operation-id", one)]
    ask(admin, tmp_path, "nowhere", "--max-examples", "25", "--phases", "coverage,fuzzing", *only)
