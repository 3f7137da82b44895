"""docs/glossary.md explains each word that people meet, and each section names a page to read."""

import re
from collections import Counter
from enum import StrEnum
from pathlib import Path
from typing import get_args

import pytest

from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.orders import Leg, Outcome, Side, StopTrigger
from pumpwatch.domain.trading.repairs import RepairKind
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.metrics.catalogue import BLOCKED_BY, PROTECTIONS
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.pages.event_rows import Verdict

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGE = (DOCS / "glossary.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^\* (.+?): (.+(?:\n  .+)*)$", PAGE, re.M)
ENUMS = (Phase, Outcome, ExitReason, TradeState, RepairKind, Leg, Side, StopTrigger, Verdict)


def choices(field: str) -> tuple[str, ...]:
    annotation = TradeSettings.model_fields[field].annotation
    return tuple(choice for choice in get_args(annotation) if choice)


SHOWN = {kind.__name__: tuple(kind) for kind in ENUMS} | {
    "detectors": tuple(DETECTORS),
    "protections": PROTECTIONS,
    "why a run opens nothing": BLOCKED_BY,
    "strategies": choices("strategy"),
    "trading modes": choices("trading_mode"),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_every_word_that_people_meet_is_explained(kind: str | type[StrEnum]):
    words = SHOWN[kind]
    assert len(words) > 1
    explained = {word for term, _ in ENTRIES for word in re.findall(r"`([^`]+)`", term)}
    assert [word for word in words if word not in explained] == [], "add them to docs/glossary.md"


def test_no_word_is_explained_twice_in_a_section():
    for section in PAGE.split("\n## ")[1:]:
        terms = re.findall(r"^\* (.+?): ", section, re.M)
        words = Counter(word for term in terms for word in re.findall(r"[`*]+([^`*]+)[`*]+", term))
        assert [word for word, count in words.items() if count > 1] == []


def test_a_meaning_is_a_short_sentence():
    assert len(ENTRIES) > 50
    for term, meaning in ENTRIES:
        assert meaning.endswith("."), term
        assert len(meaning) < 180, term


def test_every_section_names_a_page():
    for section in PAGE.split("\n## ")[1:]:
        introduction = section.partition("\n* ")[0]
        assert re.search(r"\]\([\w/-]+\.md(?:#[\w-]+)?\)", introduction), introduction


def test_pages_and_headings_it_points_to_are_there():
    for page, anchor in re.findall(r"\]\(([^)#:]+)(?:#([^)]+))?\)", PAGE):
        text = (DOCS / page).read_text(encoding="utf-8")
        titles = re.findall(r"^#+ (.+)$", text, re.M)
        slugs = {re.sub(r"[^a-z0-9_ -]", "", title.lower()).replace(" ", "-") for title in titles}
        assert not anchor or anchor in slugs, f"{page}#{anchor}"
