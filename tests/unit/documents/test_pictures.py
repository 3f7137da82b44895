"""The pictures of the README: taken when there is most to see, loading nothing from elsewhere."""

import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from support.trading_facts import position

from pumpwatch.errors import BadInput
from pumpwatch_workbench.play.run.options import RunOptions
from pumpwatch_workbench.play.views.view import OpenTrade, RunFacts, TickSnapshot
from tools import pictures
from tools.pictures import Camera, make_pictures

IMAGES = Path(__file__).resolve().parents[3] / "docs/images"
FACTS = RunFacts("600 simulated symbols, seed 7", 0, 180 * 60_000, 180)
QUIET = TickSnapshot(time=60_000, tick=1, equity=Decimal(10_000))
BUSY = replace(QUIET, time=120_000, tick=2, trades=(OpenTrade(position()),), events_open=2)
LATER = replace(BUSY, time=180_000, tick=3, events_open=1)


def test_the_fullest_tick_is_kept():
    with Camera() as camera:
        camera.started(FACTS)
        camera.tick(QUIET)
        assert camera.svg == ""
        camera.tick(BUSY)
        taken = camera.svg
        camera.tick(LATER)
    assert camera.svg == taken
    assert "tick&#160;2&#160;of&#160;180" in taken
    assert f"{position().symbol}&#160;short" in taken


def test_a_picture_loads_nothing():
    camera = Camera()
    camera.started(FACTS)
    camera.tick(BUSY)
    drawings = [camera.svg, *(path.read_text(encoding="utf-8") for path in IMAGES.glob("*.svg"))]
    assert len(drawings) > 1
    for drawing in drawings:
        assert drawing.startswith("<svg")
        assert not re.findall(r"@font-face|@import|url\((?!#)|<script|<image|href=", drawing)


def test_without_a_browser_it_says_so_before_it_runs(monkeypatch, tmp_path):
    monkeypatch.setattr(pictures.shutil, "which", lambda name: None)
    with pytest.raises(BadInput, match="chromium"):
        make_pictures(tmp_path, RunOptions())
    assert list(tmp_path.iterdir()) == []
