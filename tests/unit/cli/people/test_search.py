"""`people list --search`: whoever is found by what one remembers, and by nothing they no longer are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW, customer, event
from tests.support.fakes.erased import told_by_the_app
from tests.support.stacks.indexed import indexed
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.erasing_worker import MAIN, Worker

Run = Callable[..., Result]


def signs_up(name: str, email: str, number: int) -> dict[str, object]:
    told = event("customer.created", customer(f"cus_{number}", name=name, email=email), created=NOW + number)
    return dict(told)


@pytest.fixture
def run(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`peoplesync people list --search` on a stack with three customers and a user of the app."""
    worker = Worker(aws)
    with indexed(MAIN):
        worker.tell(
            signs_up("Mária Muster", "maria@example.com", 100),
            signs_up("Test Marten", "owner@shop.example", 101),
            signs_up("Somebody Else", "else@gmail.com", 210),
        )
        worker.deliver(told_by_the_app())
    target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    return lambda *arguments: CliRunner().invoke(main, ["people", "list", "--search", *arguments])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("mar", 2),
        ("MÁRIA M", 1),
        ("maria@", 1),
        ("shop.exam", 1),
        ("@shop", 1),
        ("gmail", 0),
        ("cus_1", 2),
        ("cus_21", 1),
        ("per_", 4),
        ("user:", 1),
        ("nobody", 0),
    ],
)
def test_the_beginning_of_what_one_remembers_finds(run: Run, text: str, found: int) -> None:
    result = run(text, "--json")

    assert result.exit_code == 0, result.output
    assert len(result.stdout.splitlines()) == found


def test_who_has_changed_their_name_is_not_found_by_the_old_one(run: Run, aws: MotoStack) -> None:
    renamed = customer("cus_100", name="Anna Anders", email="maria@example.com")
    told = event("customer.updated", renamed, previous={"name": "M"}, created=NOW + 900)

    Worker(aws).tell(told)  # before the index follows

    assert run("must", "--json").stdout == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["ma"], "A search takes 3 characters or more of a name, an e-mail, a domain or an id."),
        (["mar", "--segment", "customers"], "Either --search or --segment"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_a_sentence(
    run: Run, arguments: list[str], said: str
) -> None:
    result = run(*arguments)

    assert result.exit_code != 0
    assert said in result.stderr
