"""Protections in the use case: locks are stored, stop entries only, and end as they should."""

from decimal import Decimal

import pytest
from support.trading_rig import SYMBOL, Rig, failing, peaked, settings

from pumpwatch.domain.market.health import Health
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import StoreUnavailable
from pumpwatch.usecases.trade.guards import protections_from

OTHER = "OTHERUSDT"


@pytest.fixture
def rig():
    return Rig()


def lose(rig, symbol=SYMBOL):
    """Trade a signal of the symbol and let its stop close it."""
    rig.signal(symbol, name=f"signal-{len(rig.journal.trades_since(0))}")
    assert rig.tick().opened
    rig.advance(60)
    rig.set_price(1.25, symbol)
    assert [trade.realised_pnl < 0 for trade in rig.tick().closed] == [True]


def test_every_setting_that_switches_off_leaves_its_protection_out():
    names = {one.name for one in protections_from(settings())}
    assert names == {
        "symbol_cooldown",
        "losing_streak",
        "drawdown",
        "low_profit_symbol",
        "exchange_incident",
        "stale_data",
    }
    off = settings(
        symbol_cooldown_minutes=0,
        losing_streak_trades=0,
        drawdown_pause_fraction=Decimal(0),
        drawdown_halt_fraction=Decimal(0),
        low_profit_trades=0,
        incident_failure_fraction=Decimal(0),
        trading_hours="Mon-Fri 08:00-20:00",
    )
    assert {one.name for one in protections_from(off)} == {"stale_data", "trading_hours"}


def test_a_symbol_cools_down_after_a_trade_and_others_go_on(rig):
    lose(rig)
    (lock,) = rig.locks.current(rig.clock.now())
    assert (lock.protection, lock.symbol) == ("symbol_cooldown", SYMBOL)
    rig.signal(name="again")
    rig.signal(OTHER)
    report = rig.tick()
    assert [one.symbol for one in report.opened] == [OTHER]
    (denied,) = report.denied
    assert "symbol_cooldown" in denied.denial
    assert "lock" not in report.blocked


def test_a_cold_start_keeps_a_lock(rig):
    lose(rig)
    rig.advance(30 * 60)
    rig.signal(name="again")
    assert rig.tick().denied
    rig.advance(31 * 60)
    rig.signal(name="later")
    assert rig.tick().opened


def test_a_losing_streak_pauses_every_symbol_and_exits_go_on():
    rig = Rig(settings(losing_streak_trades=2, symbol_cooldown_minutes=0))
    rig.signal(OTHER)
    rig.tick()
    lose(rig)
    lose(rig)
    rig.advance(31 * 60)
    rig.signal(name="third")
    report = rig.tick()
    assert "losing" in report.denied[0].denial
    assert report.blocked["lock"]
    assert rig.trade(OTHER).exit_reason is ExitReason.TIME_LIMIT


@pytest.mark.parametrize("mode", ["demo", "live"])
def test_losses_of_another_mode_neither_pause_nor_count(mode):
    rig = Rig(settings(losing_streak_trades=2, symbol_cooldown_minutes=0))
    lose(rig)
    rig.save(rig.trade().with_(mode=mode))
    rig.signal(OTHER)
    rig.tick()
    rig.advance(60)
    rig.set_price(1.25, OTHER)
    (closed,) = rig.tick().closed
    rig.advance(31 * 60)
    rig.signal(name="third")
    report = rig.tick()
    (opened,) = report.opened
    assert report.realised_pnl == closed.realised_pnl + opened.realised_pnl < 0


def halted_by_drawdown():
    """A world whose first loss halts."""
    off = {"symbol_cooldown_minutes": 0, "losing_streak_trades": 0, "low_profit_trades": 0}
    halts = {"drawdown_pause_fraction": Decimal(0), "drawdown_halt_fraction": Decimal("0.002")}
    rig = Rig(settings(**off, **halts))
    lose(rig)
    return rig


def test_a_deep_drawdown_halts_until_a_person_resumes():
    rig = halted_by_drawdown()
    assert rig.halts.current().by == "protection drawdown"
    rig.advance(2 * 86_400)
    rig.signal(name="next")
    report = rig.tick()
    assert (report.opened, report.halted) == ([], True)
    assert "halt" in report.blocked


def test_after_a_resume_the_former_loss_does_not_halt_again():
    rig = halted_by_drawdown()
    rig.advance(60)
    rig.halts.resume(by="a person", time=rig.clock.now())
    rig.signal(name="next")
    assert rig.tick().opened


@pytest.mark.parametrize(("named", "opens"), [((), False), (("another",), False), (None, True)])
def test_only_a_resume_that_names_the_trade_lets_entries_go_on(named, opens):
    rig = Rig().opened()
    rig.save(rig.trade().with_(state=TradeState.CLOSED, halts="no fill says why"))
    trades = (rig.trade().signal_id,) if named is None else named
    rig.halts.resume(by="a person", time=rig.clock.now(), trades=trades)
    rig.signal(OTHER)
    rig.tick()
    assert (len(rig.entries_sent()) == 2) == opens


def test_trouble_at_the_exchange_pauses_entries(rig):
    rig.health.health = Health(requests=20, failures=10)
    rig.signals.publish(peaked())
    report = rig.tick()
    assert report.opened == []
    assert "exchange_incident" in report.denied[0].denial


def test_outside_the_trading_hours_nothing_is_opened():
    rig = Rig(settings(trading_hours="Sat 10:00-12:00"))  # The rig starts on a Friday.
    rig.signals.publish(peaked())
    assert rig.tick().denied
    inside = Rig(settings(trading_hours="Fri 08:00-09:00"))
    inside.signals.publish(peaked())
    assert inside.tick().opened


def test_old_market_data_opens_nothing(rig):
    rig.signals.publish(peaked())
    rig.market.now = rig.clock.now() - 11_000
    report = rig.tick()
    assert report.opened == []
    assert "stale_data" in report.denied[0].denial


@pytest.mark.parametrize("port", ["locks", "halts"])
def test_locks_or_a_halt_that_cannot_be_read_stop_entries_and_exits_go_on(rig, port):
    rig.opened()
    rig.advance(31 * 60)
    rig.signal(OTHER)
    getattr(rig, port).current = failing(StoreUnavailable("the table did not answer"))
    report = rig.tick()
    assert "stores" in report.blocked
    assert len(rig.entries_sent()) == 1
    assert rig.trade().state is TradeState.CLOSED


def test_a_lock_that_cannot_be_stored_stops_the_entry(rig):
    rig.health.health = Health(requests=20, failures=10)
    rig.signals.publish(peaked())
    rig.locks.save = failing(StoreUnavailable("the table did not answer"))
    report = rig.tick()
    assert "stores" in report.blocked
    assert rig.broker.placed == []
    assert report.denied == []


def test_a_position_that_vanished_halts_in_the_end(rig):
    rig.opened()
    rig.broker.vanish(SYMBOL)
    report = rig.tick()
    assert (report.vanished, report.repairs) == (1, {"vanished": 1})
    rig.advance(9 * 60)
    assert rig.tick().halted is False
    rig.advance(61)
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.UNEXPLAINED
    assert report.halted
    assert SYMBOL in report.blocked["halt"]
    assert rig.trade().halts
    rig.advance(60)
    assert "halt" in rig.tick().blocked
    rig.halts.resume(by="operator", time=rig.clock.now())
    assert "halt" in rig.tick().blocked, "a resume that names no trade does not free it"
    rig.halts.resume(by="operator", time=rig.clock.now(), trades=[rig.trade().signal_id])
    assert "halt" not in rig.tick().blocked
    assert list(rig.journal.live_trades()) == []
