"""Trades of a period from a journal: the deployed table, or a file exported from it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from pumpwatch.adapters.dynamodb.codec import from_item, to_item
from pumpwatch.domain.trading.trades import Trade
from pumpwatch.errors import BadInput, InvariantBroken
from pumpwatch_workbench.pages.files import save


def of_one_mode(
    trades: Sequence[Trade], mode: str | None, of_store: str = ""
) -> tuple[list[Trade], str, str]:
    """Return the trades of a mode, the mode, and which that is and what it leaves out, in words.

    By default it is the newest trade's, and where no trade has one, that of the store.
    """
    modes = [trade.mode for trade in trades if trade.mode]
    chosen = mode or (modes[-1] if modes else of_store)
    kept = [trade for trade in trades if not chosen or trade.is_of_mode(chosen)]
    others = Counter(name for name in modes if name != chosen)
    left = "".join(f"; {count} of {name} mode left out" for name, count in others.items())
    return kept, chosen, f"{chosen} mode{left}" if chosen else "mode not recorded"


def export_trades(trades: Sequence[Trade], path: Path) -> None:
    """Write trades as JSON lines, all of them or nothing. Raises `BadInput`."""
    lines = [json.dumps(to_item(trade), default=_text, sort_keys=True) + "\n" for trade in trades]
    save("the trades", path, "".join(lines))


def read_export(path: Path) -> list[Trade]:
    """Return the trades of an exported file, oldest first. Raises `BadInput` with file and line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise BadInput(f"{path} cannot be read: {reason}: name another file") from None
    except UnicodeDecodeError:
        raise BadInput(f"{path} is no text: name a file of pumpwatch compare --export") from None
    trades = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            item = json.loads(line, parse_float=Decimal)
            trades.append(from_item(Trade, item))
        except (ValueError, AttributeError, InvariantBroken):
            raise BadInput(
                f"{path} line {number}: this is no trade of a journal; export it with "
                "pumpwatch compare --export"
            ) from None
    return sorted(trades, key=lambda trade: (trade.created, trade.signal_id))


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} does not belong into a trade")
