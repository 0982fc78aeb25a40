"""A company whose customers are imported, and clients of its API."""

from __future__ import annotations

import pytest

from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.http_client import HttpClient
from tests.support.stacks.stack_company import Company

CUSTOMERS = 60


@pytest.fixture(scope="session")
def company(local_stack: LocalStack) -> Company:
    company = Company(local_stack, "asked")
    company.simulator().fill(CUSTOMERS, seed=11)
    company.connect()
    assert company.ended(company.start_import(share=100))["status"] == "SUCCEEDED"
    company.simulator().flush()
    company.drain()
    return company


@pytest.fixture(scope="session")
def admin(company: Company) -> HttpClient:
    return HttpClient(company.target)


@pytest.fixture(scope="session")
def viewer(company: Company) -> HttpClient:
    return HttpClient(company.target, "viewer")
