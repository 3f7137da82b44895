"""A pool of signals gives, for any settings of its space, what a plain backtest gives."""

import pickle

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.backtests import LIVELY, random_block

from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.research.backtest.digest import trades_sha256
from pumpwatch_workbench.research.backtest.engine import run_backtest
from pumpwatch_workbench.research.tune.pool import SignalPool
from pumpwatch_workbench.research.tune.space import space_for

FIXED = [
    f"{name}={value}" for name, value in LIVELY.items() if not name.startswith(("ewma", "fade_t"))
]
SEARCH = [
    "ewma_turnover_z=1:6",
    "ewma_jump=0.005:0.05",
    "ewma_span_minutes=20,60",
    "fade_target_retrace=0.3:1",
    "fade_time_limit_minutes=3:40",
    "cooldown_minutes=1:30",
]
SPACE = space_for("fade", "ewma", search=SEARCH, fixed=FIXED)
VALUES = st.fixed_dictionaries(
    {
        "ewma_turnover_z": st.floats(1, 6).map(repr),
        "ewma_jump": st.floats(0.005, 0.05).map(repr),
        "ewma_span_minutes": st.sampled_from(["20", "60"]),
        "fade_target_retrace": st.floats(0.3, 1).map(repr),
        "fade_time_limit_minutes": st.integers(3, 40).map(str),
        "cooldown_minutes": st.integers(1, 30).map(str),
    }
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    several=st.lists(VALUES, min_size=1, max_size=4),
    begin=st.integers(0, 300),
    length=st.integers(1, 600),
    gaps=st.sampled_from([0.0, 0.1]),
)
def test_pool_gives_the_trades_of_the_plain_backtest(seed, several, begin, length, gaps):
    market = random_block(seed, 3, 500, gaps=gaps, scale=1e6)
    first = pickle.loads(pickle.dumps(SignalPool([market], SPACE.loosest())))  # noqa: S301
    span = {"begin": begin * MINUTE, "end": (begin + length) * MINUTE}
    for values in several:
        chosen = SPACE.settings(values)
        plain = run_backtest([market], chosen, **span)
        pooled = first.backtest(chosen, **span)
        assert trades_sha256(pooled.trades) == trades_sha256(plain.trades)
        assert [one.denial for one in pooled.dropped] == [one.denial for one in plain.dropped]
