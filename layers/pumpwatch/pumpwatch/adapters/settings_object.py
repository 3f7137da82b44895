"""The object of the bucket with settings that take effect without a deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pumpwatch.adapters.aws import client_config
from pumpwatch.errors import SettingsError, StoreUnavailable
from pumpwatch.settings.overrides import OBJECT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ABSENT, UNCHANGED = "NoSuchKey", "304"
NO_TAG = '"none"'


class SettingsObject:
    """Reads the object when it has changed; one that is absent has no settings."""

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        # A slow bucket may not take a run's time.
        config = client_config(read_timeout=1).merge(Config(retries={"total_max_attempts": 2}))
        self._bucket, self._client = bucket, client or boto3.client("s3", config=config)
        self._tag: str | None = None
        """What S3 calls the version that was read; empty: it is absent, None: nothing was read."""
        self._body = b"{}"

    def read_anew(self) -> bool:
        """Read it, unless it is as it was; return whether it changed. Raises `StoreUnavailable`."""
        before = self._tag
        try:
            answer = self._client.get_object(
                Bucket=self._bucket, Key=OBJECT, IfNoneMatch=before or NO_TAG
            )
            self._body, self._tag = answer["Body"].read(), answer["ETag"]
        except (ClientError, BotoCoreError) as error:
            reason = type(error).__name__
            if isinstance(error, ClientError):
                reason = error.response["Error"]["Code"]
            if reason == ABSENT:
                self._body, self._tag = b"{}", ""
            elif reason != UNCHANGED:
                raise StoreUnavailable(f"the bucket did not give {OBJECT}: {reason}") from None
        return self._tag != before

    @property
    def settings(self) -> Mapping[str, str]:
        """Return the settings by name. Raises `SettingsError` while there is nothing to go by."""
        if self._tag is None:
            raise SettingsError(f"{OBJECT} could not be read")
        try:
            read = json.loads(self._body)
            return {str(name).lower(): str(value) for name, value in read.items()}
        except (ValueError, AttributeError):
            raise SettingsError(f"{OBJECT} is no JSON object") from None
