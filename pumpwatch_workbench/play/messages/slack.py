"""Messages as Slack's blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pumpwatch_workbench.play.messages.message import Message

HEADER, SECTION, BLOCKS = 150, 3_000, 50
"""Most characters of a header and a section, most blocks: a post beyond them is refused."""


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


def escaped(text: str) -> str:
    """Return text in which Slack sees no link and no mention."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _markup(text: str) -> str:
    while (excess := len(escaped(text)) - SECTION) > 0:
        text = _cut(text, len(text) - 1 - excess // 5)
    return escaped(text)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
