"""The page's state, from a store that a desk filled."""

import json
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from support.records import NOW, a_signal, a_trade
from support.watched import a_ring, event_of, save_ring

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.halt import CloseRequest, Halt
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch_workbench.dashboard.sources import Source
from pumpwatch_workbench.local.memory import MemoryHistoryStore
from pumpwatch_workbench.local.store import RunRecord
from pumpwatch_workbench.operations.overview import Overview

AGES = {"detect": 5.0, "trade": 5.0}
OPEN = a_trade(state=TradeState.OPEN, entry_price=Decimal("1.1"), entry_time=NOW)


class Told(Source):
    """A source whose overview a test says."""

    def close(self):
        """Nothing is open."""

    def overview(self):
        return self.told


def state(
    kind="store", overview=None, *, signals=(), events=(), trades=(), runs=(), ring=None,
    seen_prices=(), **kept,
):  # fmt: skip
    told = {"stage": "paper", "mode": "paper", "halt": None, "ages": AGES, "process": "1"}
    told |= {"now": NOW, "name": "paper on this machine"} | (overview or {})
    history = MemoryHistoryStore()
    if ring:
        save_ring(history, ring, **kept)
    stores = SimpleNamespace(since=lambda _: signals), SimpleNamespace(current=lambda: events)
    source = Told(*stores, history)
    source.kind, source.book.trades = kind, dict(trades)
    source.told, source.runs = Overview(**told), lambda since: runs
    source.seen_prices = lambda symbol: seen_prices
    return json.loads(json.dumps(source.read(), allow_nan=False))


def test_a_positions_price_is_the_newest_that_is_known():
    told = {"trades": [OPEN], "prices": {"PUMPUSDT": Decimal("1.0")}}
    ring = a_ring(["PUMPUSDT"], NOW)
    assert state(overview=told)["positions"][0]["price"] == "1", "as a run noted it"
    assert state(overview=told, ring=ring)["positions"][0]["price"] == "2.2", "of the ring"
    page = state(overview=told, ring=ring, seen_prices=[(NOW - 5_000, 2.3), (NOW, 2.4)])
    assert page["positions"][0]["price"] == "2.4", "of the desk's last scan"


@pytest.mark.parametrize(
    ("told", "level", "words"),
    [
        ({}, "good", "nothing is open"),
        ({"trades": [OPEN]}, "good", "each open position has its stop"),
        ({"trades": [OPEN], "process": ""}, "bad", "nothing runs that cares"),
        ({"trades": [replace(OPEN, stop_loss=None)]}, "bad", "Open without a stop: PUMPUSDT"),
        ({"unreadable": ["trade X"]}, "bad", "Not cared for: trade X"),
        ({"halt": Halt("odd fills", NOW, "eve")}, "warning", "Halted by eve: odd fills"),
        ({"halting": [replace(OPEN, halts="lost")]}, "warning", "looked at PUMPUSDT: lost"),
        ({"process": ""}, "warning", "It does not run"),
        ({"ages": AGES | {"trade": 400.0}}, "warning", "No recent success of trade"),
    ],
)
def test_safety_is_one_sentence_the_worst_first(told, level, words):
    safety = state(overview=told)["safety"]
    assert safety["level"] == level
    assert words in safety["sentence"]


def test_an_event_tells_its_phases_and_its_trade_or_why_there_is_none():
    first, later = (
        a_signal(phase=phase, time=NOW + n * MINUTE, event_id="e", signal_id=f"s{n}")
        for n, phase in enumerate((Phase.RISING, Phase.PEAKED))
    )
    other = a_signal("OTHERUSDT", event_id="f", time=NOW + 5 * MINUTE)
    denied = a_trade("s9", event_id="f", state=TradeState.DROPPED, denial="too wide")
    page = state(
        signals=[first, later, other],
        events=[event_of(later, phase=Phase.FADING, phase_since=NOW + 4 * MINUTE, peak_price=1.3)],
        trades={
            "s0": a_trade("s0", event_id="e"),
            "s1": a_trade("s1", event_id="e", state=TradeState.DROPPED, denial="open already"),
            "s9": denied,
        },
    )
    newest, oldest = page["events"]
    assert [newest[name] for name in ("id", "trade", "why_not", "open")] == [
        "f", None, "too wide", False
    ]  # fmt: skip
    assert [phase["phase"] for phase in oldest["phases"]] == ["rising", "peaked", "fading"]
    assert (oldest["trade"], oldest["open"], oldest["why_not"]) == ("s0", True, None)
    assert oldest["rise"] == pytest.approx(0.3)


def test_a_position_tells_its_levels_and_what_it_is_worth():
    request = {"signal-1": CloseRequest("signal-1", NOW, "eve", "news")}
    told = {"trades": [OPEN], "prices": {"PUMPUSDT": Decimal("1.0")}, "to_close": request}
    (position,) = state(overview=told)["positions"]
    wanted = {
        "id": "signal-1",
        "side": "sell",
        "entry": "1.1",
        "price": "1",
        "stop": "1.236",
        "target": "1.05",
        "open_result": "4.55",
        "risk": "6.188",
        "notional": "45.5",
        "asked_to_close": True,
    }
    assert {name: position[name] for name in wanted} == wanted | {"side": position["side"]}
    assert state(overview={"trades": [OPEN]})["positions"][0]["open_result"] is None


def test_the_market_tells_what_moves_and_why_nothing_followed():
    judged = [
        ["LATE", NOW - 5 * MINUTE, "candle", "too little for the rule", False],
        ["OLD", NOW - 5 * MINUTE, "burst", "a pump", True],
        ["PUMP", NOW, "burst", "a pump", True],
    ]
    ring = a_ring(["A", "B"], NOW)
    ring.turnover[1] = np.nan
    market = state(ring=ring, judged=judged, symbols=2, candidates_deferred=3)["market"]
    assert [each["symbol"] for each in market["judged"]] == ["PUMP", "OLD", "LATE"]
    assert market["judged"][0] == {
        "symbol": "PUMP", "time": NOW, "what": "burst", "verdict": "a pump", "alarmed": True
    }  # fmt: skip
    assert market["bursts"] == ["PUMP"]
    assert market["counts"] == {"symbols": 2, "deferred": 3}
    first, second = market["movers"]
    assert (first["symbol"], first["price"]) == ("A", pytest.approx(2.2))
    assert first["change_1m"] == pytest.approx(0.1)
    assert first["usual_ratio"] == pytest.approx(2.0)
    assert (second["change_1m"], second["usual_ratio"]) == (0.0, None)
    short = state(ring=a_ring(["A"], NOW, snapshots=15))["market"]["movers"][0]
    assert short["change_5m"] is None, "the ring began later"


def test_the_curve_goes_back_from_what_is_known_now_over_the_closed_trades():
    trades = {
        f"s{n}": replace(OPEN, signal_id=f"s{n}", created=NOW + n, exit_time=NOW + (n + 1) * MINUTE,
            realised_pnl=Decimal(1))
        for n in range(600)
    }  # fmt: skip
    trades["other"] = replace(OPEN, mode="demo", exit_time=NOW, realised_pnl=Decimal(1_000))
    told = {"equity_usdt": Decimal(5_600), "mode": OPEN.mode}
    points = state(overview=told, trades=trades)["account"]["points"]
    assert (len(points), points[-1]) == (500, [NOW + 600 * MINUTE, 5600.0])
    assert points[:2] == [[NOW + 101, 5101.0], [NOW + 102 * MINUTE, 5102.0]]
    still = told | {"trades": [OPEN], "prices": {"PUMPUSDT": Decimal("1.0")}}
    account = state(overview=still, trades=trades)["account"]
    assert (account["equity"], account["points"][-1][1]) == ("5600", 5595.45), (
        "without open results"
    )
    risen = state(overview=still, trades=trades, ring=a_ring(["PUMPUSDT"], NOW))
    assert risen["positions"][0]["price"] == "2.2"
    assert risen["account"] == account, "the curve stays while prices move"
    assert state(trades=trades)["account"]["points"] == [], "nothing here knows the equity"


def test_health_is_that_of_the_last_hours_runs():
    runs = [RunRecord(NOW - MINUTE, 0.5, 0.25, requests=7, problem="trade did not work")]
    health = state(runs=runs)["health"]
    assert (health["requests"], health["errors"]) == (7, 1)
    assert health["problems"] == ["trade did not work"]


def test_only_real_money_is_called_so():
    assert state(overview={"mode": "live"})["about"]["money_moved"]
    assert not state("run", overview={"mode": "live"})["about"]["money_moved"]
    assert not state(overview={"mode": "demo"})["about"]["money_moved"]
