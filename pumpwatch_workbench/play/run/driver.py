"""Play both functions on their schedule, in market time and in lock step with the exchange.

Each minute the schedule wakes detect and trade; in between, detect's queue hands over the scans
that are due. After a scan with signals the table's stream wakes trade. Nothing here decides
anything: the functions are called by their Lambda entry points with the payloads AWS would send.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from decimal import Decimal
from functools import partial
from typing import Any

import numpy as np

from pumpwatch.adapters.bybit.orders import read_position
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import InvariantBroken
from pumpwatch_workbench.local.aws.functions import Invocation
from pumpwatch_workbench.pages.words import money
from pumpwatch_workbench.play.run.options import RunOptions
from pumpwatch_workbench.play.run.outcome import RunTally, result_of
from pumpwatch_workbench.play.run.result import RunResult
from pumpwatch_workbench.play.run.stage import Stage, set_stage
from pumpwatch_workbench.play.views.looks import Looks
from pumpwatch_workbench.play.views.view import RunFacts, RunView, TickSnapshot, open_trades
from pumpwatch_workbench.processes import relax_collector

TRADED = "opened", "closed", "denied"
"""Words of trade's answer for the trades that changed."""

Page = Callable[[Stage], AbstractContextManager[object]]


def play(options: RunOptions, view: RunView, page: Page = nullcontext) -> RunResult:
    """Play a run and return its result; `page` shows its stage meanwhile.

    Raises `BadInput` for options that do not work, `InvariantBroken` when a function fails.
    """
    begin = time.perf_counter()
    view.note("Starting the simulated exchange, the AWS stand-in and the Pushgateway ...")
    with set_stage(options) as stage, page(stage):
        relax_collector()
        view.note(f"Metrics go to {stage.gateway.kind}.")
        tally = _Driver(options, stage, view).play()
        return result_of(options, stage, tally, wall_seconds=time.perf_counter() - begin)


class _Driver:
    def __init__(self, options: RunOptions, stage: Stage, view: RunView) -> None:
        self._options = options
        self._stage = stage
        self._view = view
        self._tally = RunTally()
        self._events_open = 0
        self._now: int | None = None
        self._next: dict[str, int] = {}
        self._looks = Looks()
        self._counts = dict.fromkeys(("signals", *TRADED), 0)

    def play(self) -> RunTally:
        self._stage.backfill(partial(self._view.progress, "Candle history"))
        ticks = self._schedule()
        self._tally.started = ticks[0]
        end = ticks[-1] + MINUTE
        now, steps = (lambda: self._now), (lambda: self._next)
        facts = RunFacts(self._title(), ticks[0], end, len(ticks), self._looks, now, steps)
        self._view.started(facts)
        for number, scheduled in enumerate(ticks, start=1):
            self._play_minute(number, scheduled)
        self._scan_until(end)
        self._stage.simulator.advance_to(end)
        # The journal learns what the last half minute did.
        self._trade(self._stage.trade_event(end))
        self._tally.ended = end
        return self._tally

    def _title(self) -> str:
        options = self._options
        what = f"{options.symbols} simulated symbols, seed {options.seed}"
        if options.replay is not None:
            what = f"Recorded pumps of {options.replay}"
        return f"{what}, {money(options.balance_usdt)} USDT, strategy {options.strategy}"

    def _schedule(self) -> list[int]:
        summary, count = self._stage.simulator.summary(), self._options.minutes
        first = (summary["time"] // MINUTE + 1) * MINUTE
        if self._options.replay is not None:
            count = (int(summary["end"]) - first) // MINUTE
        return [first + MINUTE * number for number in range(count)]

    def _play_minute(self, number: int, scheduled: int) -> None:
        simulator = self._stage.simulator
        detect_time = scheduled + self._options.detect_second * 1000
        self._next = {**self._next, "tick": detect_time}
        self._scan_until(detect_time)
        now, before = simulator.advance_to(detect_time)
        self._now, self._next = now, {**self._next, "tick": detect_time + MINUTE}
        detected = self._detect(self._stage.detect_event(scheduled))
        self._stage.scans.take(now)
        _, after = simulator.advance_to(now)
        self._tally.tick_seconds.append(detected.seconds)
        self._tally.tick_requests.append(after - before)
        self._react(detected)
        trade_time = scheduled + self._options.trade_second * 1000
        self._scan_until(trade_time)
        simulator.advance_to(trade_time)
        self._trade(self._stage.trade_event(scheduled))
        self._view.played()
        self._show_tick(number)

    def _scan_until(self, end: int) -> None:
        """Play the scans that the queue hands over before `end`."""
        scans = self._stage.scans
        while (due := scans.next_due) is not None and due < end:
            now, _ = self._stage.simulator.advance_to(due)
            self._now, self._next = now, {**self._next, "scan": due}
            for event in scans.due(now):
                scanned = self._detect(event)
                self._tally.scan_seconds.append(scanned.seconds)
                self._react(scanned)
            if self._view.wants_looks:
                seen = self._stage.simulator.market()
                prices, turnover = np.array(seen["last"]), np.array(seen["turnover"])
                self._looks.add(seen["time"], seen["symbols"], prices, turnover)

    def _detect(self, event: Mapping[str, Any]) -> Invocation:
        detected = self._invoke(self._stage.detect.invoke(event))
        self._events_open = detected.payload.get("events_open", self._events_open)
        return detected

    def _react(self, detected: Invocation) -> None:
        """Show the signals of a scan, and hand trade the new records of the table's stream.

        The stream is read only after a scan with signals: the template's filter keeps everything
        else back.
        """
        signal_ids = detected.payload.get("signals")
        if not signal_ids:
            return
        now = self._stage.simulator.summary()["time"]
        self._counts["signals"] += len(signal_ids)
        published = self._stage.signals.since(self._tally.started)
        signals = {signal.signal_id: signal for signal in published}
        for signal_id in signal_ids:
            self._view.signal(signals[signal_id])
        self._tally.woken |= dict.fromkeys(signal_ids, now)
        for batch in self._stage.stream.batches():
            self._trade(batch)
        self._view.played()

    def _trade(self, event: Mapping[str, Any]) -> None:
        report = self._invoke(self._stage.trade.invoke(event)).payload
        changed = [signal_id for name in TRADED for signal_id in report.get(name, ())]
        for name in TRADED:
            self._counts[name] += len(report.get(name, ()))
        now = self._stage.simulator.summary()["time"] if changed else 0
        for signal_id in changed:
            trade = self._stage.journal.trade(signal_id)
            if trade is not None:
                self._view.trade(now, trade)

    def _invoke(self, invocation: Invocation) -> Invocation:
        if invocation.error is not None:
            error = invocation.error
            raise InvariantBroken(
                f"a function failed: {error['errorType']}: {error['errorMessage']}"
            )
        if invocation.payload.get("error"):
            raise InvariantBroken(f"a function refused its event: {invocation.payload['error']}")
        return invocation

    def _show_tick(self, number: int) -> None:
        summary = self._stage.simulator.summary()
        equity, requests = Decimal(summary["equity"]), summary["requests"]
        scans = len(self._tally.scan_seconds)
        self._tally.equity.append((summary["time"], equity))
        positions = list(filter(None, map(read_position, summary["positions"])))
        live = self._stage.journal.live_trades() if positions else ()
        self._view.tick(
            TickSnapshot(
                time=summary["time"],
                tick=number,
                equity=equity,
                trades=open_trades(positions, live),
                events_open=self._events_open,
                counts={"ticks": number, "scans": scans, **self._counts, "requests": requests},
            )
        )
