"""What wakes a function, and what is refused."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pumpwatch.errors import BadEvent
from pumpwatch.invocation import parse_scan, parse_schedule, parse_wake_up

SCHEDULED = 1_767_571_260_000


def record(signal_id="a1", time=SCHEDULED, **changes):
    image = {"signal_id": {"S": signal_id}, "time": {"N": str(time)}}
    return {"eventName": "INSERT", "dynamodb": {"NewImage": image}, **changes}


@pytest.mark.parametrize("parse", [parse_schedule, parse_wake_up, parse_scan])
@pytest.mark.parametrize(
    "text",
    [
        "2026-01-05T00:01:00Z",
        "2026-01-05T00:01:00+00:00",
        "2026-01-05T01:01:00+01:00",
        "2026-01-05T00:01:00",
        "2026-01-05T00:01:00.000Z",
    ],
)
def test_scheduled_time_is_read_in_utc(parse, text):
    tick = parse({"scheduled_time": text, "execution_id": "e-1"})
    assert (tick.scheduled_time, tick.execution_id) == (SCHEDULED, "e-1")


def test_event_with_time_is_accepted():
    tick = parse_schedule({"time": "2026-01-05T00:01:00Z", "id": "rule-1", "source": "aws.events"})
    assert (tick.scheduled_time, tick.execution_id) == (SCHEDULED, "rule-1")


def test_event_without_an_id_gets_one_from_its_time():
    once, again = (parse_schedule({"time": "2026-01-05T00:01:00Z"}) for _ in range(2))
    assert once.execution_id == again.execution_id == f"tick-{SCHEDULED}"


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "tick",
        {},
        {"scheduled_time": None},
        {"scheduled_time": 1_767_571_260},
        {"scheduled_time": ""},
        {"scheduled_time": "<aws.scheduler.scheduled-time>"},
        {"scheduled_time": "yesterday"},
        {"scheduled_time": "1970-01-01T00:00:00Z"},
        {"scheduled_time": "9999-01-01T00:00:00Z"},
        {"scheduled_time": "2026-01-05T00:01:00Z", "execution_id": 7},
        {"scheduled_time": "2026-01-05T00:01:00Z", "execution_id": ""},
        {"scheduled_time": "2026-01-05T00:01:00Z", "execution_id": "x" * 200},
    ],
)
@pytest.mark.parametrize("parse", [parse_schedule, parse_wake_up])
def test_malformed_event_is_refused(parse, event):
    with pytest.raises(BadEvent):
        parse(event)


def test_message_about_a_malformed_event_stays_short():
    with pytest.raises(BadEvent) as refusal:
        parse_schedule({"scheduled_time": "x" * 10_000})
    assert len(str(refusal.value)) < 200


def test_batch_of_new_signals_is_due_when_its_newest_signal_was_seen():
    tick = parse_wake_up({"Records": [record("a1", SCHEDULED - 60_000), record("b2")]})
    assert tick.scheduled_time == SCHEDULED
    assert tick.signal_ids == ("a1", "b2")
    assert tick.bad_records == 0


def test_same_batch_gives_the_same_run_and_another_batch_another():
    first, again = (parse_wake_up({"Records": [record("a1"), record("b2")]}) for _ in range(2))
    other = parse_wake_up({"Records": [record("a1")]})
    assert first.execution_id == again.execution_id != other.execution_id


@pytest.mark.parametrize(
    "bad",
    [
        None,
        {},
        {"dynamodb": {}},
        {"dynamodb": {"NewImage": {}}},
        record(time="soon"),
        record(time=5),
        record(signal_id=""),
        record(signal_id=None),
        {"dynamodb": {"NewImage": {"signal_id": "a1", "time": 5}}},
    ],
)
def test_record_that_cannot_be_read_is_counted_and_left_out(bad):
    tick = parse_wake_up({"Records": [bad, record("b2")]})
    assert (tick.signal_ids, tick.bad_records) == (("b2",), 1)


@pytest.mark.parametrize("records", [[], None, "abc", {}, [None], [{}]])
def test_batch_without_any_signal_is_refused(records):
    with pytest.raises(BadEvent):
        parse_wake_up({"Records": records})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["Records", "scheduled_time", "time", "id", "execution_id", "dynamodb", "NewImage"]
            )
            | st.text(max_size=5),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(JSON)
def test_any_payload_gives_a_tick_or_a_bad_event(payload):
    try:
        tick = parse_wake_up(json.loads(json.dumps(payload)))
    except BadEvent:
        return
    assert 1_262_304_000_000 <= tick.scheduled_time < 4_102_444_800_000
    assert 0 < len(tick.execution_id) <= 128


def message(slot=SCHEDULED, **changes):
    body = json.dumps({"slot": slot})
    return {"messageId": "m-1", "eventSource": "aws:sqs", "body": body, **changes}


def test_newest_scan_of_a_batch_is_made():
    batch = [message(SCHEDULED - 5_000), message(), message(SCHEDULED - 10_000), message("x")]
    tick = parse_scan({"Records": batch})
    assert (tick.scheduled_time, tick.execution_id) == (SCHEDULED, f"scan-{SCHEDULED}")
    assert (tick.is_scan, tick.older_scans, tick.bad_records) == (True, 2, 1)
    assert not parse_scan({"scheduled_time": "2026-01-05T00:01:00Z"}).is_scan


@pytest.mark.parametrize(
    "records",
    [
        "x",
        [],
        [None],
        [message(eventSource="aws:dynamodb")],
        [message(body="{")],
        [message(body="[" * 100_000)],
        [message(body=None)],
        [message(body='{"slot": null}')],
        [message(True)],
        [message(SCHEDULED / 1)],
        [message(SCHEDULED // 1000)],
        [record()],
    ],
)
def test_batch_without_a_scan_is_refused(records):
    with pytest.raises(BadEvent):
        parse_scan({"Records": records})
