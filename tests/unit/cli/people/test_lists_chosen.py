"""`people list` by rule, order and columns, as CSV; and the pages that the same use case has for the API."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from peoplesync.adapters.dynamodb.tables import FeedRow
from peoplesync_cli import options
from peoplesync_cli.main import main
from peoplesync_cli.target import Target
from tests.support.builders.stripe import NOW, customer, event
from tests.support.stacks.indexed import indexed
from tests.support.stacks.moto_stack import MotoStack
from tests.support.worlds.erasing_worker import MAIN, Worker

NUMBER = 30


@pytest.fixture
def target(aws: MotoStack, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A stack with thirty customers, each with two terms that begin alike; every third lives in Japan."""
    worker = Worker(aws)
    with indexed(MAIN):
        for number in range(NUMBER):
            address = {"country": "JP" if number % 3 == 0 else "DE"}
            one = customer(
                f"cus_{number:02}",
                name=f"=mia {number}",
                email=f"mia{number:02}@example.com",
                address=address,
            )
            worker.tell(event("customer.created", one, created=NOW + number))
    target = Target("test (in memory)", aws.stack, "https://api.example.com", aws.session)
    monkeypatch.setattr(options, "resolve", lambda stack: target)
    return target


@pytest.fixture
def run(target: Target) -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(main, ["people", "list", *arguments])


def test_who_matches_a_rule_is_printed_as_csv_newest_first(run: Callable[..., Result]) -> None:
    rule = '{"field": "customer_country", "in": ["JP"]}'
    columns = "stripe_customer_id,customer_name"

    result = run("--rule", rule, "--sort", "-created", "--columns", columns, "--csv", "--limit", "2")

    assert result.exit_code == 0, result.output
    header, first, second = result.stdout_bytes.decode("utf-8").splitlines()
    assert header == f"\ufeff{columns}"
    assert {first, second} < {f"cus_{number:02},'=mia {number}" for number in range(0, NUMBER, 3)}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--sort", "mrr"], "there are created and -created"),
        (["--columns", "emial"], "did you mean email?"),
        (["--rule", '{"field": "nothing", "is": 1}'], "The rule is not valid."),
        (["--rule", "/nowhere.json"], "--rule /nowhere.json cannot be read"),
        (["--search", "mia", "--rule", "{}"], "Either --search or --rule"),
    ],
)
def test_what_cannot_be_listed_is_refused_with_a_sentence(
    run: Callable[..., Result], arguments: list[str], said: str
) -> None:
    result = run(*arguments)

    assert (result.exit_code, said in result.stderr) == (2, True), result.stderr


@pytest.mark.parametrize("newest_first", [False, True])
def test_pages_hold_everybody_once_in_order(target: Target, newest_first: bool) -> None:
    browser, ids, after = target.browser("main"), list[str](), ""
    while True:
        page, following = browser.page(None, after, 7, newest_first=newest_first)
        ids += [one["id"] for one in page]
        if following is None:
            break
        after = following

    assert len(ids) == NUMBER
    assert ids == sorted(set(ids), reverse=newest_first)


@pytest.mark.parametrize("text", ["mia", "cus_", "per_"])
def test_pages_of_a_search_find_everybody_once(target: Target, text: str) -> None:
    browser, ids, after = target.browser("main"), list[str](), ""
    while True:
        page, following = browser.search_page(text, after, 7)
        ids += [one["id"] for one in page]
        if following is None:
            break
        after = following

    assert (len(ids), len(set(ids))) == (NUMBER, NUMBER)


def test_pages_of_a_feed_hold_each_entry_once(target: Target, aws: MotoStack) -> None:
    epoch = target.browser("main").epoch
    aws.seed(
        FeedRow(
            *(FeedRow.key(epoch, "cus_00"), FeedRow.entry_key(NOW + number // 2, f"evt_{number}")),
            kind="trial_started",
            content_json={},
            cause="live",
            written_at=NOW,
        )
        for number in range(5)
    )
    browser = target.browser("main")
    whole = list(browser.feed("cus_00"))

    paged, before = browser.feed_page("cus_00", None, 1)
    while before is not None:
        page, before = browser.feed_page("cus_00", before, 1)
        paged += page

    assert [one["id"] for one in whole] == [f"evt_{number}" for number in (4, 3, 2, 1, 0)]
    assert paged == whole
