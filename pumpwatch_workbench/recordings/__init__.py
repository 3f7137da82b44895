"""Folders of recorded candles, opened and checked in one place for every command."""

from pumpwatch_workbench.recordings.folder import RecordedFolder, SegmentCandles
from pumpwatch_workbench.recordings.tables import LabelledPump, SegmentRow

__all__ = ["LabelledPump", "RecordedFolder", "SegmentCandles", "SegmentRow"]
