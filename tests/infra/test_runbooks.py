"""The operating docs are true: pages, commands, metrics, parameters and links that they name are there."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

import click
import pytest

from peoplesync.domain.connections import Connection
from peoplesync.use_cases.health.checks import HealthCheck, HealthInputs, health_checks
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.scheduled.reconcile import KEPT_BY_STRIPE
from peoplesync_cli.main import main
from tests.support.stacks.sam_template import sam_template

ROOT: Final = Path(__file__).parents[2]
RUNBOOKS: Final = ROOT / "docs" / "runbooks"
INDEX: Final = RUNBOOKS / "README.md"
PAGES: Final = {page.stem for page in RUNBOOKS.glob("*.md") if page != INDEX}
DOCS: Final = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

TEMPLATE: Final = sam_template()
ALARMS: Final[dict[str, dict[str, Any]]] = {
    name: resource["Properties"]
    for name, resource in TEMPLATE["Resources"].items()
    if resource["Type"] == "AWS::CloudWatch::Alarm"
}

HEADINGS: Final = (
    "What it means",
    "How bad",
    "What to do",
    "How you know that it is over",
    "Why it happens",
)

NOW: Final = 1_800_000_000
WELL: Final = Connection(
    "main", True, 1, 1, NOW - 86_400, endpoint_id="we_1", reconciled_until=NOW, webhook_since=NOW - 86_400
)
OUTDATED: Final = replace(WELL, definitions_changed_at=NOW - 720)
REEVALUATION: Final = {"id": "re-1", "status": "failed", "version": 1, "failed": 3}
IMPORT: Final = {"id": "import-1", "status": "failed", "applied": 1, "enqueued": 2}

CASES: Final = {
    "disconnected": HealthInputs(replace(WELL, disconnected_at=NOW), NOW),
    "key": HealthInputs(replace(WELL, key_refused_at=NOW), NOW),
    "paused": HealthInputs(WELL, NOW, paused_since=NOW),
    "unpublished": HealthInputs(WELL, NOW, unpublished_since=NOW),
    "gone": HealthInputs(replace(WELL, endpoint_problem="gone"), NOW),
    "disabled": HealthInputs(replace(WELL, endpoint_problem="disabled"), NOW),
    "refused": HealthInputs(replace(WELL, webhook_refused_since=NOW - 3_600), NOW),
    "silent": HealthInputs(replace(WELL, webhook_missed_at=NOW - 60), NOW),
    "dead": HealthInputs(WELL, NOW, dead=1),
    "lost": HealthInputs(replace(WELL, reconciled_until=NOW - KEPT_BY_STRIPE - 1), NOW),
    "stale": HealthInputs(replace(WELL, reconciled_until=NOW - 7_200), NOW),
    "import": HealthInputs(WELL, NOW, last_import=IMPORT),
    "reevaluation": HealthInputs(OUTDATED, NOW, last_reevaluation=REEVALUATION, outdated=True),
    "no reevaluation": HealthInputs(OUTDATED, NOW, outdated=True),
    "sweep": HealthInputs(WELL, NOW, due_since=NOW - 3_600),
    "behind": HealthInputs(replace(WELL, lag_seconds=600), NOW, {"live": 3}),
}


def said(case: str) -> HealthCheck:
    """The most pressing verdict."""
    return health_checks(CASES[case])[0]


def description(alarm: str) -> tuple[str, str]:
    """The alarm's question and page."""
    told = re.fullmatch(
        r"(.+\?) What to do: \$\{RunbooksUrl}/([a-z-]+)\.md", ALARMS[alarm]["AlarmDescription"]["Fn::Sub"]
    )
    assert told, alarm
    return told[1], told[2]


@cache
def text(page: Path) -> str:
    return page.read_text(encoding="utf-8")


@cache
def anchors(page: Path) -> frozenset[str]:
    """What GitHub makes of the headings."""
    headings = re.findall(r"^#+ (.+)$", text(page), re.MULTILINE)
    return frozenset(re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings)


def code(markdown: str) -> Iterator[str]:
    """The lines of code blocks without their comments, and code spans."""
    for block in re.findall(r"^ *```.*?\n(.*?)^ *```", markdown, re.DOTALL | re.MULTILINE):
        yield from (re.sub(r"\s+#.*", "", line) for line in block.splitlines())
    prose = re.sub(r"^ *```.*?^ *```", "", markdown, flags=re.DOTALL | re.MULTILINE)
    yield from (" ".join(span.split()) for span in re.findall(r"`([^`]+)`", prose))


def commands(markdown: str) -> Iterator[str]:
    """What is typed after `peoplesync`."""
    for line in code(markdown):
        if found := re.search(r"(?:^|[ /])peoplesync (?=[a-z-])(.*)", line):
            yield found[1]


def problem(command: str) -> str | None:
    """What is wrong with a command; None where it could be typed like this."""
    words = shlex.split(re.split(r" (?:&&|\||>) ", command)[0])
    found: click.Command = main
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in found.commands:
            return f"there is no command {name}"
        found = found.commands[name]
    known = {option for parameter in found.params for option in (*parameter.opts, *parameter.secondary_opts)}
    known |= {"-h", "--help"}
    unknown = [word for word in words if re.match(r"--?[a-z]", word) and word not in known]
    return f"unknown: {', '.join(unknown)}" if unknown else None


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_asks_a_question_and_names_a_page_that_exists(alarm: str) -> None:
    _, page = description(alarm)

    assert page in PAGES


@pytest.mark.parametrize("alarm", ALARMS)
def test_an_alarm_is_in_the_list_of_alarms_and_on_its_page(alarm: str) -> None:
    question, page = description(alarm)
    name = ALARMS[alarm]["AlarmName"]["Fn::Sub"].removeprefix("${AWS::StackName}-")

    alarms = text(ROOT / "docs/operate.md").split("\n## Alarms\n")[1].split("\n## ")[0]
    row = next(line for line in alarms.splitlines() if line.startswith(f"| `{name}` |"))
    assert question in row
    assert f"(runbooks/{page}.md)" in row
    assert f"`{name}`" in text(INDEX)
    assert f"`<stack>-{name}`: *{question}*" in text(RUNBOOKS / f"{page}.md")


@pytest.mark.parametrize("case", CASES)
def test_a_verdict_names_a_page_that_shows_its_headline(case: str) -> None:
    verdict = said(case)

    assert verdict.runbook in PAGES
    # Numbers differ from case to case.
    words = re.sub(r"\d.*", "", verdict.headline).strip()
    assert words in " ".join(text(RUNBOOKS / f"{verdict.runbook}.md").split())


@pytest.mark.parametrize("case", CASES)
def test_what_a_verdict_says_to_do_can_be_done(case: str) -> None:
    verdict = said(case)

    assert [problem(command) for command in commands(verdict.what_to_do) if problem(command)] == []
    assert verdict.what_to_do or not verdict.needs_somebody


def test_a_page_is_there_for_an_alarm_or_a_verdict_and_in_the_index() -> None:
    named = {description(alarm)[1] for alarm in ALARMS} | {said(case).runbook for case in CASES}

    assert named == PAGES
    assert {page for page in PAGES if f"({page}.md)" not in text(INDEX)} == set()


@pytest.mark.parametrize("page", sorted(PAGES))
def test_each_page_has_the_same_form(page: str) -> None:
    markdown = text(RUNBOOKS / f"{page}.md")

    assert tuple(re.findall(r"^## (.+)$", markdown, re.MULTILINE)) == HEADINGS
    to_do = markdown.split("## What to do\n")[1].split("\n## ")[0]
    numbers = [int(number) for number in re.findall(r"^(\d)\. ", to_do, re.MULTILINE)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 1


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_that_are_named_exist_with_their_options(page: Path) -> None:
    wrong = {command: found for command in commands(text(page)) if (found := problem(command))}

    assert wrong == {}


def test_functions_whose_log_is_asked_for_exist() -> None:
    asked = [
        found[1]
        for page in DOCS
        for command in commands(text(page))
        if (found := re.match(r"logs ([a-z_]+)", command))
    ]

    assert set(asked) <= {function.name for function in (ROOT / "functions").iterdir()}
    assert asked


@pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", text(page)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_every_metric_is_explained_in_its_own_words() -> None:
    row = r"^\| `(\w+)` \| (?:count|s|%|-) \| (.+) \|$"
    rows = re.findall(row, text(ROOT / "docs/operate.md"), re.MULTILINE)

    assert dict(rows) == {metric.title: metric.value.meaning for metric in Metric}


def test_every_parameter_is_explained_with_its_default() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", text(ROOT / "docs/deploy.md"), re.MULTILINE))

    for name, parameter in TEMPLATE["Parameters"].items():
        default = str(parameter["Default"]) or "none"
        assert rows[name].strip("` ") == default, name


def test_outputs_that_are_named_exist() -> None:
    table = text(ROOT / "docs/deploy.md").split("| output | for |")[1].split("\n\n")[0]
    named = set(re.findall(r"`([A-Z]\w+)`", table))

    assert named
    assert named <= TEMPLATE["Outputs"].keys()
