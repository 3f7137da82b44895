"""Writes that come second: a halt that is widened, an account that somebody else has changed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from support.records import NOW
from support.trading_facts import record, status

from pumpwatch.domain.trading.halt import Halt
from pumpwatch.errors import DuplicateOrder, StoreUnavailable
from pumpwatch_workbench.local import store as sqlite

FIRST = Halt("first", NOW, "trade")
CLOSE = Halt("close them", NOW + 1, "operator", close_positions=True)


def test_a_halt_in_force_can_be_told_to_close_positions(stores):
    stores.halts.halt(FIRST)
    stores.halts.halt(CLOSE)
    assert stores.halts.current() == replace(FIRST, close_positions=True)
    stores.halts.halt(replace(FIRST, reason="again"))
    assert stores.halts.current() == replace(FIRST, close_positions=True)
    stores.halts.resume(by="operator", time=NOW + 2)
    stores.halts.halt(FIRST)
    assert stores.halts.current() == FIRST


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


def test_history_in_a_file_that_cannot_be_read_is_absent_counted_and_told(tmp_path, caplog):
    database = sqlite.Database(tmp_path / "store.db")
    history = sqlite.SqliteHistoryStore(database)
    history.save_state("detect", {"through": np.arange(3)})
    assert history.load_state("detect") is not None
    database.write("UPDATE archives SET body = ?", (b"garbage",))
    assert history.load_state("detect") is None
    assert history.load_slice(3, interval=60_000) is None
    assert history.unreadable == 1
    assert "is rebuilt" in caplog.text
    database.close()
