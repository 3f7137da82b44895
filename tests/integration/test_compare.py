"""`pumpwatch compare`: a journal that differs on purpose, from DynamoDB (moto) and from a file."""

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from moto import mock_aws
from support.aws import client, make_table
from support.backtests import lively, pump_block, write_folder
from typer.testing import CliRunner

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.export import tables_of, write_tables
from pumpwatch_workbench.local.store import Database, SqliteJournal, SqliteLeaseStore
from pumpwatch_workbench.research.backtest.engine import run_backtest
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.comparison.attribution import CAUSES, attribute_pair, market_price
from pumpwatch_workbench.research.comparison.compare import compare_with

SETTINGS = {"fade_target_retrace": "0.5", "warm_up_minutes": "50"}
COINS = ("AUSDT", "BUSDT", "CUSDT", "DUSDT")


def blocks():
    """Return four coins that are pumped one after the other."""
    pumped = []
    for number, coin in enumerate(COINS):
        block = pump_block(start=480 + 100 * number, scale=1 + number / 10)
        candles = replace(block.candles, symbols=(coin,))
        contract = replace(block.contracts[0], symbol=coin)
        pumped.append(Block((number,), candles, (contract,)))
    return pumped


@pytest.fixture(scope="module")
def outcome():
    simulated = run_backtest(blocks(), lively(**SETTINGS))
    assert [position.trade.symbol for position in simulated.closed] == list(COINS)
    return simulated


def small(value):
    return abs(value) < Decimal("1e-9")


def test_the_same_trades_do_not_differ(outcome):
    comparison = compare_with(outcome, outcome.trades)
    assert comparison.journal == comparison.simulation
    assert all(small(value) for value in comparison.by_cause.values())
    assert len(comparison.pairing.both) == 4


def attributed(position, **changes):
    """Attribute what differs when the journal's trade was changed; the causes make the total."""
    difference = attribute_pair(position, position.trade.with_(**changes))
    assert small(sum(difference.causes.values()) - difference.total)
    return difference


@pytest.mark.parametrize("cause", ["fee", "funding", "slippage", "size"])
def test_a_single_change_is_put_down_to_its_cause_alone(outcome, cause):
    position = outcome.closed[0]
    trade = position.trade
    profit, half = trade.realised_pnl, Decimal("0.5")
    changes = {
        "fee": {"fees": trade.fees + 3, "realised_pnl": profit - 3},
        "funding": {"funding": Decimal(2), "realised_pnl": profit - 2},
        "slippage": {
            "entry_price": trade.entry_price - 1,
            "realised_pnl": profit - trade.quantity,
        },
        "size": {
            "quantity": trade.quantity * half,
            "fees": trade.fees * half,
            "realised_pnl": profit * half,
        },
    }
    difference = attributed(position, **changes[cause])
    assert small(difference.causes[cause] - difference.total)
    assert not small(difference.total)


def test_a_late_entry_at_the_market_is_delay(outcome):
    position = outcome.closed[0]
    own = position.trade
    later = own.entry_time + MINUTE
    moved = market_price(position.window, later) - market_price(position.window, own.entry_time)
    assert moved < 0
    difference = attributed(
        position,
        entry_time=later,
        entry_price=own.entry_price + moved,
        realised_pnl=own.realised_pnl + own.quantity * moved,
    )
    assert small(difference.causes["delay"] - own.quantity * moved)
    assert small(difference.causes["slippage"])


def test_another_end_is_called_that(outcome):
    position = outcome.closed[0]
    own = position.trade
    difference = attributed(
        position,
        exit_reason=ExitReason.TIME_LIMIT,
        exit_time=own.exit_time - 2 * MINUTE,
        exit_price=own.exit_price + 2,
        realised_pnl=own.realised_pnl - 2 * own.quantity,
    )
    assert difference.note == "time limit instead of take profit"
    assert not small(difference.causes["exit"])


def journal_of(outcome):
    """Return a journal: A as simulated, B late and twice the fees, C denied, X on top, D open."""
    first, second, third, last = outcome.trades
    late = second.with_(
        event_id="another rule's event",
        signal_id="other",
        signal_time=second.signal_time + MINUTE,
        fees=2 * second.fees,
        realised_pnl=second.realised_pnl - second.fees,
    )
    denied = third.with_(
        state=TradeState.DROPPED,
        entry_time=None,
        exit_time=None,
        realised_pnl=Decimal(0),
        denial="the spread of 0.0300 is above 0.01",
    )
    extra = third.with_(
        signal_id="x", event_id="x", symbol="AUSDT", signal_time=third.signal_time + 200 * MINUTE
    )
    elsewhere = extra.with_(signal_id="z", event_id="z", symbol="ZUSDT")
    still = last.with_(state=TradeState.OPEN, exit_time=None, exit_price=None)
    return [first, late, denied, extra, elsewhere, still]


def test_missed_extra_open_and_uncovered_trades_are_told_apart(outcome):
    comparison = compare_with(outcome, journal_of(outcome))
    third, causes = outcome.trades[2], comparison.by_cause
    kinds = (comparison.pairing.both, comparison.open, comparison.uncovered)
    assert [len(kind) for kind in kinds] == [2, 1, 1]
    assert (causes["missed"], causes["extra"]) == (-third.realised_pnl, third.realised_pnl)
    assert small(causes["fee"] + outcome.trades[1].fees)
    more = comparison.journal.profit - comparison.simulation.profit
    assert small(sum(causes.values()) - more)
    assert {difference.note for difference in comparison.differences} >= {
        "missed: the spread of 0.0300 is above 0.01",
        "extra: no signal in the simulation",
    }


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "candles", blocks())


def run(folder, *arguments):
    """Compare a folder's first day as the outcome was simulated."""
    chosen = lively(**SETTINGS).changed
    options = [part for name, value in chosen.items() for part in ("--set", f"{name}={value}")]
    options += ["--detector", "ewma", "--quote-price", "1"]
    options += ["--from", "1970-01-01", "--to", "1970-01-02"]
    page = folder.parent / "page.html"
    return CliRunner().invoke(
        app, [str(word) for word in ("compare", folder, "--report", page, *options, *arguments)]
    )


@mock_aws
def test_command_reads_the_table_and_its_export(outcome, folder, tmp_path):
    name = make_table(client("dynamodb"))
    table, late = (
        Table(name, client("dynamodb")),
        outcome.trades[0].with_(signal_id="late", created=3 * 86_400_000),
    )
    lease = DynamoLeaseStore(table).acquire("trade", owner="test", seconds=60)
    for trade in (*journal_of(outcome), late):
        DynamoJournal(table).save(trade, lease)
    first = run(folder, "--table", name, "--json")
    assert first.exit_code == 0, first.output
    answer = json.loads(first.stdout)
    kinds = [answer[kind] for kind in ("paired", "missed", "extra", "open")]
    assert (kinds, answer["journal"]["trades"]) == ([2, 1, 1, 1], 3)
    assert answer["strategy"] == "fade"
    assert set(answer["by_cause_usdt"]) == set(CAUSES)
    write_tables(tmp_path, tables_of(journal_of(outcome), [], []))
    file = tmp_path / "trades.parquet"
    assert answer.pop("source").startswith(f"table {name}, ")
    again = json.loads(run(folder, "--journal", file, "--json").stdout)
    assert again.pop("source").startswith(str(file))
    for kind in ("journal", "by_cause_usdt"):
        assert again.pop(kind) == pytest.approx(answer.pop(kind))
    assert again.keys() == answer.keys()
    assert (again["paired"], again["extra"]) == (2, 1)
    words = run(folder, "--journal", file).output
    for text in ("win rate", "final balance", "drawdown", "missed", "Not among the candles"):
        assert text in words
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for text in ("Pumpwatch comparison: fade", "Side by side", "only the simulation traded"):
        assert text in page


def test_the_local_store_is_compared_without_aws_and_modes_are_not_mixed(
    outcome, folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("PUMPWATCH_HOME", str(tmp_path))
    first, second, *others = journal_of(outcome)
    database = Database(tmp_path / "paper.db")
    lease = SqliteLeaseStore(database).acquire("trade", owner="test", seconds=60)
    modes = ["live", "demo", *["live"] * len(others)]
    for trade, mode in zip((first, second, *others), modes, strict=True):
        SqliteJournal(database).save(trade.with_(mode=mode), lease)
    database.close()
    live = json.loads(run(folder, "--json").stdout)
    assert "on this machine" in live["source"]
    assert live["source"].endswith("live mode; 1 of demo mode left out")
    assert (live["paired"], live["journal"]["trades"]) == (1, 2)
    demo = json.loads(run(folder, "--json", "--store", database.path, "--mode", "demo").stdout)
    assert (demo["paired"], demo["journal"]["trades"]) == (1, 1)
    assert "live mode; 1 of demo mode left out" in " ".join(run(folder).output.split())


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "there is no store"),
        (["--table", "a", "--journal", "b"], "name one journal"),
        (["--store", "a", "--journal", "b"], "name one journal"),
        (["--journal", "nowhere"], "nowhere is missing"),
        (["--journal", "trades.parquet"], "no trade in this period"),
    ],
)
def test_bad_input_is_a_single_line(folder, monkeypatch, more, words):
    monkeypatch.chdir(folder.parent)
    write_tables(Path(), tables_of([], [], []))
    result = run(folder, *more)
    assert isinstance(result.exception, BadInput)
    assert words in str(result.exception)
