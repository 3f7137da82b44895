"""The candle history and the detection state as numpy archives, whatever keeps their bytes.

`ArchiveStore` is the HistoryStore port but for reading and writing the bytes under a key. What
cannot be read is absent, and rebuilt.

They are not compressed: deflating a slice took 40 ms of CPU, more than everything else in a tick,
to save half of a few dozen megabytes of storage.
"""

from __future__ import annotations

import io
import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pumpwatch.domain.market.candles import COLUMNS, Candles
from pumpwatch.ports import HistoryStore

logger = logging.getLogger(__name__)

FORMAT = "v1"
"""Part of every key: an archive of another format is not found, and rebuilt."""

Arrays = dict[str, NDArray[Any]]


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
        return self._load(_state_key(name))

    def save_state(self, name: str, state: Mapping[str, object]) -> None:
        """Replace the named state. Raises `TypeError` for values that are no plain arrays."""
        self._save(_state_key(name), {key: np.asarray(value) for key, value in state.items()})

    def load_slice(self, number: int, *, interval: int) -> Candles | None:
        key = _slice_key(number, interval)
        arrays = self._load(key)
        if arrays is None:
            return None
        candles = _candles_of(arrays, interval)
        if candles is None:
            self._unusable(key, "its arrays do not fit together")
        return candles

    def save_slice(self, number: int, candles: Candles) -> None:
        arrays: Arrays = {name: getattr(candles, name) for name in ("open_time", *COLUMNS)}
        arrays["symbols"] = np.array(candles.symbols, dtype=np.str_)
        self._save(_slice_key(number, candles.interval), arrays)

    def _save(self, key: str, arrays: Arrays) -> None:
        for name, array in arrays.items():
            if array.dtype.hasobject:
                raise TypeError(f"{key}: {name} is not numeric or fixed-width text")
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)  # type: ignore[arg-type]
        self._write(key, buffer.getvalue())

    def _load(self, key: str) -> Arrays | None:
        body = self._read(key)
        if body is None:
            return None
        try:
            with np.load(io.BytesIO(body), allow_pickle=False) as archive:
                return {name: archive[name] for name in archive.files}
        except Exception as error:  # numpy raises anything for bytes that are no archive
            self._unusable(key, type(error).__name__)
            return None

    def _unusable(self, key: str, reason: str) -> None:
        self.unreadable += 1
        logger.warning("history archive is rebuilt", extra={"key": key, "reason": reason})


def _state_key(name: str) -> str:
    return f"{FORMAT}/state/{name}.npz"


def _slice_key(number: int, interval: int) -> str:
    return f"{FORMAT}/candles/{interval}/{number:05d}.npz"


def _candles_of(arrays: Arrays, interval: int) -> Candles | None:
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
