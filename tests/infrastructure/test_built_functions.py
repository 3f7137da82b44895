"""What `sam build` packs, run under Lambda's own runtime client before it ships.

Both functions are built for this machine, laid out as in Lambda, and driven through the Runtime
API; moto and the simulator stand behind them.
"""

import re
import socket
import subprocess
import sys

import pytest
from support.built_functions import DETECT, MINUTE, NOW, TRADE, built, environment, world
from support.trading_rig import peaked

from pumpwatch.adapters.dynamodb.journal import DynamoJournal
from pumpwatch.adapters.dynamodb.stores import DynamoLeaseStore, DynamoSignalStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.bootstrap.detect import LEASE_NAME
from pumpwatch_workbench.simulator.control import state
from tools.lambda_runtime.layout import RUNTIME_MODULES


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return built(tmp_path_factory)


@pytest.fixture(scope="module")
def scene():
    with world() as made:
        yield made


@pytest.fixture
def start(layout, scene, tmp_path):
    """Return a function that makes an execution environment; all are killed at the end."""
    made = []

    def make(name, **changes):
        log = tmp_path / f"{len(made)}.log"
        made.append(environment(layout, scene.stack, name, log, **changes))
        return made[-1]

    yield make
    for one in made:
        one.kill()


def not_ok(probe):
    return [name for name, one in probe["checks"].items() if not one["ok"]]


def test_detect_scans_cold_and_warm_and_answers_a_bad_event(start, scene):
    detect = start(DETECT)
    first = detect.invoke(scene.stack.scheduled_event(DETECT, NOW))
    assert (first.error, first.cold, first.payload["symbols"]) == (None, True, 2), detect.log
    scene.clock.advance_by(MINUTE)
    second = detect.invoke(scene.stack.scheduled_event(DETECT, NOW + MINUTE))
    assert (second.error, second.cold) == (None, False), detect.log
    bad = detect.invoke({"nonsense": 1})
    assert "neither scheduled_time nor time" in bad.payload["error"]
    probe = detect.invoke({"action": "probe"}).payload
    assert list(probe["checks"]) == ["exchange", "table", "history", "pushgateway", "settings"]
    assert not_ok(probe) == ["exchange"], "the market's clock stands in another year"
    assert "ahead of the exchange's" in probe["checks"]["exchange"]["detail"]
    assert detect.starts == 1
    assert '"message":"scanned"' in detect.log
    assert scene.key.api_secret not in detect.log


def test_scans_come_from_the_queue_and_go_from_one_instance_to_the_next(start, scene):
    queue, clock = scene.stack.queue_reader(DETECT), scene.clock
    # What the runs of other tests have enqueued is over and gone.
    scene.stack.queue_reader(DETECT).take(0)
    clock.advance_to((clock.now() // MINUTE + 5) * MINUTE)
    begin = clock.now()
    old, new = start(DETECT), start(DETECT)
    first = old.invoke(scene.stack.scheduled_event(DETECT, begin))
    assert (first.error, first.payload.get("symbols")) == (None, 2), (first.payload, old.log)
    queue.take(begin)
    assert queue.next_due == begin + 5_000

    def scan(instance, seconds):
        clock.advance_to(begin + seconds * 1_000)
        (event,) = queue.due(clock.now())
        answer = instance.invoke(event)
        assert answer.error is None, instance.log
        return answer.payload, event

    answer, event = scan(old, 5)
    assert answer["symbols"] == 2
    assert new.invoke(event).payload == {"dropped": begin + 5_000}, "another instance made it"
    assert scan(new, 10)[0]["symbols"] == 2
    # An instance that was killed leaves the lease as it is.
    leases = DynamoLeaseStore(scene.table(), lambda: clock.now() / 1_000)
    leases.acquire(LEASE_NAME, owner="killed", seconds=9.0)
    assert scan(new, 15)[0] == {"dropped": begin + 15_000}
    assert scan(new, 20)[0]["symbols"] == 2
    answer, event = scan(old, 35)
    assert (len(event["Records"]), answer["symbols"]) == (3, 2), "only the newest is made"
    assert old.invoke({"Records": [{**event["Records"][0], "body": "[]"}]}).payload["error"]


def test_trade_enters_on_a_stream_batch_and_only_once_after_a_crash(start, scene):
    table = Table(scene.stack.name_of("StateTable"), scene.stack.aws.client("dynamodb"))
    stream = scene.stack.stream_reader(TRADE)
    list(stream.batches())
    prices = {"price": 117.0, "base_price": 100.0, "peak_price": 120.0}
    signal = peaked("PUMPUSDT", time=scene.clock.now(), **prices)
    DynamoSignalStore(table).publish(signal)
    (batch,) = stream.batches()
    trade = start(TRADE)
    first = trade.invoke(batch)
    assert first.payload["opened"] == [signal.signal_id], trade.log
    trade.kill()
    again = trade.invoke(batch)
    assert again.cold
    assert (again.error, again.payload["opened"]) == (None, []), trade.log
    assert len(DynamoJournal(table).orders(signal.signal_id)) == 1
    (position,) = state(scene.exchange)["positions"]
    assert float(position["stopLoss"]) > 0
    assert scene.key.api_secret not in trade.log
    assert trade.invoke(scene.stack.scheduled_event(TRADE, scene.clock.now())).error is None
    assert "error" in trade.invoke({"Records": "none"}).payload
    probe = trade.invoke({"action": "probe"}).payload
    assert list(probe["checks"]) == ["exchange", "table", "time", "key", "pushgateway", "settings"]
    assert not_ok(probe) == ["exchange"]
    assert scene.key.api_secret not in str(probe)


def test_run_that_takes_too_long_is_killed_and_the_next_one_starts_anew(start):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        nowhere = f"http://127.0.0.1:{silent.getsockname()[1]}"
        detect = start(DETECT, timeout_seconds=1.0, AWS_ENDPOINT_URL=nowhere)
        event = {"scheduled_time": "2026-11-02T00:00:00Z", "execution_id": "slow"}
        ended = detect.invoke(event)
        assert ended.error["errorType"] == "Sandbox.Timedout"
        assert (ended.cold, detect.starts) == (True, 1)
        assert detect._running is None, "the next invocation is a cold start"


@pytest.mark.parametrize(
    ("function", "changes", "sentence"),
    [
        (DETECT, {"TABLE_NAME": None}, "TABLE_NAME is not set"),
        (TRADE, {"FADE_STOP_ABOVE_PEAK": "0"}, "FADE_STOP_ABOVE_PEAK='0' is not allowed"),
    ],
)
def test_wrong_setting_ends_the_start_with_a_sentence(start, function, changes, sentence):
    ended = start(function, **changes).invoke({"scheduled_time": "2026-11-02T00:00:00Z"})
    assert ended.error["errorType"] == "SettingsError"
    assert sentence in ended.error["errorMessage"]


RSA_PROGRAM = """
from Crypto.PublicKey import RSA
from requests.adapters import HTTPAdapter
from pumpwatch.adapters.bybit.client import quiet_client
from pumpwatch.credentials import ExchangeKey
pem = RSA.generate(2048).export_key(pkcs=8).decode()
http = quiet_client("http://127.0.0.1", ExchangeKey("key", pem, rsa=True), HTTPAdapter())
print(len(http._auth("a=1", 5000, 1)))
"""


def run_in(layout, function, program):
    path = f"{layout.task(function)}:{layout.packages}:{layout.runtime}"
    settings = {"TABLE_NAME": "table", "BUCKET_NAME": "bucket", "AWS_DEFAULT_REGION": "eu-west-1"}
    answer = subprocess.run(
        [sys._base_executable, "-S", "-c", program],
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_trimmed_layer_still_signs_with_an_rsa_key(layout):
    assert int(run_in(layout, TRADE, RSA_PROGRAM)) == 344


THIRD_PARTY = {
    *("Crypto", "annotated_types", "aws_lambda_powertools", "boto3", "botocore", "certifi"),
    *("charset_normalizer", "dateutil", "idna", "jmespath", "msgspec", "numpy"),
    *("prometheus_client", "pybit", "pydantic", "pydantic_core", "requests", "s3transfer", "six"),
    *("typing_extensions", "typing_inspection", "urllib3", "websocket"),
}
"""What the functions import of the dependency layer: all that is in it, and nothing else."""
BY_COMPILERS = re.compile(r"^_?_?cython|__mypyc$|^_sysconfigdata|^__(mp_)?main__$")
PROGRAM = "import app, sys; print(*sorted(sys.modules))"


@pytest.fixture(scope="module", params=[DETECT, TRADE])
def loaded(request, layout):
    """Return the function's name and every module that its handler loads."""
    return request.param, set(run_in(layout, request.param, PROGRAM).split())


def test_handlers_load_the_listed_libraries_and_no_other(loaded):
    _, modules = loaded
    found = {name.partition(".")[0] for name in modules}
    known = set(sys.stdlib_module_names) | set(RUNTIME_MODULES) | {"app", "pumpwatch"}
    others = {name for name in found - known if not BY_COMPILERS.search(name)}
    assert others == THIRD_PARTY


def test_nothing_heavy_is_loaded_that_is_not_used(loaded):
    _, modules = loaded
    heavy = {"pandas", "unittest", "numpy.random", "numpy.testing"}
    heavy |= {"asyncio", "sqlite3", "pydoc", "pumpwatch_workbench", "moto"}
    assert modules & heavy == set()
