"""What a version makes of the state of an older one, of a newer one, and of garbage.

Older: read, with defaults. Newer: read, and what is not known is kept. Neither: refused in a
sentence, and left as it is. The history and the scans' queue are tested beside their stores.
"""

import json
from dataclasses import replace
from decimal import Decimal

import pytest
from moto import mock_aws
from support.aws import client, make_table
from support.records import NOW, a_signal, a_trade, an_event, an_order, settled
from support.trading_rig import SYMBOL, Rig, peaked

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.paper import DynamoPaperStore
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.adapters.paper.account import PaperState
from pumpwatch.bootstrap.scans import ScanMark
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.halt import CloseRequest, Halt
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.errors import BadEvent, InvariantBroken
from pumpwatch.invocation import parse_scan, parse_wake_up

DAY = "2025-10-09"
OTHER = "OTHERUSDT"


@pytest.fixture
def table():
    with mock_aws():
        dynamodb = client("dynamodb")
        yield Table(make_table(dynamodb), dynamodb)


def items(table):
    """Return everything in the table, by its keys."""
    answer = client("dynamodb").scan(TableName=table._name, ConsistentRead=True)
    return {(one["pk"]["S"], one["sk"]["S"]): one for one in answer["Items"]}


def change(table, prefix, **fields):
    """Set fields of every item whose partition begins so, in the wire's format; None removes."""
    changed = 0
    for (pk, _), item in items(table).items():
        if pk.startswith(prefix):
            new = {k: v for k, v in {**item, **fields}.items() if v is not None}
            client("dynamodb").put_item(TableName=table._name, Item=new)
            changed += 1
    assert changed


def fill(table):
    """Let the present version store one of everything, and return what a store gives for each."""
    journal, leases = DynamoJournal(table), DynamoLeaseStore(table)
    lease = leases.acquire("trade", owner="run", seconds=60)
    journal.intend(a_trade(), an_order(), lease, day=DAY, max_orders=None)
    DynamoSignalStore(table).publish(a_signal())
    DynamoEventStore(table).save(an_event())
    DynamoHaltStore(table).halt(Halt("a look", NOW, by="ann"))
    DynamoHaltStore(table).ask_to_close(CloseRequest("signal-1", NOW, by="ann"))
    DynamoLockStore(table).save(
        Lock(protection="drawdown", reason="it fell", since=NOW, until=NOW + 10)
    )
    DynamoPaperStore(table).commit(PaperState(), PaperState(realised=Decimal(5)))
    DynamoTotalsStore(table).add("pumpwatch_trade", "run", {"pumpwatch_trade_runs_total": 1})
    return lease


READS = {
    "TRADES#LIVE": lambda table: list(DynamoJournal(table).live_trades().require_all()),
    "TRADES": lambda table: list(DynamoJournal(table).trades_since(0).require_all()),
    "TRADE#": lambda table: DynamoJournal(table).orders("signal-1"),
    "SIGNAL": lambda table: DynamoSignalStore(table).since(0),
    "EVENT": lambda table: DynamoEventStore(table).current(),
    "HALT": lambda table: DynamoHaltStore(table).instructions(),
    "LOCK": lambda table: DynamoLockStore(table).current(NOW),
    "PAPER": lambda table: DynamoPaperStore(table).load(),
    "TOTALS": lambda table: DynamoTotalsStore(table).read("pumpwatch_trade"),
}


@pytest.mark.parametrize("prefix", READS)
def test_fields_of_a_newer_version_change_nothing_that_is_read(table, prefix):
    fill(table)
    before = READS[prefix](table)
    change(table, prefix, added={"S": "by a newer version"})
    assert READS[prefix](table) == before


OLDER = {
    "TRADES#LIVE": {"installation": None, "alarm_time": None, "halts": None},
    "TRADE#": {"detail": None, "fee": None},
    "HALT": {"by": None, "close": None},
}


@pytest.mark.parametrize("prefix", OLDER)
def test_fields_that_an_older_version_did_not_have_get_their_default(table, prefix):
    fill(table)
    change(table, prefix, **OLDER[prefix])
    assert READS[prefix](table)


GARBAGE = {
    "TRADES": {"state": {"S": "levitating"}},
    "TRADE#": {"outcome": {"S": "undecided"}},
    "SIGNAL": {"phase": {"S": "sideways"}},
    "EVENT": {"phase": {"S": "sideways"}},
    "HALT": {"since": {"S": "yesterday"}},
    "LOCK": {"until": {"S": "tomorrow"}},
    "PAPER": {"positions": None},
}


@pytest.mark.parametrize("prefix", GARBAGE)
def test_what_cannot_be_read_is_refused_in_a_sentence_and_stays(table, prefix):
    fill(table)
    change(table, prefix, **GARBAGE[prefix])
    kept = items(table)
    with pytest.raises(InvariantBroken, match="if a newer version wrote it, deploy that one again"):
        READS[prefix](table)
    assert items(table) == kept


def test_trade_order_and_event_keep_what_a_newer_version_stored_when_they_are_written(table):
    lease = fill(table)
    journal, events = DynamoJournal(table), DynamoEventStore(table)
    for prefix in ("TRADE", "EVENT"):
        change(table, prefix, added={"S": "kept"})
    (trade,), (order,), (event,) = (
        journal.live_trades(),
        journal.orders("signal-1"),
        events.current(),
    )
    journal.settle(trade.with_(state=TradeState.OPEN), settled(order), lease)
    events.save(replace(event, phase=Phase.PEAKED))
    stored = {key: item for key, item in items(table).items() if key[0][:5] in ("TRADE", "EVENT")}
    assert len(stored) == 5
    assert [item.get("added") for item in stored.values()] == [{"S": "kept"}] * 5
    assert {item["state"]["S"] for item in stored.values() if "state" in item} == {"open"}


def test_flags_and_totals_keep_what_a_newer_version_stored_when_they_are_written(table):
    fill(table)
    change(table, "HALT", added={"S": "kept"})
    change(table, "TOTALS", **{"t:added": {"N": "3"}})
    halts = DynamoHaltStore(table)
    halts.resume(by="ann", time=NOW)
    halts.halt(Halt("again", NOW))
    DynamoTotalsStore(table).add("pumpwatch_trade", "next", {"pumpwatch_trade_runs_total": 1})
    assert items(table)["HALT", "HALT"]["added"] == {"S": "kept"}
    assert READS["TOTALS"](table)["added"] == 3


def test_newer_state_of_the_scans_is_read_and_anything_else_is_refused():
    mark = json.dumps({"enqueued": 7, "looked": 3, "added": 1})
    assert ScanMark.of(Lease("detect", "run", 1, mark)) == ScanMark(7, 3)
    record = {"eventSource": "aws:sqs", "body": json.dumps({"slot": NOW, "added": 1})}
    assert parse_scan({"Records": [record]}).scheduled_time == NOW
    with pytest.raises(BadEvent):
        parse_scan({"Records": [{**record, "body": json.dumps({"slots": [NOW]})}]})


def test_newer_records_of_the_stream_wake_trade_and_anything_else_is_refused():
    image = {"signal_id": {"S": "signal-1"}, "time": {"N": str(NOW)}, "added": {"S": "x"}}
    assert parse_wake_up({"Records": [{"dynamodb": {"NewImage": image}}]}).signal_ids
    with pytest.raises(BadEvent):
        parse_wake_up({"Records": [{"dynamodb": {"NewImage": {"id": {"S": "x"}}}}]})


def spoil(rig, symbol):
    """Let the record of a symbol's trade be one that this version cannot read."""
    body = rig.journal.database.row(
        "SELECT body FROM trades WHERE signal_id = ?", (rig.trade(symbol).signal_id,)
    )[0]
    spoilt = json.dumps(json.loads(body) | {"state": "levitating"})
    rig.journal.database.write("UPDATE trades SET body = ? WHERE body = ?", (spoilt, body))
    return spoilt


def test_a_trade_that_cannot_be_read_keeps_no_other_from_its_care_and_nothing_is_opened():
    rig = Rig().opened()
    rig.signal(OTHER)
    rig.tick()
    spoilt = spoil(rig, OTHER)
    rig.broker.remove_protection(SYMBOL)
    rig.advance(60)
    rig.signals.publish(peaked("NEWUSDT", time=rig.clock.now()))
    with pytest.raises(InvariantBroken, match="is no Trade: state"):
        rig.tick()
    stops = {one.symbol: one.stop_loss for one in rig.broker.positions()}
    assert stops.keys() == {SYMBOL, OTHER}
    assert None not in stops.values()
    rig.advance(30 * 60)
    with pytest.raises(InvariantBroken):
        rig.tick()
    assert [one.symbol for one in rig.broker.positions()] == [OTHER]
    assert rig.journal.database.row("SELECT 1 FROM trades WHERE body = ?", (spoilt,))


def test_a_live_trade_that_cannot_be_read_stops_entries_however_old_it_is():
    rig = Rig().opened()
    spoil(rig, SYMBOL)
    rig.advance(30 * 86_400)
    rig.signal(OTHER)
    with pytest.raises(InvariantBroken, match="is no Trade: state"):
        rig.tick()
    assert [one.symbol for one in rig.broker.positions()] == [SYMBOL]


def test_a_closed_trade_that_cannot_be_read_stops_entries_while_protections_look_back_on_it():
    rig = Rig().opened()
    rig.advance(30 * 60)
    assert rig.tick().closed
    spoil(rig, SYMBOL)
    rig.signal(OTHER)
    report = rig.tick()
    assert report.opened == []
    assert "is no Trade: state" in report.blocked["rows"]
    assert report.unreadable["journal"]


def test_a_closed_trade_that_cannot_be_read_is_told_and_left_out_when_it_is_old():
    rig = Rig().opened()
    rig.advance(30 * 60)
    assert rig.tick().closed
    spoil(rig, SYMBOL)
    rig.advance(30 * 86_400)
    rig.signal(OTHER)
    report = rig.tick()
    assert [trade.symbol for trade in report.opened] == [OTHER]
    assert report.realised_pnl == 0
    assert report.unreadable == {"journal": 1}
    assert "is no Trade: state" in report.problems[0].text


@pytest.mark.parametrize(
    ("store", "read", "told"),
    [
        ("halts", "instructions", "halt flag could not be read"),
        ("locks", "current", "locks could not be read"),
        ("signals", "since", "signals could not be read"),
    ],
)
def test_a_halt_a_lock_or_a_signal_that_cannot_be_read_stops_entries(
    monkeypatch, store, read, told
):
    rig = Rig()

    def unreadable(*_):
        raise InvariantBroken("the table's item is garbage")

    rig.signals.publish(peaked())
    monkeypatch.setattr(getattr(rig, store), read, unreadable)
    report = rig.tick()
    assert report.opened == []
    assert told in report.blocked["stores"]
