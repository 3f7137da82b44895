"""Tiles and tables of the run report as text, without markup."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pumpwatch_workbench.pages.event_rows import EventRow, PlantedPump, Verdict
from pumpwatch_workbench.pages.line_charts import percentile
from pumpwatch_workbench.pages.tables import Cell, PageTable, Tile, Tone, numbers, row, texts
from pumpwatch_workbench.pages.trade_tables import result_cell
from pumpwatch_workbench.pages.words import (
    NOTHING,
    clock,
    counted,
    date_and_clock,
    number,
    percent,
    price,
    seconds,
    signed_money,
)
from pumpwatch_workbench.play.run.result import RunResult

VERDICT_WORDS = {
    Verdict.HIT: "Detected",
    Verdict.EARLY: "Early",
    Verdict.IGNORED: "Ignored",
    Verdict.FALSE: "False alarm",
    Verdict.MISSED: "Missed",
}
_VERDICT_TONES: dict[Verdict, Tone] = {
    Verdict.HIT: "good",
    Verdict.FALSE: "bad",
    Verdict.MISSED: "bad",
    Verdict.EARLY: "quiet",
    Verdict.IGNORED: "quiet",
}


def tiles(result: RunResult) -> tuple[Tile, ...]:
    """Return the summary's figures, the most wanted first."""
    return (*_detection_tiles(result), *_trading_tiles(result), *_cost_tiles(result))


def _detection_tiles(result: RunResult) -> tuple[Tile, ...]:
    verdicts = Counter(event.verdict for event in result.rows())
    return (
        Tile(
            "Pumps detected",
            f"{len(result.hits)} of {len(result.planted)}",
            f"{_of(result.counted(announced=True))} announced,"
            f" {_of(result.counted(announced=False))} others;"
            f" {verdicts[Verdict.MISSED]} missed, {verdicts[Verdict.EARLY]} early",
        ),
        Tile("False alarms", number(len(result.false_events)), f"on {result.symbols} symbols"),
        Tile("Median delay", seconds(result.delay_p50), "market time, onset to alarm"),
        Tile(
            "Signal to order",
            seconds(result.order_delay_p50),
            "median market time, scan to acknowledged entry",
        ),
    )


def _of(counts: tuple[int, int]) -> str:
    return f"{counts[0]} of {counts[1]}"


def _trading_tiles(result: RunResult) -> tuple[Tile, ...]:
    closed = [trade for trade in result.entered if trade.exit_time is not None]
    won = sum(trade.realised_pnl > 0 for trade in closed)
    still_open = len(result.entered) - len(closed)
    open_words = f", {still_open} still open" if still_open else ""
    return (
        Tile("Realised profit and loss", f"{signed_money(result.realised_pnl)} USDT", "after fees"),
        Tile(
            "Trades",
            number(len(result.entered)),
            f"{won} won, {len(closed) - won} lost{open_words}",
        ),
        Tile(
            "Orders sent",
            number(result.orders),
            f"{counted(result.fills, 'execution')}, stops and targets included",
        ),
        Tile(
            "Longest without a stop",
            seconds(result.positions_without_stop_seconds_max),
            "market time, any open position",
        ),
    )


def _cost_tiles(result: RunResult) -> tuple[Tile, ...]:
    return (
        Tile(
            "Detect tick",
            seconds(percentile(result.tick_seconds, 50)),
            f"median of {result.ticks}; p95 {seconds(percentile(result.tick_seconds, 95))}, wall",
        ),
        Tile(
            "Scans between ticks",
            number(len(result.scan_seconds)),
            f"median {seconds(percentile(result.scan_seconds, 50))}, wall",
        ),
        Tile(
            "Requests per tick",
            number(percentile(result.tick_requests, 50)),
            "median, refresh included",
        ),
        Tile("Metrics pushed", number(result.metrics_pushed), f"accepted by {result.pushgateway}"),
    )


def events_table(result: RunResult, anchors: Sequence[str]) -> PageTable:
    """Return all events, missed and false ones included; `anchors` are the ids of their charts.

    An empty anchor leaves the symbol without a link.
    """
    replay = result.kind == "replay"
    columns = (
        *texts("Symbol"),
        *(texts("Segment", "Original onset", wide=True) if replay else ()),
        *texts("Onset, UTC", wide=True),
        *numbers("Size", wide=True),
        *texts("Kind", wide=True),
        *texts("Detection"),
        *numbers("Delay"),
        *numbers("Entry", "Exit", wide=True),
        *numbers("Result, USDT"),
    )
    rows = tuple(
        _event_cells(event, anchor, replay)
        for event, anchor in zip(result.rows(), anchors, strict=True)
    )
    caption = "Every planted pump and every alarm. Times are market time, UTC."
    return PageTable(caption, columns, rows)


def dropped_table(result: RunResult) -> PageTable:
    """Return the recorded pumps that could not be played."""
    columns = (*texts("Segment", "Original onset"), *texts("Why it was left out", prose=True))
    rows = tuple(
        row(pump.segment, date_and_clock(pump.original_onset), pump.reason)
        for pump in result.dropped
    )
    return PageTable("Recorded pumps that were not played.", columns, rows)


def kind_words(planted: PlantedPump | None) -> str:
    """Return which kind of pump it is."""
    if planted is None:
        return NOTHING
    return "announced" if planted.announced else "unannounced"


def result_words(event: EventRow) -> str:
    """Return what trading made of an event: the amount, or why there is none."""
    trade = event.trade
    if trade is None:
        return "no trade"
    if trade.entry_time is None:
        return "not entered"
    return signed_money(trade.realised_pnl) if trade.exit_time is not None else "still open"


def _event_cells(event: EventRow, anchor: str, replay: bool) -> tuple[Cell, ...]:
    planted, trade = event.planted, event.trade
    segment = planted.segment if planted else NOTHING
    origin = (segment, date_and_clock(planted.original_onset if planted else None))
    return row(
        Cell(event.symbol, href=f"#{anchor}" if anchor else ""),
        *(origin if replay else ()),
        clock(event.time),
        percent(planted.size if planted else None),
        kind_words(planted),
        Cell(VERDICT_WORDS[event.verdict], _VERDICT_TONES[event.verdict]),
        seconds(event.detected.delay_seconds) if event.detected else NOTHING,
        price(trade.entry_price) if trade else NOTHING,
        price(trade.exit_price) if trade else NOTHING,
        Cell(result_words(event), result_cell(trade).tone),
    )
