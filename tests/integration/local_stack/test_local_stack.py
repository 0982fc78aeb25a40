"""The stack as it stands after `peoplesync local up`."""

from __future__ import annotations

import contextlib
import json
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from peoplesync_local.stack import processes, stack
from peoplesync_local.stack.places import Places
from peoplesync_local.stack.stack import LocalStack
from peoplesync_local.stripe_simulator.control import Simulator


def listening_addresses(pids: list[int]) -> set[str]:
    """The local addresses, as /proc writes them, on which these processes listen."""
    sockets = set()
    for pid in pids:
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(FileNotFoundError):  # closed meanwhile
                sockets.add(str(descriptor.readlink()))
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            listens = fields[3] == "0A"
            if listens and f"socket:[{fields[9]}]" in sockets:
                addresses.add(fields[1].partition(":")[0])
    return addresses


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_nothing_listens_but_on_127_0_0_1(local_stack: LocalStack) -> None:
    members = [pid for process in local_stack.processes for pid in processes.group(process)]

    assert listening_addresses(members) == {"0100007F"}


def test_a_second_up_says_so_and_changes_nothing(local_stack: LocalStack, places: Places) -> None:
    said: list[str] = []

    again = stack.up(said.append, places=places)

    assert again == local_stack
    assert said == [f"The local stack is already up at {local_stack.endpoint}."]


def test_its_status_is_up(local_stack: LocalStack, places: Places) -> None:
    assert stack.status(places=places).state == "up"
    assert stack.running(places=places) == local_stack


def test_the_webhook_url_reaches_the_function(local_stack: LocalStack) -> None:
    url = local_stack.outputs["WebhookUrl"] + "no-such-connection"
    request = urllib.request.Request(url, data=b"{}", method="POST")

    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request, timeout=30)

    assert 400 <= refused.value.code < 500
    assert json.load(refused.value)


def test_a_path_that_the_template_does_not_know_is_not_found(local_stack: LocalStack) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{local_stack.api_url}/no/such/path", timeout=30)

    assert refused.value.code == 404


def test_feed_entries_expire_as_the_template_says(local_stack: LocalStack) -> None:
    dynamodb = local_stack.session().client("dynamodb")

    described = dynamodb.describe_time_to_live(TableName=local_stack.outputs["FeedTable"])

    assert described["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    assert described["TimeToLiveDescription"]["AttributeName"] == "expires_at"


def test_only_a_local_function_is_told_where_stripe_is(local_stack: LocalStack) -> None:
    function = (
        local_stack.session()
        .client("lambda")
        .get_function_configuration(FunctionName=local_stack.outputs["ApplyChangesFunction"])
    )

    variables = function["Environment"]["Variables"]
    assert variables["PEOPLESYNC_STRIPE_API_URL"] == local_stack.stripe_api_url
    assert variables["PEOPLESYNC_CLOCK_URL"] == f"{local_stack.stripe_api_url}/_clock"


def test_the_simulator_of_stripe_answers_beside_it(local_stack: LocalStack) -> None:
    assert abs(Simulator(local_stack.stripe_api_url).now() - time.time()) < 60


def test_a_session_ignores_the_users_profile(
    local_stack: LocalStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    session = local_stack.session()

    assert session.client("sts").meta.endpoint_url == local_stack.endpoint
    credentials = session.get_credentials()
    assert credentials is not None
    assert credentials.access_key == "test"
