"""Any payload of both handlers becomes one tick's work or a counted refusal; nothing else, ever.

The real handlers are loaded as Lambda loads them; only what their function works with is swapped.
"""

import copy
import json
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.damage import GONE, damaged, places
from support.doubles import MemoryTotalsStore

from pumpwatch.bootstrap.lease import RunLease
from pumpwatch.metrics.reporter import MetricsReporter
from pumpwatch.usecases.detect.report import DetectReport
from pumpwatch.usecases.trade.report import TradeReport
from pumpwatch_workbench.local.aws.functions import LocalFunction
from pumpwatch_workbench.local.memory import MemoryLeaseStore

ROOT = Path(__file__).parents[2]
VARIABLES = {
    "TABLE_NAME": "table",
    "BUCKET_NAME": "bucket",
    "POWERTOOLS_SERVICE_NAME": "fuzz",
    "POWERTOOLS_LOG_LEVEL": "CRITICAL",
}
RUNTIME = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}
REPORTS = {"detect": DetectReport, "trade": TradeReport}
LONGEST_ID = 128
YEAR_2010, YEAR_2100 = 1_262_304_000_000, 4_102_444_800_000


class Rig:
    """One handler whose work is to remember its tick."""

    def __init__(self, name):
        self.job = f"pumpwatch_{name}"
        self.ticks = []
        self.local = LocalFunction(
            name,
            code=ROOT / "functions" / name,
            handler="app.lambda_handler",
            variables=VARIABLES,
            timeout_seconds=25,
            memory_megabytes=512,
            region="eu-central-1",
            runtime=RUNTIME,
        )
        with self.local._lambda_process():
            handler = self.local._load()
        self.function = function = handler.__wrapped__.__globals__["function"].function
        self.forget()
        function._describe = lambda report, numbers: None

        function.lease = RunLease(MemoryLeaseStore(), name, reserve=1.0)

        def work(tick, deadline, lease):
            self.ticks.append(tick)
            return REPORTS[name]()

        function.work = work

    def forget(self):
        """Begin with no totals: a repeat of a run would count nothing."""
        self.totals = MemoryTotalsStore()
        self.function.reporter = MetricsReporter(self.job, self.totals, None)
        self.function.__post_init__()

    def bad_events(self):
        """Return those that were reported, and those that wait: of single scans."""
        key = f"{self.job}_bad_events_total"
        totals = self.totals.add(self.job, "look", {})
        return int(totals.get(key, 0)) + self.function._waiting.increments[key]


@pytest.fixture(scope="module", params=["detect", "trade"])
def rig(request):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in RUNTIME.items():
            patch.setenv(name, value)
        yield Rig(request.param)


def check(rig, payload):
    rig.forget()
    worked = len(rig.ticks)
    rig.local.log.truncate(0)
    invocation = rig.local.invoke(payload)
    assert invocation.error is None, invocation.error
    answer = invocation.payload
    assert isinstance(answer, Mapping)
    if "error" in answer:
        assert list(answer) == ["error"]
        assert 0 < len(answer["error"]) < 300
        assert len(rig.ticks) == worked
        assert rig.bad_events() == 1
        return
    assert len(rig.ticks) == worked + 1
    tick = rig.ticks[-1]
    assert YEAR_2010 <= tick.scheduled_time < YEAR_2100
    for name in (tick.execution_id, *tick.signal_ids):
        assert 0 < len(name) <= LONGEST_ID
        name.encode()  # it becomes a key in the table
    assert rig.bad_events() == tick.bad_records


SCHEDULE = {"scheduled_time": "2026-01-05T00:01:00Z", "execution_id": "e-1"}
RULE = {"version": "0", "id": "r-1", "source": "aws.events", "time": "2026-01-05T00:01:00Z"}
IMAGE = {
    "pk": {"S": "SIGNAL"},
    "sk": {"S": "1767571260000#a"},
    "signal_id": {"S": "a"},
    "time": {"N": "1767571260000"},
}
RECORD = {
    "eventID": "1",
    "eventName": "INSERT",
    "eventSource": "aws:dynamodb",
    "dynamodb": {"Keys": {"pk": {"S": "SIGNAL"}}, "NewImage": IMAGE, "SequenceNumber": "1"},
}
BATCH = {"Records": [RECORD, copy.deepcopy(RECORD)]}
MESSAGE = {
    "messageId": "m-1",
    "body": '{"slot": 1767571260000}',
    "attributes": {"SentTimestamp": "1767571200000"},
    "eventSource": "aws:sqs",
}
SCANS = {"Records": [MESSAGE, copy.deepcopy(MESSAGE)]}
GOOD = [SCHEDULE, RULE, BATCH, SCANS]
WORK = {"pumpwatch_detect": [SCHEDULE, RULE, SCANS], "pumpwatch_trade": [SCHEDULE, RULE, BATCH]}
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(
        ["", "\ud800", "\0", "9" * 5000, "1767571260000", "-1", "2026-13-01", "T", "x" * 300]
    )
)
ODD = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(st.text(max_size=5), SCALARS)


@st.composite
def damaged_payloads(draw):
    payload = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(payload))))
        payload = damaged(payload, path, draw(ODD | st.just(GONE)))
    return payload


@pytest.mark.parametrize("payload", GOOD, ids=["schedule", "rule", "batch", "scans"])
def test_an_undamaged_payload_is_one_ticks_work(rig, payload):
    worked = len(rig.ticks)
    check(rig, payload)
    assert len(rig.ticks) == worked + (payload in WORK[rig.job])


@settings(deadline=None, max_examples=100)
@given(payload=damaged_payloads())
@example(payload={**SCHEDULE, "execution_id": "\ud800"})
@example(payload={**SCHEDULE, "scheduled_time": "0001-01-01T00:00:00+23:59"})
@example(payload={**SCHEDULE, "scheduled_time": "9999-12-31T23:59:59-23:59"})
@example(
    payload={"Records": [damaged(RECORD, ("dynamodb", "NewImage", "time"), {"N": float("inf")})]}
)
@example(
    payload={"Records": [damaged(RECORD, ("dynamodb", "NewImage", "signal_id"), {"S": "\ud800"})]}
)
@example(payload={"Records": [RECORD] * 2000})
def test_a_damaged_payload_is_work_or_a_counted_refusal(rig, payload):
    check(rig, payload)


@settings(deadline=None, max_examples=100)
@given(
    body=st.binary(max_size=60)
    | st.text(max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | ODD.map(lambda value: json.dumps(value).encode())
    | st.tuples(st.sampled_from(GOOD), st.integers(0, 400), st.binary(min_size=1, max_size=3)).map(
        lambda cut: (text := json.dumps(cut[0]).encode())[: cut[1]] + cut[2] + text[cut[1] + 1 :]
    )
)
@example(body=b"null")
@example(body=b'"\\ud800"')
@example(body=b"1e999")
@example(body=b"[" * 400 + b"]" * 400)
def test_any_bytes_are_work_or_a_counted_refusal(rig, body):
    """What is no JSON never gets to a handler: Lambda's own runtime refuses it."""
    try:
        payload = json.loads(body)
    except ValueError:
        return
    check(rig, payload)
