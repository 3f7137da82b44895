"""The journal: memory and DynamoDB behave alike."""

from dataclasses import replace
from decimal import Decimal

import pytest
from support.records import NOW, a_trade, an_order, settled

from pumpwatch.adapters.dynamodb.codec import to_item
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.domain.trading.trades import ExitReason, RepairNote, TradeState
from pumpwatch.errors import DuplicateOrder, LeaseLost, LimitReached

DAY = "2025-10-09"


@pytest.fixture
def lease(stores):
    return stores.leases.acquire("trade", owner="run-1", seconds=30)


def intend(stores, lease, signal_id="signal-1", attempt=0, max_orders=None):
    trade, order = a_trade(signal_id), an_order(signal_id, attempt)
    stores.journal.intend(trade, order, lease, day=DAY, max_orders=max_orders)
    return trade, order


def test_an_intent_stores_trade_order_and_count_together(stores, lease):
    trade, order = intend(stores, lease)
    assert stores.journal.trade("signal-1") == trade
    assert list(stores.journal.live_trades()) == [trade]
    assert stores.journal.orders("signal-1") == [order]
    assert stores.journal.orders_on(DAY) == 1
    assert stores.journal.orders_on("2025-10-10") == 0


def test_nothing_is_known_of_an_unknown_signal(stores):
    assert stores.journal.trade("signal-9") is None
    assert stores.journal.orders("signal-9") == []
    assert list(stores.journal.live_trades()) == []


def test_an_intent_after_the_lease_was_taken_over_stores_nothing(stores, lease):
    stores.wall.seconds += 31
    stores.leases.acquire("trade", owner="run-2", seconds=30)
    with pytest.raises(LeaseLost):
        intend(stores, lease)
    assert stores.journal.trade("signal-1") is None
    assert stores.journal.orders_on(DAY) == 0


def refuses_every_write(stores, lease, trade, order):
    """Assert that nothing is stored under a lease that does not count any more."""
    kept = [stores.journal.trades_since(0), stores.journal.orders("signal-1")]
    note = RepairNote(NOW, "opened", "")
    writes = (
        lambda: intend(stores, lease, "signal-2"),
        lambda: stores.journal.settle(trade, settled(order), lease, repair=note),
        lambda: stores.journal.save(replace(trade, state=TradeState.DROPPED), lease, repair=note),
    )
    for write in writes:
        with pytest.raises(LeaseLost):
            write()
    assert kept == [stores.journal.trades_since(0), stores.journal.orders("signal-1")]
    assert list(stores.journal.live_trades()) == [trade]
    assert stores.journal.orders_on(DAY) == 1
    assert stores.journal.repairs("signal-1") == []


def test_every_write_is_refused_after_the_release(stores, lease):
    trade, order = intend(stores, lease)
    stores.leases.release(lease)
    refuses_every_write(stores, lease, trade, order)


@pytest.mark.parametrize("owner", ["run-1", "run-2"])
def test_the_same_owner_under_an_older_token_writes_nothing(stores, lease, owner):
    """The same event, delivered twice, has the same owner in both of its runs."""
    trade, order = intend(stores, lease)
    stores.wall.seconds += 31
    second = stores.leases.acquire("trade", owner=owner, seconds=30)
    assert second.token == lease.token + 1
    refuses_every_write(stores, lease, trade, order)
    intend(stores, second, "signal-2")


def test_another_owner_with_the_same_token_writes_nothing(stores, lease):
    trade, order = intend(stores, lease)
    refuses_every_write(stores, replace(lease, owner="run-9"), trade, order)


def test_the_same_order_is_intended_once(stores, lease):
    intend(stores, lease)
    with pytest.raises(DuplicateOrder):
        intend(stores, lease)
    assert stores.journal.orders_on(DAY) == 1


def test_the_days_limit_refuses_entries_and_never_exits(stores, lease):
    intend(stores, lease, "signal-1", max_orders=2)
    intend(stores, lease, "signal-2", max_orders=2)
    with pytest.raises(LimitReached, match="2"):
        intend(stores, lease, "signal-3", max_orders=2)
    assert stores.journal.trade("signal-3") is None
    intend(stores, lease, "signal-3", max_orders=None)
    assert stores.journal.orders_on(DAY) == 3


def test_a_limit_of_zero_refuses_the_first_order(stores, lease):
    with pytest.raises(LimitReached):
        intend(stores, lease, max_orders=0)


def test_a_lost_lease_comes_before_every_other_refusal(stores, lease):
    intend(stores, lease, max_orders=1)
    stores.leases.release(lease)
    with pytest.raises(LeaseLost):
        intend(stores, lease, max_orders=1)


def test_a_duplicate_comes_before_the_limit(stores, lease):
    intend(stores, lease, max_orders=1)
    with pytest.raises(DuplicateOrder):
        intend(stores, lease, max_orders=1)


def test_an_outcome_and_its_trade_are_stored_together(stores, lease):
    trade, order = intend(stores, lease)
    opened = replace(
        trade, state=TradeState.OPEN, entry_price=Decimal("1.0987"), entry_time=NOW + 900
    )
    stores.journal.settle(opened, settled(order), lease)
    assert stores.journal.trade("signal-1") == opened
    assert stores.journal.orders("signal-1") == [settled(order)]
    assert list(stores.journal.live_trades()) == [opened]


def test_a_closed_trade_is_no_longer_live_and_still_listed(stores, lease):
    trade, _ = intend(stores, lease)
    closed = replace(
        trade,
        state=TradeState.CLOSED,
        exit_reason=ExitReason.STOP_LOSS,
        exit_price=Decimal("1.2361234567890123456789"),
        realised_pnl=Decimal("-6.123456789"),
    )
    stores.journal.save(closed, lease)
    assert list(stores.journal.live_trades()) == []
    assert stores.journal.trade("signal-1") == closed
    assert list(stores.journal.trades_since(NOW)) == [closed]


def test_an_ended_trade_that_halts_is_still_listed(stores, lease):
    trade, order = intend(stores, lease)
    ended = replace(trade, state=TradeState.CLOSED, halts="no fill says why")
    stores.journal.settle(ended, settled(order), lease)
    assert list(stores.journal.live_trades()) == [ended]
    stores.journal.save(replace(ended, halts=""), lease)
    assert list(stores.journal.live_trades()) == []


def test_a_dropped_trade_was_never_live(stores, lease):
    dropped = a_trade(state=TradeState.DROPPED, denial="the spread is too wide")
    stores.journal.save(dropped, lease)
    assert list(stores.journal.live_trades()) == []
    assert list(stores.journal.trades_since(0)) == [dropped]


def test_trades_come_oldest_first_and_only_since_the_time_asked_for(stores, lease):
    for number, created in enumerate((NOW + 5, NOW, NOW + 9)):
        trade = a_trade(f"signal-{number}", created=created)
        stores.journal.save(trade, lease)
    assert [t.signal_id for t in stores.journal.trades_since(NOW + 1)] == ["signal-0", "signal-2"]
    assert [t.created for t in stores.journal.live_trades()] == [NOW, NOW + 5, NOW + 9]


def test_orders_of_a_trade_come_oldest_first(stores, lease):
    for attempt in (2, 0, 1):
        intend(stores, lease, attempt=attempt)
    assert [order.attempt for order in stores.journal.orders("signal-1")] == [0, 1, 2]


def test_more_trades_than_one_page_are_all_found(table):
    note = "x" * 300_000  # a page of DynamoDB holds one megabyte
    trades = [a_trade(f"signal-{number}", denial=note) for number in range(5)]
    for trade in trades:
        table.put({"pk": "TRADES", "sk": f"{NOW}#{trade.signal_id}", **to_item(trade)})
    assert list(DynamoJournal(table).trades_since(0)) == trades


def test_a_repair_is_stored_with_what_it_changed(stores, lease):
    trade, order = intend(stores, lease)
    first, second = RepairNote(NOW, "opened", "found by its id"), RepairNote(NOW + 1, "resized", "")
    stores.journal.settle(trade, settled(order), lease, repair=first)
    stores.journal.save(trade, lease, repair=second)
    stores.journal.save(trade, lease)
    assert list(stores.journal.repairs("signal-1")) == [first, second]
    assert stores.journal.repairs("signal-2") == []
    assert stores.journal.orders("signal-1") == [settled(order)]


def test_all_fields_of_a_trade_survive(stores, lease):
    trade = replace(
        a_trade("signal-1"), trailing_stop=Decimal("0.05"), vanished=NOW, exit_refused=NOW + 1
    )
    stores.journal.save(trade, lease)
    assert stores.journal.trade("signal-1") == trade
