"""The desk's process is killed for real, at moments drawn from a seed, and started again.

One order for each signal and leg, a stop on every position at any time, and a journal that agrees
with the exchange; the next process has the store at once.
"""

from random import Random

import pytest
from support.command_line import type_in
from support.killed_desk import (
    CREATE,
    KLINE,
    AfterStart,
    AtCommit,
    AtRequest,
    KilledDesk,
    Nursery,
    OwnProcesses,
    WhileEnding,
)

from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch_workbench.local.store import holder_of

LEVERAGE = "/v5/position/set-leverage"
WORLDS, KILLS_EACH = 4, 5
SLOW_WORLDS = 40
ENTERED = (TradeState.OPEN, TradeState.DROPPED)


@pytest.fixture(scope="module")
def nursery():
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def desk_of(tmp_path, nursery, monkeypatch):
    """Make desks that are ended afterwards."""
    monkeypatch.setenv("PUMPWATCH_HOME", str(tmp_path))
    made = []

    def make(processes=None, **options):
        made.append(KilledDesk(tmp_path, processes or nursery, **options))
        return made[-1]

    yield make
    for desk in made:
        desk.close()


def while_entering(random):
    """Return a moment in the life of a desk that finds a fresh signal."""
    phase = random.choice(("before", "after"))
    return random.choice(
        (
            AtRequest(1, CREATE, phase),
            AtRequest(1, CREATE, phase),
            AtRequest(1, LEVERAGE, phase),
            AtRequest(random.randint(1, 14), phase=phase),
            AtCommit(random.randint(1, 3)),
        )
    )


def while_leaving(random):
    """Return a moment in the life of a desk that finds a trade which is to be closed."""
    phase = random.choice(("before", "after"))
    return random.choice(
        (
            AtRequest(1, CREATE, phase),
            AtRequest(random.randint(1, 14), phase=phase),
            AtCommit(random.randint(1, 3)),
        )
    )


def at_any_time(random):
    """Return a moment in any life."""
    return random.choice(
        (
            AtRequest(random.randint(1, 15), phase=random.choice(("before", "after"))),
            AtCommit(random.randint(1, 3)),
            AfterStart(random.randint(0, 400)),
            WhileEnding(random.randint(1, 15), random.randint(0, 60)),
        )
    )


def play(desk, random, *, old):
    """Let two signals come, of which a person closes the first; kill the desk all the while."""
    first = desk.make_old_store(0) if old else desk.publish(0)
    if old:  # killed while it brings the store up to date
        desk.live_until_killed(AtCommit(random.randint(1, 3)), checked=False)
    else:
        desk.live_until_killed(while_entering(random))
    moment = random.choice((at_any_time(random), AtRequest(1, KLINE)))
    desk.live_until_killed(moment, checked=not old)  # who only reads does not bring it up to date
    second = desk.publish(1)
    desk.live_until_killed(while_entering(random))
    desk.live_until(lambda: desk.are((first, second), *ENTERED))
    close(desk, while_leaving(random), at_any_time(random))


def close(desk, *moments):
    """Let a person close a trade, and kill the desk at these moments while it does so."""
    desk.check_agreement()
    held = [name for name, trade in desk.trades().items() if trade.state is TradeState.OPEN]
    if not held:  # killed between an intent and its send: nothing was entered
        held = [desk.publish(9)]
        desk.live_until(lambda: desk.are(held, TradeState.OPEN))
    desk.ask_to_close(held[0])
    for moment in moments:
        desk.live_until_killed(moment)
    desk.live_until(lambda: desk.are(held[:1], TradeState.CLOSED))
    desk.check_agreement()
    assert desk.trades()[held[0]].exit_reason is ExitReason.BY_HAND
    assert desk.are(held[1:], TradeState.OPEN)


def killed_at_random(desk_of, seed):
    random = Random(seed)  # noqa: S311
    desk = desk_of(strategy=random.choice(("ride", "fade")))
    play(desk, random, old=seed % 4 == 3)
    return desk


@pytest.mark.parametrize("seed", range(WORLDS))
def test_a_desk_that_is_killed_at_random_moments_trades_each_signal_once(desk_of, seed):
    desk = killed_at_random(desk_of, seed)
    assert desk.kills.total() >= KILLS_EACH - 1, "one may have ended before it was killed"


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1_000, 1_000 + SLOW_WORLDS))
def test_a_desk_that_is_killed_two_hundred_times_trades_each_signal_once(desk_of, seed):
    killed_at_random(desk_of, seed)


@pytest.mark.parametrize(
    ("path", "state"), [(CREATE, TradeState.DROPPED), (LEVERAGE, TradeState.OPEN)]
)
def test_an_entry_that_was_lost_with_its_process_is_never_sent_again(desk_of, path, state):
    """It is looked for until no exchange would still carry it out."""
    desk = desk_of()
    symbol = desk.publish(0)
    desk.live_until_killed(AtRequest(1, path, "before", lost=True))
    desk.live_until(lambda: desk.are([symbol], *ENTERED))
    assert desk.trades()[symbol].state is state
    desk.check_agreement()


def test_the_next_process_has_the_store_at_once_and_a_second_one_is_refused(desk_of, tmp_path):
    """The command itself, in processes of its own."""
    desk = desk_of(OwnProcesses())
    symbol = desk.publish(0)
    desk.live_until_killed(AtRequest(1, CREATE))
    assert holder_of(desk.store) is None
    options = (*desk.options, "--duration", "1s")
    with desk.living():
        assert desk.are([symbol], TradeState.OPEN)
        again = type_in("desk", *options, "--store", desk.store)
        assert (again.status, f"(process {desk.pid})" in again.line) == (2, True)
        other = type_in("desk", *options, "--store", tmp_path / "other.db")
        assert (other.status, f"process {desk.pid} trades this account" in other.line) == (2, True)
    desk.check_agreement()


@pytest.mark.parametrize("seed", range(2))
def test_a_paper_desk_that_is_killed_keeps_its_account_and_its_journal_together(desk_of, seed):
    random = Random(seed)  # noqa: S311
    desk = desk_of(mode="paper")
    first = desk.publish(0)
    desk.live_until_killed(AtCommit(random.randint(1, 6)))
    desk.live_until_killed(at_any_time(random))
    desk.live_until(lambda: desk.are([first], *ENTERED))
    close(desk, AtCommit(random.randint(1, 6)))
