"""A halt that closes positions: ours at market, reduce-only, in every run while it is in force."""

from decimal import Decimal

from support.trading_rig import Rig

from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import Side
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import Rejected


def test_halt_alone_leaves_the_position_to_its_stop() -> None:
    rig = Rig().opened()
    rig.halts.halt(Halt("a look", rig.clock.now(), by="operator"))
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    rig.check_agreement()


def test_halt_that_closes_ends_our_position_reduce_only() -> None:
    rig = Rig().opened()
    rig.halts.halt(Halt("enough", rig.clock.now(), by="operator", close_positions=True))
    report = rig.tick()
    assert rig.trade().exit_reason is ExitReason.HALT
    assert [trade.signal_id for trade in report.closed] == [rig.trade().signal_id]
    assert rig.broker.placed[-1].reduce_only
    assert list(rig.broker.positions()) == []
    rig.tick()
    assert len(rig.broker.placed) == 2
    rig.check_agreement()


def test_earlier_halt_can_be_told_to_close() -> None:
    rig = Rig().opened()
    rig.halts.halt(Halt("a look", rig.clock.now(), by="protection drawdown"))
    rig.halts.halt(Halt("enough", rig.clock.now(), by="operator", close_positions=True))
    halt = rig.halts.current()
    assert halt is not None
    assert (halt.reason, halt.close_positions) == ("a look", True)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.HALT


def test_position_of_others_is_left_alone() -> None:
    rig = Rig()
    rig.broker.open_foreign("OTHERUSDT", Side.BUY, Decimal(3), Decimal(1))
    rig.halts.halt(Halt("enough", rig.clock.now(), close_positions=True))
    report = rig.tick()
    assert rig.broker.placed == []
    assert report.foreign_positions == 1


def test_refused_exit_is_tried_again_later_and_the_stop_stays() -> None:
    rig = Rig().opened()
    rig.halts.halt(Halt("enough", rig.clock.now(), close_positions=True))
    rig.broker.fail("place", Rejected("not now", code=1))
    rig.tick()
    assert rig.trade().state is TradeState.OPEN
    rig.check_agreement()
    rig.advance(301)
    rig.tick()
    assert rig.trade().exit_reason is ExitReason.HALT
    rig.check_agreement()
