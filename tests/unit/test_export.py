"""Tables of trades, events and equity: one form from every command, read back as they were."""

from __future__ import annotations

import json
from decimal import Decimal

import polars as pl
import pytest
from support.backtests import lively, pump_block
from support.journals import a_period
from support.pages import an_outcome
from support.records import NOW
from typer.testing import CliRunner
from unit.reports.run_results import small_result

from pumpwatch.errors import BadInput
from pumpwatch_workbench.calendar_sums import DAYS, WEEKS, calendar_table
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.export import check_export, read_trades, tables_of, trades_of, write_tables
from pumpwatch_workbench.local.store import Database
from pumpwatch_workbench.research.backtest.engine import run_backtest
from pumpwatch_workbench.research.backtest.results import results_of

NAMES = ("trades", "events", "equity")
DAY = 86_400_000


def of_run():
    result = small_result()
    return tables_of(result.trades, result.events, result.equity)


@pytest.fixture(scope="module")
def sources():
    return {
        "report": a_period().tables,
        "run": of_run(),
        "backtest": results_of(an_outcome()).tables,
    }


def test_each_source_has_the_same_columns_and_some_rows(sources):
    for name in NAMES:
        assert len({tuple(getattr(each, name).schema.items()) for each in sources.values()}) == 1
        assert all(getattr(each, name).height for each in sources.values()), name


@pytest.mark.parametrize("source", ["report", "run", "backtest"])
def test_what_was_written_reads_back_equal(sources, tmp_path, source):
    write_tables(tmp_path, sources[source])
    for name in NAMES:
        frame = getattr(sources[source], name)
        assert pl.read_parquet(tmp_path / f"{name}.parquet").equals(frame)
        times = [column for column, kind in frame.schema.items() if isinstance(kind, pl.Datetime)]
        kinds = dict(frame.schema) | dict.fromkeys(times, pl.String())
        text = pl.read_csv(tmp_path / f"{name}.csv", schema=pl.Schema(kinds))
        parsed = text.with_columns(
            pl.col(times).str.to_datetime(time_unit="ms", time_zone="UTC", strict=True)
        )
        assert parsed.equals(frame), name


def test_amounts_of_a_journal_stay_exact(tmp_path):
    trades = [trade for trade in a_period().trades if trade.exit_time is not None]
    write_tables(tmp_path, tables_of(trades, [], []))
    again = read_trades(tmp_path / "trades.parquet")
    for name in ("realised_pnl", "fees", "entry_price", "exit_time", "state", "exit_reason"):
        assert [getattr(trade, name) for trade in again] == [
            getattr(trade, name) for trade in trades
        ]


def test_a_table_that_is_none_of_trades_is_refused(tmp_path):
    path = tmp_path / "trades.parquet"
    tables = a_period().tables
    tables.events.write_parquet(path)
    with pytest.raises(BadInput, match="no column signal_id"):
        read_trades(path)
    tables.trades.with_columns(side=pl.lit("up")).write_parquet(path)
    with pytest.raises(BadInput, match=r"trades\.parquet: trade 1 is no Trade: side"):
        read_trades(path)
    path.write_text("hello")
    with pytest.raises(BadInput, match="cannot be read"):
        read_trades(path)


def test_a_folder_with_something_in_it_is_refused(tmp_path):
    check_export(None)
    check_export(tmp_path / "new")
    (tmp_path / "kept.txt").write_text("mine")
    with pytest.raises(BadInput, match="not empty"):
        check_export(tmp_path)
    with pytest.raises(BadInput, match="not empty"):
        check_export(tmp_path / "kept.txt")
    with pytest.raises(BadInput, match="cannot be written"):
        check_export(tmp_path / "kept.txt" / "new")


def test_a_backtest_s_events_go_on_to_their_end_and_begin_with_the_period():
    outcome = run_backtest([pump_block(start=480)], lively(warm_up_minutes="50"))
    (event,) = outcome.events()
    assert [str(signal.phase) for signal in event.signals][-1] == "over"
    late = run_backtest(
        [pump_block(start=480)], lively(warm_up_minutes="50"), begin=event.alarm_time + 1
    )
    assert list(late.events()) == []
    unwanted = run_backtest([pump_block(start=480)], lively("alert", warm_up_minutes="50"))
    assert [each.event_id for each in unwanted.events()] == [event.event_id]


def test_report_command_exports_and_refuses_to_do_so_twice(tmp_path):
    Database(tmp_path / "s.db").close()
    words = ["report", "--store", tmp_path / "s.db", "--json", "--export", tmp_path / "out"]
    first = CliRunner().invoke(app, list(map(str, words)))
    assert first.exit_code == 0, first.output
    assert [day["trades"] for day in json.loads(first.stdout)["days"]] == [0]
    assert pl.read_parquet(tmp_path / "out" / "trades.parquet").schema["fees_usdt"] == pl.Float64
    again = CliRunner().invoke(app, list(map(str, words)))
    assert isinstance(again.exception, BadInput)


def test_days_are_summed_up_those_without_a_trade_too():
    period = a_period(since=NOW - DAY, until=NOW + 3 * DAY)
    day = NOW // DAY * DAY
    runs = [*period.runs, period.runs[0].__class__(day + 2 * DAY, equity=Decimal(9_000))]
    first, second, third, *_ = a_period(since=NOW - DAY, until=NOW + 3 * DAY, runs=runs).calendar(
        DAYS
    )
    assert (first["trades"], first["won"], first["denied"], first["events"]) == (4, 2, 2, 1)
    assert (first["result_usdt"], first["fees_usdt"]) == (8.0, 1.0)
    assert (first["largest_loss_usdt"], first["equity_usdt"]) == (-4.0, 10_009.0)
    assert (second["trades"], second["result_usdt"], second["largest_loss_usdt"]) == (0, 0, None)
    assert (second["equity_usdt"], third["equity_usdt"]) == (10_009.0, 9_000.0)


def test_a_trade_belongs_to_the_day_of_its_exit_and_weeks_are_iso():
    trades = [trade for trade in a_period().trades if trade.exit_time is not None]
    day = 1_767_225_600_000  # Thursday 2026-01-01, in the first ISO week; Sunday the 4th ends it.
    moved = [
        trades[0].with_(signal_time=day - 1, created=day - 1, exit_time=day),
        trades[1].with_(signal_time=day, created=day, exit_time=day + 4 * DAY),
    ]
    period = a_period(trades=moved, signals=[], runs=None, since=day - 2 * DAY, until=day + 5 * DAY)
    assert [(each["span"], each["trades"]) for each in period.calendar(DAYS)] == [
        ("2025-12-31", 0),
        ("2026-01-01", 1),
        ("2026-01-02", 0),
        ("2026-01-03", 0),
        ("2026-01-04", 0),
        ("2026-01-05", 1),
    ]
    weeks = period.calendar(WEEKS)
    assert [(each["span"], each["trades"]) for each in weeks] == [("2026-W01", 1), ("2026-W02", 1)]
    table = calendar_table("Week", weeks)
    assert [cell.text for cell in table.rows[1]][:4] == ["2026-W02", "1", "0", "\N{MINUS SIGN}4.00"]


def test_trades_of_a_row_without_an_entry_are_trades():
    (denied, *_) = [each for each in a_period().trades if each.denial]
    (again,) = trades_of(tables_of([denied], [], []).trades)
    assert (again.denial, again.entry_time, again.state) == (denied.denial, None, denied.state)
