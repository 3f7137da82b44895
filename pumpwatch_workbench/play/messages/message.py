"""Messages to people: how many become one, and how Slack shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from html import escape
from typing import Any

SINGLY = 5
"""Pumps that are told one by one; more are one message, which names this many."""
CHARTS = {
    "Bybit": "https://www.bybit.com/trade/usdt/{symbol}",
    "TradingView": "https://www.tradingview.com/chart/?symbol=BYBIT:{symbol}.P",
}

HEADER, SECTION, BLOCKS = 150, 3_000, 50
"""Most characters of a header and a section, most blocks: a post beyond them is refused."""


class Kind(IntEnum):
    """What a message is about, the least important first."""

    PUMP = 1
    """A pump, or a signal that was not traded: a busy market makes hundreds."""
    NOTICE = 2
    TRADE = 3
    CARE = 4


@dataclass(frozen=True, slots=True)
class Message:
    """One message as plain text; `weight` ranks pumps."""

    kind: Kind
    title: str
    text: str = ""
    symbol: str = ""
    weight: float = 0.0

    @property
    def links(self) -> dict[str, str]:
        """Return the addresses of the symbol's charts by name."""
        is_sound = re.fullmatch("[A-Z0-9]+", self.symbol)
        charts = CHARTS if is_sound else {}
        return {name: url.format(symbol=self.symbol) for name, url in charts.items()}


def grouped(messages: Sequence[Message]) -> list[Message]:
    """Return the messages, with those of many pumps as one."""
    pumps = [message for message in messages if message.kind is Kind.PUMP]
    if len(pumps) <= SINGLY:
        return list(messages)
    strongest = sorted(pumps, key=lambda message: -message.weight)[:SINGLY]
    text = "\n".join(["The strongest:", *(message.title for message in strongest)])
    others = [message for message in messages if message.kind is not Kind.PUMP]
    return [*others, Message(Kind.PUMP, f"{len(pumps)} pumps and signals", text)]


def payload(stage: str, messages: Sequence[Message]) -> dict[str, Any]:
    """Return the body of one post; `text` is what a phone shows before it is opened."""
    blocks: list[dict[str, Any]] = []
    for message in messages:
        title = _cut(f"{stage} · {message.title}", HEADER)
        blocks.append({"type": "header", "text": {"type": "plain_text", "text": title}})
        links = " · ".join(f"<{url}|{name}>" for name, url in message.links.items())
        for text in filter(None, (_markup(message.text), links)):
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": text}})
    titles = "\n".join(f"{stage} · {message.title}" for message in messages)
    return {"text": _markup(titles), "blocks": blocks[:BLOCKS]}


def _markup(text: str) -> str:
    """Return text in which Slack sees no link and no mention; a sign becomes at most five."""
    return escape(_cut(text, SECTION // 5), quote=False)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
