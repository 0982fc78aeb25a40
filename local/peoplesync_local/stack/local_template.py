"""Turns template.yaml into plain CloudFormation as the emulator understands it.

The code comes from the emulator's own S3, routes stand as resources of their own, the outputs name addresses
that work here, and the functions learn where the simulator of Stripe answers and keeps the time. Nothing else
differs from AWS.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from peoplesync_local import LocalStackError
from peoplesync_local.stack.aws_session import LocalSession

Template = dict[str, Any]

_CODE_PROPERTY = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}
_STATE_MACHINE = "AWS::Serverless::StateMachine"
_API = "AWS::ApiGatewayV2::Api"
_LOGIN_PAGE = "AWS::Cognito::ManagedLoginBranding"
_API_ADDRESS = re.compile(r"https://\$\{(\w+)\}\.execute-api\.\$\{AWS::Region\}\.\$\{AWS::URLSuffix\}")
_LOGIN_ADDRESS = re.compile(r"https://\$\{\w+\}\.auth\.\$\{AWS::Region\}\.amazoncognito\.com")
_METHODS = {"get", "post", "put", "patch", "delete", "head", "options"}


def read(path: Path) -> Template:
    """The SAM template as plain data, its short intrinsics (`!Ref`) spelled out."""
    parsed: Template = yaml_parse(path.read_text())
    return parsed


def as_json(template: Template) -> bytes:
    """The template as CloudFormation takes it."""
    return json.dumps(template).encode()


def code_folders(template: Template) -> dict[str, str]:
    """The folder of each function's and layer's code, by logical id, as the template names it."""
    return {
        logical_id: resource["Properties"][_CODE_PROPERTY[resource["Type"]]]
        for logical_id, resource in template["Resources"].items()
        if resource["Type"] in _CODE_PROPERTY
    }


def is_layer(template: Template, logical_id: str) -> bool:
    """Whether that is a layer, rather than a function."""
    return bool(template["Resources"][logical_id]["Type"] == "AWS::Serverless::LayerVersion")


def localized(
    template: Template,
    *,
    checkout: Path,
    code: Mapping[str, str],
    session: LocalSession,
    parameters: Mapping[str, str],
    api_root: str,
    function_environment: Mapping[str, str],
) -> Template:
    """The CloudFormation template to give to the emulator.

    `checkout` is where the definitions of state machines are; `code` has an s3:// address for each of
    `code_folders`; `parameters` are those of the deployment; `function_environment` is added to every
    function's; `api_root` is the address below which the emulator serves HTTP APIs by their id. Raises
    LocalStackError if the template is not valid SAM.
    """
    sam = copy.deepcopy(template)
    for logical_id, address in code.items():
        resource = sam["Resources"][logical_id]
        resource["Properties"][_CODE_PROPERTY[resource["Type"]]] = address
    for machine in sam["Resources"].values():
        if machine["Type"] == _STATE_MACHINE:
            definition = checkout / machine["Properties"].pop("DefinitionUri")
            machine["Properties"]["Definition"] = json.loads(definition.read_text())
    sam["Globals"]["Function"]["Environment"]["Variables"].update(function_environment)

    try:
        # With the emulator's session: without one the translator asks the user's AWS profile for a region.
        translator = Translator({}, Parser(), boto_session=session)
        plain: Template = translator.translate(sam, {})
    except InvalidDocumentException as error:
        causes = "; ".join(cause.message for cause in error.causes)
        raise LocalStackError(f"The template is not valid SAM: {causes}") from error

    for logical_id, resource in list(plain["Resources"].items()):
        if scaling := resource.get("Properties", {}).get("ScalingConfig"):
            # The emulator puts a parameter's value in place as text, and then fails to compare it.
            most = scaling["MaximumConcurrency"]
            scaling["MaximumConcurrency"] = most if isinstance(most, int) else int(parameters[most["Ref"]])
        if resource["Type"] == _API and "Body" in resource["Properties"]:
            plain["Resources"].update(_routes(logical_id, resource["Properties"].pop("Body")))
            resource["Properties"].update({"Name": logical_id, "ProtocolType": "HTTP"})
        if resource["Type"] == _LOGIN_PAGE:
            del plain["Resources"][logical_id]  # which the emulator does not know; it has a page of its own
    readdressed: Template = _readdressed(plain, api_root, session.endpoint)
    return readdressed


def _routes(api: str, body: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The integrations and routes that an API's OpenAPI `Body` describes: the emulator ignores a body."""
    integrations: dict[str, str] = {}
    for path, operations in body["paths"].items():
        for method, operation in operations.items():
            verb = "ANY" if method not in _METHODS else method.upper()
            if operation.get("security"):
                raise LocalStackError(f"The local stack cannot protect the route {verb} {path} yet.")
            described = operation["x-amazon-apigateway-integration"]
            uri = described["uri"]
            if str(uri) not in integrations:
                integrations[str(uri)] = f"{api}Integration{len(integrations)}"
                yield (
                    integrations[str(uri)],
                    {
                        "Type": "AWS::ApiGatewayV2::Integration",
                        "Properties": {
                            "ApiId": {"Ref": api},
                            "IntegrationType": "AWS_PROXY",
                            "IntegrationUri": uri,
                            "PayloadFormatVersion": described["payloadFormatVersion"],
                        },
                    },
                )
            name = "".join(letter for letter in f"{verb.title()}{path.title()}" if letter.isalnum())
            yield (
                f"{api}Route{name}",
                {
                    "Type": "AWS::ApiGatewayV2::Route",
                    "Properties": {
                        "ApiId": {"Ref": api},
                        "RouteKey": "$default" if path == "/$default" else f"{verb} {path}",
                        "Target": {"Fn::Sub": f"integrations/${{{integrations[str(uri)]}}}"},
                    },
                },
            )


def _readdressed(part: Any, api_root: str, endpoint: str) -> Any:
    """The template with addresses of APIs and of the login page that work here, without asking DNS."""
    if isinstance(part, dict):
        return {name: _readdressed(value, api_root, endpoint) for name, value in part.items()}
    if isinstance(part, list):
        return [_readdressed(one, api_root, endpoint) for one in part]
    if isinstance(part, str):
        return _LOGIN_ADDRESS.sub(endpoint, _API_ADDRESS.sub(rf"{api_root}/${{\1}}", part))
    return part
