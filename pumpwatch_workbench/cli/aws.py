"""AWS clients with the credentials that the AWS command line would use."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError

from pumpwatch.errors import BadInput


def clients_in(region: str) -> tuple[str, Callable[[str], Any]]:
    """Return the region, and a function that gives the client of a service, each made once.

    An empty `region` is that of the environment or the profile. Raises `BadInput` without one.
    """
    try:
        session = boto3.session.Session()
        where = region or session.region_name or os.environ.get("AWS_REGION", "")
    except BotoCoreError as error:
        raise BadInput(f"the AWS profile cannot be used: {error}") from None
    if not where:
        raise BadInput("no region is set: give --region, for example --region eu-central-1")

    @cache
    def client(service: str) -> Any:
        try:
            return session.client(service, region_name=where)  # type: ignore[call-overload]
        except (BotoCoreError, ValueError) as error:
            raise BadInput(f"--region {where} cannot be used: {error}") from None

    return where, client
