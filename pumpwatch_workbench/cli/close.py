"""`pumpwatch close`: close one trade by hand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

import typer

from pumpwatch.domain.trading.halt import CloseRequest
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import BadInput
from pumpwatch_workbench.cli.operating import (
    BY_HAND,
    Choice,
    Mode,
    Reason,
    StackName,
    Store,
    print_change,
)
from pumpwatch_workbench.cli.options import AsJson, Region, check_range
from pumpwatch_workbench.operations.installation import Installation
from pumpwatch_workbench.pages.words import price, signed_money

LONGEST_WAIT = 3_600
LOOK_SECONDS = 1.0


def close(
    symbol: Annotated[str, typer.Argument(metavar="SYMBOL", help="Such as DOGEUSDT.")],
    *,
    reason: Reason = BY_HAND,
    wait: Annotated[
        float, typer.Option(help="Seconds to follow it; 0: only ask for it.", metavar="SECONDS")
    ] = 90,
    store: Store = None,
    mode: Mode = None,
    stack: StackName = "",
    region: Region = "",
    as_json: AsJson = False,
) -> None:
    """Close the open trade of a symbol at market, also while entries are halted.

    The next run does it with a reduce-only market order, and each run after it until the trade is
    closed: a desk within seconds, a stack within a minute. Positions of others are left alone. It
    needs a name where there are several installations: --store, --mode or --stack.

    Exit status 1: it is not closed yet; the request stays.

    Examples:
      pumpwatch close DOGEUSDT
      pumpwatch close DOGEUSDT --reason "delisting rumour" --stack pumpwatch
    """
    check_range("--wait", wait, 0, LONGEST_WAIT)
    with Choice(store, mode, stack, region).only_one() as installation:
        trades = _trades(installation, symbol.upper())
        now = time.time_ns() // 1_000_000
        for trade in trades:
            wanted = CloseRequest(trade.signal_id, now, installation.operator, reason)
            installation.halts.ask_to_close(wanted)
        if not as_json:
            typer.echo(f"{installation.name}: {trades[0].symbol} is closed {_when(installation)}.")
        trades = _followed(installation, trades, 0 if installation.at_rest else wait)
    left = [trade for trade in trades if trade.state.live]
    for trade in trades:
        if as_json:
            print_change(installation, **_facts(trade))
        elif not trade.state.live:
            how = (trade.exit_reason or trade.state).replace("_", " ")
            result = f"at {price(trade.exit_price)}, {signed_money(trade.realised_pnl)} USDT"
            typer.echo(f"{trade.symbol} is closed: {how} {result} after costs")
    if left and (wait or installation.at_rest):
        if not as_json:
            typer.echo(f"It is not closed yet; see: pumpwatch status {installation.option}")
        raise typer.Exit(1)


def _trades(installation: Installation, symbol: str) -> list[Trade]:
    """Return the symbol's live trades. Raises `BadInput` where there is none to close."""
    live = [trade for trade in installation.journal.live_trades() if trade.state.live]
    chosen = [trade for trade in live if trade.symbol in (symbol, f"{symbol}USDT")]
    here = f"{installation.name}: Pumpwatch has no open trade in {symbol}"
    if not chosen:
        names = sorted({trade.symbol for trade in live})
        near = get_close_matches(symbol, names, n=3, cutoff=0.4) or names[:5]
        meant = f"open are {', '.join(near)}" if near else "nothing is open"
        raise BadInput(f"{here}; {meant}. A position of somebody else is closed at the exchange")
    reached = [trade for trade in chosen if trade.is_of_mode(installation.mode)]
    if not reached:
        raise BadInput(
            f"{here} in {installation.mode} mode: its trade is of {chosen[0].mode} mode and waits"
            " for that"
        )
    return reached


def _when(installation: Installation) -> str:
    if installation.at_rest:
        return "when it is started: it does not run now"
    return "within seconds" if installation.is_local else "with the next run, within a minute"


def _followed(installation: Installation, trades: Sequence[Trade], wait: float) -> list[Trade]:
    """Return the trades as they are once all are closed, or the time is over."""
    end = time.monotonic() + wait
    while True:
        read = installation.journal.trade
        trades = [read(trade.signal_id) or trade for trade in trades]
        left = end - time.monotonic()
        if left <= 0 or not any(trade.state.live for trade in trades):
            return list(trades)
        time.sleep(min(LOOK_SECONDS, left))


def _facts(trade: Trade) -> dict[str, object]:
    return {
        "symbol": trade.symbol,
        "signal_id": trade.signal_id,
        "closed": not trade.state.live,
        "exit_reason": None if trade.exit_reason is None else trade.exit_reason.value,
        "exit_price": None if trade.exit_price is None else str(trade.exit_price),
        "realised_pnl_usdt": str(trade.realised_pnl),
    }
