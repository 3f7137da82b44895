"""What CloudFormation's word for a stack means, and the event that made it so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .findings import Finding, Level
from .stack import Clients, DeployedStack, aws_call

GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
UPDATABLE = GOOD | {"UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"}
UPDATABLE |= {"REVIEW_IN_PROGRESS", "UPDATE_FAILED"}
"""Statuses from which CloudFormation deploys."""
BEGINNINGS = frozenset(
    f"{operation}_IN_PROGRESS" for operation in ("CREATE", "UPDATE", "DELETE", "IMPORT")
)
"""Statuses with which an operation begins; what a rollback does belongs to the one before it."""
CONSEQUENCE = "cancelled"
"""Part of the reason of resources that were given up because another one failed."""
FAILED_FIRST = "the first deployment failed"
DELETE_FIRST = "Put right what failed, sam delete --stack-name {stack}, then deploy again."
DEPLOY_AGAIN = "Put right what failed and deploy again."
MEANINGS = {
    "REVIEW_IN_PROGRESS": (
        "nothing was made yet: a change set was not confirmed, or was refused",
        "Deploy again and confirm; a refused change set names the parameter.",
    ),
    "ROLLBACK_COMPLETE": (f"{FAILED_FIRST}, and what it had made is removed", DELETE_FIRST),
    "ROLLBACK_FAILED": (f"{FAILED_FIRST}, and part of what it had made is left", DELETE_FIRST),
    "CREATE_FAILED": (f"{FAILED_FIRST}, and what it had made is left", DELETE_FIRST),
    "DELETE_FAILED": (
        "it was deleted in part",
        "Put right what failed and repeat sam delete --stack-name {stack}.",
    ),
    "UPDATE_ROLLBACK_COMPLETE": (
        "the last deployment failed; the version before it is in force",
        DEPLOY_AGAIN,
    ),
    "IMPORT_ROLLBACK_COMPLETE": (
        "the last import failed; the stack is as it was before",
        "Put right what failed and import again.",
    ),
    "UPDATE_ROLLBACK_FAILED": (
        "the last deployment failed and could not be taken back: parts of two versions run",
        "Put right what failed, aws cloudformation continue-update-rollback --stack-name {stack},"
        " then deploy again.",
    ),
    "UPDATE_FAILED": (
        "the last deployment failed and was not taken back: parts of two versions run",
        DEPLOY_AGAIN,
    ),
}
"""What a status says of the stack, and what to do."""
IMPORTED = (
    "it has no outputs: nothing but what was imported is there, or it is another program's",
    "Deploy, or name another stack with --stack.",
)
UNDER_WAY = "an operation is under way", "Wait until it has ended."


def has_functions(stack: DeployedStack) -> bool:
    """Return whether the stack was there in full at some time: not only what was imported."""
    made = stack.status == "CREATE_COMPLETE" or stack.status.startswith(("UPDATE", "IMPORT"))
    return made and bool(stack.outputs)


def judge_status(stack: DeployedStack) -> Finding | None:
    """Return what is wrong with the stack as a whole, None for nothing. Raises `AwsRefused`."""
    if stack.status in GOOD and has_functions(stack):
        return None
    text, advice = MEANINGS.get(stack.status, IMPORTED if stack.status in GOOD else UNDER_WAY)
    ended = not stack.status.endswith("_IN_PROGRESS")
    cause = first_failure(stack.name, stack.clients) if ended else ""
    detail = f"{stack.status}: {text}{f'. First failure: {cause}' if cause else ''}"
    warns = has_functions(stack) and not stack.status.endswith("_FAILED")
    level = Level.WARN if warns else Level.FAIL
    return Finding("stack", level, detail, advice.format(stack=stack.name))


def first_failure(name: str, clients: Clients) -> str:
    """Return resource and reason of what failed first in the last operation, "" for nothing."""
    events = clients("cloudformation").get_paginator("describe_stack_events")
    pages = events.paginate(StackName=name)
    return str(aws_call(f"events of stack {name}", _first, name=name, pages=pages))


def _first(name: str, pages: Iterable[Mapping[str, Any]]) -> str:
    failure = ""
    for event in (event for page in pages for event in page["StackEvents"]):  # newest first
        status, reason = event["ResourceStatus"], event.get("ResourceStatusReason", "")
        if event["LogicalResourceId"] == name:
            if status in BEGINNINGS:
                break
        elif status.endswith("_FAILED") and CONSEQUENCE not in reason:
            failure = f"{event['LogicalResourceId']}: {reason}"
    return failure
