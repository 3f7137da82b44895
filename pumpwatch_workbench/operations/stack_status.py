"""What CloudFormation's word for a stack means, and the event that made it so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .findings import Finding, Level
from .stack import Clients, DeployedStack, aws_call

GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"})
UPDATABLE = GOOD | {
    *("REVIEW_IN_PROGRESS", "UPDATE_FAILED"),
    *("UPDATE_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_COMPLETE"),
}
"""Statuses from which CloudFormation deploys."""
BEGINNINGS = frozenset(
    f"{operation}_IN_PROGRESS" for operation in ("CREATE", "UPDATE", "DELETE", "IMPORT")
)
"""Statuses with which an operation begins; what a rollback does belongs to the one before it."""
CONSEQUENCE = "cancelled"
"""Part of the reason of resources that were given up because another one failed."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a status says of the stack, and what to do."""

    text: str
    advice: str
    level: Level = Level.FAIL
    runs: bool = False
    """Whether the functions are there."""


DELETE_FIRST = "Put right what failed, sam delete --stack-name {stack}, then deploy again."
MEANINGS = {
    "REVIEW_IN_PROGRESS": Meaning(
        "nothing was made yet: a change set was not confirmed, or was refused",
        "Deploy again and confirm; a refused change set names the parameter.",
    ),
    "ROLLBACK_COMPLETE": Meaning(
        "the first deployment failed, and what it had made is removed", DELETE_FIRST
    ),
    "ROLLBACK_FAILED": Meaning(
        "the first deployment failed, and part of what it had made is left", DELETE_FIRST
    ),
    "CREATE_FAILED": Meaning(
        "the first deployment failed, and what it had made is left", DELETE_FIRST
    ),
    "DELETE_FAILED": Meaning(
        "it was deleted in part",
        "Put right what failed and repeat sam delete --stack-name {stack}.",
    ),
    "UPDATE_ROLLBACK_COMPLETE": Meaning(
        "the last deployment failed; the version before it is in force",
        "Put right what failed and deploy again.",
        Level.WARN,
        runs=True,
    ),
    "IMPORT_ROLLBACK_COMPLETE": Meaning(
        "the last import failed; the stack is as it was before",
        "Put right what failed and import again.",
        Level.WARN,
        runs=True,
    ),
    "UPDATE_ROLLBACK_FAILED": Meaning(
        "the last deployment failed and could not be taken back: parts of two versions run",
        "Put right what failed, aws cloudformation continue-update-rollback --stack-name {stack},"
        " then deploy again.",
        runs=True,
    ),
    "UPDATE_FAILED": Meaning(
        "the last deployment failed and was not taken back: parts of two versions run",
        "Put right what failed and deploy again.",
        runs=True,
    ),
}


def meaning_of(status: str) -> Meaning | None:
    """Return what is wrong with a stack of this status, None for nothing."""
    if status in GOOD:
        return None
    if status in MEANINGS:
        return MEANINGS[status]
    runs = not status.startswith(("CREATE", "DELETE", "ROLLBACK"))
    return Meaning("an operation is under way", "Wait until it has ended.", Level.WARN, runs)


def judge_status(stack: DeployedStack) -> Finding | None:
    """Return what is wrong with the stack as a whole, None for nothing. Raises `AwsRefused`."""
    meaning = meaning_of(stack.status)
    if meaning is None:
        return None
    cause = (
        "" if stack.status.endswith("_IN_PROGRESS") else first_failure(stack.name, stack.clients)
    )
    detail = f"{stack.status}: {meaning.text}{f'. First failure: {cause}' if cause else ''}"
    return Finding("stack", meaning.level, detail, meaning.advice.format(stack=stack.name))


def first_failure(name: str, clients: Clients) -> str:
    """Return resource and reason of what failed first in the last operation, "" for nothing."""
    pages = (
        clients("cloudformation").get_paginator("describe_stack_events").paginate(StackName=name)
    )
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
