"""The page's state, as plain JSON by section, from what a source has read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np

from pumpwatch import __version__
from pumpwatch.domain.detection.signals import Phase, PumpEvent, Signal
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.usecases.detect.market_ring import MarketRing
from pumpwatch.usecases.detect.report import Judgement
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.overview import Overview
from pumpwatch_workbench.pages.words import percent, plain, ratio

Section = dict[str, Any]
MOST_EVENTS, MOST_MOVERS, MOST_POINTS = 50, 20, 500
CHART = "https://www.tradingview.com/chart/?symbol=BYBIT:{symbol}.P"
EXCHANGE = "https://www.bybit.com/trade/usdt/{symbol}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a source has read. `signals` are the last day's, `runs` the latest, newest first."""

    kind: str
    can_act: bool
    base_url: str
    overview: Overview
    option: str = ""
    """The option that names it on the command line."""
    signals: Sequence[Signal] = ()
    events: Sequence[PumpEvent] = ()
    trades: Mapping[str, Trade] = field(default_factory=dict)
    runs: Sequence[RunRecord] = ()
    equity: Sequence[tuple[int, Decimal]] = ()
    ring: MarketRing | None = None
    told: Section = field(default_factory=dict)
    """What detection judged lately, and its counts."""
    usual: Mapping[str, float] = field(default_factory=dict)
    """Mean turnover of a minute."""


def sections(seen: Seen) -> Section:
    """Return every section of the page."""
    told = seen.overview
    state = {
        "about": {
            **_of(told, "name", "mode", "stage"),
            **_of(seen, "kind", "can_act", "option", "base_url"),
            **{"chart_url": CHART, "exchange_url": EXCHANGE},
            "money_moved": told.mode == "live" and seen.kind != "run",
        },
        "safety": _safety(told),
        "market": _market(seen),
        "events": list(_events(seen)),
        "positions": [_position(told, trade) for trade in told.trades],
        "account": _account(seen),
        "health": _health(seen),
    }
    return {name: plain(section) for name, section in state.items()}


def _safety(told: Overview) -> Section:
    bare = [trade.symbol for trade in told.trades if trade.stop_loss is None]
    halts = [f"{trade.symbol}: {trade.halts}" for trade in told.halting]
    pauses = [lock.protection for lock in told.locks if not lock.symbol]
    halted = told.halt is not None and f"{told.halt.by}: {told.halt.reason}"
    # The first that is true says how safe it is.
    checks = (
        ("bad", "Something is open and nothing runs that cares for it: start it", told.abandoned),
        ("bad", f"Not cared for: {'; '.join(told.unreadable)}", told.unreadable),
        ("bad", f"Open without a stop: {', '.join(bare)}", bare),
        ("warning", f"Halted by {halted}", halted),
        ("warning", f"Halted until somebody has looked at {'; '.join(halts)}", halts),
        ("warning", "It does not run", told.process == ""),
        ("warning", f"No recent success of {' and '.join(told.late)}", told.late),
        ("warning", f"Entries are paused: {', '.join(pauses)}", pauses),
        ("good", "Watching; each open position has its stop", told.trades),
        ("good", "Watching; nothing is open", True),
    )
    level, sentence = next((level, sentence) for level, sentence, true in checks if true)
    return {
        "halted": told.halt,
        "halting": [
            {"id": trade.signal_id, "symbol": trade.symbol, "reason": trade.halts}
            for trade in told.halting
        ],
        "locks": [
            {"name": lock.protection, **_of(lock, "reason", "until", "symbol")}
            for lock in told.locks
        ],
        "without_stop": len(bare),
        **_of(told, "late", "ages", "unreadable"),
        "running": None if told.process is None else bool(told.process),
        "nothing_cares": told.abandoned,
        **{"level": level, "sentence": sentence},
    }


def _market(seen: Seen) -> Section:
    ring, counts = seen.ring, seen.told.get("counts", {})
    judged = [Judgement(*each) for each in reversed(seen.told.get("judged", []))]
    time = ring.time if ring else 0
    return {
        "time": time,
        "symbols": counts.get("symbols", len(ring.symbols) if ring else 0),
        "movers": _movers(ring, seen.usual) if ring else [],
        "bursts": [
            each.symbol for each in judged if each.what == "burst" and each.time > time - MINUTE
        ],
        "judged": [{**each._asdict(), "verdict": _verdict(each)} for each in judged],
        "counts": {name.removeprefix("candidates_"): count for name, count in counts.items()},
    }


def _verdict(judged: Judgement) -> str:
    """Return the sentence that says what was seen, and why nothing followed."""
    if judged.reason:
        return f"not judged: {judged.reason}"
    why = "a pump" if judged.alarmed else "too little for the rule"
    if judged.margin < 0:
        why = f"score {ratio(-judged.margin)} below its threshold"
    if math.isnan(judged.strength + judged.jump):
        return why
    return f"{ratio(judged.strength)} times the usual flow, {percent(judged.jump)}: {why}"


def _movers(ring: MarketRing, usual: Mapping[str, float]) -> list[Section]:
    last, ago = ring.ring.last[:, -1], ring.time - np.array([MINUTE, 5 * MINUTE])
    with np.errstate(invalid="ignore", divide="ignore"):
        # Before it began a ring knows no price.
        change = (
            last[:, None] / np.where(ago >= ring.ring.time[0], ring.ring.last_at(ago), math.nan)
            - 1.0
        )
    flow = ring.ring.flow[:, -1] - ring.ring.flow_at(ago[:1])[:, 0]
    order = np.argsort(-np.abs(np.nan_to_num(change[:, 0])), kind="stable")[:MOST_MOVERS]
    return [
        {
            "symbol": ring.symbols[row],
            "price": _text(last[row]),
            "change_1m": float(change[row, 0]),
            "change_5m": float(change[row, 1]),
            "turnover_1m": _text(flow[row]),
            "usual_ratio": float(flow[row] / usual.get(ring.symbols[row], math.nan)),
        }
        for row in order.tolist()
    ]


def _events(seen: Seen) -> Iterator[Section]:
    """Yield the latest events, the newest first."""
    current = {event.event_id: event for event in seen.events}
    # Of an event's trades one that was entered counts more than one that was denied.
    traded = {trade.event_id: trade for trade in sorted(seen.trades.values(), key=was_sent)}
    ring = seen.ring or MarketRing()
    flow = dict(zip(ring.symbols, np.ptp(ring.ring.flow, axis=1), strict=True) if ring.time else ())
    by_event: dict[str, list[Signal]] = {}
    for signal in seen.signals:
        by_event.setdefault(signal.event_id, []).append(signal)
    newest = sorted(by_event.values(), key=lambda signals: -signals[0].time)
    for signals in newest[:MOST_EVENTS]:
        first = signals[0]
        event, trade = current.get(first.event_id), traded.get(first.event_id)
        phases = [_of(signal, "phase", "time", "price") for signal in signals]
        if event and event.phase is not signals[-1].phase:
            moved = {"phase": event.phase, "time": event.phase_since, "price": event.last_price}
            phases.append(moved)
        peak = max([event.peak_price if event else 0.0, *(each.peak_price for each in signals)])
        dropped = trade is not None and not was_sent(trade)
        is_open = event is not None and event.phase is not Phase.OVER
        yield {
            "id": first.event_id,
            **_of(first, "symbol", "time", "strength"),
            "phase": phases[-1]["phase"],
            "phases": phases,
            "rise": peak / first.base_price - 1.0,
            "turnover": _text(flow.get(first.symbol, math.nan)) if is_open else None,
            "trade": trade.signal_id if trade and not dropped else None,
            "result": trade.realised_pnl if trade and trade.exit_time else None,
            "why_not": trade.denial if trade and dropped else None,
            "open": is_open,
        }


def _position(told: Overview, trade: Trade) -> Section:
    price, entry, stop = told.prices.get(trade.symbol), trade.entry_price, trade.stop_loss
    closing = told.halt is not None and told.halt.close_positions
    return {
        "id": trade.signal_id,
        "event": trade.event_id,
        **_of(trade, "symbol", "side", "state", "quantity", "closes_at"),
        **{"entry": entry, "price": price, "stop": stop, "target": trade.take_profit},
        "open_result": told.open_result(trade),
        "risk": abs(entry - stop) * trade.quantity if entry and stop is not None else None,
        "notional": (price or entry or Decimal(0)) * trade.quantity,
        "opened": trade.entry_time or trade.created,
        "asked_to_close": closing or trade.signal_id in told.to_close,
    }


def _account(seen: Seen) -> Section:
    told, points = seen.overview, seen.equity
    kept = [*points[:: max(1, math.ceil(len(points) / (MOST_POINTS - 1)))], *points[-1:]]
    return {
        **{"equity": told.equity_usdt, "start": points[0][1] if points else None},
        **{"profit": told.profit_usdt, "profit_today": told.profit_today_usdt},
        "orders_today": told.orders_today,
        "points": [[time, float(value)] for time, value in dict(kept).items()],
    }


def _health(seen: Seen) -> Section:
    now, newest = seen.overview.now, seen.runs[0] if seen.runs else None
    recent = [run for run in seen.runs if run.time > now - HOUR]
    parts = [newest.detect_seconds or 0.0, newest.trade_seconds or 0.0] if newest else []
    return {
        "requests": sum(run.requests for run in recent) if recent else None,
        "errors": sum(bool(run.problem) for run in recent),
        "lag_seconds": (now - seen.ring.time) / 1000 if seen.ring else None,
        "tick_seconds": sum(parts) if parts else None,
        "scan_seconds": parts[0] if parts else None,
        "problems": list(dict.fromkeys(run.problem for run in recent if run.problem))[:5],
        "version": __version__,
    }


def was_sent(trade: Trade) -> bool:
    """Return whether a position came, or may come, of a trade."""
    return trade.state is not TradeState.DROPPED


def _of(record: object, *names: str) -> Section:
    return {name: getattr(record, name) for name in names}


def _text(value: float) -> str | None:
    return format(Decimal(f"{value:.7g}").normalize(), "f") if math.isfinite(value) else None
