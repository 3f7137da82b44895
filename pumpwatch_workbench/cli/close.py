"""`pumpwatch close`: close one trade by hand."""

from __future__ import annotations

import time
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated

import typer

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
    say_when_at_rest,
)
from pumpwatch_workbench.cli.options import AsJson, Region, check_range
from pumpwatch_workbench.operations.halting import ask_to_close
from pumpwatch_workbench.operations.installation import Installation
from pumpwatch_workbench.pages.words import plain, price, signed_money

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
        for trade in trades:
            ask_to_close(installation, trade, reason)
        if not as_json:
            typer.echo(f"{installation.name}: {trades[0].symbol} is closed with the next run.")
            say_when_at_rest(installation)
        trades = _followed(installation, trades, 0 if installation.at_rest else wait)
    for trade in trades:
        closed = not trade.state.live
        if as_json:
            print_change(installation, closed=closed, symbol=trade.symbol, trade=plain(trade))
        elif closed:
            how = (trade.exit_reason or trade.state).replace("_", " ")
            result = f"at {price(trade.exit_price)}, {signed_money(trade.realised_pnl)} USDT"
            typer.echo(f"{trade.symbol} is closed: {how} {result} after costs")
    if any(trade.state.live for trade in trades) and (wait or installation.at_rest):
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


def _followed(installation: Installation, trades: Sequence[Trade], wait: float) -> list[Trade]:
    """Return the trades as they are once all are closed, or the time is over."""
    end, read = time.monotonic() + wait, installation.journal.trade
    while True:
        trades = [read(trade.signal_id) or trade for trade in trades]
        left = end - time.monotonic()
        if left <= 0 or not any(trade.state.live for trade in trades):
            return trades
        time.sleep(min(LOOK_SECONDS, left))
