"""The trade use case: one tick's work under its lease.

Order of work: our live trades and the halt, positions, stops and exits; then, with what time is
left, signals, protections and entries. Care runs in every mode; halts, stale ticks and limits stop
entries only.
"""

from __future__ import annotations

from pumpwatch.domain.lease import Lease
from pumpwatch.domain.trading.evidence import own_position
from pumpwatch.domain.trading.orders import Account
from pumpwatch.domain.trading.protections import in_force
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import RetryLater
from pumpwatch.invocation import Tick
from pumpwatch.ports import Deadline
from pumpwatch.settings.trade import TradeSettings

from .care import care
from .entry_round import EntryRound
from .guards import read_halt
from .holdings import position_in
from .late_fills import LateFills
from .look import View, look
from .realised_profit import RealisedProfit
from .report import TradeReport
from .run import Contracts, Ports, Run
from .stops import trail


class TradeSignals:
    """Trade fresh signals under hard limits and care for what is open. One per warm function."""

    def __init__(self, ports: Ports, settings: TradeSettings) -> None:
        self._ports = ports
        self._settings = settings
        self._contracts = Contracts(ports.market)
        self._realised = RealisedProfit(ports.journal, settings.trading_mode)
        self._entries = EntryRound(settings)
        self._late_fills = LateFills()

    def run(self, tick: Tick, deadline: Deadline, lease: Lease) -> TradeReport:
        """Do one tick's work under the lease and return what was done.

        Raises `StopTrading`'s subclasses, `LeaseLost`, or `RetryLater` when the account or the
        journal cannot be read at all; after the care for the others, `InvariantBroken` for a live
        trade whose record cannot be read. A single trade's failure is a problem in the report.
        """
        run = Run(self._ports, self._settings, self._contracts, lease, deadline)
        run.seconds_at_start = deadline.seconds_left()
        asked = run.ports.start(run.ports.broker.positions)
        asked_for = run.ports.start(run.ports.halts.instructions)
        ahead = self._entries.ask_ahead(run, tick)
        live = run.ports.journal.live_trades()
        for trade in live:
            if _of_this_mode(run, trade):
                run.keep(trade)
        read_halt(run, asked_for)
        self._entries.ask_first(run, tick, ahead)
        listed = run.answer_or_error(asked)
        care(run, listed, self._late_fills)
        _free_looked_at(run)
        if isinstance(listed, RetryLater):
            # What care was possible without the list was given; the run counts as failed.
            raise listed
        live.require_all()
        _drop_requests(run, live)
        run.unreadable(listed)
        self._finish(run, self._entries.enter(run, tick, listed, ahead))
        return run.report

    def _finish(self, run: Run, view: View) -> None:
        for trade in run.live:
            own = own_position(trade, position_in(view.positions, trade.symbol))
            if own is not None:
                trail(run, trade, own)
        if run.touched:
            view = look(run, view.positions)
        report, now, journal = run.report, run.now(), run.ports.journal
        if in_force(report.locks, "", now) is not None:
            report.block("lock", "a protection pauses every symbol")
        if isinstance(view.account, Account):
            report.equity, report.available = view.account.equity, view.account.available
        report.describe_holdings(list(view.positions), list(run.trades.values()), now=now)
        try:
            if isinstance(view.open_orders, Rows):
                report.describe_orders(view.open_orders, installation=journal.installation())
            report.realised_pnl = self._realised.total(
                now, token=run.lease.token, cared_for=run.trades.values(), tell=run.unreadable
            )
        except RetryLater as error:
            run.refused(error, "the run could not be described in full")


def _of_this_mode(run: Run, trade: Trade) -> bool:
    """Return whether the trade's position is where this mode looks for it.

    One of another mode waits for that mode to return; what is in no account here would look like
    a position that vanished.
    """
    if not trade.state.live or trade.is_of_mode(run.settings.trading_mode):
        return True
    if trade.mode != "paper":
        text = (
            f"its position is in the {trade.mode} account, nobody cares for it in"
            f" {run.settings.trading_mode} mode: deploy TradingMode={trade.mode}, or close it there"
        )
        run.problem(text, trade, cause="access")
    return False


def _free_looked_at(run: Run) -> None:
    for trade in [trade for trade in run.trades.values() if trade.halts]:
        try:
            if trade.signal_id in run.ports.halts.looked_at():
                freed = trade.with_(halts="", looked_at=run.now())
                run.save(freed)
                run.keep(freed)
        except RetryLater as error:
            run.refused(error, "a trade that halts entries could not be freed", trade)


def _drop_requests(run: Run, stored: Rows[Trade]) -> None:
    """Remove the requests to close what is closed. `stored` are all trades that were live."""
    now = (run.trades.get(trade.signal_id, trade) for trade in stored)
    done = run.to_close.keys() - {trade.signal_id for trade in now if trade.state.live}
    if done:
        try:
            run.ports.halts.drop_requests(done)
        except RetryLater as error:
            run.refused(error, "requests to close what is closed were not removed")
