"""Which looks at the market the memory of detection keeps, and what of them is saved."""

import numpy as np
import pytest

from pumpwatch.domain.detection.boosted import Boosted
from pumpwatch.domain.detection.screen import Reading
from pumpwatch.domain.moments import MINUTE
from pumpwatch.usecases.detect.state import DetectState

START = 1_767_225_600_000


def looked_at(seconds):
    """Return the state after looks at these seconds; the flow is the second."""
    state = DetectState.empty(Boosted(), "settings")
    state.add(["AUSDT", "BUSDT"], 5)
    for second in seconds:
        columns = (np.full(2, value) for value in (9.0, 11.0, float(second)))
        state.looked(Reading(START + second * 1000, *columns), MINUTE)
    return state


def seconds_of(state):
    return [(look.time - START) // 1000 for look in state.looks]


@pytest.mark.parametrize(
    ("seconds", "kept"),
    [
        ([7], [7]),
        ([0], [0]),
        (range(2, 310, 5), [117, 177, 237, 297, 307]),
        (range(0, 301, 5), [120, 180, 240, 300]),
        (range(20, 400, 60), [140, 200, 260, 320, 380]),
        ([10, 130, 131, 1_000], [131, 1_000]),
        ([300, 310, 5], [5]),
    ],
)
def test_the_looks_before_the_last_four_candles_are_kept_and_the_last_one(seconds, kept):
    state = looked_at(seconds)
    assert seconds_of(state) == kept
    assert state.last is state.looks[-1]


def test_saved_looks_come_back_with_their_flows():
    state = looked_at(range(2, 310, 5))
    again = DetectState.from_arrays(state.to_arrays(), "settings", Boosted())
    assert seconds_of(again) == seconds_of(state)
    assert [look.flow.tolist() for look in again.looks] == [
        [second, second] for second in (117, 177, 237, 297, 307)
    ]
    assert np.isnan(again.last.high).all()


def test_the_state_of_an_earlier_version_is_read_without_its_looks():
    arrays = looked_at([2, 62]).to_arrays()
    del arrays["looks_time"], arrays["looks_flow"]
    arrays |= {"anchor_time": np.array(START), "anchor_flow": np.zeros(2)}
    again = DetectState.from_arrays(arrays, "settings", Boosted())
    assert (again.symbols, again.looks, again.last) == (["AUSDT", "BUSDT"], (), None)
