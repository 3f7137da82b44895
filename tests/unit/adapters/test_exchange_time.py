"""A time of the exchange is believed when its answers agree with our clocks, or with each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime

NOW = 1_760_000_000_000
HOUR, DAY = 3_600_000, 86_400_000


class Clocks:
    """Clocks that a test moves; milliseconds."""

    def __init__(self, wall=NOW):
        self.at = wall
        self.since = 5_000

    def time(self):
        return self.at / 1000

    def monotonic(self):
        return self.since / 1000

    def go(self, passed, *, frozen=False):
        self.at += passed
        self.since += 0 if frozen else passed


class Rig:
    """Answers stamped with an offset to the true time, which our wall clock shows at first."""

    def __init__(self):
        self.clocks = Clocks()
        self.time = ExchangeTime(self.clocks)
        self.true = NOW
        self._request = 0

    def go(self, passed, *, frozen=False):
        self.true += passed
        self.clocks.go(passed, frozen=frozen)

    def note(self, offset=0, *, after=0, same_request=False):
        """Return how far off the time is that is believed for an answer."""
        self.go(after)
        self._request += not same_request
        return self.time.note(self.true + offset, self._request) - self.true

    def off(self):
        return self.time.now() - self.true


@pytest.fixture
def rig():
    return Rig()


@pytest.mark.parametrize("offset", [-2_000, -700, 0, 700, 2_000])
def test_a_stamp_within_two_seconds_is_taken_as_it_is(rig, offset):
    assert rig.note(offset) == rig.off() == offset
    assert rig.time.latest == NOW + offset
    assert rig.time.doubt() == ""


@pytest.mark.parametrize("offset", [-DAY, -2_001, 2_001, HOUR, 400 * DAY])
@pytest.mark.parametrize("warm", [False, True])
def test_a_changed_offset_needs_three_answers_over_a_second(rig, offset, warm):
    if warm:
        rig.note()
        rig.go(60_000)
    assert rig.note(offset) == rig.note(offset, after=500) == 0
    assert rig.note(offset, after=499) == rig.off() == 0
    assert rig.time.doubt().startswith("the exchange's last answer is stamped")
    assert rig.note(offset, after=1) == rig.off() == offset
    assert rig.time.doubt() == ""


def test_a_changed_offset_lasts(rig):
    for _ in range(3):
        rig.note(-HOUR, after=600)
    rig.go(DAY)
    assert rig.note(-HOUR) == rig.off() == -HOUR
    assert rig.note(after=1) == -HOUR


def test_answers_of_one_request_are_one_witness(rig):
    rig.note(HOUR)
    for _ in range(5):
        assert rig.note(HOUR, after=600, same_request=True) == 0
    rig.note(HOUR, after=600)
    assert rig.note(HOUR, after=600) == HOUR


def test_answers_that_disagree_change_nothing(rig):
    for offset in (HOUR, HOUR + 1_000, HOUR + 2_000, HOUR + 3_000, -HOUR, HOUR):
        assert rig.note(offset, after=700) == 0
    assert rig.time.doubt()


def test_a_stamp_that_stands_still_is_never_believed(rig):
    for _ in range(20):
        rig.time.note(NOW + DAY, rig._request)
        rig._request += 1
        rig.go(500)
    assert rig.off() == 0


def test_a_good_answer_in_between_ends_the_doubt(rig):
    rig.note(HOUR)
    rig.note(HOUR, after=900)
    assert rig.note(after=100) == 0
    assert rig.time.doubt() == ""
    assert rig.note(HOUR, after=900) == rig.note(HOUR, after=100) == 0


def test_a_frozen_process_believes_the_answer_that_wakes_it(rig):
    rig.note()
    rig.go(10 * 60_000, frozen=True)
    assert rig.note() == rig.off() == 0
    rig.go(60_000, frozen=True)
    assert rig.note(HOUR) == 0
    assert rig.time.doubt()


def test_a_wall_clock_that_is_set_changes_nothing(rig):
    rig.note()
    for jump in (2 * HOUR, -3 * HOUR):
        rig.clocks.at += jump
        assert rig.note(after=1_000) == rig.off() == 0
        rig.go(60_000, frozen=True)
        assert rig.note() == 0


def test_between_answers_the_clock_that_moved_further_counts(rig):
    rig.note()
    rig.clocks.at += 4_000
    rig.clocks.since += 3_000
    assert rig.time.now() == NOW + 4_000
    rig.clocks.since += 5_000
    assert rig.time.now() == NOW + 8_000
    rig.clocks.at -= HOUR
    assert rig.time.now() == NOW + 8_000


def test_before_any_answer_it_is_our_wall_clock(rig):
    rig.go(700)
    assert rig.off() == 0
    assert rig.time.latest is None


def test_the_latest_time_never_goes_back_unless_the_offset_changes(rig):
    rig.note(1_500)
    assert rig.note(after=100) == 0
    assert rig.time.latest == NOW + 1_500


@given(
    st.lists(st.tuples(st.integers(0, 3_000), st.integers(-1_999, 1_999)), max_size=40),
    st.integers(-1_900, 1_900),
)
def test_small_errors_never_add_up(steps, creep):
    rig = Rig()
    for passed, offset in steps:
        assert rig.note(offset, after=passed) == offset
    for number in range(1, 40):
        assert abs(rig.note(number * creep, after=50)) <= 2_000


@given(
    st.lists(
        st.tuples(st.integers(0, 2_000), st.integers(-DAY, DAY), st.booleans(), st.booleans()),
        max_size=30,
    )
)
def test_nothing_but_agreement_moves_the_time(steps):
    rig = Rig()
    told = []
    for passed, offset, true, again in steps:
        wrong = told[-1][1] if again and told else offset
        stamp = 0 if true else wrong
        believed = rig.note(stamp, after=passed)
        told.append((rig.clocks.since, stamp))
        if abs(believed) <= 2_000:
            continue
        witnesses = [at for at, one in told if abs(one - believed) <= 3_000]
        assert len(witnesses) >= 3
        assert witnesses[-1] - witnesses[0] >= 1_000


@given(st.integers(-DAY, DAY), st.lists(st.integers(0, 900), min_size=3, max_size=8))
def test_a_lasting_offset_is_believed_after_a_second(offset, pauses):
    rig = Rig()
    rig.note(offset)
    for pause in pauses:
        rig.note(offset, after=pause)
    assert rig.note(offset, after=1_000) == rig.off() == offset
