"""What people are told of a run, as the views hear of it."""

from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import numpy as np
import pytest
from support.paper_trading import Seen
from support.records import a_signal, a_trade

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.moments import DAY, MINUTE
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.errors import BadInput
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.store import (
    Database,
    RunRecord,
    SqliteJournal,
    SqliteOwnLeases,
    SqliteRunRecords,
    SqliteSignalStore,
)
from pumpwatch_workbench.pages.words import clock
from pumpwatch_workbench.play.desk.telling import REMINDER, PlayedTick, Teller
from pumpwatch_workbench.play.messages.message import Kind
from pumpwatch_workbench.play.messages.messenger import Answer
from pumpwatch_workbench.play.messages.told import Messages
from pumpwatch_workbench.play.views.looks import Looks
from pumpwatch_workbench.play.views.view import RunFacts, TickSnapshot

RISING = a_signal(phase=Phase.RISING)
OPEN = a_trade(
    state=TradeState.OPEN, entry_price=Decimal("1.1"), quantity=Decimal(100), event_id="e"
)
CLOSED = replace(
    OPEN,
    state=TradeState.CLOSED,
    exit_price=Decimal(1),
    exit_reason=ExitReason.TAKE_PROFIT,
    realised_pnl=Decimal("6.8"),
)
DENIED = a_trade("s2", state=TradeState.DROPPED, denial="no free place", event_id=RISING.event_id)
FACTS = RunFacts("Paper trading", 0)


class Said(Messages):
    """Messages that are only kept."""

    def __init__(self, desk=None):
        super().__init__(Seen(), (), "paper", desk)
        self.said = []

    def _say(self, *messages):
        self.said += messages

    def take(self):
        said, self.said = self.said, []
        return [f"{message.title}|{message.text}" for message in said]


def test_a_pump_is_one_message_with_what_was_done_about_it():
    said = Said()
    said.signal(RISING)
    said.trade(1, DENIED)
    assert not said.said, "the tick is not over"
    said.played()
    assert [message.kind for message in said.said] == [Kind.PUMP]
    assert said.take() == [
        f"PUMPUSDT +10.0 %|{clock(RISING.time)} UTC: PUMPUSDT is up 10.0 % from its pre-pump"
        " price, at 1.1000.\n"
        "PUMPUSDT not entered: no free place."
    ]
    said.signal(a_signal(phase=Phase.PEAKED))
    said.trade(2, DENIED)
    said.played()
    assert said.take() == ["PUMPUSDT not entered|no free place."], "no second pump"


def test_a_pump_that_is_over_in_the_same_moment_is_one_sentence():
    said = Said()
    for phase, price in ((Phase.RISING, 1.1), (Phase.PEAKED, 1.0), (Phase.OVER, 0.9)):
        said.signal(a_signal(phase=phase, price=price))
    said.played()
    assert said.take() == [
        f"PUMPUSDT +10.0 %|{clock(RISING.time)} UTC: PUMPUSDT is over: it peaked at +20.0 % and"
        " is down 10.0 % from its pre-pump price, at 0.90000."
    ]


def test_fills_have_size_risk_levels_and_result():
    said = Said()
    said.trade(1, OPEN)
    said.trade(2, CLOSED)
    said.played()
    assert {message.kind for message in said.said} == {Kind.TRADE}
    assert said.take() == [
        "PUMPUSDT short entered|100 at 1.1000, stop 1.2360, target 1.0500, 13.60 USDT at risk.",
        "PUMPUSDT short closed at 1.0000|take profit, +6.80 USDT (+0.5 R).",
    ]


def ticks_of(said, holds_trades, part):
    """Return what a teller tells at each minute, while a part of the tick fails or not."""
    teller, now = Teller(said), [0]
    teller.now, teller.holds_trades = lambda: now[0], lambda: holds_trades

    def tick(*, fails, is_scan=False):
        now[0] += 5_000 if is_scan else MINUTE
        problems = {part: f"{part} did not work"} if fails else {}
        teller.tell(PlayedTick(now[0], is_scan=is_scan, problems=problems))
        return said.take()

    return tick


def test_failing_is_told_once_after_three_minutes_and_so_is_its_end():
    tick = ticks_of(Said(), False, "trade")
    told = []
    for _ in range(10):
        told.append(tick(fails=True))
        assert tick(fails=False, is_scan=True) == []
    lasting = "Every tick has failed for 3 min"
    text = f"{lasting}: trade did not work; it is tried again with every tick"
    assert told == [[], [], [], [f"{lasting}|{text}"], *([[]] * 6)]
    assert tick(fails=False) == ["It works again|"]
    assert tick(fails=False) == []
    assert tick(fails=True) == []
    assert tick(fails=False) == [], "a blip"


def test_open_trades_without_care_are_told_at_once_and_once():
    tick = ticks_of(Said(), True, "trade")
    uncared = "Open trades were not looked after"
    text = f"{uncared}: trade did not work; it is tried again with every tick"
    assert tick(fails=True, is_scan=True) == [f"{uncared}|{text}"]
    assert [tick(fails=True) for _ in range(25)] == [[]] * 25
    assert tick(fails=False) == ["It works again|"]
    tick = ticks_of(Said(), True, "detect")
    assert [tick(fails=True) for _ in range(3)] == [[]] * 3, "trade works"


def test_a_pump_tells_how_long_it_rose_and_its_turnover():
    looks, said = Looks(), Said()
    for second, price, turnover in ((-40, 1.0, 86_400.0), (0, 1.1, 87_000.0)):
        prices, turnovers = np.array([price]), np.array([turnover])
        looks.add(RISING.time + second * 1000, (RISING.symbol,), prices, turnovers)
    said.started(RunFacts("", 0, looks=looks))
    said.take()
    said.signal(RISING)
    said.played()
    (text,) = said.take()
    assert text.startswith("PUMPUSDT +10.0 % in 40 s|")
    assert text.endswith("640 USDT in 40 s, 16.0 times its usual turnover.")


@pytest.fixture
def desk(tmp_path):
    database = Database(tmp_path / "paper.db")
    yield SimpleNamespace(
        database=database,
        journal=SqliteJournal(database),
        signals=SqliteSignalStore(database),
        records=SqliteRunRecords(database),
        holds_trades=lambda: False,
    )
    database.close()


def test_a_day_is_summed_up_once_also_over_restarts(desk):
    said, day = Said(desk), RISING.time // DAY
    begin = day * DAY
    said.tick(TickSnapshot(begin + 1, 1, Decimal(10_000)))
    assert said.take() == [], "nothing is known of the day before a first start"
    lease = SqliteOwnLeases(desk.database).acquire("trade", owner="a", seconds=30)
    for number, result in enumerate(("5", "-7", "1")):
        ended = replace(
            CLOSED,
            signal_id=f"s{number}",
            symbol=f"X{number}USDT",
            created=begin + 2,
            exit_time=begin + number,
            realised_pnl=Decimal(result),
        )
        desk.journal.save(ended, lease)
    desk.signals.publish(replace(RISING, time=begin + 5))
    for minute, problem in enumerate(("", "no network", "")):
        desk.records.add(RunRecord(begin + minute * MINUTE, problem=problem))
    said.tick(TickSnapshot(begin + DAY - 1, 2, Decimal(9_999)))
    assert said.take() == []
    after = TickSnapshot(begin + DAY + 1, 3, Decimal(9_999))
    again = Said(desk)  # as after a restart
    again.tick(after)
    (summary,) = again.take()
    assert summary.startswith("Summary of 20")
    assert summary.partition("|")[2].splitlines() == [
        "Trades closed: 3, \N{MINUS SIGN}1.00 USDT",
        "Best: X0USDT +5.00 USDT",
        "Worst: X1USDT \N{MINUS SIGN}7.00 USDT",
        "Pumps: 1, ticks with a failure: 1, equity 9,999.00 USDT",
    ]
    again.tick(after)
    assert again.take() == Said(desk).take() == []


class Fake:
    label = "address 1 of NOTIFY (Fake)"

    def __init__(self, status):
        self.status = status

    def send(self, stage, messages):
        return Answer(self.status)


def test_a_wrong_address_ends_the_start_unless_trades_are_open(desk):
    view = Seen()
    with Messages(view, (Fake(200), Fake(404)), "paper", desk) as said:
        with pytest.raises(
            BadInput, match=r"address 1 of NOTIFY \(Fake\) was refused \(HTTP 404\)"
        ):
            said.started(FACTS)
        desk.holds_trades = lambda: True
        said.started(FACTS)
    assert view.facts == FACTS
    assert view.notes == [
        "address 1 of NOTIFY (Fake) takes no messages (HTTP 404); trading goes on"
    ]


def test_a_messenger_without_an_answer_holds_up_no_start(desk):
    view = Seen()
    with Messages(view, (Fake(0),), "paper", desk) as said:
        said.started(FACTS)
    assert view.facts == FACTS
    assert "(no answer)" in view.notes[0]


def test_what_a_person_should_see_is_told_when_it_begins_and_when_it_is_over():
    said, now = Said(), [0]
    teller = Teller(said)
    teller.now = lambda: now[0]

    def tick(**facts):
        now[0] += MINUTE
        report = TradeReport(**facts)
        teller.tell(PlayedTick(now[0], traded=report))
        return [line.partition("|")[2] for line in said.take()]

    assert tick() == []
    assert tick(positions_without_stop=1) == ["positions without stop: 1"]
    assert tick(positions_without_stop=2, blocked={"halt": "ann: a look"}) == [
        "Entries stopped: ann: a look"
    ]
    assert tick(blocked={"halt": "ann: a look", "time": "too late"}) == []
    well = "All is well again: entries are allowed, positions are protected"
    assert tick() == [well]
    assert tick(positions_without_stop=1) == [], "it comes and goes"
    now[0] += REMINDER
    assert tick() == []
    assert tick(positions_without_stop=1) == ["positions without stop: 1"]
    assert teller.view._view.notes[-1] == "positions without stop: 1"
