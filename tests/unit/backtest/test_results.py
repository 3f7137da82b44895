"""Figures of a backtest by hand, on trades whose candles are made for it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from support.backtests import flat_block, lively, pump_block

from pumpwatch.domain.detection.signals import Phase, Signal
from pumpwatch.domain.moments import HOUR, MINUTE
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, Trade, TradeState
from pumpwatch_workbench.recordings import LabelledPump
from pumpwatch_workbench.research.backtest.account import SimulatedTrade
from pumpwatch_workbench.research.backtest.engine import (
    BacktestOutcome,
    Coverage,
    FoundSignal,
    run_backtest,
)
from pumpwatch_workbench.research.backtest.equity import EquityCurve, equity_curve, time_in_market
from pumpwatch_workbench.research.backtest.market import window_at
from pumpwatch_workbench.research.backtest.results import (
    false_share,
    results_of,
    suspicions,
    wilson_interval,
)

DAY = 24 * HOUR


def position(number, pnl, *, entered=10, exited=20, quantity="1", price=100.0, side=Side.BUY):
    block = flat_block(60, start=entered)
    block.candles.close[:] = price
    window = window_at(block, 0, 0, alarm=0, reach=60, strength=1.0, jump=0.1)
    trade = Trade(
        signal_id=f"s{number}",
        event_id=f"e{number}",
        symbol="AUSDT",
        strategy="fade",
        side=side,
        state=TradeState.CLOSED,
        signal_time=entered * MINUTE,
        signal_price=Decimal(100),
        created=entered * MINUTE,
        quantity=Decimal(quantity),
        entry_price=Decimal(100),
        entry_time=entered * MINUTE,
        exit_price=Decimal(100),
        exit_time=exited * MINUTE,
        exit_reason=ExitReason.TIME_LIMIT,
        realised_pnl=Decimal(pnl),
    )
    return SimulatedTrade(trade, Decimal(quantity) * 2, window, None)


def outcome_of(*positions, dropped=(), signals=(), days=2):
    coverage = Coverage(0, days * DAY, days * 1440, 1, {"AUSDT"})
    return BacktestOutcome(lively(), coverage, 3, tuple(signals), tuple(positions), tuple(dropped))


def test_counts_rates_and_factors():
    thin = position(9, 0).trade.with_(
        denial="the candle was too thin or too wild to fill anything", state=TradeState.DROPPED
    )
    denied = thin.with_(denial="symbol_cooldown: a trade in A was just closed")
    results = results_of(
        outcome_of(
            position(1, 30), position(2, -10, entered=30, exited=40), dropped=(thin, denied, thin)
        )
    )
    assert (results.trades, results.won, results.win_rate) == (2, 1, 0.5)
    assert (results.entries, results.trades, results.fill_rate) == (4, 2, 0.5)
    assert results.filled_share == 0.5
    assert (results.net_profit, results.profit_factor) == (20, 3.0)
    assert results.to_json()["final_equity_usdt"] == 10_020
    assert dict(results.denials)["symbol_cooldown"] == 1
    assert results.exposure == pytest.approx(20 / (2 * 1440))
    assert results.curve.sharpe(3 * DAY) is not None
    assert results.sharpe is None  # of two trades it would say nothing


def test_without_trades_nothing_is_claimed():
    results = results_of(outcome_of())
    assert results.trades == 0
    assert (results.win_rate, results.fill_rate, results.profit_factor) == (None, None, None)
    assert (results.sharpe, results.max_drawdown, results.win_rate_interval) == (None, 0.0, None)
    assert results.to_json()["trades_sha256"].startswith("e3b0c442")


@pytest.mark.parametrize(
    ("won", "trades", "low", "high"), [(8, 10, 0.490, 0.943), (0, 5, 0, 0.434)]
)
def test_wilson_interval_agrees_with_published_values(won, trades, low, high):
    assert wilson_interval(won, trades) == pytest.approx((low, high), abs=5e-4)


def test_drawdown_counts_open_positions_too():
    # 10 coins bought at 100 are worth 90 each before they are sold at a small profit.
    curve = equity_curve([position(1, 5, quantity="10", price=90.0)], start=1000.0, begin=0)
    assert curve.equity.min() == pytest.approx(900)
    assert curve.drawdown.max() == pytest.approx(0.1)
    assert curve.equity[-1] == pytest.approx(1005)


def test_sharpe_is_taken_over_calendar_days():
    curve = EquityCurve(np.array([0, DAY - 1, 2 * DAY - 1]), np.array([1000.0, 1010.0, 999.9]))
    returns = np.array([0.01, -0.01, 0.0])
    expected = returns.mean() / returns.std(ddof=1) * 365**0.5
    assert curve.sharpe(3 * DAY) == pytest.approx(expected)
    assert curve.sharpe(DAY) is None


def test_time_in_market_counts_overlaps_once():
    spans = [position(1, 0), position(2, 0, entered=15, exited=30)]
    assert time_in_market(spans) == 20 * MINUTE


def test_months_follow_the_exits():
    late = 32 * 1440
    results = results_of(
        outcome_of(position(1, 30), position(2, -10, entered=late, exited=late + 5), days=60)
    )
    assert [(one["span"], one["trades"], one["result_usdt"]) for one in results.months] == [
        ("1970-01", 1, 30),
        ("1970-02", 1, -10),
        ("1970-03", 0, 0),
    ]


def found(segment, alarm):
    signal = Signal(f"{segment}-{alarm}", "e", "A", Phase.PEAKED, alarm, 1, 1, 1, 1, 1, "ewma")
    return FoundSignal(signal, segment, alarm)


def test_false_share_follows_the_scoring_rules():
    labels = [
        LabelledPump(1, "A", 10 * HOUR, counted=True),
        LabelledPump(2, "A", 10 * HOUR, counted=False),
    ]
    hit, near = found(1, 10 * HOUR + 300_000), found(1, 12 * HOUR)
    uncounted, false = found(2, 10 * HOUR), found(3, 10 * HOUR)
    assert false_share([hit, near, uncounted, false], labels) == 0.5
    assert false_share([near, uncounted], labels) is None
    assert results_of(outcome_of(signals=[hit, false]), labels).false_signal_share == 0.5


def test_results_too_good_to_be_true_are_flagged():
    wins = [position(n, 10, entered=100 * n, exited=100 * n + 5) for n in range(1, 13)]
    outcome = outcome_of(*wins)
    words = " ".join(suspicions(outcome, results_of(outcome)))
    assert "too few" in words
    assert "100% of the trades won" in words
    assert "Not a single trade lost" in words
    mixed = [
        position(n, 10 if n % 2 else -11, entered=100 * n, exited=100 * n + 5) for n in range(40)
    ]
    outcome = outcome_of(*mixed)
    assert suspicions(outcome, results_of(outcome)) == []
    lucky = outcome_of(*mixed, position(99, 50, entered=9000, exited=9005), days=20)
    assert any("One trade" in text for text in suspicions(lucky, results_of(lucky)))


def test_a_pump_is_faded_from_its_signal_to_its_target():
    outcome = run_backtest([pump_block()], lively(fade_target_retrace="0.5"))
    (trade,) = outcome.trades
    assert trade.signal_time == trade.entry_time == 62 * MINUTE
    assert (trade.exit_reason, trade.side) == (ExitReason.TAKE_PROFIT, Side.SELL)
    assert trade.realised_pnl > 0
    assert results_of(outcome).net_profit == trade.realised_pnl
