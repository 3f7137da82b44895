"""Candles, detection, backtests and reports as polars frames, and charts: for notebooks.

    import pumpwatch_workbench.notebook as pw

`start` is within a period, `end` is not: text such as "2026-11-01", or a datetime, UTC. A rule or
strategy is a name, or a class of your own. docs/notebooks/api.md has columns and units.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from html import escape
from pathlib import Path
from typing import Any

import polars as pl

from pumpwatch.errors import BadInput
from pumpwatch.own.strategies import own_strategy
from pumpwatch_workbench.cli.backtest import outcome_of
from pumpwatch_workbench.cli.report import of_stage
from pumpwatch_workbench.cli.times import parse_duration, period_of
from pumpwatch_workbench.export import Tables, schema_of, trades_of
from pumpwatch_workbench.operations.journal.figures import figures_of
from pumpwatch_workbench.operations.journal.kpis import kpis_of
from pumpwatch_workbench.operations.journal.period import of_mode, period_of_file
from pumpwatch_workbench.pages.assembly import render
from pumpwatch_workbench.pages.candle_charts import candle_chart
from pumpwatch_workbench.pages.event_rows import WINDOW_AFTER_MS, WINDOW_BEFORE_MS, CandleRow
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.backtest.results import results_of
from pumpwatch_workbench.research.backtest.settings import read_settings
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, Segment, load_segments
from pumpwatch_workbench.research.evaluation.rules import DEFAULT_RULE, evaluate_rule, rule_named

CANDLES = schema_of("symbol time open high low close volume turnover")
Folder = str | Path
Moment = str | date
Named = str | type


def candles(
    folder: Folder, symbols: Collection[str] = (), start: Moment = "", end: Moment = ""
) -> pl.DataFrame:
    """Return a folder's one-minute candles, checked; `time` is when each opened.

    >>> pw.candles("candles", ["DOGEUSDT"], start="2026-11-01")
    """
    first, last = period_of(str(start), str(end))
    parts = [
        pl.DataFrame([part.times, *part.values], list(CANDLES)[1:])
        .filter(pl.col("time").is_between(first, last, closed="left"))
        .select(pl.lit(part.row.symbol).alias("symbol"), pl.all())
        for part in RecordedFolder(Path(folder)).candles()
        if not symbols or part.row.symbol in symbols
    ]
    return pl.concat(parts).cast(CANDLES) if parts else CANDLES.to_frame()


def events(
    folder: Folder, rule: Named = DEFAULT_RULE, start: Moment = "", end: Moment = ""
) -> pl.DataFrame:
    """Return what the rule finds in a folder, one row a pump, judged at each minute's end.

    >>> pw.events("candles", "ewma")
    """
    return backtest(folder, "alert", rule, start, end).events


def evaluate(
    folder: Folder, rule: Named = DEFAULT_RULE, start: Moment = "", end: Moment = ""
) -> pl.DataFrame:
    """Return one row: how well the rule finds the pumps that `events.csv` names in a period.

    The day before `start` warms the rule up; nothing counts then.

    >>> pw.evaluate("candles", "ewma", start="2026-11-15")
    """
    first, last = period_of(str(start), str(end))
    recorded = RecordedFolder(Path(folder))
    parts = [_part(segment, first, last) for segment in load_segments(recorded)]
    labels = [label for label in recorded.labels or () if label.onset < last]
    segments = [part for part in parts if part.start < part.end]
    return pl.DataFrame([evaluate_rule(rule_named(_name(rule), {}), segments, labels).to_json()])


def backtest(
    folder: Folder,
    strategy: Named = "fade",
    rule: Named = DEFAULT_RULE,
    start: Moment = "",
    end: Moment = "",
    **settings: object,
) -> Tables:
    """Trade a strategy on a folder's candles, with all costs; settings as for `--set`.

    >>> pw.backtest("candles", "ride", "ewma", max_open_positions=2).summary
    """
    own_strategy.cache_clear()  # A class may have been written anew.
    pairs = {name: str(value) for name, value in settings.items()}
    chosen = read_settings(pairs, strategy=_name(strategy), detector=_name(rule))
    recordings = Recordings(Path(folder))
    first, last = period_of(str(start), str(end))
    blocks = recordings.blocks(begin=first, end=last)
    outcome = outcome_of(recordings, blocks, chosen, first, last)
    results = results_of(outcome, recordings.labels)
    figures = {k: v for k, v in results.to_json().items() if not isinstance(v, dict | list)}
    return replace(results.tables, summary=pl.DataFrame([figures]))


def report(store_or_stage: Folder, since: str = "7d", mode: str | None = None) -> Tables:
    """Return what a desk's store, or a deployed stage, has done; `summary` has its key figures.

    >>> pw.report("paper.db", since="30d").equity
    """
    until = time.time_ns() // 1_000_000
    begin, path = until - parse_duration("since", since), Path(store_or_stage)
    if not path.exists() and (path.suffix or len(path.parts) > 1):
        raise BadInput(f"there is no store {path}")
    known = period_of_file(path, begin, until) if path.exists() else None
    period = of_mode(known or of_stage(str(store_or_stage), "", begin, until), mode)
    figures = [asdict(kpi) for kpi in kpis_of(figures_of(period))]
    return replace(period.tables, summary=pl.DataFrame(figures, infer_schema_length=None))


class Chart(dict[str, Any]):
    """What `charts.js` draws where a notebook shows it; it loads nothing."""

    def _repr_html_(self) -> str:
        page = escape(render(__file__, {"chart": self}))
        frame = 'width="100%" height="410" style="border:0"'
        return f'<iframe title="Candles" srcdoc="{page}" {frame}></iframe>'


def chart(frame: pl.DataFrame, row: Mapping[str, Any] | None = None) -> Chart:
    """Draw one symbol's candles, with a row of `trades` or `events` those around it.

    >>> pw.chart(pw.candles("candles"), trades.row(0, named=True))
    """
    trade, times = None, {}
    opened = pl.col("time").dt.timestamp("ms")
    if row is not None:
        known = ((name, at) for name, at in row.items() if isinstance(at, datetime))
        times = {name: round(at.timestamp() * 1000) for name, at in known}
        around = min(times.values()) - WINDOW_BEFORE_MS, max(times.values()) + WINDOW_AFTER_MS
        frame = frame.filter(opened.is_between(*around), symbol=row["symbol"])
        if "signal_time" in row:
            (trade,), times = trades_of(pl.DataFrame([row])), {}
    columns = frame.select(opened, "open", "high", "low", "close", "turnover")
    rows = [CandleRow(*values) for values in columns.iter_rows()]
    moments = {name.removesuffix("_time"): time for name, time in times.items()}
    return Chart(candle_chart(rows, trade=trade, moments=moments))


def _name(own: Named) -> str:
    return own if isinstance(own, str) else f"{own.__module__}:{own.__qualname__}"


def _part(segment: Segment, first: int, last: int) -> Segment:
    """Return the part of a segment in which alarms count in [first, last)."""
    end = min(segment.end, last)
    return replace(
        segment,
        start=max(segment.start, first - WARM_UP),
        end=end,
        missing=[minute for minute in segment.missing if minute < end],
        candles=segment.candles.between(0, int(segment.candles.open_time.searchsorted(end))),
    )
