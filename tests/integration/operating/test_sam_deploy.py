"""The way to AWS, as far as the emulator goes: `sam deploy` deploys what `make build` built, and it runs.

The local stack takes a way of its own (peoplesync_local.stack.deploy). Here the SAM CLI packs, uploads
and deploys, as it does for a user. What the emulator leaves out then: the API has no routes, mappings take no
messages.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import samtranslator

from peoplesync_local.stack import aws_session, emulator, local_template
from peoplesync_local.stack.aws_session import LocalSession
from peoplesync_local.stack.places import CHECKOUT, Places
from peoplesync_local.stack.processes import Process

pytestmark = pytest.mark.long

STACK = "deployed-with-sam"
TAGS = {"product": "peoplesync", "environment": "dev"}
TEMPLATE = local_template.read(Places().template)
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]

# What SAM makes of its own kinds, under the same logical id. A layer's gets a suffix.
PLAIN_TYPES = {
    "AWS::Serverless::Function": "AWS::Lambda::Function",
    "AWS::Serverless::HttpApi": "AWS::ApiGatewayV2::Api",
    "AWS::Serverless::StateMachine": "AWS::StepFunctions::StateMachine",
}
# The emulator knows no login pages; all else of the console is deployed, and asked, on the local stack.
PARAMETERS = "Console=false DeletionProtection=false"
EVENT_TYPES = {"SQS": "AWS::Lambda::EventSourceMapping", "Schedule": "AWS::Events::Rule"}

# AWS transforms SAM's templates itself. The emulator does if it finds the translator, which is not in its
# environment: so it is shown ours, after all else. The functions, processes of their own, do not see it.
SHOWN_THE_TRANSLATOR = f"""
import runpy, sys
sys.path.append({str(Path(samtranslator.__file__).parents[1])!r})
sys.argv = ["ministack"]
runpy.run_module("ministack", run_name="__main__", alter_sys=True)
"""


class SamPlaces(Places):
    @property
    def emulator_python(self) -> Path:
        return self.state_directory / "emulator"


@dataclass(frozen=True)
class Deployed:
    """A stack that `sam deploy` made, and what is needed to deploy it again."""

    session: LocalSession
    environment: Mapping[str, str]

    def client(self, service: str) -> Any:
        return self.session.client(service)

    def resources(self) -> dict[str, dict[str, Any]]:
        """What CloudFormation says of each resource, by logical id."""
        pages = self.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=STACK)
        return {one["LogicalResourceId"]: one for page in pages for one in page["StackResourceSummaries"]}

    def id_of(self, logical_id: str) -> str:
        return str(self.resources()[logical_id]["PhysicalResourceId"])

    def invoke(self, function: str) -> Any:
        answer = self.client("lambda").invoke(FunctionName=self.id_of(function), Payload=b"{}")
        said = json.loads(answer["Payload"].read())
        assert "FunctionError" not in answer, said
        return said


def sam_deploy(environment: Mapping[str, str], *options: str) -> None:
    """As a user does it, but for the stack's name."""
    sam = CHECKOUT / ".sam-venv" / "bin" / "sam"
    done = subprocess.run(
        [sam, "deploy", "--config-env", "dev", "--stack-name", STACK, *options],
        cwd=CHECKOUT,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    make = shutil.which("make") or pytest.skip("this test builds as a user does, and there is no make here")
    build = subprocess.run([make, "build"], cwd=CHECKOUT, capture_output=True, text=True, timeout=600)
    if "install Python 3.13 first" in build.stdout:
        pytest.skip("sam builds for Lambda's Python 3.13, and there is none on this machine")
    assert build.returncode == 0, build.stdout + build.stderr

    places = SamPlaces(state_directory=tmp_path_factory.mktemp("sam-deploy"))
    command = shlex.join([str(Places().emulator_python), "-c", SHOWN_THE_TRANSLATOR])
    places.emulator_python.write_text(f"#!/bin/sh\nexec {command}\n")
    places.emulator_python.chmod(0o700)
    started: list[Process] = []
    try:
        endpoint = emulator.start(places, None, started.append).endpoint
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(places.state_directory),
            "LANG": "C.UTF-8",
            "SAM_CLI_TELEMETRY": "0",
            **aws_session.environment(endpoint, emulator.REGION),
        }
        sam_deploy(environment, "--parameter-overrides", PARAMETERS)
        yield Deployed(LocalSession(endpoint, emulator.REGION), environment)
    finally:
        for process in started:
            emulator.stop(process, places)


def of_type(*types: str) -> list[str]:
    return [name for name, one in RESOURCES.items() if one["Type"] in types and "Condition" not in one]


def test_the_stack_stands_with_all_that_the_template_names(deployed: Deployed) -> None:
    made = {name: (one["ResourceType"], one["ResourceStatus"]) for name, one in deployed.resources().items()}
    (stack,) = deployed.client("cloudformation").describe_stacks(StackName=STACK)["Stacks"]

    assert stack["StackStatus"] == "CREATE_COMPLETE"
    outputs = {name for name, output in TEMPLATE["Outputs"].items() if "Condition" not in output}
    assert {output["OutputKey"] for output in stack["Outputs"]} == outputs
    for name, resource in RESOURCES.items():
        kind = PLAIN_TYPES.get(resource["Type"], resource["Type"])
        if kind != "AWS::Serverless::LayerVersion" and "Condition" not in resource:
            assert made.get(name) == (kind, "CREATE_COMPLETE"), name
        for event, described in resource["Properties"].get("Events", {}).items():
            if described["Type"] in EVENT_TYPES:
                assert made.get(name + event) == (EVENT_TYPES[described["Type"]], "CREATE_COMPLETE"), (
                    name + event
                )


def test_tables_queues_and_alarms_are_there_to_be_used(deployed: Deployed) -> None:
    tables = deployed.client("dynamodb").list_tables()["TableNames"]
    queues = deployed.client("sqs").list_queues()["QueueUrls"]
    alarms = deployed.client("cloudwatch").describe_alarms()["MetricAlarms"]

    assert {deployed.id_of(name) for name in of_type("AWS::DynamoDB::Table")} == set(tables)
    assert {deployed.id_of(name) for name in of_type("AWS::SQS::Queue")} == set(queues)
    assert {deployed.id_of(name) for name in of_type("AWS::CloudWatch::Alarm")} == {
        alarm["AlarmName"] for alarm in alarms
    }


def test_the_workers_mappings_take_from_its_queues_and_are_enabled(deployed: Deployed) -> None:
    mappings = deployed.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    mappings = [one for one in mappings if ":sqs:" in one["EventSourceArn"]]
    sources = {mapping["EventSourceArn"].rpartition(":")[2] for mapping in mappings}

    assert len(mappings) == 3
    for queue in ("LiveQueue", "BulkQueue", "ReviewQueue"):
        assert deployed.id_of(queue).rpartition("/")[2] in sources
    assert {mapping["State"] for mapping in mappings} == {"Enabled"}


def test_the_state_machine_calls_the_functions_of_this_stack(deployed: Deployed) -> None:
    machine = deployed.client("stepfunctions").describe_state_machine(
        stateMachineArn=deployed.id_of("ImportCustomersMachine")
    )

    assert deployed.id_of("ImportCustomers") in machine["definition"]
    assert "${" not in machine["definition"]


def test_a_function_finds_its_layer_and_its_tables(deployed: Deployed) -> None:
    # One that asks the tables alone: nobody is due, since nobody is there.
    assert deployed.invoke("SweepSegments")["due"] == 0


def test_each_scheduled_function_runs_before_anything_is_connected(deployed: Deployed) -> None:
    for name in of_type("AWS::Serverless::Function"):
        events = RESOURCES[name]["Properties"].get("Events", {}).values()
        if "Schedule" in {event["Type"] for event in events}:
            deployed.invoke(name)


def test_the_tags_of_samconfig_are_on_whatever_holds_data_or_costs_money(deployed: Deployed) -> None:
    def arn(name: str) -> str:
        return str(deployed.client("dynamodb").describe_table(TableName=name)["Table"]["TableArn"])

    tagged: dict[str, dict[str, str]] = {}
    for name in of_type("AWS::DynamoDB::Table"):
        tags = deployed.client("dynamodb").list_tags_of_resource(ResourceArn=arn(deployed.id_of(name)))[
            "Tags"
        ]
        tagged[name] = {tag["Key"]: tag["Value"] for tag in tags}
    for name in of_type("AWS::SQS::Queue"):
        tagged[name] = deployed.client("sqs").list_queue_tags(QueueUrl=deployed.id_of(name))["Tags"]
    for name in of_type("AWS::Serverless::Function"):
        tagged[name] = deployed.client("lambda").get_function(FunctionName=deployed.id_of(name))["Tags"]

    assert [name for name, tags in tagged.items() if not TAGS.items() <= tags.items()] == []


def test_what_is_stored_outlives_the_next_deployment(deployed: Deployed) -> None:
    item = {"pk": {"S": "a person"}}
    table = deployed.id_of("PeopleTable")
    deployed.client("dynamodb").put_item(TableName=table, Item=item)

    sam_deploy(deployed.environment, "--parameter-overrides", f"{PARAMETERS} LogLevel=WARNING")

    sweep = deployed.client("lambda").get_function_configuration(FunctionName=deployed.id_of("SweepSegments"))
    assert sweep["Environment"]["Variables"]["POWERTOOLS_LOG_LEVEL"] == "WARNING"
    assert deployed.id_of("PeopleTable") == table
    assert deployed.client("dynamodb").get_item(TableName=table, Key=item)["Item"] == item
