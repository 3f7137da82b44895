"""What a trade run asks for and remembers: rounds, contracts, the key, the profit, its lease."""

from dataclasses import replace
from decimal import Decimal
from itertools import permutations

import pytest
from support.trading_facts import trade
from support.trading_rig import START, Rig, beside, peaked, settings

from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import ExchangeForbidden, ExchangeUnavailable, LeaseLost
from pumpwatch.usecases.trade.realised_profit import RealisedProfit


@pytest.fixture
def rig():
    return Rig()


def test_a_run_takes_over_a_lease_that_is_given_back_meanwhile(rig):
    rig.leases.acquire("trade", owner="another", seconds=1)
    rig.opened()


def test_a_lost_lease_sends_nothing():
    rig = Rig(settings(max_data_age_seconds=60, leverage=2))
    rig.signals.publish(peaked())

    def lose_the_lease(*_):
        rig.advance(31)
        rig.leases.acquire("trade", owner="another", seconds=30)

    beside(rig.broker, "set_leverage", after=lose_the_lease)
    with pytest.raises(LeaseLost):
        rig.tick()
    assert rig.broker.placed == []


@pytest.mark.parametrize("method", ["positions", "account"])
def test_a_forbidden_exchange_is_never_taken_for_a_passing_failure(rig, method):
    rig.broker.fail(method, ExchangeForbidden("HTTP 403"))
    with pytest.raises(ExchangeForbidden):
        rig.tick()
    rig.tick()


def test_from_signal_to_acknowledgement_a_warm_run_makes_two_rounds(rig):
    """Reads of one round are started together; a leverage that is right is not set again."""
    use_case = rig.use_case()
    rig.tick(use_case=use_case)
    rig.signals.publish(peaked())
    rig.broker.calls.clear()
    rig.market.calls.clear()
    rig.tick(use_case=use_case)
    before = rig.broker.calls[: rig.broker.calls.index("place") + 1]
    assert rig.market.calls == ["snapshot", "order_book"]
    assert before == ["positions", "open_orders", "account", "leverage", "place"]


def test_contracts_are_read_once_an_hour(rig):
    use_case = rig.use_case()
    for seconds, read in ((0, 1), (60, 1), (60, 1), (3600, 2)):
        rig.advance(seconds)
        rig.tick(use_case=use_case)
        assert rig.market.calls.count("instruments") == read


def test_a_contract_listed_since_the_last_reading_is_found(rig):
    use_case = rig.use_case()
    rig.tick(use_case=use_case)
    rig.advance(90)
    rig.signal("NEWUSDT")
    rig.tick(use_case=use_case)
    assert rig.trade("NEWUSDT").state is TradeState.OPEN


LIVE = {
    "trading_mode": "live",
    "strategy": "fade",
    "live_trading_confirmation": "10001",
}


DEMO = {"trading_mode": "demo", "bybit_base_url": "https://api-demo.bybit.com"}
MODES = {"paper": {}, "demo": DEMO, "live": LIVE}


def live_rig(mode="live", **access):
    rig = Rig(settings(**MODES[mode]))
    rig.broker.access_facts = replace(rig.broker.access_facts, **access)
    rig.signals.publish(peaked())
    return rig


@pytest.mark.parametrize(
    ("access", "words"),
    [
        ({"account": "777"}, "LIVE_TRADING_CONFIRMATION"),
        ({"may_move_funds": True}, "withdraw or transfer"),
        ({"read_only": True}, "read-only"),
        ({"may_trade": False}, "lacks the right"),
    ],
)
def test_live_trading_refuses_a_key_that_must_not_be_used(access, words):
    rig = live_rig(**access)
    report = rig.tick()
    assert rig.broker.placed == list(rig.journal.trades_since(0)) == []
    assert words in report.blocked["access"]
    assert any(words in problem.text for problem in report.problems)


def test_demo_trading_uses_any_account_and_needs_the_right_to_trade():
    assert live_rig("demo", account="777", may_move_funds=True).tick().opened
    report = live_rig("demo", read_only=True).tick()
    assert not report.opened
    assert "read-only" in report.blocked["access"]


def test_live_trading_refuses_a_demo_account():
    report = live_rig(demo=True).tick()
    assert not report.opened
    assert "trade in demo mode" in report.blocked["access"]
    assert live_rig("demo", demo=True).tick().opened


def test_exits_run_with_a_key_that_must_not_be_used():
    rig = live_rig()
    assert rig.tick().opened
    rig.broker.access_facts = replace(rig.broker.access_facts, may_move_funds=True)
    rig.advance(61 * 60)
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT
    assert "access" in report.blocked


@pytest.mark.parametrize(("mode", "after"), list(permutations(MODES, 2)))
def test_a_trade_of_another_mode_waits_for_that_mode_to_return(mode, after):
    """A change of the mode must not take its position for one that vanished."""
    rig = live_rig(mode)
    rig.opened()
    own, rig.settings = rig.settings, settings(**MODES[after])
    held, rig.broker.positions = rig.broker.positions, lambda: Rows([])
    rig.advance(61 * 60)
    for _ in range(3):
        report = rig.tick()
        rig.advance(600)
        told = [f"in the {mode} account" in problem.text for problem in report.problems]
        assert told == ([] if mode == "paper" else [True])
        assert all(f"TradingMode={mode}" in problem.text for problem in report.problems)
    assert (rig.trade().state, rig.trade().mode) == (TradeState.OPEN, mode)
    rig.broker.positions, rig.settings = held, own
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.TIME_LIMIT


def test_a_key_that_cannot_be_checked_opens_nothing():
    rig = live_rig()
    rig.broker.fail("access", ExchangeUnavailable("no answer"))
    report = rig.tick()
    assert rig.broker.placed == []
    assert "not known yet" in report.blocked["access"]
    assert rig.tick().opened


def test_the_end_of_a_keys_life_is_reported_and_warned_of():
    ends = START + 3 * 86_400_000
    report = live_rig(expires=ends, bound_to_addresses=False).tick()
    assert report.key_expires == ends
    assert [happening.kind for happening in report.happenings].count("warning") == 2
    assert report.opened


def test_the_key_is_checked_once_an_hour():
    rig = live_rig()
    use_case = rig.use_case()
    for minutes, asked in ((0, 1), (1, 1), (58, 1), (2, 2)):
        rig.advance(minutes * 60)
        rig.tick(use_case=use_case)
        assert rig.broker.calls.count("access") == asked


def test_realised_profit_survives_cold_starts_and_warm_runs():
    rig = Rig(settings(symbol_cooldown_minutes=0))
    warm, total = rig.use_case(), Decimal(0)
    for number in range(3):
        rig.signal(name=f"s{number}")
        for _ in range(5):
            rig.tick(use_case=warm)
            rig.advance(60)
        rig.set_price(1.05)
        report = rig.tick(use_case=warm)
        total += report.closed[0].realised_pnl
        assert report.realised_pnl == total
        rig.advance(300)
    assert rig.tick().realised_pnl == total
    assert total > 0


class CountedJournal:
    """A journal that counts how often it is read."""

    def __init__(self):
        self.reads = 0
        self.trades = []
        self.close("5")

    def trades_since(self, time):
        self.reads += 1
        return Rows(tuple(trade for trade in self.trades if trade.created >= time))

    def close(self, profit):
        closed = {"state": TradeState.CLOSED, "realised_pnl": Decimal(profit)}
        self.trades.append(trade(signal_id=f"s{len(self.trades)}", created=START, **closed))


@pytest.mark.parametrize(
    ("token", "has_trades", "total", "reads"),
    [(8, False, 5, 1), (8, True, 3, 2), (9, False, 3, 2)],
    ids=["an idle run", "a run with trades", "a run of somebody else in between"],
)
def test_the_journal_is_read_where_the_profit_can_have_changed(token, has_trades, total, reads):
    journal = CountedJournal()
    profit = RealisedProfit(journal, "live")
    assert profit.total(START, token=7, cared_for=(), tell=list) == 5
    journal.close("-2")
    cared_for = journal.trades if has_trades else ()
    assert profit.total(START, token=token, cared_for=cared_for, tell=list) == total
    assert journal.reads == reads


def test_a_trade_that_is_live_again_is_counted_when_it_ends():
    """An entry that was given up can be filled late: its trade is older than what is summed up."""
    journal, later = CountedJournal(), START + 3_600_000
    profit = RealisedProfit(journal, "live")
    assert profit.total(later, token=7, cared_for=(), tell=list) == 5
    journal.trades = [replace(journal.trades[0], realised_pnl=Decimal(8))]
    assert profit.total(later, token=8, cared_for=journal.trades, tell=list) == 8
