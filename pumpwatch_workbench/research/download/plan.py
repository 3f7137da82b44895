"""Plan a download in parts that are stored one by one, so that it can be resumed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from difflib import get_close_matches
from pathlib import Path

from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput

PART_MINUTES = 10_000
"""Candles in one part: ten pages of the exchange's thousand."""


@dataclass(frozen=True, slots=True)
class DownloadRequest:
    """The scope of a download. Times in milliseconds UTC, on full minutes; `end` is excluded."""

    symbols: tuple[str, ...]
    begin: int
    end: int
    base_url: str


@dataclass(frozen=True, slots=True)
class DownloadPart:
    """Some minutes of one symbol, first and last open time, both included."""

    symbol: str
    start: int
    last: int

    @property
    def file(self) -> str:
        """Return the name of its file."""
        return f"{self.symbol}-{self.start}.parquet"


class Workspace:
    """The hidden folder of a download that is not finished: its request, and the parts it has."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / ".download"
        self._request = self.path / "request.json"

    def open(self, request: DownloadRequest) -> DownloadRequest:
        """Begin or go on; return the request in force, whose end was fixed when it began.

        Raises `BadInput` when the folder is taken, or belongs to another download.
        """
        if self._request.exists():
            return self._known(request)
        if (self.folder / "candles.parquet").exists():
            raise BadInput(f"{self.folder} holds candles already: name another folder with --out")
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            temporary = self._request.with_suffix(".new")
            temporary.write_text(json.dumps(asdict(request)), encoding="utf-8")
            temporary.replace(self._request)
        except OSError as error:
            raise BadInput(
                f"{self.path} cannot be written ({error.strerror}): name a folder you may write to"
            ) from None
        return request

    def _known(self, request: DownloadRequest) -> DownloadRequest:
        try:
            stored = json.loads(self._request.read_text(encoding="utf-8"))
            known = DownloadRequest(**{**stored, "symbols": tuple(stored["symbols"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise BadInput(
                f"{self._request} cannot be read ({error}): remove {self.path} to begin anew"
            ) from None
        # Without --to the end is the present, which has moved on since.
        if replace(known, end=0) != replace(request, end=0) or known.end > request.end:
            raise BadInput(
                f"{self.folder} holds an unfinished download of other symbols or times: give the "
                f"same options to finish it, or remove {self.path}"
            )
        return known

    def parts(
        self, request: DownloadRequest, contracts: Mapping[str, Instrument]
    ) -> list[DownloadPart]:
        """Return every part of a request, the symbols taking turns, oldest first."""
        parts = []
        step = PART_MINUTES * MINUTE
        for symbol in request.symbols:
            contract = contracts.get(symbol)
            launched = 0 if contract is None else -(-contract.launch_time // MINUTE) * MINUTE
            for start in range(max(request.begin, launched), request.end, step):
                last = min(start + step, request.end) - MINUTE
                parts.append(DownloadPart(symbol, start, last))
        return sorted(parts, key=lambda part: (part.start, part.symbol))

    def missing(self, parts: Iterable[DownloadPart]) -> list[DownloadPart]:
        """Return the parts that are not stored yet."""
        return [part for part in parts if not (self.path / part.file).exists()]


def chosen_symbols(wanted: Sequence[str], known: Iterable[str]) -> tuple[str, ...]:
    """Return the symbols asked for, sorted; `all` means every one the exchange trades.

    Raises `BadInput` that names one the exchange does not have.
    """
    there = sorted(known)
    names = sorted({name.strip().upper() for text in wanted for name in text.split(",")} - {""})
    if names == ["ALL"]:
        return tuple(there)
    if not names:
        raise BadInput("--symbols is empty: name some, such as BTCUSDT,ETHUSDT, or all")
    for name in names:
        if name not in there:
            near = get_close_matches(name, there, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise BadInput(f"--symbols {name}: the exchange trades no such contract{hint}")
    return tuple(names)
