"""Every report page, made of little data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal

from support.backtests import lively, pump_block
from support.journals import a_period
from unit.reports.run_results import small_result

from pumpwatch.domain.moments import MINUTE
from pumpwatch_workbench.operations.journal.agreement import Agreement
from pumpwatch_workbench.operations.journal.figures import figures_of
from pumpwatch_workbench.operations.journal.lambda_logs import FunctionLog, LoggedInvocation
from pumpwatch_workbench.operations.journal.page import render_journal
from pumpwatch_workbench.play.run.page import render_page
from pumpwatch_workbench.research.backtest.engine import BacktestOutcome, run_backtest
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.backtest.page import render_backtest
from pumpwatch_workbench.research.backtest.results import results_of
from pumpwatch_workbench.research.comparison.compare import Comparison, compare_with
from pumpwatch_workbench.research.comparison.page import render_comparison
from pumpwatch_workbench.research.evaluation.page import render_evaluation
from pumpwatch_workbench.research.evaluation.rules import Evaluated, rule_named
from pumpwatch_workbench.research.evaluation.scores import Score
from pumpwatch_workbench.research.tune.objective import BacktestSummary
from pumpwatch_workbench.research.tune.page import render_tuned
from pumpwatch_workbench.research.tune.search import BestSettings
from pumpwatch_workbench.research.tune.space import space_for
from pumpwatch_workbench.research.tune.splits import DateRange, Fold
from pumpwatch_workbench.research.tune.walk_forward import Step, Tuned

SETTINGS = {"fade_target_retrace": "0.5", "warm_up_minutes": "50"}
COINS = ("AUSDT", "BUSDT", "CUSDT")
DAY = 1440 * MINUTE


def an_outcome() -> BacktestOutcome:
    """Return a backtest of coins that are pumped one after the other."""
    blocks = []
    for number, coin in enumerate(COINS):
        block = pump_block(start=480 + 100 * number, scale=1 + number / 10)
        candles = replace(block.candles, symbols=(coin,))
        blocks.append(Block((number,), candles, (replace(block.contracts[0], symbol=coin),)))
    return run_backtest(blocks, lively(**SETTINGS))


def a_backtest() -> str:
    outcome = an_outcome()
    return render_backtest("made-up coins", outcome, results_of(outcome), ["It is made up."])


def a_comparison() -> Comparison:
    """Return a journal that missed a trade, paid more fees and filled another one worse."""
    outcome = an_outcome()
    dearer, worse, _ = outcome.trades
    journal = [
        dearer.with_(fees=dearer.fees + 3, realised_pnl=dearer.realised_pnl - 3),
        worse.with_(
            entry_price=(worse.entry_price or Decimal(0)) - 1,
            realised_pnl=worse.realised_pnl - worse.quantity,
        ),
        worse.with_(symbol="ZUSDT", signal_id="elsewhere", event_id="elsewhere"),
    ]
    return compare_with(outcome, journal)


def a_search() -> str:
    """Return two searches that found little: half of what they found held afterwards."""
    space = space_for("fade", "ewma")
    values = {"ewma_span_minutes": "480"} | {
        one.name: str(int(getattr(one, "low", 1)) + 1) for one in space.dimensions
    }
    inside = BacktestSummary(40, 26, 310.5, 0.021, 2.9, 2.4, 0.012)
    outside = replace(inside, trades=9, won=5, profit=-12.25, mean_return=-0.002, shrunk_t=-0.2)
    scores = (0.4, 1.1, 0.9, 2.4, 1.8, 2.2)
    found = BestSettings(values, inside, len(scores), scores)
    steps = tuple(
        Step(Fold(name, DateRange(0, at), DateRange(at, at + DAY)), found, outside, inside, outside)
        for name, at in (("fold 1", 10 * DAY), ("final", 20 * DAY))
    )
    doubts = ["9 trades in the hold-out are too few to confirm anything."]
    return render_tuned(Tuned(space, "t", steps, 120), "made-up coins", doubts)


def _evaluation() -> str:
    rules = []
    for name, hits in (("ewma", 5), ("boosted", 6)):
        points = [
            Score(hits - n, 0, 3 + n, 4 - n, 90.0, tuple(12.0 * k for k in range(1, hits - n + 1)))
            for n in range(3)
        ]
        curve = tuple((10.0 * (n + 1), one) for n, one in enumerate(points))
        rules.append(Evaluated(rule_named(name, {}), {}, points[1], curve))
    return render_evaluation(rules, 5)


def _journal() -> str:
    agreement = Agreement(4, 3, 0, 1, 2, 0, None)
    period = a_period()
    return render_journal(period, figures_of(period, agreement))


def _stage() -> str:
    """Return the page of a stage where nothing was traded yet, with one function's log."""
    runs = [LoggedInvocation(60_000 * n, 2.0, "success", None, 200.0, 1024.0) for n in range(9)]
    runs.append(LoggedInvocation(600_000, 55.0, "timeout", 1.5, 300.0, 1024.0))
    logs = [FunctionLog("detect", runs, cut=True), FunctionLog("trade", problem="no right")]
    nothing = a_period(
        trades=[],
        orders=[],
        signals=[],
        repairs=[],
        locks=[],
        halts=[],
        runs=None,
        totals={},
        logs=logs,
    )
    return render_journal(nothing, figures_of(nothing))


PAGES: Mapping[str, Callable[[], str]] = {
    "run": lambda: render_page(small_result()),
    "backtest": a_backtest,
    "evaluation": _evaluation,
    "comparison": lambda: render_comparison(
        a_comparison(), "Pumpwatch comparison: fade", "one day UTC · candles of made-up coins"
    ),
    "search": a_search,
    "journal": _journal,
    "empty journal": _stage,
}
"""Each page's text, by name."""
