"""The memory of detection between scans: one row for each symbol, cached in the history store."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pumpwatch.domain.detection.base import Carry, Detector
from pumpwatch.domain.detection.screen import Past, Reading, flows_kept
from pumpwatch.domain.market.candles import BoolArray, CandleRequest, FloatArray, IntArray

STEPS = 8
NO_FLOW, UNKNOWN_FLOW = -8000, 8000
TIMES = ("slice_of", "through", "unjudged", "answered", "grid_first", "first_flow")
"""The integer columns."""
CANDLES_LOOKED_BACK = 3
"""The screen compares with looks that precede the forming candle, and this many before it."""


@dataclass(frozen=True, slots=True)
class JudgedSpan:
    """The full rule, or an open event, has looked at a symbol's candles in [begin, end)."""

    symbol: str
    begin: int
    end: int


@dataclass(slots=True, eq=False)
class DetectState:
    """Arrays are shaped (symbols, ...) in the order of `symbols`; times in milliseconds UTC.

    `carry` is the rule's memory of every candle before `through` (0: no history), `base` its memory
    before `grid_first`, where the symbol's slice of the history begins. `unjudged` is the start of
    the first candle whose final form was not judged, `answered` the start of the first one that
    the screen answers for. `looks` are the latest looks at the market before each of the last
    candles, then the last one of all.
    """

    fingerprint: str
    symbols: list[str]
    slice_of: IntArray
    through: IntArray
    unjudged: IntArray
    answered: IntArray
    grid_first: IntArray
    first_flow: IntArray
    flows: FloatArray
    carry: Carry
    base: Carry
    looks: tuple[Reading, ...] = ()
    others: frozenset[str] = frozenset()
    """Symbols of the exchange that are not watched."""
    chosen: str = ""
    """The choice of symbols, as text, with which the exchange's list was last read."""
    instruments_time: int = 0
    refreshed: dict[int, int] = field(default_factory=dict)
    """Time of the last request for each slice."""
    judged: list[JudgedSpan] = field(default_factory=list)
    """Spans of candidates, until the replay of their slice has passed them."""
    rows: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self._index()

    @classmethod
    def empty(cls, detector: Detector, fingerprint: str) -> DetectState:
        """Return the state before the first scan."""
        nothing = Carry.none(0, detector.extra)
        columns: dict[str, Any] = {name: np.zeros(0, dtype=np.int64) for name in TIMES}
        return cls(
            fingerprint,
            [],
            **columns,
            flows=np.zeros((0, flows_kept(detector))),
            carry=nothing,
            base=nothing,
        )

    @property
    def past(self) -> Past:
        """Return what the screen needs of it."""
        return Past(self.carry, self.through, self.unjudged, self.first_flow, self.flows)

    @property
    def last(self) -> Reading | None:
        """Return the last look at the market, None before the first scan."""
        return self.looks[-1] if self.looks else None

    def slice_rows(self, number: int) -> IntArray:
        """Return the rows of a slice's symbols."""
        rows: IntArray = np.flatnonzero(self.slice_of == number)
        return rows

    def lacking(self, rows: IntArray, interval: int, last: int) -> list[CandleRequest]:
        """Return what the history of some symbols lacks, up to the candle that opened at `last`."""
        return [
            CandleRequest(self.symbols[row], interval, int(self.through[row]), last)
            for row in rows.tolist()
            if self.through[row] <= last
        ]

    def keep(self, wanted: BoolArray) -> None:
        """Forget the symbols that are not wanted, (symbols,)."""
        self.symbols = [symbol for symbol, stays in zip(self.symbols, wanted, strict=True) if stays]
        for name in (*TIMES, "flows"):
            setattr(self, name, getattr(self, name)[wanted])
        self.carry, self.base = self.carry.select(wanted), self.base.select(wanted)
        self._change_looks(lambda column: column[wanted])
        self._index()
        self.judged = [span for span in self.judged if span.symbol in self.rows]

    def add(self, symbols: Sequence[str], per_slice: int) -> None:
        """Append symbols without history, filling up the first slices that have room."""
        used = np.bincount(self.slice_of) if len(self.slice_of) else np.zeros(0, dtype=np.int64)
        free = [n for n in range(len(used)) for _ in range(per_slice - int(used[n]))]
        more = -(-max(0, len(symbols) - len(free)) // per_slice)
        free += [len(used) + n for n in range(more) for _ in range(per_slice)]
        count, extra = len(symbols), self.carry.extra.shape[1]
        self.symbols = [*self.symbols, *symbols]
        for name in TIMES:
            setattr(self, name, np.append(getattr(self, name), np.zeros(count, dtype=np.int64)))
        self.slice_of[len(self.slice_of) - count :] = free[:count]
        self.flows = np.concatenate([self.flows, np.full((count, self.flows.shape[1]), np.inf)])
        self.carry = self.carry.joined(Carry.none(count, extra))
        self.base = self.base.joined(Carry.none(count, extra))
        self._change_looks(lambda column: np.append(column, np.full(count, np.nan)))
        self._index()

    def _change_looks(self, change: Callable[[FloatArray], FloatArray]) -> None:
        self.looks = tuple(
            Reading(look.time, *(change(column) for column in (look.low, look.high, look.flow)))
            for look in self.looks
        )

    def looked(self, now: Reading, interval: int) -> None:
        """Remember a look at the market, and of the earlier ones those that are still needed."""
        forming = now.time // interval * interval
        earliest = forming - CANDLES_LOOKED_BACK * interval
        kept = [now]
        for start in range(forming, earliest - 1, -interval):
            early = (look for look in (*self.looks, now) if look.time <= start)
            latest = max(early, key=lambda look: look.time, default=None)
            if latest is not None and latest not in kept:
                kept.append(latest)
        self.looks = tuple(reversed(kept))

    def forget_judged(self) -> None:
        """Drop the spans that the replay has passed."""
        self.judged = [
            span for span in self.judged if span.end > self.through[self.rows[span.symbol]]
        ]

    def _index(self) -> None:
        self.rows = {symbol: row for row, symbol in enumerate(self.symbols)}

    def to_arrays(self) -> dict[str, object]:
        """Return the state as plain arrays."""
        arrays: dict[str, object] = {
            "fingerprint": np.array(self.fingerprint),
            "symbols": np.array(self.symbols, dtype=np.str_),
            "others": np.array(sorted(self.others), dtype=np.str_),
            "instruments_time": np.array(self.instruments_time),
            "chosen": np.array(self.chosen),
            "refreshed": np.array(sorted(self.refreshed.items()), dtype=np.int64).reshape(-1, 2),
            "judged_symbol": np.array([span.symbol for span in self.judged], dtype=np.str_),
            "judged_span": np.array(
                [(span.begin, span.end) for span in self.judged], dtype=np.int64
            ).reshape(-1, 2),
        }
        for name in TIMES:
            arrays[name] = getattr(self, name)
        for owner in ("carry", "base"):
            for column in fields(Carry):
                arrays[f"{owner}_{column.name}"] = getattr(getattr(self, owner), column.name)
        # Of an earlier look only the flows are needed.
        arrays["looks_time"] = np.array([look.time for look in self.looks], dtype=np.int64)
        flows = [look.flow for look in self.looks]
        arrays["looks_flow"] = np.array(flows).reshape(len(flows), len(self.symbols))
        return arrays

    def flow_arrays(self) -> dict[str, object]:
        """Return the flows of the past as plain arrays.

        They are kept apart: what was true of yesterday stays true, so they are saved rarely.
        """
        return {
            "fingerprint": np.array(self.fingerprint),
            "symbols": np.array(self.symbols, dtype=np.str_),
            "first_flow": self.first_flow,
            "flows": _coarse(self.flows),
        }

    def take_flows(self, arrays: Mapping[str, object]) -> None:
        """Fill in saved flows by symbol; those of other settings or of another shape are left."""
        saved = {name: np.asarray(value) for name, value in arrays.items()}
        if not {"fingerprint", "symbols", "first_flow", "flows"} <= saved.keys():
            return
        shape = (len(saved["symbols"]), self.flows.shape[1])
        fits = saved["flows"].shape == shape and saved["first_flow"].shape == shape[:1]
        if not fits or str(saved["fingerprint"]) != self.fingerprint:
            return
        pairs = [
            (self.rows[str(symbol)], source)
            for source, symbol in enumerate(saved["symbols"])
            if str(symbol) in self.rows
        ]
        rows = np.array([row for row, _ in pairs], dtype=np.int64)
        sources = np.array([source for _, source in pairs], dtype=np.int64)
        self.flows[rows] = _fine(saved["flows"][sources])
        self.first_flow[rows] = saved["first_flow"][sources]

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, object], fingerprint: str, detector: Detector
    ) -> DetectState | None:
        """Return the saved state without flows; None: other settings made it or it is not whole."""
        saved = {name: np.asarray(value) for name, value in arrays.items()}
        try:
            if str(saved["fingerprint"]) != fingerprint:
                return None
            state = cls(
                fingerprint=fingerprint,
                symbols=[str(symbol) for symbol in saved["symbols"]],
                **{name: saved[name] for name in TIMES},
                flows=np.full((len(saved["symbols"]), flows_kept(detector)), np.inf),
                carry=Carry(*(saved[f"carry_{column.name}"] for column in fields(Carry))),
                base=Carry(*(saved[f"base_{column.name}"] for column in fields(Carry))),
                looks=_looks(saved),
                others=frozenset(str(symbol) for symbol in saved["others"]),
                chosen=str(saved.get("chosen", "")),
                instruments_time=int(saved["instruments_time"]),
                refreshed={int(number): int(time) for number, time in saved["refreshed"]},
                judged=[
                    JudgedSpan(str(symbol), int(begin), int(end))
                    for symbol, (begin, end) in zip(
                        saved["judged_symbol"], saved["judged_span"], strict=True
                    )
                ],
            )
        except (KeyError, TypeError, ValueError, IndexError):
            return None
        return state if state._whole() else None

    def _whole(self) -> bool:
        count = len(self.symbols)
        columns: list[NDArray[np.generic]] = [getattr(self, name) for name in TIMES]
        columns += [
            getattr(carry, f.name) for carry in (self.carry, self.base) for f in fields(Carry)
        ]
        columns += [look.flow for look in self.looks]
        return (
            len(self.rows) == count
            and self.flows.shape[0] == count
            and all(len(column) == count for column in columns)
            and all(span.symbol in self.rows for span in self.judged)
        )


def _coarse(flows: FloatArray) -> NDArray[np.int16]:
    """Return flows in two bytes each: rounded up to an eighth of a doubling, a bound still."""
    with np.errstate(divide="ignore"):
        steps = np.ceil(STEPS * np.log2(flows))
    clipped = np.clip(steps, NO_FLOW, UNKNOWN_FLOW)
    coarse: NDArray[np.int16] = clipped.astype(np.int16)
    return coarse


def _fine(steps: NDArray[Any]) -> FloatArray:
    flows = 2.0 ** (steps.astype(np.float64) / STEPS)
    flows[steps <= NO_FLOW] = 0.0
    flows[steps >= UNKNOWN_FLOW] = np.inf
    return flows


def _looks(saved: Mapping[str, NDArray[Any]]) -> tuple[Reading, ...]:
    """Return the saved looks; an earlier version, which saved others, has none of them."""
    if "looks_time" not in saved:
        return ()
    unknown = np.full(len(saved["symbols"]), np.nan)
    return tuple(
        Reading(int(time), unknown, unknown, flow)
        for time, flow in zip(saved["looks_time"], saved["looks_flow"], strict=True)
    )
