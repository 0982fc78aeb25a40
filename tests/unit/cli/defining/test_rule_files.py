"""Rules in files: JSON and YAML, read as what they look like or not at all."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from peoplesync_cli.defining.rule_files import as_yaml, read
from peoplesync_cli.failure import USAGE, Failure


def given(text: str, name: str = "<stdin>") -> Any:
    file = io.StringIO(text)
    file.name = name
    return read(file)


ENDING = {
    "all": [
        {"field": "subscription_status", "in": ["trialing"]},
        {"field": "customer_mrr", "at_least": 49.5},
        {"field": "customer_delinquent", "in": [False]},
    ]
}

ENDING_YAML = """
# Trials that end, and are worth a call.
all:
  - field: subscription_status
    in: [trialing]
  - {field: customer_mrr, at_least: 49.5}
  - field: customer_delinquent
    in:
      - false
"""

ENDING_JSON = """
{"all": [
  {"field": "subscription_status", "in": ["trialing"]},
  {"field": "customer_mrr", "at_least": 49.5},
  {"field": "customer_delinquent", "in": [false]}
]}
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (ENDING_YAML, "ending.yaml"),
        (ENDING_YAML, "ending.YML"),
        (ENDING_YAML, "<stdin>"),
        (ENDING_JSON, "ending.json"),
        (ENDING_JSON, "<stdin>"),
        (ENDING_JSON, "ending.yaml"),
    ],
)
def test_a_rule_is_read_by_the_files_name_or_by_how_it_begins(text: str, name: str) -> None:
    assert given(text, name) == ENDING


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("2026-01-31", "2026-01-31"),
        ("12:30:00", "12:30:00"),
        ("0123", "0123"),
        ("1_000", "1_000"),
        ("15d", "15d"),
        ("true", True),
        ("False", False),
        ("49", 49),
        ("-3", -3),
        ("49.5", 49.5),
        ("1e3", 1000.0),
        ("'49'", "49"),
        ("null", None),
    ],
)
def test_a_value_in_yaml_is_what_it_looks_like(text: str, value: Any) -> None:
    found = given(f"in: [{text}]", "rule.yaml")

    assert found == {"in": [value]}
    assert type(found["in"][0]) is type(value)


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("{", "a.json", "a.json is not JSON: "),
        ("all: []", "a.json", "a.json is not JSON: "),
        ("{", "<stdin>", "<stdin> is not JSON: "),
        ("all: [", "a.yaml", "a.yaml is not YAML: .*(line 1)"),
        ("all: 'x", "a.yaml", "a.yaml is not YAML: "),
        ("a: 1\n---\nb: 2", "a.yaml", "a.yaml is not YAML: .*another document"),
        ("\x00", "a.yaml", "a.yaml is not YAML: "),
        ("field: a\nin: [x]\nfield: b", "a.yaml", "a.yaml: line 3: 'field' is there twice"),
        ('{"field": "a", "in": [], "field": "b"}', "a.json", "a.json: 'field' is there twice in one object"),
        ("field: a\n5: [x]", "a.yaml", "a.yaml: line 2: a name is text; put it in quotes if this is one"),
        ("true: [x]", "a.yaml", "a.yaml: line 1: a name is text"),
        ("? [a]\n: b", "a.yaml", "a.yaml: line 1: a name is text"),
        ("all:\n- &one {has: x}\n- *one", "a.yaml", r"a.yaml: line 3: write it out, \*aliases are not read"),
        ("a: !!python/name:os.system x", "a.yaml", "a.yaml is not YAML: could not determine a constructor"),
        ("a: !!timestamp 2026-01-31", "a.yaml", "a.yaml is not YAML: could not determine a constructor"),
        ('{"field": "a", "over": NaN}', "a.json", "a.json: NaN is not a number"),
        ("[" * 100_000, "a.json", "a.json is nested too deep"),
        ("[" * 5_000, "a.yaml", "a.yaml is nested too deep"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, name: str, words: str) -> None:
    with pytest.raises(Failure, match=words) as failure:
        given(text, name)

    assert failure.value.exit_code == USAGE


def test_a_file_that_is_not_in_utf_8_is_told(tmp_path: Path) -> None:
    path = tmp_path / "rule.yaml"
    path.write_bytes("in: [Größe]".encode("latin-1"))

    with path.open(encoding="utf-8") as file, pytest.raises(Failure, match=r"rule.yaml is not in UTF-8\."):
        read(file)


@pytest.mark.parametrize(
    "text",
    [
        *["NO", "yes", "on", "null", "~", "", " ", "1e3", "0123", "12:30:00", "2026-01-31", "-", "=", "<<"],
        *[
            "a: b",
            "# no",
            "two\nlines",
            "é",
            "\u2028",
            "顧客",
            "'",
            '"',
            "*x",
            "&x",
            "!x",
            "true",
            "15d",
            ".5",
        ],
    ],
)
def test_text_written_as_yaml_is_read_as_that_text(text: str) -> None:
    content = {"segments": [{"title": text, "in": [text, text]}]}

    assert given(as_yaml(content), "a.yaml") == content


def test_what_is_there_twice_is_written_out_twice() -> None:
    rule = {"has": "stripe_customer"}

    assert given(as_yaml({"all": [rule, rule]}), "a.yaml") == {"all": [rule, rule]}
