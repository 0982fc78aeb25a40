"""The stack that a command acts on, how commands end, and the help that each of them gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import click
import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import NO_STACK, Target, resolve
from peoplesync_local import LocalStackError
from peoplesync_local.stack import stack as local_stack
from tests.support.stacks.moto_stack import MotoStack


@pytest.mark.parametrize(
    "arguments",
    [
        ["replay", "no-such-file.ndjson"],
        ["replay", __file__, "--duplicate", "1.5"],
        ["replay", __file__, "--concurrency", "0"],
        ["replay", __file__, "--shuffle", "much"],
        ["people", "get"],
        ["no-such-command"],
    ],
)
def test_a_command_that_is_not_understood_ends_with_2(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


ON_A_STACK = [
    ["people", "get", "cus_1"],
    ["people", "list"],
    ["feed", "cus_1"],
    ["segments", "list"],
    ["fields", "list"],
    ["status"],
    ["pause"],
    ["resume"],
    ["dead", "list"],
    ["logs"],
    ["replay", __file__],
]


@pytest.mark.parametrize("command", ON_A_STACK, ids=" ".join)
def test_without_a_stack_the_error_names_both_ways_to_one(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    monkeypatch.delenv("PEOPLESYNC_STACK", raising=False)
    monkeypatch.setattr(local_stack, "running", lambda: None)

    result = CliRunner().invoke(main, command)

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr == f"Error: {NO_STACK}\n"
    assert "peoplesync local up" in NO_STACK
    assert "--stack NAME (or PEOPLESYNC_STACK)" in NO_STACK


def test_a_local_stack_that_was_killed_is_told_in_its_own_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def killed() -> None:
        raise LocalStackError("The emulator was killed.")

    monkeypatch.delenv("PEOPLESYNC_STACK", raising=False)
    monkeypatch.setattr(local_stack, "running", killed)

    result = CliRunner().invoke(main, ["status"])

    assert (result.exit_code, result.stderr) == (3, "Error: The emulator was killed.\n")


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--stack", "shop"], {}),
        ([], {"PEOPLESYNC_STACK": "shop"}),
        (["--stack", "shop"], {"PEOPLESYNC_STACK": "x"}),
    ],
)
def test_a_stack_is_named_by_option_or_environment(
    monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str]
) -> None:
    asked: list[str | None] = []

    def note(name: str | None) -> Target:
        asked.append(name)
        raise click.Abort

    monkeypatch.setattr(options, "resolve", note)
    CliRunner(env=environment).invoke(main, ["status", *arguments])

    assert asked == ["shop"]


@dataclass(frozen=True)
class Cloud:
    """An AWS account with one stack, `shop`: boto3's session and CloudFormation's client in one."""

    region_name: str | None = "eu-west-1"
    outputs: Mapping[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Cloud:
        assert service == "cloudformation"
        return self

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - CloudFormation's name
        if StackName != "shop":
            missing: Any = {"Code": "ValidationError", "Message": f"Stack {StackName} does not exist"}
            raise ClientError({"Error": missing}, "DescribeStacks")
        outputs = [{"OutputKey": name, "OutputValue": value} for name, value in self.outputs.items()]
        return {"Stacks": [{"StackName": StackName, "Outputs": outputs}]}


def outputs_of(aws: MotoStack) -> dict[str, str]:
    """What a deployed template answers with."""
    named = {"".join(map(str.capitalize, name.split("_"))): value for name, value in vars(aws.stack).items()}
    return named | {"ApiUrl": "https://api.example.com/"}


def test_a_deployed_stack_is_found_by_its_outputs(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "Session", lambda: Cloud(outputs=outputs_of(aws)))

    found = resolve("shop")

    assert (found.stack, found.title, found.name) == (aws.stack, "shop in eu-west-1", "shop")
    assert found.webhook_url("main") == "https://api.example.com/webhooks/stripe/main"
    assert found.stripe_simulator is None


@pytest.mark.parametrize(
    ("cloud", "name", "sentence"),
    [
        (Cloud(), "other", "Stack other in eu-west-1 cannot be reached: "),
        (Cloud(), "shop", "Stack shop in eu-west-1 is not a peoplesync stack: it has no output"),
        (Cloud(region_name=None), "shop", "No AWS region is set"),
    ],
)
def test_a_stack_that_cannot_be_acted_on_ends_with_3_and_a_sentence(
    monkeypatch: pytest.MonkeyPatch, cloud: Cloud, name: str, sentence: str
) -> None:
    monkeypatch.setattr(boto3, "Session", lambda: cloud)

    result = CliRunner().invoke(main, ["status", "--stack", name])

    assert (result.exit_code, result.stdout) == (3, "")
    assert result.stderr.startswith(f"Error: {sentence}")


Path = tuple[str, ...]


def all_commands(command: click.Command, path: Path = ()) -> Iterator[tuple[Path, click.Command]]:
    """Every command with its words, groups included."""
    yield path, command
    if isinstance(command, click.Group):
        for name, one in command.commands.items():
            yield from all_commands(one, (*path, name))


COMMANDS = dict(all_commands(main))
IN_WORDS_ONLY = {("demo",)}
ANSWERING = [path for path, one in COMMANDS.items() if not isinstance(one, click.Group)]
ANSWERING = [path for path in ANSWERING if path not in IN_WORDS_ONLY]


@pytest.mark.parametrize("path", COMMANDS, ids=lambda path: " ".join(path) or "peoplesync")
def test_every_command_and_every_option_is_explained(path: Path) -> None:
    command = COMMANDS[path]
    result = CliRunner().invoke(main, [*path, "--help"])

    assert result.exit_code == 0
    assert command.help
    assert " ".join(command.help.split())[:30] in " ".join(result.stdout.split())
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, f"{path}: {option.name}"
            assert " ".join(option.help.split())[:30] in " ".join(result.stdout.split())


@pytest.mark.parametrize("path", ANSWERING, ids=" ".join)
def test_every_command_that_answers_can_print_json(path: Path) -> None:
    assert "--json" in CliRunner().invoke(main, [*path, "--help"]).stdout
