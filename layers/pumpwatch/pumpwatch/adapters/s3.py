"""The candle history cache in S3 as numpy archives. What cannot be read is absent.

They are not compressed: deflating a slice took 40 ms of CPU, more than everything else in a tick,
to save half of a few dozen megabytes of storage.
"""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import boto3
import numpy as np
from botocore.exceptions import BotoCoreError, ClientError
from numpy.typing import NDArray

from pumpwatch.adapters.aws import client_config
from pumpwatch.domain.candles import Candles
from pumpwatch.errors import StoreUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["S3HistoryStore", "s3_client"]

logger = logging.getLogger(__name__)

FORMAT = "v1"
"""Part of every key: another format is simply not found, and rebuilt."""

COLUMNS = ("open", "high", "low", "close", "volume", "turnover")
ABSENT = frozenset({"NoSuchKey", "404"})

Arrays = dict[str, NDArray[Any]]


def s3_client() -> S3Client:
    """Return a client with short time-outs; where to is boto3's own business (environment)."""
    return boto3.client("s3", config=client_config(read_timeout=5))


class S3HistoryStore:
    """Candle slices and detection state (HistoryStore port).

    `unreadable` counts objects that were there and could not be used.
    """

    def __init__(self, bucket: str, client: S3Client | None = None) -> None:
        self._bucket = bucket
        self._client = client or s3_client()
        self.unreadable = 0

    def load_state(self, name: str) -> Mapping[str, object] | None:
        """Return the named arrays saved last, or None (absent or unreadable)."""
        return self._load(_state_key(name))

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        """Replace the named state. Raises `TypeError` for values that are no plain arrays."""
        self._save(_state_key(name), {key: np.asarray(value) for key, value in state.items()})

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        """Return a slice of the candle history, or None (absent or unreadable)."""
        key = _slice_key(number, interval)
        arrays = self._load(key)
        if arrays is None:
            return None
        candles = _candles(arrays, interval)
        if candles is None:
            self._unusable(key, "its arrays do not fit together")
        return candles

    def save_slice(self, number: int, candles: Candles) -> None:
        """Replace a slice of the candle history."""
        arrays: Arrays = {name: getattr(candles, name) for name in ("open_time", *COLUMNS)}
        arrays["symbols"] = np.array(candles.symbols, dtype=np.str_)
        self._save(_slice_key(number, candles.interval), arrays)

    def _save(self, key: str, arrays: Arrays) -> None:
        for name, array in arrays.items():
            if array.dtype.hasobject:
                raise TypeError(f"{key}: {name} is not numeric or fixed-width text")
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=buffer.getvalue())
        except (ClientError, BotoCoreError) as error:
            raise StoreUnavailable(f"the bucket did not take {key}: {_reason(error)}") from None

    def _load(self, key: str) -> Arrays | None:
        try:
            body = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        except ClientError as error:
            if error.response["Error"]["Code"] in ABSENT:
                return None
            raise StoreUnavailable(f"the bucket did not give {key}: {_reason(error)}") from None
        except BotoCoreError as error:
            raise StoreUnavailable(f"the bucket did not give {key}: {_reason(error)}") from None
        try:
            with np.load(io.BytesIO(body), allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except (
            OSError,
            ValueError,
            TypeError,
            AttributeError,
            KeyError,
            EOFError,
            zlib.error,
            zipfile.BadZipFile,
            NotImplementedError,
            RuntimeError,
        ) as error:
            self._unusable(key, type(error).__name__)
            return None

    def _unusable(self, key: str, reason: str) -> None:
        self.unreadable += 1
        logger.warning("history object is rebuilt", extra={"key": key, "reason": reason})


def _state_key(name: str) -> str:
    return f"{FORMAT}/state/{name}.npz"


def _slice_key(number: int, interval: int) -> str:
    return f"{FORMAT}/candles/{interval}/{number:05d}.npz"


def _reason(error: ClientError | BotoCoreError) -> str:
    return (
        error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    )


def _candles(arrays: Arrays, interval: int) -> Candles | None:
    if not {"symbols", "open_time", *COLUMNS} <= arrays.keys():
        return None
    symbols, open_time = arrays["symbols"], arrays["open_time"]
    shape = (symbols.size, open_time.size)
    fits = symbols.dtype.kind == "U" and open_time.dtype == np.int64 and open_time.ndim == 1
    fits &= all(
        arrays[name].shape == shape and arrays[name].dtype == np.float64 for name in COLUMNS
    )
    if not fits or (np.diff(open_time) != interval).any():
        return None
    columns = [arrays[name] for name in COLUMNS]
    return Candles(tuple(str(symbol) for symbol in symbols), interval, open_time, *columns)
