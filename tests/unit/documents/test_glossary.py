"""docs/glossary.md explains each word that people meet, once, in a short sentence."""

import re
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest

from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.domain.detection.signals import Phase
from pumpwatch.domain.trading.orders import Leg, Outcome, Side, StopTrigger
from pumpwatch.domain.trading.repairs import RepairKind
from pumpwatch.domain.trading.strategies import EVIDENCE
from pumpwatch.domain.trading.trades import ExitReason, TradeState
from pumpwatch.metrics.catalogue import BLOCKED_BY, PROTECTIONS
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.pages.event_rows import Verdict

PAGE = (Path(__file__).resolve().parents[3] / "docs/glossary.md").read_text(encoding="utf-8")
ENTRIES = re.findall(r"^\* (.+?): (.+(?:\n  .+)*)$", PAGE, re.M)
ENUMS = (Phase, Outcome, ExitReason, TradeState, RepairKind, Leg, Side, StopTrigger, Verdict)


def choices(field: str) -> tuple[str, ...]:
    return tuple(filter(None, get_args(TradeSettings.model_fields[field].annotation)))


SHOWN = {kind.__name__: tuple(kind) for kind in ENUMS} | {
    "detectors": tuple(DETECTORS),
    "protections": PROTECTIONS,
    "why a run opens nothing": BLOCKED_BY,
    "strategies": tuple(EVIDENCE),
    "trading modes": choices("trading_mode"),
}


@pytest.mark.parametrize("kind", SHOWN)
def test_every_word_that_people_meet_is_explained(kind):
    explained = {word for term, _ in ENTRIES for word in re.findall(r"`([^`]+)`", term)}
    assert len(SHOWN[kind]) > 1
    assert set(SHOWN[kind]) - explained == set(), "add them to docs/glossary.md"


def test_a_word_is_explained_once_in_a_section_by_a_short_sentence():
    for section in PAGE.split("\n## ")[1:]:
        terms = re.findall(r"^\* (.+?): ", section, re.M)
        words = Counter(word for term in terms for word in re.findall(r"[`*]+([^`*]+)[`*]+", term))
        assert max(words.values()) == 1, words.most_common(1)
    for term, meaning in ENTRIES:
        assert meaning.endswith("."), term
        assert len(meaning) < 180, term
