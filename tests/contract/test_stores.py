"""Signals, events, leases, guards, totals and the paper account: all stores behave alike."""

from dataclasses import replace
from decimal import Decimal
from itertools import count

import boto3
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from support.doubles import MemoryTotalsStore
from support.records import NOW, a_signal, an_event
from support.trading_facts import record, status

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore, DynamoLockStore
from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoEventStore, DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.adapters.dynamodb.totals import DynamoTotalsStore
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.halt import CloseRequest, Halt, Instructions
from pumpwatch.domain.trading.protections import Lock
from pumpwatch.errors import DuplicateOrder, InvariantBroken, LeaseHeld, StoreUnavailable


def test_a_published_signal_comes_back_as_it_was(stores):
    signal = a_signal(strength=81.123456789012345, price=1e-9)
    assert stores.signals.publish(signal) is True
    assert stores.signals.since(NOW) == [signal]


def test_a_signal_is_published_once_whatever_time_it_carries(stores):
    first = a_signal()
    assert stores.signals.publish(first)
    assert stores.signals.publish(first) is False
    assert stores.signals.publish(replace(first, time=NOW + 60_000)) is False
    assert stores.signals.since(0) == [first]


def test_signals_come_oldest_first_and_only_from_the_time_asked_for(stores):
    late = a_signal("AUSDT", time=NOW + 2)
    early = a_signal("BUSDT", time=NOW + 1)
    old = a_signal("CUSDT", time=NOW)
    for signal in (late, early, old):
        stores.signals.publish(signal)
    assert stores.signals.since(NOW + 1) == [early, late]
    assert stores.signals.since(0) == [old, early, late]
    assert stores.signals.since(NOW + 3) == []


def test_the_latest_event_of_a_symbol_replaces_the_former(stores):
    stores.events.save(an_event())
    peaked = an_event(phase=Phase.PEAKED, peak_price=1.3)
    stores.events.save(peaked)
    stores.events.save(an_event("AUSDT"))
    assert stores.events.current() == [an_event("AUSDT"), peaked]


def test_removing_an_event_forgets_it_and_leaves_a_newer_one_alone(stores):
    stores.events.save(an_event())
    stores.events.remove(an_event(event_id="another"))
    assert stores.events.current() == [an_event()]
    stores.events.remove(an_event())
    stores.events.remove(an_event())
    assert stores.events.current() == []


def test_a_held_lease_is_refused_until_it_is_released(stores):
    lease = stores.leases.acquire("trade", owner="run-1", seconds=30)
    with pytest.raises(LeaseHeld, match="run-1"):
        stores.leases.acquire("trade", owner="run-2", seconds=30)
    stores.leases.acquire("detect", owner="run-2", seconds=30)
    stores.leases.release(lease)
    assert stores.leases.acquire("trade", owner="run-2", seconds=30).token > lease.token


def test_a_release_is_told_as_lost_only_where_another_run_took_over(stores, caplog):
    lease = stores.leases.acquire("trade", owner="run-1", seconds=30)
    stores.leases.release(lease)
    assert "lease was lost" not in caplog.text
    lost = stores.leases.acquire("trade", owner="run-2", seconds=30)
    stores.wall.seconds += 31
    stores.leases.acquire("trade", owner="run-3", seconds=30)
    stores.leases.release(lost)
    assert "lease was lost before its release" in caplog.text


def test_a_lease_that_ran_out_can_be_taken_and_its_token_has_grown(stores):
    lease = stores.leases.acquire("trade", owner="run-1", seconds=30)
    stores.wall.seconds += 29.9
    with pytest.raises(LeaseHeld):
        stores.leases.acquire("trade", owner="run-2", seconds=30)
    stores.wall.seconds += 0.1
    taken = stores.leases.acquire("trade", owner="run-2", seconds=30)
    assert taken.token == lease.token + 1


def test_releasing_a_lost_lease_leaves_the_new_owner_alone(stores):
    lost = stores.leases.acquire("trade", owner="run-1", seconds=30)
    stores.wall.seconds += 31
    stores.leases.acquire("trade", owner="run-2", seconds=30)
    stores.leases.release(lost)
    with pytest.raises(LeaseHeld, match="run-2"):
        stores.leases.acquire("trade", owner="run-3", seconds=30)


def test_releasing_under_an_older_token_leaves_the_same_owners_new_lease_alone(stores):
    lost = stores.leases.acquire("trade", owner="run-1", seconds=30)
    stores.wall.seconds += 31
    stores.leases.acquire("trade", owner="run-1", seconds=30)
    stores.leases.release(lost)
    with pytest.raises(LeaseHeld, match="run-1"):
        stores.leases.acquire("trade", owner="run-3", seconds=30)


def test_a_token_grows_over_a_release(stores):
    tokens = []
    for _ in range(3):
        lease = stores.leases.acquire("trade", owner="run-1", seconds=30)
        tokens.append(lease.token)
        stores.leases.release(lease)
    assert tokens == [tokens[0], tokens[0] + 1, tokens[0] + 2]


def test_a_mark_goes_with_the_release_and_stays_through_a_lease_that_leaves_none(stores):
    lease = stores.leases.acquire("detect", owner="run-1", seconds=30)
    assert lease.mark == ""
    lease.mark = '{"looked": 1}'
    stores.leases.release(lease)
    killed = stores.leases.acquire("detect", owner="run-2", seconds=30)
    assert killed.mark == '{"looked": 1}'
    killed.mark = "never left"
    stores.wall.seconds += 31
    last = stores.leases.acquire("detect", owner="run-3", seconds=30)
    assert last.mark == '{"looked": 1}'
    stores.leases.release(killed)
    stores.leases.release(last)
    assert stores.leases.acquire("detect", owner="run-4", seconds=30).mark == '{"looked": 1}'
    assert stores.leases.acquire("trade", owner="run-5", seconds=30).mark == ""


def test_the_same_owner_does_not_get_a_second_lease(stores):
    stores.leases.acquire("trade", owner="run-1", seconds=30)
    with pytest.raises(LeaseHeld):
        stores.leases.acquire("trade", owner="run-1", seconds=30)


def test_a_halt_keeps_its_first_reason_until_somebody_resumes(stores):
    assert stores.halts.current() is None
    assert stores.halts.resumed() is None
    stores.halts.resume(by="nobody", time=NOW - 1)
    first = Halt("drawdown", NOW, "pumpwatch")
    stores.halts.halt(first)
    stores.halts.halt(Halt("another", NOW + 1))
    assert stores.halts.current() == first
    stores.halts.resume(by="operator", time=NOW + 1)
    assert stores.halts.current() is None
    assert stores.halts.resumed() == NOW + 1
    stores.halts.halt(Halt("another", NOW + 2))
    assert stores.halts.current() == Halt("another", NOW + 2)
    assert stores.halts.resumed() == NOW + 1


def test_requests_to_close_lie_beside_the_halt_until_they_are_dropped(stores):
    halts, halt = stores.halts, Halt("a look", NOW, "ann")
    first, second = CloseRequest("signal-1", NOW, "ann", "news"), CloseRequest("signal-2", NOW + 1)
    halts.drop_requests(["signal-1"])
    halts.ask_to_close(first)
    assert halts.instructions() == Instructions(None, {"signal-1": first})
    halts.ask_to_close(second)
    halts.halt(halt)
    assert halts.instructions() == Instructions(halt, {"signal-1": first, "signal-2": second})
    again = replace(first, reason="bad news")
    halts.ask_to_close(again)
    halts.resume(by="ann", time=NOW + 2, trades=["signal-1"])
    assert halts.instructions() == Instructions(None, {"signal-1": again, "signal-2": second})
    assert halts.current() is None
    halts.drop_requests({"signal-1", "signal-3"})
    halts.drop_requests([])
    assert halts.instructions().to_close == {"signal-2": second}
    halts.drop_requests(["signal-2"])
    assert halts.instructions() == Instructions()


def test_a_halt_in_force_can_be_told_to_close_positions(stores):
    first = Halt("first", NOW, "trade")
    close = Halt("close them", NOW + 1, "operator", close_positions=True)
    stores.halts.halt(first)
    stores.halts.halt(close)
    assert stores.halts.current() == replace(first, close_positions=True)
    stores.halts.halt(replace(first, reason="again"))
    assert stores.halts.current() == replace(first, close_positions=True)
    stores.halts.resume(by="operator", time=NOW + 2)
    stores.halts.halt(first)
    assert stores.halts.current() == first


def a_lock(until, symbol="", protection="drawdown"):
    return Lock(protection, "too deep", NOW, until, symbol)


def test_a_lock_is_in_force_until_its_end(stores):
    assert stores.locks.current(NOW) == []
    stores.locks.save(a_lock(NOW + 60_000))
    assert stores.locks.current(NOW + 59_999) == [a_lock(NOW + 60_000)]
    assert stores.locks.current(NOW + 60_000) == []


def test_locks_of_other_symbols_and_protections_stand_side_by_side(stores):
    locks = [a_lock(NOW + 9, "AUSDT"), a_lock(NOW + 9, "BUSDT"), a_lock(NOW + 9, "", "stale_data")]
    for lock in locks:
        stores.locks.save(lock)
    assert list(stores.locks.current(NOW)) == locks


def test_a_later_end_replaces_an_earlier_one_and_never_the_other_way_round(stores):
    stores.locks.save(a_lock(NOW + 2_000))
    stores.locks.save(a_lock(NOW + 1_000))
    assert stores.locks.current(NOW) == [a_lock(NOW + 2_000)]
    stores.locks.save(a_lock(NOW + 3_000))
    assert stores.locks.current(NOW) == [a_lock(NOW + 3_000)]


def test_the_paper_account_is_not_overwritten_by_who_has_not_seen_its_last_change(stores):
    fresh = stores.paper.load()
    first = stores.paper.commit(fresh, replace(fresh, realised=Decimal(5)))
    with pytest.raises(StoreUnavailable, match="the paper account was changed by another run"):
        stores.paper.commit(fresh, replace(fresh, realised=Decimal(7)))
    assert stores.paper.load() == first
    assert (first.version, first.realised) == (fresh.version + 1, 5)


def test_an_order_id_is_taken_once_and_its_commit_leaves_nothing_behind(stores):
    order = status(record())
    before = stores.paper.commit(stores.paper.load(), stores.paper.load(), orders=[order])
    assert stores.paper.order(order.order_id) == order
    with pytest.raises(DuplicateOrder):
        stores.paper.commit(before, replace(before, realised=Decimal(9)), orders=[order])
    assert stores.paper.load() == before


def test_totals_add_up_over_runs(stores):
    stores.totals.add("detect", "run-1", {"runs|result=success": 1, "seconds": 0.25})
    totals = stores.totals.add("detect", "run-2", {"runs|result=success": 2, "seconds": 0.5})
    assert totals == {"runs|result=success": Decimal(3), "seconds": Decimal("0.75")}


def test_three_runs_are_remembered_even_when_their_pushes_failed(stores):
    entries = [f"run-{number}{end}" for number in range(3) for end in ("", "/push")]
    for entry in (*entries, *entries):
        totals = stores.totals.add("detect", entry, {"runs": 1})
    assert totals == {"runs": Decimal(6)}


def test_keys_come_back_as_they_were(stores):
    given = {"pumpwatch_detect_runs_total|result=success": 1, "other|x=y": 2, "~odd": 3}
    totals = stores.totals.add("pumpwatch_detect", "run", given)
    assert totals == {key: Decimal(amount) for key, amount in given.items()}


def test_many_totals_are_added_and_a_repeat_of_them_changes_nothing(stores):
    many = {f"counter-{number:03}": number for number in range(1, 251)}
    for run in range(1, 4):
        for _ in range(2):
            totals = stores.totals.add("detect", f"run-{run}", many)
            assert totals == {key: Decimal(run * amount) for key, amount in many.items()}


def test_totals_of_two_functions_are_apart(stores):
    stores.totals.add("detect", "run-1", {"runs": 1})
    assert stores.totals.add("trade", "run-1", {"runs": 7}) == {"runs": Decimal(7)}


def test_a_run_without_increments_returns_the_totals(stores):
    stores.totals.add("detect", "run-1", {"runs": 1})
    assert stores.totals.add("detect", "run-2", {}) == {"runs": Decimal(1)}


def test_a_text_is_kept_beside_the_totals(stores):
    stores.totals.add("detect", "run-1", {"runs": 1})
    assert stores.totals.kept("detect") == ""
    stores.totals.keep("detect", "[1]")
    assert stores.totals.add("detect", "run-2", {"runs": 1}) == {"runs": Decimal(2)}
    assert (stores.totals.kept("detect"), stores.totals.kept("trade")) == ("[1]", "")


def test_a_kept_text_is_read_with_the_totals_by_another_instance(table):
    """Also with a repeat, which adds nothing; it costs no call of its own."""
    first, second = DynamoTotalsStore(table), DynamoTotalsStore(table)
    first.add("detect", "run-1", {"runs": 1})
    first.keep("detect", "[1]")
    calls = table.calls
    second.add("detect", "run-1", {"runs": 1})
    assert second.kept("detect") == "[1]"
    assert table.calls == calls + 1


RUNS = st.lists(
    st.tuples(st.integers(0, 3), st.dictionaries(st.sampled_from("abc"), st.integers(0, 9))),
    max_size=12,
)


def test_totals_in_the_table_equal_those_in_memory(table):
    stored, reference, numbers = DynamoTotalsStore(table), MemoryTotalsStore(), count()

    @settings(deadline=None, max_examples=10)
    @given(runs=RUNS)
    def equal(runs):
        function = f"function-{next(numbers)}"
        for run, increments in runs:
            expected = reference.add(function, f"run-{run}", increments)
            assert stored.add(function, f"run-{run}", increments) == expected

    equal()


def test_a_new_signal_reaches_the_stream_as_an_insert(table, table_name):
    signal = a_signal()
    DynamoSignalStore(table).publish(signal)
    streams = boto3.client("dynamodbstreams", region_name="eu-central-1")
    arn = streams.list_streams(TableName=table_name)["Streams"][0]["StreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    records = streams.get_records(ShardIterator=start)["Records"]
    images = [r["dynamodb"]["NewImage"] for r in records if r["eventName"] == "INSERT"]
    found = [image for image in images if image["pk"] == {"S": "SIGNAL"}]
    assert [image["signal_id"]["S"] for image in found] == [signal.signal_id]


def test_every_read_of_the_table_is_strongly_consistent(aws, table_name, monkeypatch):
    """Or a run would not see what the last one wrote a moment before."""
    asked = []
    client = aws["dynamodb"]
    for name in ("get_item", "query"):
        method = getattr(client, name)
        monkeypatch.setattr(
            client, name, lambda _method=method, **given: asked.append(given) or _method(**given)
        )
    table = Table(table_name, client)
    leases = DynamoLeaseStore(table)
    journal = DynamoJournal(table)
    leases.acquire("trade", owner="run-1", seconds=30)
    journal.installation()
    journal.live_trades()
    journal.trade("signal-1")
    journal.orders("signal-1")
    journal.orders_on("2025-10-09")
    journal.trades_since(0)
    DynamoHaltStore(table).current()
    DynamoLockStore(table).current(NOW)
    DynamoSignalStore(table).since(0)
    assert len(asked) >= 9
    assert [one for one in asked if one.get("ConsistentRead") is not True] == []


def test_what_nobody_can_read_stops_trading_and_is_named(table):
    table.put({"pk": "EVENT", "sk": "AUSDT", "symbol": "AUSDT"})
    with pytest.raises(InvariantBroken, match="EVENT AUSDT"):
        DynamoEventStore(table).current()


def test_a_table_that_does_not_answer_is_unavailable():
    config = Config(connect_timeout=0.2, read_timeout=0.2, retries={"total_max_attempts": 1})
    client = boto3.client("dynamodb", endpoint_url="http://127.0.0.1:9", config=config)
    signals = DynamoSignalStore(Table("table", client))
    with pytest.raises(StoreUnavailable):
        signals.since(0)
    with pytest.raises(StoreUnavailable):
        signals.publish(a_signal())


def test_a_missing_table_is_unavailable(aws):
    elsewhere = Table("no-such-table", aws["dynamodb"])
    with pytest.raises(StoreUnavailable, match="the table does not exist"):
        DynamoHaltStore(elsewhere).current()
