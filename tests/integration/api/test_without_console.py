"""A stack without the console: nothing of it is deployed, and all else works."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from peoplesync_cli import options
from peoplesync_cli.local_stack.local import prepare
from peoplesync_cli.main import main
from peoplesync_local.stack import stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack
from tests.support.stacks.stack_company import Commands, Company

OF_THE_CONSOLE = ("AWS::Cognito::", "AWS::ApiGatewayV2::Authorizer")


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    places = Places(state_directory=Path(tmp_path_factory.mktemp("without-console")))
    try:
        yield stack.up(print, prepare, places=places, parameters={"Console": "false"})
    finally:
        stack.down(print, places=places)


def test_nothing_of_it_is_deployed(without: LocalStack) -> None:
    pages = without.session().client("cloudformation").get_paginator("list_stack_resources")
    made = [
        one
        for page in pages.paginate(StackName=without.name)
        for one in page["StackResourceSummaries"]
        if one["ResourceType"].startswith(OF_THE_CONSOLE)
        or one["LogicalResourceId"].startswith(("ServeApi", "ServeConsole", "ConsoleApi"))
    ]

    assert [one["LogicalResourceId"] for one in made] == []
    assert "SignInUrl" not in without.outputs


def test_customers_are_imported_and_webhooks_applied(without: LocalStack) -> None:
    company = Company(without, "core")
    company.simulator().fill(20, seed=3)
    company.connect()
    assert company.ended(company.start_import(share=100))["status"] == "SUCCEEDED"
    made = company.stripe().v1.customers.create({"email": "new@example.com", "name": "New One"})
    company.simulator().flush()
    company.drain()

    peoplesync = Commands(company)
    (person,) = peoplesync.json("people", "get", made.id)
    assert person["email"] == "new@example.com"
    assert company.verify().agrees


def test_commands_for_who_signs_in_say_why_there_are_none(without: LocalStack) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(options, "resolve", lambda stack: Company(without, "core").target)
        for command in (["users", "list"], ["users", "token"], ["console"]):
            refused = CliRunner().invoke(main, command)
            assert refused.exit_code == 1
            assert "deployed with Console=false" in refused.output
