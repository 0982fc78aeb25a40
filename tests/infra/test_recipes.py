"""Facts about docs/recipes that neither the linter nor a deployment would notice."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from tests.support.worlds.recipes import DOCS, EXAMPLES, RECIPES, address, receiver, resources, rule_of

README = (DOCS / "recipes" / "README.md").read_text()


@pytest.mark.parametrize("recipe", RECIPES)
def test_what_a_target_does_not_take_is_put_aside(recipe: str) -> None:
    (target,) = rule_of(recipe)["Targets"]
    queue = target["DeadLetterConfig"]["Arn"]["Fn::GetAtt"][0]
    found = resources(recipe)

    (policy,) = (one for one in found.values() if "Queues" in one)
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Queues"] == [{"Ref": queue}]
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    for invoked in (one for one in found.values() if "MaximumRetryAttempts" in one):
        assert invoked["DestinationConfig"]["OnFailure"]["Destination"] == {"Fn::GetAtt": [queue, "Arn"]}
    assert f"[{recipe}.yaml]({recipe}.yaml)" in README


@pytest.mark.parametrize(("seconds", "genuine"), [(0, True), (290, True), (301, False), (-310, False)])
def test_a_signature_counts_for_some_minutes(seconds: int, genuine: bool) -> None:
    body, secret, at = b"{}", b"secret", int(time.time()) - seconds
    signature = hmac.new(secret, f"{at}.".encode() + body, hashlib.sha256).hexdigest()

    assert receiver()(f"t={at},v1={signature}", body, secret) is genuine


@pytest.fixture
def send_signed(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """The function of signed-request.yaml, which sends an event to an address."""

    class Parameters:
        def get_parameter(self, **_: Any) -> Any:
            return {"Parameter": {"Value": "secret"}}

    monkeypatch.setattr(boto3, "client", lambda service: Parameters())
    monkeypatch.setenv("SECRET_PARAMETER", "/recipe/secret")
    monkeypatch.setenv("MOST_AGE_SECONDS", "1000000000")
    names: dict[str, Any] = {}
    exec(resources("signed-request")["SendSigned"]["Code"]["ZipFile"], names)  # noqa: S102 - what is tested

    def send(url: str) -> Any:
        monkeypatch.setenv("URL", url)
        return names["handler"]({"detail": EXAMPLES["Segment Entered"]}, None)

    return send


@pytest.mark.parametrize("answer", [500, 429, 404, 302, 307])
def test_a_signed_request_that_is_not_taken_fails_and_follows_nobody(
    send_signed: Callable[[str], Any], answer: int
) -> None:
    with address() as here:
        here.answers.append(answer)
        with pytest.raises(urllib.error.HTTPError):
            send_signed(here.url)
        assert len(here.posts) == 1

        send_signed(here.url)
        assert len(here.posts) == 2


def test_inline_code_is_as_short_as_cloudformation_wants_it() -> None:
    code = [
        one["Code"]["ZipFile"] for recipe in RECIPES for one in resources(recipe).values() if "Code" in one
    ]

    assert len(code) == 2
    assert max(map(len, code)) <= 4_096
