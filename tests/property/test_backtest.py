"""The fast backtest equals the slow, obvious loop, and neither ever looks ahead."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.backtests import lively, random_block, with_values

from benchmarks.reference import reference_trades
from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.research.backtest.digest import trade_line, trades_sha256
from pumpwatch_workbench.research.backtest.engine import run_backtest

RELAXED = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

CHOICES = {
    "delay_candles": ["1", "2", "4"],
    "max_turnover_share": ["0.1", "0.003", "1"],
    "slippage_of_range": ["0.05", "0.5"],
    "slippage_tolerance": ["0.05", "0.05", "0.002"],
    "leverage": ["1", "4"],
    "trailing_stop_fraction": ["0", "0.03"],
    "fade_stop_above_peak": ["0.03", "0.005", "0.4"],
    "fade_target_retrace": ["0.8", "0.4"],
    "max_open_positions": ["5", "1"],
    "max_notional_usdt": ["500", "50000"],
    "max_exposure_fraction": ["0.5", "0.9", "3"],
    "max_orders_per_day": ["50", "3"],
    "drawdown_halt_fraction": ["0.06", "0.06", "0.002"],
    "drawdown_pause_fraction": ["0.03", "0.03", "0.001"],
    "resume_hours": ["1", "24"],
    "low_profit_trades": ["0", "0", "2"],
    "losing_streak_trades": ["0", "4", "1"],
    "losing_streak_pause_minutes": ["10"],
    "trading_hours": ["", "Thu 00:30-15:00"],
    "ride_stop_fraction": ["0.04", "0.01"],
    "ride_target_fraction": ["0.06", "0.01"],
}
CHANGES = st.fixed_dictionaries({name: st.sampled_from(some) for name, some in CHOICES.items()})
MARKETS = st.builds(
    random_block,
    seed=st.integers(0, 10_000),
    symbols=st.integers(1, 4),
    count=st.sampled_from([60, 400, 900]),
    start=st.sampled_from([0, 479, 1000]),
    funding_minutes=st.sampled_from([60, 480]),
    gaps=st.sampled_from([0.0, 0.02, 0.3]),
    zeros=st.sampled_from([0.0, 0.2]),
    scale=st.sampled_from([1e4, 1e7]),
)


@RELAXED
@given(
    market=MARKETS,
    strategy=st.sampled_from(["fade", "ride"]),
    changes=CHANGES,
)
def test_fast_backtest_makes_the_trades_of_the_slow_loop(market, strategy, changes):
    chosen = lively(strategy, **changes)
    fast = run_backtest([market], chosen)
    slow = reference_trades([market], chosen)
    assert sorted(map(trade_line, fast.trades)) == sorted(map(trade_line, slow))
    assert trades_sha256(fast.trades) == trades_sha256(slow)


@RELAXED
@given(
    market=MARKETS,
    cut=st.floats(0.1, 1),
    poison=st.sampled_from([float("nan"), 1e-9, 1e9]),
    strategy=st.sampled_from(["fade", "ride"]),
    changes=CHANGES,
)
def test_what_happens_later_changes_no_trade_that_was_closed_before(
    market, cut, poison, strategy, changes
):
    chosen = lively(strategy, **changes)
    column = round(cut * market.candles.shape[1])
    now = int(market.candles.open_time[0]) + column * MINUTE
    known = _closed_before(run_backtest([market], chosen), now)
    for other in (with_values(market, column, poison), market.between(0, now)):
        found = run_backtest([other], chosen)
        assert known <= _closed_before(found, now)
        # Where the candles end, what is open is settled in their last millisecond.
        assert _closed_before(found, now - 1) <= known


def _closed_before(outcome, time):
    return {trade_line(one) for one in outcome.trades if one.exit_time < time}
