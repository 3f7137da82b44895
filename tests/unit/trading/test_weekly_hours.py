"""Trading hours by weekday and wall time, daylight saving included."""

from datetime import UTC, datetime, timedelta

import pytest

from pumpwatch.domain.trading.weekly_hours import WeeklyHours

MINUTE = 60_000
BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


def at(text):
    """Milliseconds of a UTC time such as `2026-03-29 01:30`."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def shown(time):
    return datetime.fromtimestamp(time / 1000, UTC).strftime("%Y-%m-%d %H:%M")


OFFICE = "Mon-Fri 08:00-20:00, Sat 10:00-14:00"


@pytest.mark.parametrize(
    ("hours", "zone", "time", "opens"),
    [
        # A Friday in winter: Berlin is an hour ahead.
        (OFFICE, "UTC", "2026-01-09 07:59", "2026-01-09 08:00"),
        (OFFICE, "UTC", "2026-01-09 08:00", ""),
        (OFFICE, "UTC", "2026-01-09 19:59", ""),
        (OFFICE, "UTC", "2026-01-09 20:00", "2026-01-10 10:00"),
        (OFFICE, "UTC", "2026-01-10 14:00", "2026-01-12 08:00"),
        (OFFICE, BERLIN, "2026-01-09 07:00", ""),
        (OFFICE, BERLIN, "2026-01-09 19:00", "2026-01-10 09:00"),
        # The same hours in summer: two ahead.
        (OFFICE, BERLIN, "2026-07-10 05:59", "2026-07-10 06:00"),
        (OFFICE, BERLIN, "2026-07-10 06:00", ""),
        (OFFICE, NEW_YORK, "2026-07-10 11:59", "2026-07-10 12:00"),
        # Over a weekend in which the clocks go forward, and one in which they go back.
        (OFFICE, BERLIN, "2026-03-28 13:00", "2026-03-30 06:00"),
        (OFFICE, BERLIN, "2026-10-24 12:00", "2026-10-26 07:00"),
        # Over midnight, and over the end of the week.
        ("Fri 22:00-02:00", "UTC", "2026-01-10 01:59", ""),
        ("Fri 22:00-02:00", "UTC", "2026-01-10 02:00", "2026-01-16 22:00"),
        ("Sun 22:00-02:00", "UTC", "2026-01-12 01:00", ""),
        ("Sat-Mon 00:00-24:00", "UTC", "2026-01-12 23:59", ""),
        ("Sat-Mon 00:00-24:00", "UTC", "2026-01-13 00:00", "2026-01-17 00:00"),
        # 02:30 is skipped on 29 March: the window begins at 03:30 and ends as written.
        ("Sun 02:30-04:00", BERLIN, "2026-03-29 01:00", "2026-03-29 01:30"),
        ("Sun 02:30-04:00", BERLIN, "2026-03-29 01:30", ""),
        ("Sun 02:30-04:00", BERLIN, "2026-03-29 02:00", "2026-04-05 00:30"),
        # A window that lies in the skipped hour alone does not open that day.
        ("Sun 02:00-03:00", BERLIN, "2026-03-29 00:59", "2026-04-05 00:00"),
        # 02:30 comes twice on 25 October: the first one counts.
        ("Sun 02:30-04:00", BERLIN, "2026-10-25 00:30", ""),
        ("Sun 01:00-02:30", BERLIN, "2026-10-25 00:29", ""),
        ("Sun 01:00-02:30", BERLIN, "2026-10-25 00:30", "2026-11-01 00:00"),
        # All day is an hour shorter or longer when the clocks change.
        ("Sun 00:00-24:00", BERLIN, "2026-03-29 21:59", ""),
        ("Sun 00:00-24:00", BERLIN, "2026-03-29 22:00", "2026-04-04 22:00"),
        ("Sun 00:00-24:00", BERLIN, "2026-10-25 22:59", ""),
        ("Sun 00:00-24:00", BERLIN, "2026-10-25 23:00", "2026-10-31 23:00"),
        ("", BERLIN, "2026-01-01 00:00", ""),
    ],
)
def test_hours_follow_the_wall_clock(hours, zone, time, opens):
    week = WeeklyHours.parse(hours, zone=zone)
    assert week.is_open(at(time)) is (not opens)
    assert shown(week.next_opening(at(time))) == (opens or time)


@pytest.mark.parametrize("zone", ["UTC", BERLIN, NEW_YORK, "Australia/Lord_Howe"])
def test_the_next_opening_is_the_first_minute_that_is_open(zone):
    """Minute by minute through the weeks in which clocks change somewhere."""
    week = WeeklyHours.parse("Fri 22:15-03:00, Sun 01:30-02:45, Tue-Wed 09:00-17:00", zone=zone)
    for first in ("2026-03-06 00:00", "2026-03-27 00:00", "2026-10-23 00:00"):
        times = [at(first) + 15 * MINUTE * step for step in range(4 * 24 * 12)]
        openings = [week.is_open(time) for time in times]
        assert {*openings} == {True, False}, "the weeks show both"
        upcoming = None
        for time, is_open in zip(reversed(times), reversed(openings), strict=True):
            upcoming = time if is_open else upcoming
            if upcoming is not None:
                assert week.next_opening(time) == upcoming, (zone, shown(time))


def test_whoever_is_open_ten_hours_a_day_is_so_on_the_days_the_clocks_change():
    week = WeeklyHours.parse("Mon-Sun 08:00-18:00", zone=BERLIN)
    for day in ("2026-03-28", "2026-03-29", "2026-10-25", "2026-10-26"):
        midnight = datetime.fromisoformat(day).replace(tzinfo=week.zone)
        start = round(midnight.timestamp() * 1000)
        following = round((midnight + timedelta(days=1)).timestamp() * 1000)
        minutes = range(start, following, MINUTE)
        assert sum(week.is_open(time) for time in minutes) == 600


EXAMPLE = "write it like Mon-Fri 08:00-20:00, Sat 10:00-14:00"
NO_SPAN, NO_TIME = "has no length", "has a time that no clock shows"


@pytest.mark.parametrize(
    ("text", "faulty", "fault"),
    [
        *(
            (text, faulty, "cannot be read")
            for text, faulty in (
                ("Mon", "Mon"),
                ("Mon 08:00", "Mon 08:00"),
                ("Mon 8-20", "Mon 8-20"),
                ("Mon 08:00-20:00,", ""),
                ("Mon 08:00-20:00; Tue 08:00-20:00", "Mon 08:00-20:00; Tue 08:00-20:00"),
                ("Mon-Tue-Wed 08:00-20:00", "Mon-Tue-Wed 08:00-20:00"),
                ("Mon 9:00-20:00, Tue", "Tue"),
            )
        ),
        ("Mox 08:00-20:00", "Mox 08:00-20:00", "names no day of the week"),
        ("Mon-Fry 08:00-20:00", "Mon-Fry 08:00-20:00", "names no day of the week"),
        ("Mon 08:60-20:00", "Mon 08:60-20:00", NO_TIME),
        ("Mon 08:00-24:01", "Mon 08:00-24:01", NO_TIME),
        ("Mon 08:00-08:00", "Mon 08:00-08:00", NO_SPAN),
        ("Mon 24:00-08:00", "Mon 24:00-08:00", NO_SPAN),
    ],
)
def test_the_refusal_names_the_faulty_piece_the_fault_and_an_example(text, faulty, fault):
    with pytest.raises(ValueError, match="Mon-Fri") as refusal:
        WeeklyHours.parse(text)
    assert str(refusal.value) == f"'{faulty}' {fault}: {EXAMPLE}"


@pytest.mark.parametrize(
    "text",
    ["Fri-Mon 9:05-23:59", "  fri - MON   09:05 -  23:59 ", "Fri 9:05-23:59,Sat-Mon 9:05-23:59"],
)
def test_hours_can_be_written_in_several_ways(text):
    week = WeeklyHours.parse(text)
    assert week.text == text.strip()
    assert week.zone.key == "UTC"
    days = {window.day for window in week.windows}
    spans = {(window.opens, window.closes) for window in week.windows}
    assert (days, spans) == ({4, 5, 6, 0}, {(545, 1439)})


def test_the_end_of_the_day_ends_a_window_but_begins_none():
    week = WeeklyHours.parse("Sun 00:00-24:00")
    assert [(one.day, one.opens, one.closes) for one in week.windows] == [(6, 0, 1440)]
    assert WeeklyHours.parse("  ").windows == ()
    assert WeeklyHours.parse("").text == ""


@pytest.mark.parametrize("zone", ["Europe/Berlim", "", "../etc/passwd", "\0", "CEST+1"])
def test_a_zone_that_is_none_is_refused_with_an_example(zone):
    with pytest.raises(ValueError, match="zone") as refusal:
        WeeklyHours.parse("Mon 08:00-20:00", zone=zone)
    sentence = f"{zone!r} is not a time zone: use an IANA name such as Europe/Berlin"
    assert str(refusal.value) == sentence
    assert refusal.value.__suppress_context__
