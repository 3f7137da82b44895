"""A folder in place of the bucket, which counts what it is asked and how many bytes pass."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError


class FolderBucket:
    """The two calls of an S3 client that the history makes. Files, so that memory stays free."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.calls: Counter[str] = Counter()
        """`reads`, `writes`, `bytes_read`, `bytes_written`."""

    def put_object(self, *, Bucket: str, Key: str, Body: bytes) -> dict[str, Any]:
        """Keep an object."""
        self.calls.update(writes=1, bytes_written=len(Body))
        self._path(Bucket, Key).write_bytes(Body)
        return {}

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:
        """Return an object. Raises `ClientError` NoSuchKey."""
        try:
            body = self._path(Bucket, Key).read_bytes()
        except FileNotFoundError:
            self.calls.update(reads=1)
            answer = {"Error": {"Code": "NoSuchKey", "Message": Key}}
            raise ClientError(answer, "GetObject") from None  # type: ignore[arg-type]
        self.calls.update(reads=1, bytes_read=len(body))
        return {"Body": io.BytesIO(body)}

    def _path(self, bucket: str, key: str) -> Path:
        return self._folder / hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()
