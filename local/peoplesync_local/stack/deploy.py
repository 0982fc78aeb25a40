"""Deploys the template to the emulator, as CloudFormation."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from peoplesync_local import LocalStackError
from peoplesync_local.stack import local_template, packages
from peoplesync_local.stack.aws_session import LocalSession
from peoplesync_local.stack.places import Places

_BUCKET = "peoplesync-local-code"
_DEPLOY_SECONDS = 120.0
_POLL_SECONDS = 0.1
_NOT_DEPLOYED = "The template could not be deployed to the local stack"

# The emulator starts a process per concurrent invocation, and a laptop has few cores.
PARAMETERS = {
    "LiveMaximumConcurrency": "3",
    "BulkMaximumConcurrency": "2",
    "LogRetentionDays": "1",
    "DeletionProtection": "false",
}


@dataclass(frozen=True)
class Deployment:
    """The stack's outputs by name, and the groups that its functions log to by the function's logical id."""

    outputs: Mapping[str, str]
    log_groups: Mapping[str, str]


def deploy(
    session: LocalSession,
    places: Places,
    *,
    stack: str,
    function_environment: Mapping[str, str],
    report: Callable[[str], None],
    parameters: Mapping[str, str],
) -> Deployment:
    """Pack, upload and create `stack`, with the template's `parameters` beside those for a laptop; return
    when it stands.

    Raises LocalStackError with the first resource that failed and why, or with why the code was not packed.
    """
    parameters = {**PARAMETERS, **parameters}
    sam = local_template.read(places.template)
    report("Packing the functions and their layer")
    packed = {
        name: _packed(places, folder, is_layer=local_template.is_layer(sam, name))
        for name, folder in local_template.code_folders(sam).items()
    }
    report(f"Deploying {places.template.name}")
    try:
        code = _upload(session, packed)
        template = local_template.localized(
            sam,
            checkout=places.checkout,
            code=code,
            session=session,
            parameters=parameters,
            api_root=f"{session.endpoint}/_aws/execute-api",
            function_environment=function_environment,
        )
        # By S3 rather than by value: a template given by value may have 51,200 bytes at most.
        address = _put(session, "template.json", local_template.as_json(template))
        outputs = _create(session, stack, address, parameters)
        made = _made(session, stack)
        _expire_items(session, made, template)
    except ClientError as error:
        raise LocalStackError(f"{_NOT_DEPLOYED}: {error.response['Error']['Message']}") from error
    except BotoCoreError as error:
        raise LocalStackError(f"{_NOT_DEPLOYED}: {error}") from error
    return Deployment(outputs, _log_groups(made, template))


def _packed(places: Places, folder: str, *, is_layer: bool) -> bytes:
    source = places.checkout / folder
    if not source.is_dir():
        raise LocalStackError(f"{places.template.name} names the folder {folder}, which does not exist.")
    return packages.layer_zip(places) if is_layer else packages.function_zip(places, source)


def _upload(session: LocalSession, packed: Mapping[str, bytes]) -> dict[str, str]:
    session.client("s3").create_bucket(Bucket=_BUCKET)
    code = {}
    for name, content in packed.items():
        key = f"{name}-{hashlib.sha256(content).hexdigest()[:16]}.zip"
        _put(session, key, content)
        code[name] = f"s3://{_BUCKET}/{key}"
    return code


def _put(session: LocalSession, key: str, content: bytes) -> str:
    session.client("s3").put_object(Bucket=_BUCKET, Key=key, Body=content)
    return f"{session.endpoint}/{_BUCKET}/{key}"


def _create(
    session: LocalSession, stack: str, template_url: str, parameters: Mapping[str, str]
) -> dict[str, str]:
    cloudformation = session.client("cloudformation")
    cloudformation.create_stack(
        StackName=stack,
        TemplateURL=template_url,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        Capabilities=["CAPABILITY_IAM"],
        Tags=[{"Key": "product", "Value": "peoplesync"}, {"Key": "environment", "Value": "local"}],
    )
    deadline = time.monotonic() + _DEPLOY_SECONDS
    while time.monotonic() < deadline:
        description = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
        if description["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in description["Outputs"]}
        if description["StackStatus"] != "CREATE_IN_PROGRESS":
            raise LocalStackError(_failure(cloudformation, stack, description))
        time.sleep(_POLL_SECONDS)
    raise LocalStackError(
        f"The template was not deployed to the local stack within {_DEPLOY_SECONDS:.0f} seconds."
    )


def _failure(cloudformation: Any, stack: str, description: Mapping[str, Any]) -> str:
    """One sentence from the earliest failure: the later ones are its consequences."""
    events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
    failed = [event for event in events if event["ResourceStatus"].endswith("_FAILED")]
    if failed:
        first = failed[-1]
        which = f"{first['LogicalResourceId']} ({first['ResourceType']})"
        return f"{_NOT_DEPLOYED}: {which}: {first['ResourceStatusReason']}"
    return f"{_NOT_DEPLOYED}: {description.get('StackStatusReason', description['StackStatus'])}"


def _expire_items(session: LocalSession, made: Mapping[str, str], template: local_template.Template) -> None:
    """Turn on the tables' time to live, which the emulator's CloudFormation leaves out."""
    for logical_id, resource in template["Resources"].items():
        if "TimeToLiveSpecification" in resource.get("Properties", {}):
            session.client("dynamodb").update_time_to_live(
                TableName=made[logical_id],
                TimeToLiveSpecification=resource["Properties"]["TimeToLiveSpecification"],
            )


def _log_groups(made: Mapping[str, str], template: local_template.Template) -> dict[str, str]:
    return {
        logical_id: made[resource["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] == "AWS::Lambda::Function" and logical_id in made
    }


def _made(session: LocalSession, stack: str) -> dict[str, str]:
    """The physical ids of all that was made, by logical id; what a condition left out is missing."""
    pages = session.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=stack)
    return {
        one["LogicalResourceId"]: one["PhysicalResourceId"]
        for page in pages
        for one in page["StackResourceSummaries"]
    }
