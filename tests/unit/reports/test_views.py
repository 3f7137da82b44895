from __future__ import annotations

import io
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest
from rich.console import Console
from unit.reports.run_results import MINUTE, START, replay_result, small_result

from pumpwatch.domain.trading.orders import Position, Side
from pumpwatch_workbench.play.run.summary import print_summary
from pumpwatch_workbench.play.views.live import LiveView, view_for
from pumpwatch_workbench.play.views.looks import Mover
from pumpwatch_workbench.play.views.plain import PlainView
from pumpwatch_workbench.play.views.view import (
    OpenTrade,
    RunFacts,
    RunView,
    TickSnapshot,
)

FACTS = RunFacts("600 simulated symbols, seed 7", START, START + 180 * MINUTE, 180)
POSITION = Position(
    symbol="AAAUSDT",
    side=Side.SELL,
    quantity=Decimal(1200),
    entry_price=Decimal("0.56"),
    mark_price=Decimal("0.54"),
    leverage=Decimal(1),
    stop_loss=None,
    take_profit=None,
    liquidation_price=None,
    unrealised_pnl=Decimal("24.00"),
    created=START,
    updated=START,
)


def console_of(
    *, terminal: bool, width: int = 110, height: int = 40
) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    console = Console(
        file=written, force_terminal=terminal, width=width, height=height, color_system=None
    )
    return console, written


def drawn(view: LiveView, width: int = 110) -> list[str]:
    sheet, written = console_of(terminal=False, width=width)
    sheet.print(view.render())
    return written.getvalue().splitlines()


def play(view: RunView) -> None:
    result = small_result()
    view.note("starting the simulator")
    movers = (Mover("AAAUSDT", 0.123, 45_000), Mover("[red]X", -0.02, 900))
    looks = SimpleNamespace(movers=movers, prices=lambda _: ())
    view.started(replace(FACTS, looks=looks))
    for n in range(1, 46):
        view.tick(
            TickSnapshot(
                time=START + n * MINUTE + 4_000,
                tick=n,
                equity=Decimal(10_000) + n,
                trades=(OpenTrade(POSITION),),
                events_open=1,
            )
        )
    view.signal(result.events[0].signals[0])
    view.trade(START + 46 * MINUTE, result.trades[0])
    view.trade(START + 47 * MINUTE, result.trades[1])


def interrupted(watched: RunView) -> None:
    with watched as view:
        play(view)
        raise KeyboardInterrupt


def test_plain_lines_come_for_signals_trades_and_every_15_minutes():
    console, written = console_of(terminal=False)
    with view_for(console) as view:
        assert isinstance(view, PlainView)
        play(view)
    lines = written.getvalue().splitlines()
    assert lines[0] == "starting the simulator"
    assert lines[1].startswith("3 h 00 min of market time from")
    assert [line[:8] for line in lines[2:5]] == ["22:29:04", "22:44:04", "22:59:04"]
    assert "tick 15 of 180, equity 10,015.00 USDT, open positions 1, open events 1" in lines[2]
    assert "signal  AAAUSDT is up 14.4 % from its pre-pump price, at 0.57200" in lines[5]
    assert "AAAUSDT short closed at 0.52500: take profit, +12.34 USDT (+0.2 R)" in lines[6]
    assert "BBBUSDT not entered: the total exposure would exceed 2000 USDT" in lines[7]
    assert len(lines) == 8
    assert "\x1b" not in written.getvalue()


def test_a_long_plain_line_is_never_broken():
    console, written = console_of(terminal=False, width=20)
    with view_for(console) as view:
        view.note("word " * 50)
    assert len(written.getvalue().splitlines()) == 1


def test_the_drawing_holds_progress_movers_positions_news_and_equity():
    console, _ = console_of(terminal=True)
    view = LiveView(console)
    play(view)
    sheet, written = console_of(terminal=False)
    sheet.print(view.render())
    text = written.getvalue()
    for words in ("tick 45 of 180", "25 %", "10,045.00", "+44.00", "AAAUSDT short", "+12.3 %"):
        assert words in text
    assert "[red]X" in text
    assert "none" in text, "a position without a stop says so"
    assert "AAAUSDT short closed" in text


SIZES = [(40, 12), (60, 20), (80, 24), (120, 40), (200, 60)]
CLOSES_AT = START + 60 * MINUTE


class Market:
    """A clock and a price that a test moves; the coin rises to a peak and falls again."""

    def __init__(self) -> None:
        self.time = START + 45 * MINUTE
        self.price = 0.5

    def facts(self) -> RunFacts:
        return replace(
            FACTS,
            now=lambda: self.time,
            looks=SimpleNamespace(
                prices=lambda symbol: self.line() if symbol == POSITION.symbol else (),
                movers=tuple(Mover(f"MOVE{n}USDT", 0.01 * n, 1e9) for n in range(10)),
            ),
            next=lambda: {
                "tick": START + 46 * MINUTE,
                "scan": START + 45 * MINUTE + 5_000,
            },
        )

    def line(self) -> list[tuple[int, float]]:
        rise = [(START + n * 5_000, 0.4 + 0.002 * min(n, 120 - n)) for n in range(110)]
        return [*rise, (self.time, self.price)]


def watching(market: Market, width: int, height: int) -> LiveView:
    """Return the view of a short with its stop, above what else there is to see."""
    view = LiveView(console_of(terminal=True, width=width, height=height)[0])
    result = small_result()
    view.started(market.facts())
    entered = replace(result.trades[0], symbol="AAAUSDT", closes_at=CLOSES_AT)
    position = replace(POSITION, stop_loss=Decimal("0.62"), take_profit=Decimal("0.41"))
    view.tick(
        TickSnapshot(
            time=START + 45 * MINUTE - 1_000,
            tick=45,
            equity=Decimal("10024.00"),
            trades=(OpenTrade(position, entered),),
            events_open=1,
            counts={"ticks": 45, "scans": 495, "signals": 2, "requests": 1_234},
        )
    )
    for event in result.events:
        for signal in event.signals:
            view.signal(signal)
    view.trade(START + 44 * MINUTE, result.trades[0])
    return view


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_the_drawing_fits_every_terminal_and_cuts_no_figure(width: int, height: int):
    lines = drawn(watching(Market(), width, height), width)
    assert max(map(len, lines)) <= width
    assert len(lines) < height
    text = "\n".join(lines)
    assert "AAAUSDT short" in text
    assert "0.62000" in text, "the stop is the last figure to go"
    if height >= 20:
        assert "\N{HORIZONTAL ELLIPSIS}" not in text
        assert "0.62000 stop" in text
        assert "0.41000 target" in text
        assert "0.56000 entry" in text
        assert any("\u2801" <= sign <= "\u28ff" for sign in text), "no line of the price"


def test_a_larger_terminal_shows_more():
    small, large = (
        "\n".join(drawn(watching(Market(), width, height), width))
        for width, height in ((60, 20), (120, 40))
    )
    assert "MOVE4USDT" in large
    assert "MOVE4USDT" not in small
    assert small.count("\N{BOX DRAWINGS LIGHT QUADRUPLE DASH HORIZONTAL}") < large.count(
        "\N{BOX DRAWINGS LIGHT QUADRUPLE DASH HORIZONTAL}"
    )


def test_countdowns_and_open_results_move_between_two_ticks():
    market = Market()
    view = watching(market, 120, 40)
    text = "\n".join(drawn(view, 120))
    for words in (
        "scan in 5 s",
        "tick in 1 min 00 s",
        "exit of AAAUSDT in 15 min 00 s",
        "22:59:00",
    ):
        assert words in text
    assert "+72.00" in text
    assert "+10.7 %" in text
    market.time, market.price = market.time + 3_000, 0.59
    text = "\n".join(drawn(view, 120))
    for words in ("scan in 2 s", "tick in 57 s", "exit of AAAUSDT in 14 min 57 s", "22:59:03"):
        assert words in text
    assert "\N{MINUS SIGN}36.00" in text


def test_the_preparation_has_a_bar_and_the_movers_come_with_the_first_scan():
    view = LiveView(console_of(terminal=True)[0])
    view.progress("Candle history", 30, 120)
    assert "25 %" in drawn(view)[1]
    assert "Candle history: 30 of 120" in drawn(view)[1]
    view.started(Market().facts())
    assert any("MOVE1USDT" in line for line in drawn(view))


def test_an_interrupt_leaves_the_last_drawing_and_the_terminal_with_its_cursor():
    console, written = console_of(terminal=True)
    with pytest.raises(KeyboardInterrupt):
        interrupted(view_for(console))
    hidden, shown = written.getvalue().rfind("\x1b[?25l"), written.getvalue().rfind("\x1b[?25h")
    assert 0 <= hidden < shown
    last = written.getvalue()[written.getvalue().rfind("Pumpwatch") :]
    assert "10,045.00" in last
    assert "Next:" not in last


def test_a_silent_view_writes_nothing():
    _, written = console_of(terminal=True)
    with RunView() as view:
        play(view)
    assert written.getvalue() == ""


def test_the_summary_names_every_event_the_totals_and_the_warning():
    console, written = console_of(terminal=False, width=140)
    print_summary(small_result(), console)
    text = written.getvalue()
    for words in (
        "AAAUSDT",
        "False alarm",
        "Missed",
        "1 of 3",
        "\N{MINUS SIGN}18.16 USDT",
        "Invariants held",
    ):
        assert words in text
    assert "Profit on a simulated market proves nothing." in text


def test_the_replays_summary_gives_segments_and_what_was_left_out():
    console, written = console_of(terminal=False, width=160)
    print_summary(replay_result(3), console)
    text = written.getvalue()
    for words in ("segment", "001", "2019-06-20 03:06", "take profit", "+6.27"):
        assert words in text
    assert "Left out: segment 017" in text
    assert "nobody could have made these trades" in text


@pytest.mark.parametrize(("terminal", "width"), [(True, 80), (True, 150), (False, 80)])
def test_no_figure_of_the_replays_summary_is_cut_short(terminal: bool, width: int):
    console, written = console_of(terminal=terminal, width=width)
    print_summary(replay_result(3), console)
    text = written.getvalue()
    assert "\N{HORIZONTAL ELLIPSIS}" not in text
    row = next(line for line in text.splitlines() if line.lstrip().startswith("COIN01USDT"))
    for words in ("001", "2019-06-20 03:06", "Detected", "53 s", "+6.27"):
        assert words in row
    for words in ("0.00047040", "0.00044100", "take profit"):
        assert (words in row) == (width == 150 or not terminal)


def test_broken_invariants_end_the_summary_in_words():
    console, written = console_of(terminal=False)
    print_summary(replace(small_result(), invariants_broken=("[b]two orders[/b]",)), console)
    assert "Invariants broken (1):" in written.getvalue()
    assert "[b]two orders[/b]" in written.getvalue()
    assert "Invariants held" not in written.getvalue()
