"""Detection against known pumps: the rule of `pumpwatch evaluate` on the journal's alarms."""

import pytest
from support.records import NOW, a_signal

from pumpwatch.domain.detection.signals import Phase
from pumpwatch.errors import BadInput
from pumpwatch_workbench.operations.journal.agreement import agreement_of, read_labels

SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000
SINCE, UNTIL = NOW - 24 * HOUR, NOW + 24 * HOUR


def alarm(time, symbol="PUMPUSDT"):
    return a_signal(symbol, Phase.RISING, event_id=f"{symbol}-{time}", time=time)


def agree(labels, *alarms):
    found = agreement_of(labels, alarms, SINCE, UNTIL)
    return found.hits, found.early, found.missed, found.others


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        (-HOUR - 1, (0, 0, 1, 1)),
        (-HOUR, (0, 1, 0, 0)),
        (-60 * SECOND, (0, 1, 0, 0)),
        (-59 * SECOND, (1, 0, 0, 0)),
        (300 * SECOND, (1, 0, 0, 0)),
        (301 * SECOND, (0, 0, 1, 0)),
        (6 * HOUR, (0, 0, 1, 0)),
        (6 * HOUR + 1, (0, 0, 1, 1)),
    ],
)
def test_an_alarm_counts_by_its_distance_from_the_onset(offset, expected):
    assert agree([("PUMPUSDT", NOW, True)], alarm(NOW + offset)) == expected


def test_only_the_first_signal_of_an_event_is_its_alarm():
    first = alarm(NOW + 20 * SECOND)
    later = a_signal(phase=Phase.PEAKED, event_id=first.event_id, time=NOW + 9 * HOUR)
    assert agree([("PUMPUSDT", NOW, True)], first, later) == (1, 0, 0, 0)


def test_another_symbols_alarm_is_no_hit():
    assert agree([("PUMPUSDT", NOW, True)], alarm(NOW, "OTHERUSDT")) == (0, 0, 1, 1)


def test_a_pump_that_does_not_count_only_excuses_alarms():
    assert agree([("PUMPUSDT", NOW, False)], alarm(NOW)) == (0, 0, 0, 0)


def test_pumps_before_and_after_the_period_are_not_judged_but_excuse_alarms():
    labels = [("PUMPUSDT", SINCE - HOUR, True), ("AUSDT", UNTIL, True), ("BUSDT", UNTIL + 1, True)]
    found = agreement_of(labels, [alarm(SINCE + MINUTE)], SINCE, UNTIL)
    assert (found.pumps, found.outside, found.others) == (0, 3, 0)
    assert (found.hits, found.delay_seconds) == (0, None)


def test_the_delay_is_from_the_onset_to_the_alarm():
    labels = [("PUMPUSDT", NOW, True), ("AUSDT", NOW, True)]
    alarms = [alarm(NOW + 30 * SECOND), alarm(NOW + 50 * SECOND, "AUSDT")]
    found = agreement_of(labels, alarms, SINCE, UNTIL)
    assert (found.delay_seconds.count, found.delay_seconds.p50) == (2, 40.0)


def test_labels_are_read_in_the_form_of_events(tmp_path):
    path = tmp_path / "events.csv"
    path.write_text("segment,symbol,onset,counted\n7,PUMPUSDT,2025-10-09T09:34:00Z,0\n")
    assert read_labels(path) == [("PUMPUSDT", 1_760_002_440_000, False)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("symbol,onset\nA,2025-10-09T09:34:00Z\n", "no column counted"),
        ("symbol,onset,counted\nA,yesterday,1\n", "line 2.*'yesterday' is no time"),
        ("symbol,onset,counted\nA,2025-10-09T09:34:00Z,yes\n", "line 2: counted is 'yes'"),
        ("symbol,onset,counted\n,2025-10-09T09:34:00Z,1\n", "line 2: the symbol is empty"),
    ],
)
def test_labels_that_cannot_be_read_are_refused_with_their_line(tmp_path, text, words):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(BadInput, match=words):
        read_labels(path)


def test_a_folder_is_no_label_file(tmp_path):
    with pytest.raises(BadInput, match="name a CSV file"):
        read_labels(tmp_path)
