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
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.overview import Overview
from pumpwatch_workbench.pages.words import percent, plain, ratio

Section = dict[str, Any]
MOST_EVENTS, MOST_MOVERS, MOST_POINTS = 50, 20, 500
CHART = "https://www.tradingview.com/chart/?symbol=BYBIT:{symbol}.P"
EXCHANGE = "https://www.bybit.com/trade/usdt/{symbol}"
LONG_SILENCE = 30 * MINUTE
"""Age of the ring beyond which it says nothing of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a source has read."""

    kind: str
    can_act: bool
    base_url: str
    overview: Overview
    signals: Sequence[Signal] = ()
    """Of the last 24 hours, oldest first."""
    events: Sequence[PumpEvent] = ()
    trades: Mapping[str, Trade] = field(default_factory=dict)
    """By signal id, those that were denied included."""
    runs: Sequence[RunRecord] = ()
    """The latest ones, newest first."""
    equity: Sequence[tuple[int, Decimal]] = ()
    start: Decimal | None = None
    ring: MarketRing | None = None
    told: Section = field(default_factory=dict)
    """What detection kept of its judgements, see `Judgements`."""
    usual: Mapping[str, float] = field(default_factory=dict)
    """Mean turnover of a minute by symbol."""


def sections(seen: Seen) -> dict[str, Any]:
    """Return every section of the page."""
    state = {
        "about": _about(seen),
        "safety": _safety(seen.overview),
        "market": _market(seen),
        "events": list(_events(seen))[:MOST_EVENTS],
        "positions": [_position(seen, trade) for trade in seen.overview.trades],
        "account": _account(seen),
        "health": _health(seen),
    }
    return {name: plain(section) for name, section in state.items()}


def _about(seen: Seen) -> Section:
    told = seen.overview
    return {
        "name": told.name,
        "mode": told.mode,
        "stage": told.stage,
        "kind": seen.kind,
        "can_act": seen.can_act,
        "base_url": seen.base_url,
        "chart_url": CHART,
        "exchange_url": EXCHANGE,
        "money_moved": told.mode == "live" and seen.kind != "run",
    }


def _safety(told: Overview) -> Section:
    without_stop = [trade.symbol for trade in told.trades if trade.stop_loss is None]
    level, sentence = _judged_safe(told, without_stop)
    return {
        "halted": told.halt,
        "halting": [
            {"id": each.signal_id, "symbol": each.symbol, "reason": each.halts}
            for each in told.halting
        ],
        "locks": [
            {"name": lock.protection, **plain_fields(lock, "reason", "until", "symbol")}
            for lock in told.locks
        ],
        "without_stop": len(without_stop),
        "late": told.late,
        "ages": {name: age if age is None else round(age, 1) for name, age in told.ages.items()},
        "running": None if told.process is None else bool(told.process),
        "nothing_cares": told.abandoned,
        "unreadable": told.unreadable,
        "level": level,
        "sentence": sentence,
    }


def _judged_safe(told: Overview, without_stop: Sequence[str]) -> tuple[str, str]:
    """Return how safe it is, and the worst of it as a sentence."""
    first = next(iter(told.halting), None)
    bad = {
        "Something is open and nothing runs that cares for it: start it": told.abandoned,
        f"Not cared for, and nothing is opened: {', '.join(told.unreadable)}": told.unreadable,
        f"Open without a stop: {', '.join(without_stop)}": without_stop,
    }
    warning = {
        f"Halted by {told.halt.by}: {told.halt.reason}" if told.halt else "": told.halt,
        f"Halted by a trade in {first.symbol}: {first.halts}" if first else "": first,
        "It does not run": told.process == "",
        f"Late: no recent success of {' and '.join(told.late)}": told.late,
        f"Entries are paused by {', '.join(lock.protection for lock in told.locks)}": told.locks,
    }
    for level, checks in (("bad", bad), ("warning", warning)):
        for sentence, true in checks.items():
            if true:
                return level, sentence
    open_now = f"{len(told.trades)} open, each with its stop" if told.trades else "nothing is open"
    return "good", f"Watching, {open_now}"


def _market(seen: Seen) -> Section:
    ring, judged = seen.ring, seen.told.get("judged", [])
    time = ring.time if ring else 0
    newest = [_verdict(each) for each in reversed(judged)]
    counts = seen.told.get("counts", {})
    return {
        "time": time,
        "symbols": counts.get("symbols", len(ring.symbols) if ring else 0),
        "movers": _movers(ring, seen.usual) if ring else [],
        "bursts": [
            each["symbol"]
            for each in newest
            if each["what"] == "burst" and each["time"] > time - MINUTE
        ],
        "judged": newest,
        "counts": {name.removeprefix("candidates_"): count for name, count in counts.items()},
    }


def _verdict(judged: Section) -> Section:
    """Return a judgement with the sentence that says why nothing followed, or what."""
    known = [
        f"{ratio(judged['strength'])} times the usual flow" * ("strength" in judged),
        f"{percent(judged['jump'])}" * ("jump" in judged),
    ]
    if judged["reason"]:
        why = f"not judged: {judged['reason']}"
    elif judged["alarm"]:
        why = "a pump"
    elif judged.get("margin", 0) < 0:
        why = f"score {ratio(-judged['margin'])} below its threshold"
    else:
        why = "too little for the rule"
    return {
        "symbol": judged["symbol"],
        "time": judged["time"],
        "what": judged["kind"],
        "verdict": ", ".join(filter(None, [*known, why])),
        "alarmed": judged["alarm"],
    }


def _movers(ring: MarketRing, usual: Mapping[str, float]) -> list[Section]:
    last, ago = ring.ring.last[:, -1], np.array([ring.time - MINUTE, ring.time - 5 * MINUTE])
    with np.errstate(invalid="ignore", divide="ignore"):
        # Beyond its beginning a ring knows no price.
        before = np.where(ago >= ring.ring.time[0], ring.ring.last_at(ago), math.nan)
        change = last[:, None] / before - 1.0
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
    """Yield the events of the last day, the newest first."""
    current = {event.event_id: event for event in seen.events}
    by_event: dict[str, list[Signal]] = {}
    for signal in seen.signals:
        by_event.setdefault(signal.event_id, []).append(signal)
    traded = {trade.event_id: trade for trade in seen.trades.values()}
    ordered = sorted(by_event.items(), key=lambda item: item[1][0].time, reverse=True)
    for event_id, signals in ordered[:MOST_EVENTS]:
        first, event, trade = signals[0], current.get(event_id), traded.get(event_id)
        phases = [plain_fields(signal, "phase", "time", "price") for signal in signals]
        if event and event.phase is not signals[-1].phase:
            phases.append(
                {"phase": event.phase, "time": event.phase_since, "price": event.last_price}
            )
        dropped = trade is not None and trade.state is TradeState.DROPPED
        peak = max(event.peak_price if event else 0.0, *(signal.peak_price for signal in signals))
        yield {
            "id": event_id,
            "symbol": first.symbol,
            "time": first.time,
            "phase": phases[-1]["phase"],
            "phases": phases,
            "rise": peak / first.base_price - 1.0,
            "strength": first.strength,
            "turnover": _turnover(seen.ring, first.symbol) if event else None,
            "trade": trade.signal_id if trade and not dropped else None,
            "result": trade.realised_pnl if trade and trade.exit_time else None,
            "why_not": trade.denial if trade and dropped else None,
            "open": event is not None and event.phase is not Phase.OVER,
        }


def _turnover(ring: MarketRing | None, symbol: str) -> str | None:
    """Return what the ring saw of it in its minutes, USDT."""
    if ring is None or symbol not in ring.symbols:
        return None
    flow = ring.ring.flow[ring.symbols.index(symbol)]
    return _text(np.nanmax(flow) - np.nanmin(flow)) if not np.isnan(flow).all() else None


def _position(seen: Seen, trade: Trade) -> Section:
    told, stop = seen.overview, trade.stop_loss
    price, entry = told.prices.get(trade.symbol), trade.entry_price
    return {
        "id": trade.signal_id,
        "event": trade.event_id,
        **plain_fields(trade, "symbol", "side", "state", "quantity", "closes_at"),
        "entry": entry,
        "price": price,
        "stop": stop,
        "target": trade.take_profit,
        "open_result": told.open_result(trade),
        "risk": abs(entry - stop) * trade.quantity if entry and stop is not None else None,
        "notional": (price or entry or Decimal(0)) * trade.quantity,
        "opened": trade.entry_time or trade.created,
        "asked_to_close": trade.signal_id in told.to_close
        or bool(told.halt and told.halt.close_positions),
    }


def _account(seen: Seen) -> Section:
    told, points = seen.overview, seen.equity
    step = max(1, math.ceil(len(points) / (MOST_POINTS - 1)))
    kept = [*points[::step], *points[-1:]]
    return {
        "equity": told.equity_usdt,
        "start": seen.start,
        "profit": told.profit_usdt,
        "profit_today": told.profit_today_usdt,
        "orders_today": told.orders_today,
        "points": [[time, float(value)] for time, value in dict(kept).items()],
    }


def _health(seen: Seen) -> Section:
    told, newest = seen.overview, next(iter(seen.runs), None)
    recent = [run for run in seen.runs if run.time > told.now - HOUR]
    ring = seen.ring
    lag = (told.now - ring.time) / 1000 if ring and told.now - ring.time < LONG_SILENCE else None
    parts = (newest.detect_seconds, newest.trade_seconds) if newest else ()
    return {
        "requests": sum(run.requests for run in recent) if recent else None,
        "errors": sum(bool(run.problem) for run in recent),
        "lag_seconds": lag,
        "tick_seconds": sum(part for part in parts if part is not None) if parts else None,
        "scan_seconds": newest.detect_seconds if newest else None,
        "problems": list(dict.fromkeys(run.problem for run in recent if run.problem))[:5],
        "version": __version__,
    }


def plain_fields(record: object, *names: str) -> Section:
    """Return some fields of a record."""
    return {name: getattr(record, name) for name in names}


def _text(value: float) -> str | None:
    return format(Decimal(f"{value:.7g}").normalize(), "f") if math.isfinite(value) else None
