"""A canned state of the live page: 1,000 symbols, 50 pumps and 3 positions."""

from __future__ import annotations

import math
import random
from typing import Any

NOW = 1_795_953_871_000
MINUTE = 60_000
PHASES = ("rising", "peaked", "fading", "over")
REASONS = (
    "the spread of 0.41 % is above 0.25 %",
    "the signal is 94 s old, older than 90 s",
    "3 positions are open, as many as allowed",
    "the daily loss limit is reached until 00:00",
)


def canned_state(symbols: int = 1_000) -> dict[str, Any]:
    """Return all sections as the server sends them first."""
    dice = random.Random(16)  # noqa: S311
    return {
        "now": NOW,
        "about": {
            "name": "paper on this machine (~/.pumpwatch/paper.db)",
            "mode": "paper",
            "stage": "local",
            "kind": "store",
            "can_act": True,
            "base_url": "https://api.bybit.com",
            "chart_url": "https://www.tradingview.com/chart/?symbol=BYBIT:{symbol}.P",
            "exchange_url": "https://www.bybit.com/trade/usdt/{symbol}",
            "money_moved": False,
            "option": "--mode paper",
        },
        "safety": {
            "halted": None,
            "halting": [],
            "locks": [],
            "without_stop": 0,
            "late": [],
            "ages": {"detect": 4.2, "trade": 2.1},
            "running": True,
            "nothing_cares": False,
            "unreadable": [],
            "level": "good",
            "sentence": "Watching; 3 open, each with its stop",
        },
        "market": _market(dice, symbols),
        "events": [_event(dice, number) for number in range(50)],
        "positions": _positions(),
        "account": {
            "equity": "10088.52",
            "start": "10000",
            "profit": "74.19",
            "profit_today": "31.07",
            "orders_today": 14,
            "points": _equity(dice),
        },
        "health": {
            "requests": 5412,
            "errors": 1,
            "lag_seconds": 0.84,
            "tick_seconds": 0.41,
            "scan_seconds": 0.36,
            "problems": [],
            "version": "0.16.0",
        },
    }


def canned_candles(number: int = 0) -> dict[str, Any]:
    """Return the chart of a pump: an hour before it, its rise, and what was given back."""
    dice = random.Random(number)  # noqa: S311
    price, rows, start = 0.0412, [], NOW - 90 * MINUTE
    for minute in range(90):
        drift = 0.05 if 66 <= minute < 71 else -0.012 if 71 <= minute < 80 else 0.0
        opened, price = price, price * (1 + drift + dice.gauss(0, 0.003))
        high = max(opened, price) * (1 + abs(dice.gauss(0, 0.002)))
        low = min(opened, price) * (1 - abs(dice.gauss(0, 0.002)))
        flow = 9_000 * math.exp(dice.gauss(0, 0.4)) * (14 if 66 <= minute < 76 else 1)
        rows.append([start + minute * MINUTE, opened, high, low, price, flow])
    peak = max(row[2] for row in rows)
    entry, when, stop = rows[73][4], start + 73 * MINUTE, peak * 1.01
    until = {"from": when, "until": None}
    return {
        "kind": "candles",
        "candles": rows,
        "lines": [],
        "marks": [
            {
                "time": start + 67 * MINUTE,
                "place": "above",
                "shape": "arrowUp",
                "colour": "signal",
                "text": "rising",
            },
            {
                "time": start + 71 * MINUTE,
                "place": "above",
                "shape": "circle",
                "colour": "signal",
                "text": "peaked",
            },
            {
                "time": when,
                "place": "in",
                "shape": "arrowDown",
                "colour": "trade",
                "text": "short",
                "price": entry,
            },
        ],
        "levels": [
            {"price": stop, "name": f"stop {stop:.5f}", "colour": "stop", **until},
            {"price": 0.0455, "name": "target 0.04550", "colour": "target", **until},
        ],
        "window": [start + 45 * MINUTE, NOW],
        "whole": [start, NOW],
        "decimals": 5,
    }


def _name(number: int) -> str:
    known = ("PUMP", "DOGE", "1000PEPE", "WIF", "PNUT", "MOODENG", "FARTCOIN", "TRB", "ORDI", "GAS")
    return f"{known[number]}USDT" if number < len(known) else f"C{number:03d}USDT"


def _market(dice: random.Random, symbols: int) -> dict[str, Any]:
    changes = sorted((dice.gauss(0, 0.012) for _ in range(20)), key=abs, reverse=True)
    movers = [
        {
            "symbol": _name(number),
            "price": f"{math.exp(dice.gauss(-2, 3)):.6g}",
            "change_1m": change,
            "change_5m": change + dice.gauss(0, 0.01),
            "turnover_1m": f"{math.exp(dice.gauss(11, 1)):.0f}",
            "usual_ratio": math.exp(dice.gauss(0.5, 1)),
        }
        for number, change in enumerate(changes)
    ]
    verdicts = (
        ("4.10 times the usual flow, +1.8 %, score 0.21 below its threshold", False),
        ("12.40 times the usual flow, +3.9 %, a pump", True),
        ("1.90 times the usual flow, +0.7 %, too little for the rule", False),
        ("6.20 times the usual flow, +2.2 %, not judged: it cools down", False),
    )
    judged = [
        {
            "symbol": _name(number % 10),
            "time": NOW - 7_000 - number * 41_000,
            "what": "burst" if number % 3 == 0 else "candle",
            "verdict": verdicts[number % 4][0],
            "alarmed": verdicts[number % 4][1],
        }
        for number in range(24)
    ]
    counts = {"candidates": 34, "deferred": 0, "unjudged": 2, "warming_up": 0}
    return {
        "time": NOW,
        "symbols": symbols,
        "movers": movers,
        "bursts": [_name(0)],
        "judged": judged,
        "counts": counts,
    }


def _event(dice: random.Random, number: int) -> dict[str, Any]:
    time = NOW - (8_000 if number == 0 else number * 1_100_000)
    reached = min(4, number + 1)
    base = math.exp(dice.gauss(-2, 2))
    phases = [
        {"phase": phase, "time": time + place * 95_000, "price": base * (1.2 - 0.04 * place)}
        for place, phase in enumerate(PHASES[:reached])
    ]
    traded = number % 4 == 1
    return {
        "id": f"event-{number}",
        "symbol": _name(number % 40),
        "time": time,
        "phase": PHASES[reached - 1],
        "phases": phases,
        "rise": 0.04 + abs(dice.gauss(0, 0.1)),
        "strength": 12.4,
        "turnover": f"{math.exp(dice.gauss(13, 1)):.0f}",
        "trade": f"signal-{number}" if traded else None,
        "result": f"{dice.gauss(4, 9):.4f}" if traded and number > 5 else None,
        "why_not": None if traded or number == 0 else REASONS[number % 4],
        "open": number < 3,
    }


def _positions() -> list[dict[str, Any]]:
    rows = (
        "signal-1 DOGEUSDT sell 1250 0.08211 0.07994 0.08430 0.07702 2.7125",
        "signal-5 MOODENGUSDT sell 3400 0.01912 0.01951 0.01988 0.01804 -1.326",
        "signal-9 1000PEPEUSDT buy 90 1.2044 1.2109 1.1820 1.2603 0.585",
    )
    names = ("id", "symbol", "side", "quantity", "entry", "price", "stop", "target", "open_result")
    return [
        dict(zip(names, row, strict=True))
        | {
            "event": row[0].replace("signal", "event"),
            "state": "open",
            "risk": "10.00",
            "notional": "102.63",
            "opened": NOW - 200_000 * place,
            "closes_at": NOW + (25_000 if place == 1 else 1_000_000 * place + 272_000),
            "asked_to_close": False,
        }
        for place, row in enumerate(map(str.split, rows))
    ]


def _equity(dice: random.Random) -> list[list[float]]:
    value, points = 10_000.0, []
    for place in range(400):
        value += dice.gauss(0.22, 2.4)
        points.append([NOW - (400 - place) * MINUTE, round(value, 2)])
    return [*points, [NOW, 10_088.52]]
