"""The promise of trading in seeded worlds, in process and over HTTP through pybit."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, nullcontext
from dataclasses import replace
from functools import partial

import pytest
from support.records import NOW, a_trade, an_order, settled
from typer.testing import CliRunner

from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.trades import RepairNote, TradeState
from pumpwatch_workbench.cli.main import app
from studies.campaign.campaign import Campaign, play_worlds
from studies.campaign.exchange import OverHttp
from studies.campaign.plan import INCIDENTS, PEOPLE, TROUBLES, plan_for
from studies.campaign.stores import Killed, WorldStores
from studies.campaign.world import WorldResult, play

WORLDS, AT_ONCE = 300, 50
"""Played in shares, so that several processes can take their part."""
OVER_HTTP = 8
RICH = (1_105, 1_166, 1_150, 1_160, 1_050, 1_056, 1_015, 1_036, 1_009, 1_052, 1_126)
"""Worlds in which every kind of trouble strikes; others follow where one is new or gone."""


def summed(seeds: range) -> Campaign:
    campaign = Campaign()
    for world in play_worlds(seeds):
        campaign.add(world)
    return campaign


@pytest.mark.parametrize("first", range(0, WORLDS, AT_ONCE))
def test_the_promise_holds_in_every_world(first: int) -> None:
    campaign = summed(range(first, first + AT_ONCE))
    assert [(world.seed, world.tick, world.broken) for world in campaign.broken] == []
    assert campaign.worlds == AT_ONCE
    assert campaign.symbols >= 20 * AT_ONCE
    assert campaign.ticks >= 30 * AT_ONCE
    assert campaign.signals >= 3 * AT_ONCE
    assert campaign.struck.total() >= 5 * AT_ONCE
    assert campaign.entries >= AT_ONCE
    assert campaign.closed >= 0.9 * campaign.entries


def test_every_kind_of_trouble_strikes_somewhere() -> None:
    """A kind that never strikes is survived by definition."""
    never = {*TROUBLES, *INCIDENTS, *PEOPLE}
    for seed in (*RICH, *range(1_000, 1_200)):
        never -= play(seed).struck.keys()
        if not never:
            return
    assert never == set()


@pytest.mark.parametrize("seed", range(OVER_HTTP))
def test_the_promise_holds_through_pybit(seed: int) -> None:
    world = play(seed, connections=OverHttp)
    assert world.broken == ""
    assert world.ticks == plan_for(seed).ticks


def test_worlds_over_http_trade_and_meet_faults_on_the_wire() -> None:
    worlds = [play(seed, connections=OverHttp) for seed in range(100, 103)]
    assert [world.broken for world in worlds] == [""] * 3
    assert sum(world.entries for world in worlds) > 0
    on_the_wire = {kind for world in worlds for kind in world.struck} & {
        "drop_before",
        "drop_after",
        "http_500",
        "http_502",
        "http_503",
        "error_10016",
        "null_result",
        "empty",
        "not_json",
        "truncate",
        "reset_before",
        "reset_after",
    }
    assert on_the_wire


def test_the_same_seed_is_the_same_world() -> None:
    assert play(5, traced=True) == play(5, traced=True)
    assert play(5, traced=True) != play(6, traced=True)


def test_every_second_world_has_a_file_and_the_same_troubles_as_in_memory() -> None:
    assert [play(seed).stores for seed in (4, 5)] == ["memory", "sqlite"]
    struck: Counter[str] = Counter()
    for seed in range(20, 30):
        kept, in_file = (play(seed, stores=kind) for kind in ("memory", "sqlite"))
        assert (kept.broken, in_file.broken) == ("", "")
        assert (kept.signals, kept.ticks) == (in_file.signals, in_file.ticks)
        struck += in_file.struck
    assert struck["crash_before"] > 0


@pytest.mark.parametrize(("statements", "done"), [(0, False), (1, False), (2, False), (3, True)])
@pytest.mark.parametrize("write", ["intent", "outcome"])
def test_a_process_dies_in_a_transaction_and_the_next_has_all_of_it_or_nothing(
    write: str, statements: int, done: bool
) -> None:
    trade, order = a_trade(), an_order()
    opened, filled = replace(trade, state=TradeState.OPEN), settled(order)
    repair = RepairNote(NOW, "opened", "")
    with closing(WorldStores(lambda: NOW / 1000, "sqlite")) as stores:
        journal = stores.own.journal
        stores.beside.halts.halt(Halt("a look", 1, "a person"))
        lease = stores.own.leases.acquire("trade", owner="run", seconds=30)
        call = partial(journal.intend, trade, order, lease, day="d", max_orders=9)
        if write == "outcome":
            call()
            call = partial(journal.settle, opened, filled, lease, repair=repair)
        stores.die_after(statements)
        with nullcontext() if done else pytest.raises(Killed):
            call()
        stores.next_process()
        after: list[tuple[object, ...]] = [(), (trade, order), (opened, filled, repair)]
        expected = after[(write == "outcome") + done]
        for seen in (stores.own, stores.beside):
            kept = [*seen.journal.live_trades(), *seen.journal.orders("signal-1")]
            assert (*kept, *seen.journal.repairs("signal-1")) == expected
            assert seen.journal.orders_on("d") == bool(expected)
            assert seen.halts.current() == Halt("a look", 1, "a person")
        stores.own.leases.acquire("trade", owner="run", seconds=30)


def test_the_command_prints_the_faults_and_what_they_add_up_to() -> None:
    result = CliRunner().invoke(app, ["campaign", "--seeds", "3", "--workers", "1"])
    assert result.exit_code == 0
    assert "The promise held in every world." in result.output
    assert "3 worlds" in result.output


def test_the_command_names_the_seed_of_a_broken_world(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(seed: int, **_: object) -> WorldResult:
        return WorldResult(
            seed, "sqlite", ticks=3, tick=2, broken="stops: none", trace=["1.00 s  nothing"]
        )

    monkeypatch.setattr("studies.campaign.command.play_world", broken)
    result = CliRunner().invoke(
        app, ["campaign", "--seeds", "1", "--first", "77", "--workers", "1"]
    )
    assert result.exit_code == 1
    assert "seed 77, tick 2: stops: none" in result.output
    assert "pumpwatch campaign --replay 77" in result.output
    replayed = CliRunner().invoke(app, ["campaign", "--replay", "77"])
    assert replayed.exit_code == 1
    assert "1.00 s  nothing" in replayed.output
