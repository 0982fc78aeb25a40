"""Facts about samconfig.toml, which `sam` reads without a word about what it does not know.

They hold for a file into which `sam deploy --guided` has saved its answers, too: it writes lists as one line.
"""

from __future__ import annotations

import shlex
import tomllib
from typing import Any

import pytest

from peoplesync_local.stack.places import CHECKOUT
from tests.support.stacks.sam_template import sam_template

CONFIG: dict[str, Any] = tomllib.loads((CHECKOUT / "samconfig.toml").read_text())
PARAMETERS: dict[str, Any] = sam_template()["Parameters"]
DEPLOYS: dict[str, dict[str, Any]] = {
    name: environment["deploy"]["parameters"]
    for name, environment in CONFIG.items()
    if isinstance(environment, dict) and "deploy" in environment
}


def pairs(value: str | list[str]) -> dict[str, str]:
    """`Key=Value` several times, in a list or in one line, by key."""
    words = shlex.split(value) if isinstance(value, str) else value
    return dict(word.split("=", 1) for word in words)


def test_there_is_one_environment_to_be_asked_for_one_to_try_and_one_to_rely_on() -> None:
    assert set(DEPLOYS) >= {"default", "dev", "prod"}
    assert DEPLOYS["dev"]["stack_name"] != DEPLOYS["prod"]["stack_name"]


@pytest.mark.parametrize("environment", DEPLOYS)
def test_what_is_overridden_is_a_parameter_of_the_template_and_takes_that_value(environment: str) -> None:
    for name, value in pairs(DEPLOYS[environment].get("parameter_overrides", [])).items():
        parameter = PARAMETERS[name]
        assert value in [str(allowed) for allowed in parameter.get("AllowedValues", [value])]
        if parameter["Type"] == "Number":
            assert parameter.get("MinValue", 0) <= float(value) <= parameter.get("MaxValue", float("inf"))


@pytest.mark.parametrize("environment", DEPLOYS)
def test_each_stack_is_tagged_with_the_product_and_its_environment(environment: str) -> None:
    tags = pairs(DEPLOYS[environment]["tags"])

    assert tags["product"] == "peoplesync"
    assert tags["environment"] == ("prod" if environment == "default" else environment)


@pytest.mark.parametrize("environment", DEPLOYS)
def test_a_deployment_needs_no_further_option(environment: str) -> None:
    # Without these, sam ends with an error after it has built everything.
    assert DEPLOYS[environment]["stack_name"]
    assert DEPLOYS[environment]["resolve_s3"] is True
    assert "CAPABILITY_IAM" in DEPLOYS[environment]["capabilities"]


def test_what_is_relied_on_is_protected_and_asks_before_it_changes() -> None:
    assert pairs(DEPLOYS["prod"]["parameter_overrides"])["DeletionProtection"] == "true"
    assert DEPLOYS["prod"]["confirm_changeset"] is True


def test_what_is_tried_can_be_removed() -> None:
    assert pairs(DEPLOYS["dev"]["parameter_overrides"])["DeletionProtection"] == "false"


def test_validating_lints() -> None:
    assert CONFIG["default"]["validate"]["parameters"]["lint"] is True
