"""The sections of the page's state, from what a source has read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from pumpwatch import __version__
from pumpwatch.domain.detection.bursts import DAY_OF_MINUTES
from pumpwatch.domain.detection.signals import Phase, PumpEvent, Signal
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.usecases.detect.market_ring import MarketRing
from pumpwatch.usecases.detect.report import Judgement
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.overview import Overview
from pumpwatch_workbench.play.messages.message import CHARTS

Section = dict[str, Any]
MOST_EVENTS, MOST_MOVERS, MOST_POINTS = 50, 20, 500


def about(told: Overview, *, kind: str, can_act: bool, option: str) -> Section:
    """Return whose page it is; `option` names the installation on the command line."""
    return {
        **_of(told, "name", "mode"),
        **{"kind": kind, "can_act": can_act, "option": option},
        **{"chart_url": CHARTS["TradingView"], "exchange_url": CHARTS["Bybit"]},
        "money_moved": told.mode == "live" and kind != "run",
    }


def safety(told: Overview) -> Section:
    """Return how safe it is, and why."""
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
        "locks": [_of(lock, "reason", "until", "symbol") for lock in told.locks],
        "without_stop": len(bare),
        **_of(told, "ages", "unreadable"),
        "running": None if told.process is None else bool(told.process),
        **{"level": level, "sentence": sentence},
    }


def market(ring: MarketRing, kept: Section) -> Section:
    """Return what moves, and what detection judged lately: `kept` is what lies beside the ring."""
    judged = [Judgement(*each)._asdict() for each in reversed(kept.get("judged", ()))]
    bursts = [each for each in judged if each["what"] == "burst"]
    counts = kept.get("counts", {})
    return {
        "time": ring.time,
        "symbols": counts.get("symbols", len(ring.symbols)),
        "movers": _movers(ring) if ring.time else [],
        "bursts": [each["symbol"] for each in bursts if each["time"] > ring.time - MINUTE],
        "judged": judged,
        "counts": {name.removeprefix("candidates_"): count for name, count in counts.items()},
    }


def _movers(ring: MarketRing) -> list[Section]:
    last, ago = ring.ring.last[:, -1], ring.time - np.array([MINUTE, 5 * MINUTE])
    # Before it began a ring knows no price.
    before = np.where(ago >= ring.ring.time[0], ring.ring.last_at(ago), math.nan)
    flow = ring.ring.flow[:, -1] - ring.ring.flow_at(ago[:1])[:, 0]
    with np.errstate(invalid="ignore", divide="ignore"):
        change = last[:, None] / before - 1.0
        usual_ratio = flow / (ring.turnover / DAY_OF_MINUTES)
    order = np.argsort(-np.abs(np.nan_to_num(change[:, 0])), kind="stable")[:MOST_MOVERS]
    return [
        {
            "symbol": ring.symbols[row],
            "price": float(last[row]),
            "change_1m": float(change[row, 0]),
            "change_5m": float(change[row, 1]),
            "turnover_1m": float(flow[row]),
            "usual_ratio": float(usual_ratio[row]),
        }
        for row in order.tolist()
    ]


def events(
    signals: Sequence[Signal],
    going_on: Sequence[PumpEvent],
    trades: Mapping[str, Trade],
    ring: MarketRing,
) -> Iterator[Section]:
    """Yield the latest events, the newest first."""
    current = {event.event_id: event for event in going_on}
    # Of an event's trades one that was entered counts more than one that was denied.
    traded = {trade.event_id: trade for trade in sorted(trades.values(), key=was_sent)}
    spans = np.ptp(ring.ring.flow, axis=1).tolist() if ring.time else []
    flow = dict(zip(ring.symbols, spans, strict=True))
    by_event: dict[str, list[Signal]] = {}
    for signal in signals:
        by_event.setdefault(signal.event_id, []).append(signal)
    newest = sorted(by_event.values(), key=lambda signals: -signals[0].time)
    for own in newest[:MOST_EVENTS]:
        first = own[0]
        event, trade = current.get(first.event_id), traded.get(first.event_id)
        phases = [_of(signal, "phase", "time", "price") for signal in own]
        if event and event.phase is not own[-1].phase:
            moved = {"phase": event.phase, "time": event.phase_since, "price": event.last_price}
            phases.append(moved)
        peak = max([event.peak_price if event else 0.0, *(each.peak_price for each in own)])
        dropped = trade is not None and not was_sent(trade)
        is_open = event is not None and event.phase is not Phase.OVER
        yield {
            "id": first.event_id,
            **_of(first, "symbol", "time"),
            "phase": phases[-1]["phase"],
            "phases": phases,
            "rise": peak / first.base_price - 1.0,
            "turnover": flow.get(first.symbol) if is_open else None,
            "trade": trade.signal_id if trade and not dropped else None,
            "result": trade.realised_pnl if trade and trade.exit_time else None,
            "why_not": trade.denial if trade and dropped else None,
            "open": is_open,
        }


def position(told: Overview, trade: Trade) -> Section:
    """Return an open trade with its levels and what it would win now."""
    price, entry, stop = told.prices.get(trade.symbol), trade.entry_price, trade.stop_loss
    closing = told.halt is not None and told.halt.close_positions
    return {
        "id": trade.signal_id,
        **_of(trade, "symbol", "side", "quantity", "closes_at"),
        **{"entry": entry, "price": price, "stop": stop, "target": trade.take_profit},
        "open_result": told.open_result(trade),
        "risk": abs(entry - stop) * trade.quantity if entry and stop is not None else None,
        "notional": (price or entry or Decimal(0)) * trade.quantity,
        "asked_to_close": closing or trade.signal_id in told.to_close,
    }


def account(told: Overview, trades: Mapping[str, Trade]) -> Section:
    """Return what it is worth; before each close it was that trade's result less.

    So deposits and withdrawals are no part of the curve.
    """
    points: dict[int, float] = {}
    if told.equity_usdt is not None:
        worth = told.equity_usdt - (told.unrealised or 0)
        closed = [
            (trade.exit_time, trade.created, trade.realised_pnl)
            for trade in trades.values()
            if trade.exit_time and trade.is_of_mode(told.mode)
        ]
        closed = sorted(closed, reverse=True)[: MOST_POINTS - 1]
        for exited, _, result in closed:
            points.setdefault(exited, float(worth))
            worth -= result
        if closed:
            points[closed[-1][1]] = float(worth)  # as that trade began
    return {
        **{"equity": told.equity_usdt, "profit": told.profit_usdt},
        "profit_today": told.profit_today_usdt,
        "points": sorted(points.items()),
    }


def health(told: Overview, runs: Sequence[RunRecord], ring: MarketRing) -> Section:
    """Return what the last hour's runs did, where they are kept."""
    problems = [run.problem for run in runs if run.problem]
    return {
        "requests": sum(run.requests for run in runs) if runs else None,
        "errors": len(problems),
        "problems": list(dict.fromkeys(problems))[-5:],
        "lag_seconds": (told.now - ring.time) / 1000 if ring.time else None,
        "version": __version__,
    }


def was_sent(trade: Trade) -> bool:
    """Return whether a position came, or may come, of a trade."""
    return trade.state is not TradeState.DROPPED


def _of(record: object, *names: str) -> Section:
    return {name: getattr(record, name) for name in names}
