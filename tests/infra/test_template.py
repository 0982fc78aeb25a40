"""Facts about template.yaml that neither the linter nor a deployment would notice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from peoplesync.adapters.aws.bus import SOURCE
from peoplesync.adapters.task_wiring import RECONCILE_SECONDS
from peoplesync.use_cases.connecting.connect import LATE_WRITES
from peoplesync.use_cases.ingress.activity_api import USERS_A_MESSAGE
from peoplesync.use_cases.messages.packing import CUSTOMERS_A_CHUNK
from peoplesync.use_cases.metrics import Metric
from peoplesync.use_cases.publishing.publish import KEPT_BY_STREAMS, PUBLISHED_WITHIN
from peoplesync.use_cases.tasks.verification import MOST_SECONDS
from peoplesync_local.stack.places import Places
from tests.support.stacks.sam_template import sam_template

TEMPLATE = sam_template()
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]


def of_type(resource_type: str) -> dict[str, Any]:
    return {name: resource for name, resource in RESOURCES.items() if resource["Type"] == resource_type}


FUNCTIONS = of_type("AWS::Serverless::Function")
ROLES = of_type("AWS::IAM::Role")
TABLES = of_type("AWS::DynamoDB::Table")
QUEUES = of_type("AWS::SQS::Queue")
SOURCE_QUEUES = {name: queue for name, queue in QUEUES.items() if "RedrivePolicy" in queue["Properties"]}


def statements(role: str) -> Iterator[dict[str, Any]]:
    for policy in ROLES[role]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def queue_mappings() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Each SQS mapping with the function it invokes."""
    for function in FUNCTIONS.values():
        for event in function["Properties"].get("Events", {}).values():
            if event["Type"] == "SQS":
                yield event["Properties"], function["Properties"]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_writes_to_a_log_group_that_forgets(function: str) -> None:
    group = RESOURCES[FUNCTIONS[function]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]]

    assert group["Type"] == "AWS::Logs::LogGroup"
    assert group["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_each_function_has_a_role_of_its_own(function: str) -> None:
    role = FUNCTIONS[function]["Properties"]["Role"]
    others = [other["Properties"]["Role"] for name, other in FUNCTIONS.items() if name != function]

    assert role == {"Fn::GetAtt": [f"{function}Role", "Arn"]}
    assert role not in others


@pytest.mark.parametrize("role", ROLES)
def test_no_role_is_allowed_everything_of_a_service_or_on_any_resource(role: str) -> None:
    for statement in statements(role):
        assert not [action for action in listed(statement["Action"]) if "*" in action], statement["Sid"]
        for resource in listed(statement["Resource"]):
            if statement["Sid"] == "DeliverItsLog":
                # What Step Functions needs to log at all; AWS knows no resources for it.
                assert role in {
                    "ImportCustomersMachineRole",
                    "ReevaluatePeopleMachineRole",
                    "RunTaskMachineRole",
                }
                continue
            wildcards = resource.get("Fn::Sub", "").count("*")
            # Connections are created after the stack: a secret's name is known but for the connection's.
            a_secret = "parameter/peoplesync/${AWS::StackName}/*/" in resource.get("Fn::Sub", "")
            # An execution's name is given when it starts, and CloudFormation adds to the machine's.
            machines = ("ImportCustomersMachine", "ReevaluatePeopleMachine", "RunTaskMachine")
            an_execution = any(
                f"execution:{one}-*" in resource.get("Fn::Sub", "")
                or f"execution:${{{one}.Name}}:*" in resource.get("Fn::Sub", "")
                for one in machines
            )
            # Lambda names what it puts aside by mapping, shard and time.
            a_failure = resource.get("Fn::Sub", "") == "${PublishFailures.Arn}/aws/lambda/*"
            assert wildcards == (1 if a_secret or an_execution or a_failure else 0), statement["Sid"]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_takes_nothing_from_a_managed_policy_but_tracing(role: str) -> None:
    # X-Ray's actions know no resources, so a policy of ours would have to say "*".
    assert ROLES[role]["Properties"]["ManagedPolicyArns"] == [
        {"Fn::Sub": "arn:${AWS::Partition}:iam::aws:policy/AWSXRayDaemonWriteAccess"}
    ]


def test_the_open_door_can_neither_read_the_stripe_key_nor_touch_people() -> None:
    policy = json.dumps(list(statements("ReceiveWebhookRole")))

    assert "stripe-api-key" not in policy
    assert "PeopleTable" not in policy
    assert {action for s in statements("ReceiveWebhookRole") for action in listed(s["Action"])} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "dynamodb:GetItem",
        "dynamodb:UpdateItem",
        "ssm:GetParameter",
        "sqs:SendMessage",
    }


def test_all_that_the_open_door_may_write_is_that_signatures_are_wrong() -> None:
    (writes,) = [one for one in statements("ReceiveWebhookRole") if one["Action"] == "dynamodb:UpdateItem"]

    allowed = writes["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert allowed == ["pk", "epoch_number", "webhook_refused_since"]


def test_the_apps_door_can_neither_read_a_secret_nor_touch_people() -> None:
    policy = json.dumps(list(statements("ReceiveActivityRole")))

    assert not [table for table in TABLES if table in policy and table not in _KNOWN_TO_THE_APPS_DOOR]
    assert {action for s in statements("ReceiveActivityRole") for action in listed(s["Action"])} == {
        "logs:CreateLogStream",
        "logs:PutLogEvents",
        "dynamodb:GetItem",
        "sqs:SendMessage",
    }


_KNOWN_TO_THE_APPS_DOOR = ("WriteKeysTable", "ConnectionsTable")


def test_what_goes_out_on_the_bus_never_comes_back_as_activity() -> None:
    (rule,) = [
        event["Properties"]
        for function in FUNCTIONS.values()
        for event in function["Properties"].get("Events", {}).values()
        if event["Type"] == "EventBridgeRule"
    ]

    assert rule["Pattern"]["source"] == [{"anything-but": {"prefix": SOURCE}}]
    assert rule["Pattern"]["detail-type"] == ["Activity"]
    assert rule["EventBusName"] == {"Ref": "Bus"}


def test_a_message_is_hidden_for_six_times_the_timeout_of_the_function_that_takes_it() -> None:
    for mapping, function in queue_mappings():
        queue = RESOURCES[mapping["Queue"]["Fn::GetAtt"][0]]
        assert queue["Properties"]["VisibilityTimeout"] == 6 * function["Timeout"]


def test_what_writes_in_an_epoch_that_ends_has_ended_before_its_rows_are_deleted_for_the_last_time() -> None:
    for function in ("ApplyChanges", "IndexPeople"):
        assert 2 * FUNCTIONS[function]["Properties"]["Timeout"] <= LATE_WRITES


def test_every_source_queue_is_taken_from_by_exactly_one_mapping() -> None:
    taken = [mapping["Queue"]["Fn::GetAtt"][0] for mapping, _ in queue_mappings()]

    assert sorted(taken) == sorted(SOURCE_QUEUES)


def test_a_batch_is_ten_changes_or_a_hundred_customers_each_message_of_which_may_fail_alone() -> None:
    for mapping, _ in queue_mappings():
        queue = mapping["Queue"]["Fn::GetAtt"][0]
        customers_a_message = USERS_A_MESSAGE if queue == "LiveQueue" else CUSTOMERS_A_CHUNK
        assert mapping["BatchSize"] == min(10, 100 // customers_a_message)
        assert mapping["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert "MaximumBatchingWindowInSeconds" not in mapping
        most = mapping["ScalingConfig"]["MaximumConcurrency"]
        assert most == 2 if queue == "ReviewQueue" else most["Ref"].endswith("MaximumConcurrency")


@pytest.mark.parametrize("queue", SOURCE_QUEUES)
def test_what_crashes_the_worker_five_times_is_put_aside_for_two_weeks(queue: str) -> None:
    redrive = SOURCE_QUEUES[queue]["Properties"]["RedrivePolicy"]
    dead_letter_queue = redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]

    assert redrive["maxReceiveCount"] == 5
    assert dead_letter_queue == queue.replace("Queue", "DeadLetterQueue")
    assert QUEUES[dead_letter_queue]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


def test_what_is_written_is_published_from_streams_with_an_end_to_retries_and_a_place_for_the_rest() -> None:
    events = FUNCTIONS["PublishChanges"]["Properties"]["Events"]
    streams = [event["Properties"] for event in events.values()]

    assert {one["Stream"]["Fn::GetAtt"][0] for one in streams} == {
        name for name, table in TABLES.items() if "StreamSpecification" in table["Properties"]
    }
    for one in streams:
        assert one["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
        assert one["BisectBatchOnFunctionError"] is True
        assert one["MaximumRetryAttempts"] > 0
        assert one["MaximumRecordAgeInSeconds"] == PUBLISHED_WITHIN
        assert one["DestinationConfig"]["OnFailure"]["Destination"] == {
            "Fn::GetAtt": ["PublishFailures", "Arn"]
        }


def test_people_are_counted_from_their_stream_until_shortly_before_it_forgets_and_then_somebody_is_told() -> (
    None
):
    (stream,) = (one["Properties"] for one in FUNCTIONS["IndexPeople"]["Properties"]["Events"].values())

    assert stream["Stream"]["Fn::GetAtt"] == ["PeopleTable", "StreamArn"]
    assert "FilterCriteria" not in stream, "imports are counted too"
    assert KEPT_BY_STREAMS - 7_200 < stream["MaximumRecordAgeInSeconds"] < KEPT_BY_STREAMS
    assert stream["DestinationConfig"]["OnFailure"]["Destination"] == {"Ref": "AlarmTopic"}


def test_a_forgotten_pause_of_publishing_is_told_of_while_it_costs_nothing_yet() -> None:
    alarm = RESOURCES["PublishPausedAlarm"]["Properties"]

    assert alarm["MetricName"] == Metric.PUBLISH_PAUSED.title
    assert alarm["Threshold"] <= PUBLISHED_WITHIN / 2


def test_health_may_look_at_the_mappings_that_it_is_told_of_and_at_no_others() -> None:
    (looks,) = [s for s in statements("ReportHealthRole") if s["Action"] == "lambda:GetEventSourceMapping"]
    variables = FUNCTIONS["ReportHealth"]["Properties"]["Environment"]["Variables"]

    told_of = {one["Ref"] for name, one in variables.items() if name.endswith("_MAPPING")}
    assert {resource["Fn::Sub"].rpartition(":")[2] for resource in looks["Resource"]} == {
        f"${{{mapping}}}" for mapping in told_of
    }
    assert told_of >= {"PublishChangesPeople", "PublishChangesFeed"}


def test_what_could_not_be_published_is_nobody_elses_to_see_and_is_forgotten() -> None:
    bucket = RESOURCES["PublishFailures"]["Properties"]

    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert [rule["ExpirationInDays"] for rule in bucket["LifecycleConfiguration"]["Rules"]] == [14]


@pytest.mark.parametrize("queue", QUEUES)
def test_messages_are_encrypted_and_kept_for_two_weeks(queue: str) -> None:
    assert QUEUES[queue]["Properties"]["SqsManagedSseEnabled"] is True
    assert QUEUES[queue]["Properties"]["MessageRetentionPeriod"] == 14 * 24 * 60 * 60


@pytest.mark.parametrize("table", TABLES)
def test_a_table_outlives_the_stack_and_can_be_restored(table: str) -> None:
    properties = TABLES[table]["Properties"]

    assert TABLES[table]["DeletionPolicy"] == "Retain"
    assert TABLES[table]["UpdateReplacePolicy"] == "Retain"
    assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert properties["SSESpecification"] == {"SSEEnabled": True}
    assert properties["DeletionProtectionEnabled"] == {"Ref": "DeletionProtection"}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"


def test_a_table_has_no_name_that_a_second_stack_would_collide_with() -> None:
    assert not [name for name, table in TABLES.items() if "TableName" in table["Properties"]]


@pytest.mark.parametrize("variable", ["PEOPLESYNC_STRIPE_API_URL", "PEOPLESYNC_CLOCK_URL"])
def test_a_deployed_stack_cannot_be_pointed_at_another_stripe_or_another_clock(variable: str) -> None:
    assert variable not in Places().template.read_text()


def test_each_table_and_queue_is_an_output_and_a_variable_of_the_functions() -> None:
    variables = TEMPLATE["Globals"]["Function"]["Environment"]["Variables"]
    for name in [*TABLES, *QUEUES]:
        output = name if name in TABLES else f"{name}Url"
        variable = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", output).upper()
        assert variables[variable] == {"Ref": name}
        assert TEMPLATE["Outputs"][output]["Value"] == {"Ref": name}


def test_every_parameter_says_what_it_is_for() -> None:
    assert [
        name for name, parameter in TEMPLATE["Parameters"].items() if not parameter.get("Description")
    ] == []


def test_the_feed_is_kept_longer_than_stripe_delivers_an_event() -> None:
    assert TEMPLATE["Parameters"]["FeedRetentionDays"]["MinValue"] >= 35


def test_a_verification_ends_within_its_functions_timeout_and_any_other_turn_long_before() -> None:
    function = FUNCTIONS["RunTasks"]["Properties"]
    timeout, variables = function["Timeout"], function["Environment"]["Variables"]

    assert timeout - MOST_SECONDS >= 120
    assert int(variables["TASK_SLICE_SECONDS"]) + RECONCILE_SECONDS <= timeout / 2


def test_a_flood_on_the_console_takes_nothing_of_the_webhooks_throttle() -> None:
    stage = RESOURCES["ConsoleStage"]["Properties"]
    events = FUNCTIONS["ReceiveWebhook"]["Properties"]["Events"].values()

    assert stage["DefaultRouteSettings"]["ThrottlingRateLimit"] == {"Ref": "ConsoleRequestsPerSecond"}
    assert {event["Properties"]["ApiId"]["Ref"] for event in events} == {"Api"} != {stage["ApiId"]["Ref"]}


def test_all_of_the_api_asks_for_a_token_and_without_the_console_there_is_none() -> None:
    routes = of_type("AWS::ApiGatewayV2::Route")
    open_ones = {one["Properties"]["RouteKey"] for one in routes.values() if not protected(one)}
    of_the_console = [
        name
        for name, one in RESOURCES.items()
        if one["Type"].startswith(("AWS::Cognito::", "AWS::ApiGatewayV2::"))
        or name.startswith(("ServeApi", "ServeConsole", "ConsoleApi"))
    ]

    assert open_ones == {"GET /", "GET /{proxy+}"}
    assert {RESOURCES[name]["Condition"] for name in of_the_console} == {"HasConsole", "OwnPool"}


def protected(route: dict[str, Any]) -> bool:
    properties = route["Properties"]
    return bool(
        properties["AuthorizationType"] == "JWT"
        and properties["AuthorizerId"] == {"Ref": "ConsoleAuthorizer"}
    )
