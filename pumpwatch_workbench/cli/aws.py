"""AWS as the commands reach it: with the credentials that the AWS command line would use."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from pumpwatch.errors import BadInput


def clients_in(region: str) -> tuple[str, Callable[[str], Any]]:
    """Return the region and what gives the client of a service there, each made once.

    An empty `region` is that of the environment or the profile. Raises `BadInput` without one.
    """
    import boto3  # noqa: PLC0415 - slow import
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        session = boto3.session.Session()
        where = region or session.region_name or os.environ.get("AWS_REGION", "")
    except BotoCoreError as error:
        raise BadInput(f"the AWS profile cannot be used: {error}") from None
    if not where:
        raise BadInput("no region is set: give --region, for example --region eu-central-1")
    clients: dict[str, Any] = {}

    def client(service: str) -> Any:  # noqa: ANN401 - boto3's
        if service not in clients:
            try:
                clients[service] = session.client(service, region_name=where)  # type: ignore[call-overload]
            except (BotoCoreError, ValueError) as error:
                raise BadInput(f"--region {where} cannot be used: {error}") from None
        return clients[service]

    return where, client
