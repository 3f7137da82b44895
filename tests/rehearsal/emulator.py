"""Serve the AWS emulator ministack, with its gaps closed, until the process is ended.

    python emulator.py PYTHON IAM_LOG INVOCATIONS

Runs in the emulator's own environment, whose variables set its port. PYTHON is the interpreter of
the functions; IAM_LOG gets a line for each decision about a function's request, INVOCATIONS one
for each invocation.
"""

import json
import math
import re
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from ministack.app import main
from ministack.core import iam_actions, iam_evaluator, lambda_runtime
from ministack.services import eventbridge, lambda_svc, scheduler, sts
from ministack.services.cloudformation import provisioners

NAMES = (
    "AlarmName", "BucketName", "FunctionName", "LogGroupName", "Name", "QueueName", "RoleName",
    "TableName", "TopicName",
)  # fmt: skip
PYTHON, IAM_LOG, INVOCATIONS = sys.argv[1:]
del sys.argv[1:]


def secrets_are_referred_to_by_their_arn():
    """Return the ARN for `Ref` of a secret, as CloudFormation does; the emulator gives its name."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::SecretsManager::Secret"]

    def named(act):
        def by_name(physical_id, *rest, **options):
            name = re.sub(r"^arn:.*:secret:(.*)-[^-]*$", r"\1", str(physical_id))
            return act(name, *rest, **options)

        return by_name

    create = handlers["create"]

    def created(logical_id, properties, stack):
        _, attributes = create(logical_id, properties, stack)
        return attributes["Arn"], attributes

    verbs = {"update", "delete"} & handlers.keys()
    handlers.update({verb: named(handlers[verb]) for verb in verbs})
    handlers["create"] = created


def schedules_say_when_they_were_due():
    """Fill in the scheduler's context attributes, which the emulator passes on as they stand."""
    invoke = eventbridge._invoke_target

    def invoked(target, event, *rest, **options):
        if event.get("Source") == "aws.scheduler" and target.get("Input"):
            due = datetime.fromtimestamp(event["Time"] // 60 * 60, UTC)
            attributes = {
                "scheduled-time": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "execution-id": str(uuid4()),
                "schedule-arn": event["Resources"][0],
                "attempt-number": "1",
            }
            text = target["Input"]
            for name, value in attributes.items():
                text = text.replace(f"<aws.scheduler.{name}>", value)
            target = {**target, "Input": text}
        return invoke(target, event, *rest, **options)

    eventbridge._invoke_target = invoked
    # AWS fires within the minute's first seconds; the emulator looks every ten.
    scheduler._SCHEDULE_TICK_INTERVAL = 1


def names_that_are_taken_are_refused():
    """Refuse to create what has a given name that something in the account has already."""
    taken = set()

    def guarded(kind, handlers):
        create, delete = handlers["create"], handlers["delete"]

        def created(logical_id, properties, stack):
            names = [properties[key] for key in NAMES if properties.get(key)]
            if taken & {(kind, name) for name in names}:
                raise ValueError(f"{names[0]} already exists")
            physical_id, attributes = create(logical_id, properties, stack)
            taken.update((kind, name) for name in names)
            return physical_id, attributes

        def deleted(physical_id, properties):
            taken.difference_update((kind, properties.get(key)) for key in NAMES)
            return delete(physical_id, properties)

        handlers.update(create=created, delete=deleted)

    for kind, handlers in provisioners._RESOURCE_HANDLERS.items():
        if {"create", "delete"} <= handlers.keys():
            guarded(kind, handlers)


def account_is_new():
    """Refuse reserved concurrency as AWS does where the quota is still 10."""
    handlers = provisioners._RESOURCE_HANDLERS["AWS::Lambda::Function"]
    create = handlers["create"]

    def created(logical_id, properties, stack):
        if properties.get("ReservedConcurrentExecutions"):
            raise ValueError(
                "Specified ReservedConcurrentExecutions for function decreases account's"
                " UnreservedConcurrentExecution below its minimum value of [10]."
            )
        return create(logical_id, properties, stack)

    handlers["create"] = created


def requests_count_as_encrypted():
    """Let `aws:SecureTransport` be true: the emulator speaks plain HTTP on loopback."""
    start = iam_evaluator.EvalContext.__init__

    def started(self, *rest, **options):
        options.setdefault("secure_transport", True)
        start(self, *rest, **options)

    iam_evaluator.EvalContext.__init__ = started


def requests_name_their_partitions():
    """Tell policies the partition keys of a DynamoDB request, which the emulator leaves out."""
    describe = iam_actions.dynamodb_service_context

    def described(body):
        keys = sorted(partition_keys(json.loads(body or b"{}")))
        return describe(body) | ({"dynamodb:LeadingKeys": keys} if keys else {})

    iam_actions.dynamodb_service_context = described


def partition_keys(request):
    """Return the keys of a request or a transaction in the table's attribute `pk`."""
    values = [request.get("ExpressionAttributeValues", {}).get(":pk")]
    values += [request.get(place, {}).get("pk") for place in ("Key", "Item")]
    inner = [what for item in request.get("TransactItems", ()) for what in item.values()]
    return {value["S"] for value in values if value}.union(*map(partition_keys, inner))


def decisions_are_logged():
    """Write each decision to IAM_LOG: when, a role's name, action, resource, outcome."""
    enforce = iam_evaluator.enforce

    def enforced(access_key_id, action, service, region, resource_arn="*", service_context=None):
        # SQS has no rights of their own for its batches.
        action = re.sub(r"^(sqs:.*)Batch$", r"\1", action)
        options = {"resource_arn": resource_arn, "service_context": service_context}
        refusal = enforce(access_key_id, action, service, region, **options)
        session = sts._sessions.get(access_key_id)
        if session is not None:
            role = session["Arn"].split("/")[1]
            outcome = "denied" if refusal else "allowed"
            with Path(IAM_LOG).open("a", encoding="utf-8") as log:
                what = f"{role} {action} {resource_arn} {outcome}"
                log.write(f"{time.time():.3f} {what}\n")
        return refusal

    iam_evaluator.enforce = enforced


def invocations_are_logged():
    """Write each invocation to INVOCATIONS, a line of JSON: when, of what, by what, its answer."""
    execute = lambda_svc._execute_function_dispatch

    def executed(function, config, event, request_id, started):
        result = execute(function, config, event, request_id, started)
        line = {
            "function": config["FunctionName"],
            "started": started,
            "milliseconds": math.ceil((time.time() - started) * 1_000),
            "event": event,
            "answer": result.get("body"),
            "error": bool(result.get("error")),
        }
        with Path(INVOCATIONS).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
        return result

    lambda_svc._execute_function_dispatch = executed


def streams_have_a_poller_of_their_own():
    """Poll the tables' streams beside the queues, whose messages would wait for trade's runs."""
    poll = lambda_svc._poll_dynamodb_streams
    lambda_svc._poll_dynamodb_streams = lambda: False

    def poll_for_ever():
        while True:
            if not poll():
                time.sleep(0.2)

    threading.Thread(target=poll_for_ever, daemon=True).start()


def functions_have_only_their_layers():
    """Start the functions without the emulator's own packages, which it would put on their path."""
    detect = lambda_runtime._detect_runtime_binary

    def detected(runtime):
        _, script = detect(runtime)
        return PYTHON, script

    lambda_runtime._detect_runtime_binary = detected


secrets_are_referred_to_by_their_arn()
schedules_say_when_they_were_due()
names_that_are_taken_are_refused()
account_is_new()
requests_count_as_encrypted()
requests_name_their_partitions()
decisions_are_logged()
invocations_are_logged()
streams_have_a_poller_of_their_own()
functions_have_only_their_layers()
sys.exit(main())
