from __future__ import annotations

import pytest

from pumpwatch.domain.detection.signals import Phase, Signal, event_id_for, signal_id_for
from pumpwatch_workbench.pages.event_rows import PlantedPump, Verdict
from pumpwatch_workbench.play.run.scoring import judge

MINUTE = 60_000
ONSET = 1_000 * MINUTE
PUMP = PlantedPump(symbol="AAAUSDT", onset=ONSET, peak=ONSET + 30_000, size=0.2)


def signal(seconds: float, *, symbol: str = "AAAUSDT", phase: Phase = Phase.RISING) -> Signal:
    time = ONSET + round(seconds * 1000)
    event = event_id_for(symbol, "ewma", time if phase is Phase.RISING else ONSET)
    return Signal(
        signal_id=signal_id_for(event, phase),
        event_id=event,
        symbol=symbol,
        phase=phase,
        time=time,
        price=1.1,
        base_price=1.0,
        peak_price=1.2,
        strength=60.0,
        jump=0.2,
        detector="ewma",
    )


@pytest.mark.parametrize(
    ("seconds", "verdict"),
    [
        (-3601, Verdict.FALSE),
        (-3600, Verdict.EARLY),
        (-60, Verdict.EARLY),
        (-59.999, Verdict.HIT),
        (64, Verdict.HIT),
        (300, Verdict.HIT),
        (300.001, Verdict.IGNORED),
        (6 * 3600, Verdict.IGNORED),
        (6 * 3600 + 0.001, Verdict.FALSE),
    ],
)
def test_an_alarm_counts_by_its_distance_from_the_onset(seconds: float, verdict: Verdict) -> None:
    (event,) = judge([signal(seconds)], [PUMP])
    assert event.verdict is verdict


def test_each_pump_has_at_most_one_hit() -> None:
    first, second = judge([signal(200), signal(64)], [PUMP])
    assert (first.verdict, first.delay_seconds) == (Verdict.HIT, 64.0)
    assert second.verdict is Verdict.IGNORED


def test_an_early_alarm_is_ignored_once_the_pump_is_hit() -> None:
    assert [event.verdict for event in judge([signal(-600), signal(64)], [PUMP])] == [
        Verdict.IGNORED,
        Verdict.HIT,
    ]


def test_another_symbols_alarm_is_false() -> None:
    (event,) = judge([signal(64, symbol="BBBUSDT")], [PUMP])
    assert event.verdict is Verdict.FALSE


def test_signals_of_one_event_are_one_event() -> None:
    rising = signal(0)
    peaked = signal(60, phase=Phase.PEAKED)
    (event,) = judge([peaked, rising], [PUMP])
    assert [one.phase for one in event.signals] == [Phase.RISING, Phase.PEAKED]


def test_an_alarm_near_another_labelled_pump_is_ignored_and_never_a_hit() -> None:
    (event,) = judge([signal(64)], [], known=[("AAAUSDT", ONSET)])
    assert event.verdict is Verdict.IGNORED
