"""Folders of recorded candles, opened and checked in one place for every command."""

from workbench.recorded.folder import RecordedFolder, SegmentCandles
from workbench.recorded.tables import LabelledPump, SegmentRow

__all__ = ["LabelledPump", "RecordedFolder", "SegmentCandles", "SegmentRow"]
