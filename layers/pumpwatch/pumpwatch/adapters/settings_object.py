"""The object of the bucket with settings that take effect without a deployment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

from pumpwatch.adapters.aws import client_config, read_object
from pumpwatch.errors import SettingsError
from pumpwatch.settings.overrides import OBJECT

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


class SettingsObject:
    """Reads the object; one that is absent has no settings."""

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        # A slow bucket may not take a run's time.
        config = client_config(read_timeout=1).merge(Config(retries={"total_max_attempts": 2}))
        self._bucket, self._client = bucket, client or boto3.client("s3", config=config)
        self._body: bytes | None = None
        """None: nothing was read yet."""

    def read_anew(self) -> bool:
        """Read it, and return whether it changed. Raises `StoreUnavailable`."""
        before, body = self._body, read_object(self._client, self._bucket, OBJECT)
        self._body = b"{}" if body is None else body
        return self._body != before

    @property
    def settings(self) -> Mapping[str, str]:
        """Return the settings by name. Raises `SettingsError` while there is nothing to go by."""
        if self._body is None:
            raise SettingsError(f"{OBJECT} could not be read")
        try:
            read = json.loads(self._body)
            return {str(name).lower(): str(value) for name, value in read.items()}
        except (ValueError, AttributeError):
            raise SettingsError(f"{OBJECT} is no JSON object") from None
