"""The candle history cache: memory and S3 behave alike; what cannot be read is rebuilt."""

import io

import boto3
import numpy as np
import pytest
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from support.records import NOW, candles, on_grid

from pumpwatch.adapters.s3 import S3HistoryStore
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import StoreUnavailable
from pumpwatch_workbench.local.store import SqliteHistoryStore

STATE_KEY, SLICE_KEY = "v1/state/detect.npz", "v1/candles/60000/00003.npz"


def some_candles():
    series = [candles("AUSDT", [(1, 2, 0.5, 1.5), (1.5, 3, 1, 2)]), candles("币USDT", [])]
    return on_grid(series, first=NOW, count=3)


def assert_same(found, expected):
    assert (found.symbols, found.interval) == (expected.symbols, expected.interval)
    for name in ("open_time", "open", "high", "low", "close", "volume", "turnover"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_what_was_never_saved_is_absent(history):
    assert history.load_state("detect") is None
    assert history.load_slice(3, interval=MINUTE) is None


def test_a_slice_comes_back_as_it_was(history):
    history.save_slice(3, some_candles())
    assert_same(history.load_slice(3, interval=MINUTE), some_candles())
    assert history.load_slice(3, interval=60 * MINUTE) is None
    assert history.load_slice(4, interval=MINUTE) is None


def test_a_saved_slice_replaces_the_former(history):
    history.save_slice(3, some_candles())
    history.save_slice(3, some_candles().select([0]))
    assert history.load_slice(3, interval=MINUTE).symbols == ("AUSDT",)


def test_state_keeps_numbers_and_text(history):
    state = {
        "mean": np.array([1.5, np.nan]),
        "symbols": np.array(["AUSDT", "币USDT"]),
        "version": np.array(7),
        "empty": np.array([], dtype=np.int64),
    }
    history.save_state("detect", state)
    found = history.load_state("detect")
    assert found.keys() == state.keys()
    for name, array in state.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype


def test_objects_are_not_saved(history):
    with pytest.raises(TypeError, match="mean"):
        history.save_state("detect", {"mean": np.array([{}, None], dtype=object)})


def test_changing_what_was_loaded_changes_nothing_stored(history):
    history.save_slice(3, some_candles())
    history.load_slice(3, interval=MINUTE).close[:] = 0.0
    assert_same(history.load_slice(3, interval=MINUTE), some_candles())


def archive(**arrays):
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def pickled():
    buffer = io.BytesIO()
    np.savez(buffer, mean=np.array([{"a": 1}], dtype=object))
    return buffer.getvalue()


@pytest.mark.parametrize(
    "body",
    [b"", b"garbage", b"PK\x03\x04 cut off", pickled(), b"\x93NUMPY\x01\x00", b"\x80\x04N."],
    ids=["empty", "garbage", "cut", "pickled", "bare numpy", "bare pickle"],
)
def test_unreadable_objects_are_absent_and_counted(aws, bucket, s3_history, body, caplog):
    aws["s3"].put_object(Bucket=bucket, Key=STATE_KEY, Body=body)
    aws["s3"].put_object(Bucket=bucket, Key=SLICE_KEY, Body=body)
    assert s3_history.load_state("detect") is None
    assert s3_history.load_slice(3, interval=MINUTE) is None
    assert s3_history.unreadable == 2
    assert "rebuilt" in caplog.text


def good_arrays(**changes):
    arrays = {name: np.ones((1, 2)) for name in ("open", "high", "low", "close")}
    arrays |= {"volume": np.ones((1, 2)), "turnover": np.ones((1, 2))}
    arrays |= {"symbols": np.array(["AUSDT"]), "open_time": np.array([NOW, NOW + MINUTE])}
    return arrays | changes


@pytest.mark.parametrize(
    "changes",
    [
        {"close": np.ones((1, 3))},
        {"close": np.ones((1, 2), dtype=np.float32)},
        {"open_time": np.array([NOW, NOW + 1])},
        {"open_time": np.array([[NOW, NOW + MINUTE]])},
        {"symbols": np.array([1])},
    ],
)
def test_arrays_that_do_not_fit_together_are_absent(aws, bucket, s3_history, changes):
    put, load = aws["s3"].put_object, s3_history.load_slice
    put(Bucket=bucket, Key=SLICE_KEY, Body=archive(**good_arrays()))
    assert load(3, interval=MINUTE) is not None
    put(Bucket=bucket, Key=SLICE_KEY, Body=archive(**good_arrays(**changes)))
    assert load(3, interval=MINUTE) is None
    assert s3_history.unreadable == 1


class Holding:
    """An S3 client that gives one body."""

    def __init__(self, body):
        self.body = body

    def get_object(self, **_):
        return {"Body": io.BytesIO(self.body)}


@settings(deadline=None, max_examples=80)
@given(cut=st.integers(0, 2000), flip=st.integers(0, 2000), value=st.integers(0, 255))
def test_damaged_archives_never_raise(cut, flip, value):
    body = bytearray(archive(**good_arrays()))
    body[flip % len(body)] = value
    found = S3HistoryStore("bucket", Holding(bytes(body[: len(body) - cut // 4]))).load_slice(
        3, interval=MINUTE
    )
    assert found is None or found.shape == (1, 2)


def test_a_missing_bucket_is_unavailable(aws):
    history = S3HistoryStore("no-such-bucket", aws["s3"])
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        history.load_state("detect")
    with pytest.raises(StoreUnavailable, match="NoSuchBucket"):
        history.save_slice(3, some_candles())


def test_a_bucket_that_does_not_answer_is_unavailable():
    config = Config(connect_timeout=0.2, retries={"total_max_attempts": 1})
    client = boto3.client("s3", endpoint_url="http://127.0.0.1:9", config=config)
    with pytest.raises(StoreUnavailable):
        S3HistoryStore("bucket", client).load_state("detect")


def test_history_in_a_file_that_cannot_be_read_is_absent_counted_and_told(database, caplog):
    history = SqliteHistoryStore(database)
    history.save_state("detect", {"through": np.arange(3)})
    assert history.load_state("detect") is not None
    database.write("UPDATE archives SET body = ?", (b"garbage",))
    assert history.load_state("detect") is None
    assert history.load_slice(3, interval=60_000) is None
    assert history.unreadable == 1
    assert "is rebuilt" in caplog.text
