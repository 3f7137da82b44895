"""`pumpwatch status`, `halt` and `resume` as typed, on a stack in moto."""

import json
import time
from decimal import Decimal
from types import SimpleNamespace

import pytest
from moto import mock_aws
from support.deployed import Deployment
from support.records import a_trade
from typer.testing import CliRunner

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.paper import DynamoPaperStore
from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.paper.account import PaperPosition, PaperState
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import BadInput
from pumpwatch.metrics.catalogue import DETECT, TRADE
from pumpwatch_workbench.cli import close, operating
from pumpwatch_workbench.cli.main import app

TYPED = CliRunner()


@pytest.fixture
def deployed(monkeypatch):
    with mock_aws():
        made = Deployment()
        made.succeed(DETECT, TRADE)
        made.subscribe()
        monkeypatch.setattr(operating, "deployed_stack", lambda *_, hasty=False: made.stack())
        yield made


def halts(deployed):
    return DynamoHaltStore(deployed.table())


def run(*arguments, **options):
    return TYPED.invoke(app, list(arguments), **options)


def test_halt_and_resume_record_who_and_why(deployed):
    assert run("halt", "--reason", "odd fills").exit_code == 0
    halt = halts(deployed).current()
    assert (halt.reason, halt.close_positions) == ("odd fills", False)
    assert halt.by
    shown = run("status")
    assert shown.exit_code == 0
    assert "odd fills" in shown.output
    assert run("resume", "--reason", "it was the feed").exit_code == 0
    assert halts(deployed).current() is None
    assert halts(deployed).resumed() is not None
    item = deployed.table().get("HALT", "HALT")
    assert item["resumed_by"].endswith(": it was the feed")


def test_earlier_halt_keeps_its_reason_and_says_so(deployed):
    run("halt", "--reason", "first")
    answer = run("halt", "--reason", "second")
    assert "It was halted already" in answer.output
    assert halts(deployed).current().reason == "first"


def test_a_reason_that_no_terminal_can_show_halts_nevertheless(deployed):
    assert run("halt", "--reason", "odd \udcff\x1b fills").exit_code == 0
    assert halts(deployed).current().reason == "odd fills"


def test_a_bare_halt_halts_and_says_what(deployed):
    answer = run("halt")
    assert answer.exit_code == 0
    assert "stage prod, stack pumpwatch in eu-central-1: opens nothing" in answer.output
    assert halts(deployed).current().reason == "by hand"


@pytest.mark.parametrize("typed", ["n", ""])
def test_entries_are_halted_before_closing_is_asked_about(deployed, typed):
    answer = run("halt", "--close-positions", input=f"{typed}\n")
    assert isinstance(answer.exception, BadInput)
    assert "entries are halted, no position is closed" in str(answer.exception)
    assert halts(deployed).current().close_positions is False


@pytest.mark.parametrize(("arguments", "typed"), [([], "y\n"), (["--yes"], "")])
def test_closing_is_asked_of_trade(deployed, arguments, typed):
    answer = run("halt", "--close-positions", *arguments, input=typed)
    assert answer.exit_code == 0, answer.output
    assert "and closes its positions" in answer.output
    assert halts(deployed).current().close_positions


def test_nothing_to_resume_is_bad_input(deployed):
    answer = run("resume", "--reason", "all good")
    assert isinstance(answer.exception, BadInput)


LOST = "its position vanished and no fill says why"


@pytest.fixture
def halted_by_trades(deployed):
    """An open trade, and two that ended unexplained."""
    journal = DynamoJournal(deployed.table())
    lease = DynamoLeaseStore(deployed.table()).acquire("trade", owner="run", seconds=30)
    ended = {"state": TradeState.CLOSED, "halts": LOST}
    journal.save(a_trade("open-1", symbol="OPENUSDT", state=TradeState.OPEN), lease)
    journal.save(a_trade("lost-1", symbol="AUSDT", exit_time=1_767_571_260_000, **ended), lease)
    journal.save(a_trade("lost-2", symbol="BUSDT", **ended), lease)
    return deployed


def test_resume_shows_the_trades_that_halt_and_takes_them_when_told_so(halted_by_trades):
    run("halt", "--reason", "a look")
    answer = run("resume", "--reason", "both explained", input="y\n")
    assert answer.exit_code == 0, answer.output
    shown = answer.output + answer.stderr
    for text in ("AUSDT since 2026-01-05T00:01:00Z", LOST, "BUSDT", "lost-1"):
        assert text in shown
    assert "OPENUSDT" not in shown
    assert set(halts(halted_by_trades).looked_at()) == {"lost-1", "lost-2"}
    assert halts(halted_by_trades).current() is None
    assert "may open positions again" in answer.output


@pytest.mark.parametrize("typed", ["n\n", ""])
def test_resume_without_naming_them_lifts_the_flag_and_says_what_still_halts(
    halted_by_trades, typed
):
    run("halt", "--reason", "a look")
    answer = run("resume", "--reason", "mended", input=typed)
    assert answer.exit_code == 0
    assert "still opens nothing" in answer.output
    assert "lost-1" in answer.output
    assert (halts(halted_by_trades).current(), halts(halted_by_trades).looked_at()) == (None, set())


def test_trades_can_be_named_unasked(halted_by_trades):
    """Also where only they halt and no flag is set."""
    answer = run("resume", "--reason", "explained", "--trade", "lost-1")
    assert answer.exit_code == 0
    assert "lost-2" in answer.output
    assert set(halts(halted_by_trades).looked_at()) == {"lost-1"}
    seen = json.loads(run("resume", "--reason", "and this", "--all-trades", "--json").output)
    assert (seen["halted"], seen["looked_at"], seen["still_halting"]) == (False, ["lost-2"], [])
    assert isinstance(run("resume", "--reason", "once more").exception, BadInput)


def test_only_trades_halt_and_none_was_named(halted_by_trades):
    answer = run("resume", "--reason", "mended", "--json")
    assert isinstance(answer.exception, BadInput)
    assert "--all-trades" in str(answer.exception)
    assert halts(halted_by_trades).resumed() is None


def test_an_id_that_halts_nothing_is_refused(halted_by_trades):
    run("halt", "--reason", "a look")
    answer = run("resume", "--reason", "mended", "--trade", "open-1", "--trade", "lost-1")
    assert isinstance(answer.exception, BadInput)
    assert halts(halted_by_trades).current() is not None
    assert halts(halted_by_trades).looked_at() == set()


def test_halting_trades_are_shown_and_are_no_positions(halted_by_trades):
    seen = json.loads(run("status", "--json").output)
    assert [one["symbol"] for one in seen["trades"]] == ["OPENUSDT"]
    assert {one["symbol"]: one["reason"] for one in seen["halting"]} == {
        "AUSDT": LOST,
        "BUSDT": LOST,
    }
    assert f"AUSDT since 2026-01-05T00:01:00Z: {LOST}" in " ".join(run("status").output.split())
    findings = json.loads(run("doctor", "--json").output)
    assert sum("a trade halts entries" in one["detail"] for one in findings) == 2


def test_status_shows_positions_as_json_too(deployed):
    lease = DynamoLeaseStore(deployed.table()).acquire("trade", owner="run", seconds=30)
    trade = a_trade("signal-1", state=TradeState.OPEN)
    DynamoJournal(deployed.table()).save(trade, lease)
    assert trade.symbol in run("status").output
    seen = json.loads(run("status", "--json").output)
    assert [one["symbol"] for one in seen["trades"]] == [trade.symbol]
    assert (seen["stage"], seen["late"], seen["halt"]) == ("prod", [], None)


def test_status_of_a_silent_function_is_a_problem(deployed):
    deployed.succeed(TRADE, ago=900)
    assert run("status").exit_code == 0, "a repeat of a run changes nothing"
    deployed.client("dynamodb").delete_item(
        TableName=deployed.outputs["StateTable"],
        Key={"pk": {"S": f"TOTALS#{TRADE}"}, "sk": {"S": "TOTALS"}},
    )
    answer = run("status")
    assert (answer.exit_code, "trade: never succeeded" in answer.output) == (1, True)


def test_doctor_passes_and_after_a_deployment_warnings_fail(deployed):
    assert run("doctor").exit_code == 0
    assert run("doctor", "--post-deploy").output.splitlines()[-1].startswith("PASS")
    run("halt", "--reason", "a look")
    assert run("doctor").exit_code == 0
    answer = run("doctor", "--post-deploy")
    assert answer.exit_code == 1
    assert "-> When the reason is gone: pumpwatch resume --reason" in answer.output
    levels = {one["level"] for one in json.loads(run("doctor", "--json").output)}
    assert levels == {"ok", "warn"}


@pytest.fixture
def two_open(deployed):
    """Two open trades of a stack, one of them of live mode."""
    lease = DynamoLeaseStore(deployed.table()).acquire("trade", owner="run", seconds=30)
    journal = DynamoJournal(deployed.table())
    opened = {"state": TradeState.OPEN, "entry_price": Decimal("1.1")}
    journal.save(a_trade("mine", symbol="DOGEUSDT", mode="paper", **opened), lease)
    journal.save(a_trade("other", symbol="OTHERUSDT", mode="live", **opened), lease)
    deployed.lease = lease
    return deployed


def test_close_asks_for_the_trade_and_says_that_it_is_not_closed_yet(two_open):
    answer = run("close", "doge", "--reason", "news", "--wait", "0.05")
    assert answer.exit_code == 1
    assert "DOGEUSDT is closed with the next run" in answer.output
    assert "It is not closed yet; see: pumpwatch status --stack pumpwatch" in answer.output
    ((name, request),) = halts(two_open).instructions().to_close.items()
    assert (name, request.reason, request.by != "") == ("mine", "news", True)
    shown = run("status").output
    assert "to be closed for" in shown
    assert shown.count("to be closed for") == 1


def test_close_follows_the_trade_until_it_is_closed(two_open, monkeypatch):
    def closes(_):
        over = {"state": TradeState.CLOSED, "exit_reason": ExitReason.BY_HAND}
        numbers = {"exit_price": Decimal("1.05"), "realised_pnl": Decimal("4.2")}
        trade = a_trade("mine", symbol="DOGEUSDT", mode="paper", **over, **numbers)
        DynamoJournal(two_open.table()).save(trade, two_open.lease)

    clock = SimpleNamespace(sleep=closes, monotonic=time.monotonic, time_ns=time.time_ns)
    monkeypatch.setattr(close, "time", clock)
    run("halt")
    answer = run("close", "DOGEUSDT")
    assert answer.exit_code == 0, answer.output
    assert "DOGEUSDT is closed: by hand at 1.0500, +4.20 USDT after costs" in answer.output
    assert isinstance(run("close", "DOGEUSDT").exception, BadInput)


def test_close_says_it_as_json_and_need_not_wait(two_open):
    answer = run("close", "DOGEUSDT", "--wait", "0", "--json")
    assert answer.exit_code == 0
    seen = json.loads(answer.output)
    assert (seen["symbol"], seen["closed"], seen["mode"]) == ("DOGEUSDT", False, "paper")


@pytest.mark.parametrize(
    ("symbol", "says"),
    [
        ("DOGUSDT", "no open trade in DOGUSDT; open are DOGEUSDT"),
        ("PEPE", "open are DOGEUSDT, OTHERUSDT. A position of somebody else"),
        ("OTHERUSDT", "its trade is of live mode and waits for that"),
    ],
)
def test_close_refuses_what_it_cannot_close(two_open, symbol, says):
    answer = run("close", symbol)
    assert isinstance(answer.exception, BadInput)
    assert says in str(answer.exception)
    assert not halts(two_open).instructions().to_close


def test_close_where_nothing_is_open(deployed):
    assert "nothing is open" in str(run("close", "DOGEUSDT").exception)


def test_status_warns_of_a_position_that_no_run_cares_for(two_open):
    assert "WARNING" not in run("status").output
    two_open.client("dynamodb").delete_item(
        TableName=two_open.outputs["StateTable"],
        Key={"pk": {"S": f"TOTALS#{TRADE}"}, "sk": {"S": "TOTALS"}},
    )
    answer = run("status")
    assert answer.exit_code == 1
    assert "WARNING: something is open and nothing runs" in answer.output


def test_status_of_a_stack_on_paper_says_what_it_is_worth(two_open):
    position = PaperPosition(
        "DOGEUSDT", Side.BUY, Decimal(100), Decimal("1.1"), None, None, Decimal("1.25"),
        checked=0, seen_high=None, seen_low=None, created=0, updated=0,
    )  # fmt: skip
    state = PaperState(0, Decimal("-50"), {"DOGEUSDT": position})
    DynamoPaperStore(two_open.table()).commit(PaperState(), state)
    seen = json.loads(run("status", "--json").output)
    (mine, other) = seen["trades"]
    assert mine["price"] == "1.25"
    assert other["price"] is None
    assert seen["open_result_usdt"] is None, "a price is not known"
    assert "equity not known here" in run("status").output, "no run has said it"
    journal = DynamoJournal(two_open.table())
    closed = {"state": TradeState.CLOSED, "exit_reason": ExitReason.HALT}
    journal.save(a_trade("other", symbol="OTHERUSDT", mode="live", **closed), two_open.lease)
    seen = json.loads(run("status", "--json").output)
    result = (Decimal("1.25") - Decimal("1.1")) * a_trade().quantity
    result = result if a_trade().side is Side.BUY else -result
    assert Decimal(seen["open_result_usdt"]) == result
    DynamoTotalsStore(two_open.table()).add(TRADE, "run", {}, equity=9_958.5)
    assert "equity 9,958.50 USDT" in run("status").output, "of trade's last run"
