"""`pumpwatch compare`: a journal that differs on purpose, from DynamoDB (moto) and from a file."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import boto3
import pytest
from moto import mock_aws
from support.aws import make_table
from support.backtests import lively, pump_block, write_folder
from typer.testing import CliRunner

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.domain.moments import MINUTE
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.research.backtest.engine import run_backtest
from pumpwatch_workbench.research.backtest.market import Block
from pumpwatch_workbench.research.comparison.attribution import CAUSES, attribute_pair, market_price
from pumpwatch_workbench.research.comparison.compare import compare_with
from pumpwatch_workbench.research.comparison.journal import export_trades, read_export

SETTINGS = {"fade_target_retrace": "0.5", "warm_up_minutes": "50"}
COINS = ("AUSDT", "BUSDT", "CUSDT", "DUSDT")


def blocks() -> list[Block]:
    """Return four coins that are pumped one after the other."""
    found = []
    for number, coin in enumerate(COINS):
        block = pump_block(start=480 + 100 * number, scale=1 + number / 10)
        candles = replace(block.candles, symbols=(coin,))
        contract = replace(block.contracts[0], symbol=coin)
        found.append(Block((number,), candles, (contract,)))
    return found


@pytest.fixture(scope="module")
def outcome():
    found = run_backtest(blocks(), lively(**SETTINGS))
    assert [one.trade.symbol for one in found.closed] == list(COINS)
    return found


def total(difference):
    return sum(difference.causes.values())


def small(value):
    return abs(value) < Decimal("1e-9")


def test_the_same_trades_do_not_differ(outcome):
    found = compare_with(outcome, outcome.trades)
    assert found.journal == found.simulation
    assert all(small(value) for value in found.by_cause.values())
    assert len(found.pairing.both) == 4


@pytest.mark.parametrize(
    ("cause", "change"),
    [
        ("fee", lambda one: {"fees": one.fees + 3, "realised_pnl": one.realised_pnl - 3}),
        ("funding", lambda one: {"funding": Decimal(2), "realised_pnl": one.realised_pnl - 2}),
        (
            "slippage",
            lambda one: {
                "entry_price": one.entry_price - 1,
                "realised_pnl": one.realised_pnl - one.quantity,
            },
        ),
        (
            "size",
            lambda one: {
                "quantity": one.quantity / 2,
                "fees": one.fees / 2,
                "realised_pnl": one.realised_pnl / 2,
            },
        ),
    ],
)
def test_one_change_is_put_down_to_its_cause_alone(outcome, cause, change):
    position = outcome.closed[0]
    journal = position.trade.with_(**change(position.trade))
    found = attribute_pair(position, journal)
    assert small(found.causes[cause] - found.total)
    assert not small(found.total)
    assert small(total(found) - found.total)


def test_a_late_entry_at_the_market_is_delay(outcome):
    position = outcome.closed[0]
    own = position.trade
    later = own.entry_time + MINUTE
    moved = market_price(position.window, later) - market_price(position.window, own.entry_time)
    journal = own.with_(
        entry_time=later,
        entry_price=own.entry_price + moved,
        realised_pnl=own.realised_pnl + own.quantity * moved,
    )
    found = attribute_pair(position, journal)
    assert moved < 0
    assert small(found.causes["delay"] - own.quantity * moved)
    assert small(found.causes["slippage"])
    assert small(total(found) - found.total)


def test_another_end_is_called_that(outcome):
    position = outcome.closed[0]
    own = position.trade
    journal = own.with_(
        exit_reason=ExitReason.TIME_LIMIT,
        exit_time=own.exit_time - 2 * MINUTE,
        exit_price=own.exit_price + 2,
        realised_pnl=own.realised_pnl - 2 * own.quantity,
    )
    found = attribute_pair(position, journal)
    assert found.note == "time limit instead of take profit"
    assert not small(found.causes["exit"])
    assert small(total(found) - found.total)


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
    found = compare_with(outcome, journal_of(outcome))
    third = outcome.trades[2]
    assert (len(found.pairing.both), len(found.open), len(found.uncovered)) == (2, 1, 1)
    assert found.by_cause["missed"] == -third.realised_pnl
    assert found.by_cause["extra"] == third.realised_pnl
    assert small(found.by_cause["fee"] + outcome.trades[1].fees)
    assert small(sum(found.by_cause.values()) - (found.journal.profit - found.simulation.profit))
    notes = {one.note for one in found.differences}
    assert "missed: the spread of 0.0300 is above 0.01" in notes
    assert "extra: no signal in the simulation" in notes


def test_export_comes_back_as_it_was(outcome, tmp_path):
    trades = journal_of(outcome)
    export_trades(trades, tmp_path / "journal.jsonl")
    assert sorted(read_export(tmp_path / "journal.jsonl"), key=lambda one: one.signal_id) == sorted(
        trades, key=lambda one: one.signal_id
    )


@pytest.mark.parametrize("text", ["{}", "[1]", "hello", '{"signal_id": "a", "side": "up"}'])
def test_file_that_is_no_journal_is_refused_with_its_line(tmp_path, text):
    (tmp_path / "journal.jsonl").write_text(f"\n{text}\n")
    with pytest.raises(BadInput, match="line 2: this is no trade"):
        read_export(tmp_path / "journal.jsonl")


def run(folder, *arguments: object):
    page = folder.parent / "page.html"
    options = ["compare", folder, "--report", page, *arguments]
    return CliRunner().invoke(app, [str(option) for option in options])


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "candles", blocks())


def options():
    chosen = lively(**SETTINGS).changed
    pairs = [part for name, value in chosen.items() for part in ("--set", f"{name}={value}")]
    return [
        *pairs,
        "--detector",
        "ewma",
        "--quote-price",
        "1",
        "--from",
        "1970-01-01",
        "--to",
        "1970-01-02",
    ]


@mock_aws
def test_command_reads_the_table_and_its_export(outcome, folder, tmp_path):
    client = boto3.client("dynamodb")
    name = make_table(client)
    table = Table(name)
    lease = DynamoLeaseStore(table).acquire("trade", owner="test", seconds=60)
    for trade in journal_of(outcome):
        DynamoJournal(table).save(trade, lease)
    DynamoJournal(table).save(
        outcome.trades[0].with_(signal_id="late", created=3 * 86_400_000), lease
    )
    file = tmp_path / "journal.jsonl"
    first = run(folder, "--table", name, "--export", file, *options(), "--json")
    assert first.exit_code == 0, first.output
    found = json.loads(first.stdout)
    assert (found["paired"], found["missed"], found["extra"], found["open"]) == (2, 1, 1, 1)
    assert found["strategy"] == "fade"
    assert set(found["by_cause_usdt"]) == set(CAUSES)
    assert found["journal"]["trades"] == 3
    again = run(folder, "--journal", file, *options(), "--json")
    assert json.loads(again.stdout) == found
    words = run(folder, "--journal", file, *options()).output
    for text in ("win rate", "final balance", "drawdown", "missed", "Not among the candles"):
        assert text in words
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    for text in ("Pumpwatch comparison: fade", "Side by side", "only the simulation traded"):
        assert text in page


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ([], "either --table or --journal"),
        (["--table", "a", "--journal", "b"], "either --table or --journal"),
        (["--journal", "nowhere.jsonl"], "cannot be read"),
    ],
)
def test_bad_input_is_one_line(folder, more, words):
    result = run(folder, *options(), *more)
    assert isinstance(result.exception, BadInput)
    assert words in str(result.exception)


def test_empty_period_is_said(folder, tmp_path):
    export_trades([], tmp_path / "empty.jsonl")
    result = run(folder, *options(), "--journal", tmp_path / "empty.jsonl")
    assert "no trade in this period" in str(result.exception)
