"""The candle history and the detection state as numpy archives, whatever keeps their bytes.

`ArchiveStore` is the HistoryStore port but for reading and writing the bytes under a key. What
cannot be read is absent, and rebuilt.

They are not compressed: deflating a slice took 40 ms of CPU, more than everything else in a tick,
to save half of a few dozen megabytes of storage.
"""

from __future__ import annotations

import io
import logging
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pumpwatch.domain.market.candles import Candles
from pumpwatch.ports import HistoryStore

logger = logging.getLogger(__name__)

FORMAT = "v1"
"""Part of every key: another format is simply not found, and rebuilt."""

COLUMNS = ("open", "high", "low", "close", "volume", "turnover")
UNREADABLE = (
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
)
"""Errors of numpy for bytes that are no archive of plain arrays."""

Arrays = dict[str, NDArray[Any]]


def state_key(name: str) -> str:
    """Return the key that a named state is kept under."""
    return f"{FORMAT}/state/{name}.npz"


def slice_key(number: int, interval: int) -> str:
    """Return the key that a slice of the history is kept under."""
    return f"{FORMAT}/candles/{interval}/{number:05d}.npz"


def arrays_of_state(state: Mapping[str, object]) -> Arrays:
    """Return the state's values as arrays."""
    return {name: np.asarray(value) for name, value in state.items()}


def arrays_of_candles(candles: Candles) -> Arrays:
    """Return the slice's columns, open times and symbols as arrays."""
    arrays: Arrays = {name: getattr(candles, name) for name in ("open_time", *COLUMNS)}
    arrays["symbols"] = np.array(candles.symbols, dtype=np.str_)
    return arrays


def candles_of_arrays(arrays: Arrays, interval: int) -> Candles | None:
    """Return the slice that the arrays hold, None when they do not fit together."""
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


def archive_of(arrays: Arrays, *, where: str) -> bytes:
    """Return the archive's bytes. Raises `TypeError` for values that are no plain arrays."""
    for name, array in arrays.items():
        if array.dtype.hasobject:
            raise TypeError(f"{where}: {name} is not numeric or fixed-width text")
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def read_archive(body: bytes) -> Arrays:
    """Return the archive's arrays. Raises one of `UNREADABLE`."""
    with np.load(io.BytesIO(body), allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


class ArchiveStore(HistoryStore, ABC):
    """Candle slices and detection state as archives under keys.

    `unreadable` counts archives that were there and could not be used.
    """

    def __init__(self) -> None:
        self.unreadable = 0

    @abstractmethod
    def _write(self, key: str, body: bytes) -> None:
        """Replace what is kept under the key. Raises `StoreUnavailable`."""

    @abstractmethod
    def _read(self, key: str) -> bytes | None:
        """Return what is kept under the key, None when nothing is. Raises `StoreUnavailable`."""

    def load_state(self, name: str) -> Mapping[str, object] | None:
        return self._load(state_key(name))

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        """Replace the named state. Raises `TypeError` for values that are no plain arrays."""
        self._save(state_key(name), arrays_of_state(state))

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        key = slice_key(number, interval)
        arrays = self._load(key)
        if arrays is None:
            return None
        candles = candles_of_arrays(arrays, interval)
        if candles is None:
            self._unusable(key, "its arrays do not fit together")
        return candles

    def save_slice(self, number: int, candles: Candles) -> None:
        self._save(slice_key(number, candles.interval), arrays_of_candles(candles))

    def _save(self, key: str, arrays: Arrays) -> None:
        self._write(key, archive_of(arrays, where=key))

    def _load(self, key: str) -> Arrays | None:
        body = self._read(key)
        if body is None:
            return None
        try:
            return read_archive(body)
        except UNREADABLE as error:
            self._unusable(key, type(error).__name__)
            return None

    def _unusable(self, key: str, reason: str) -> None:
        self.unreadable += 1
        logger.warning("history archive is rebuilt", extra={"key": key, "reason": reason})
