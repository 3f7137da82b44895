"""Candles, detection, backtests and reports as polars frames, and charts: for notebooks.

    import pumpwatch_workbench.notebook as pw

`start` is within a period, `end` is not: text such as "2026-11-01", or a datetime, UTC. A rule or
strategy is a name or a class of your own. What cannot be used raises `pumpwatch.errors.BadInput`.
docs/notebooks/api.md has columns and units.
"""

from __future__ import annotations

import html
import json
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import date, datetime
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import polars as pl

from pumpwatch.adapters.records import read_record
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.trades import Trade
from pumpwatch_workbench.cli.backtest import outcome_of
from pumpwatch_workbench.cli.report import of_stage
from pumpwatch_workbench.cli.times import NEVER, instant, parse_duration
from pumpwatch_workbench.export import Tables, schema_of
from pumpwatch_workbench.operations.journal.figures import figures_of
from pumpwatch_workbench.operations.journal.kpis import kpis_of
from pumpwatch_workbench.operations.journal.period import of_mode, period_of_file, tables_of_period
from pumpwatch_workbench.pages.candle_charts import candle_chart
from pumpwatch_workbench.pages.chart_script import chart_script, drawing_script
from pumpwatch_workbench.pages.event_rows import WINDOW_AFTER_MS, WINDOW_BEFORE_MS, CandleRow
from pumpwatch_workbench.recordings import RecordedFolder
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.backtest.results import results_of, tables_of_backtest
from pumpwatch_workbench.research.backtest.settings import read_settings
from pumpwatch_workbench.research.evaluation.labelled import WARM_UP, Segment, load_segments
from pumpwatch_workbench.research.evaluation.rules import DEFAULT_RULE, evaluate_rule, rule_named

CANDLES = schema_of("symbol time open high low close volume turnover")
Moment = str | date | None
Named = str | type
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result(Tables):
    """`trades`, `events` and `equity`, and the `summary` that the report page has."""

    summary: pl.DataFrame


def candles(
    folder: str | Path,
    symbols: Collection[str] | None = None,
    start: Moment = None,
    end: Moment = None,
) -> pl.DataFrame:
    """Return a folder's one-minute candles, checked; `time` is when each opened.

    >>> pw.candles("candles", ["DOGEUSDT"], start="2026-11-01")
    """
    parts = [
        pl.DataFrame([part.times, *part.values], CANDLES.names()[1:]).with_columns(
            pl.lit(part.row.symbol).alias("symbol")
        )
        for part in RecordedFolder(Path(folder)).candles()
        if symbols is None or part.row.symbol in symbols
    ]
    first, last = _period(start, end)
    table = pl.concat(
        [
            pl.DataFrame(schema=CANDLES),
            *(part.select(CANDLES.names()).cast(dict(CANDLES)) for part in parts),
        ]
    )
    return table.filter(pl.col("time").is_between(first, last, closed="left"))


def events(
    folder: str | Path, rule: Named = DEFAULT_RULE, start: Moment = None, end: Moment = None
) -> pl.DataFrame:
    """Return what the rule finds in a folder, one row a pump, judged at each minute's end.

    >>> pw.events("candles", rule="ewma")
    """
    return backtest(folder, "alert", rule, start, end).events


def evaluate(
    folder: str | Path, rule: Named = DEFAULT_RULE, start: Moment = None, end: Moment = None
) -> pl.DataFrame:
    """Return one row of figures: how well the rule finds the pumps that `events.csv` names.

    Candles of the day before `start` warm the rule up; what happened then does not count.

    >>> pw.evaluate("candles", rule="ewma", start="2026-11-15")
    """
    first, last = _period(start, end)
    recorded = RecordedFolder(Path(folder))
    segments = [part for each in load_segments(recorded) if (part := _cut(each, first, last))]
    labels = [label for label in recorded.labels or () if label.onset < last]
    return pl.DataFrame([evaluate_rule(rule_named(_name(rule), {}), segments, labels).to_json()])


def backtest(
    folder: str | Path,
    strategy: Named = "fade",
    rule: Named = DEFAULT_RULE,
    start: Moment = None,
    end: Moment = None,
    *,
    settings: Mapping[str, object] | None = None,
) -> Result:
    """Trade a strategy on a folder's candles with all costs; `settings` as in `--set`.

    >>> pw.backtest("candles", "ride", settings={"max_open_positions": 2}).trades
    """
    pairs = {name: str(value) for name, value in (settings or {}).items()}
    chosen = read_settings(pairs, strategy=_name(strategy), detector=_name(rule))
    recordings = Recordings(Path(folder))
    first, last = _period(start, end)
    blocks = recordings.blocks(begin=first, end=last)
    outcome = outcome_of(recordings, blocks, chosen, first, last)
    results = results_of(outcome, recordings.labels)
    figures = {k: v for k, v in results.to_json().items() if not isinstance(v, dict | list)}
    return _result(tables_of_backtest(outcome, results), pl.DataFrame([figures]))


def report(store_or_stage: str | Path, since: str = "7d", mode: str | None = None) -> Result:
    """Return what a desk's store, or a deployed stage, has done; `summary` is its key figures.

    >>> pw.report("~/.pumpwatch/paper.db", since="30d").equity
    """
    until = time.time_ns() // 1_000_000
    path, begin = Path(store_or_stage).expanduser(), until - parse_duration("since", since)
    known = path.exists()
    period = (
        period_of_file(path, begin, until)
        if known
        else of_stage(str(store_or_stage), "", begin, until)
    )
    period = of_mode(period, mode)
    figures = pl.DataFrame([asdict(kpi) for kpi in kpis_of(figures_of(period))], strict=False)
    return _result(tables_of_period(period), figures)


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart that a notebook shows; it fetches nothing."""

    data: dict[str, Any]

    def _repr_html_(self) -> str:
        style = (files("pumpwatch_workbench.pages") / "templates" / "report.css").read_text("utf-8")
        data = json.dumps(self.data, allow_nan=False).replace("<", "\\u003c")
        page = (
            f"<!doctype html><style>{style}</style><div id=chart style=height:340px></div>"
            f"<script>{chart_script()}</script><script>{drawing_script()}</script>"
            f"<script>pumpwatchCharts.draw(document.getElementById('chart'), {data})</script>"
        )
        return (
            f'<iframe srcdoc="{html.escape(page)}" title="Candles" width="100%" height="400"'
            ' style="border:0"></iframe>'
        )


def chart(frame: pl.DataFrame, row: Row | None = None) -> Chart:
    """Draw candles of one symbol, around a row of `trades` or `events` if there is one.

    >>> pw.chart(candles, result.trades.row(0, named=True))
    """
    trade, moments = None, {}
    if row is not None:
        times = {name: _ms(value) for name, value in row.items() if isinstance(value, datetime)}
        first, last = min(times.values()), max(times.values())
        near = (
            pl.col("time")
            .dt.timestamp("ms")
            .is_between(first - WINDOW_BEFORE_MS, last + WINDOW_AFTER_MS)
        )
        frame = frame.filter(near, symbol=row["symbol"])
        if "state" in row:
            trade = _trade(row, times)
        else:
            moments = {name.removesuffix("_time"): time for name, time in times.items()}
    columns = frame.select("time", "open", "high", "low", "close", "turnover").iter_rows()
    rows = [CandleRow(_ms(opened), *values) for opened, *values in columns]
    return Chart(candle_chart(rows, trade=trade, moments=moments))


def _trade(row: Row, times: Mapping[str, int]) -> Trade:
    amounts = {
        n.removesuffix("_usdt"): Decimal(repr(v)) for n, v in row.items() if isinstance(v, float)
    }
    stored = {name: value for name, value in row.items() if value is not None} | times | amounts
    known = {field.name for field in fields(Trade)}
    stored = {name: value for name, value in stored.items() if name in known}
    return read_record(Trade, {"created": times["signal_time"], **stored}, where="the row")


def _result(tables: Tables, summary: pl.DataFrame) -> Result:
    return Result(tables.trades, tables.events, tables.equity, summary)


def _name(own: Named) -> str:
    return own if isinstance(own, str) else f"{own.__module__}:{own.__qualname__}"


def _period(start: Moment, end: Moment) -> tuple[int, int]:
    return (
        instant("start", str(start)) if start else 0,
        instant("end", str(end)) if end else NEVER,
    )


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _cut(segment: Segment, first: int, last: int) -> Segment | None:
    """Return the part in which alarms count from `first` on; None if there is none."""
    begin, end = max(segment.start, first - WARM_UP), min(segment.end, last)
    if begin >= end:
        return None
    opens = segment.candles.open_time
    low, high = opens.searchsorted([begin // MINUTE * MINUTE, end])
    missing = [minute for minute in segment.missing if begin <= minute < end]
    return replace(
        segment,
        start=begin,
        end=end,
        missing=missing,
        candles=segment.candles.between(int(low), int(high)),
    )
