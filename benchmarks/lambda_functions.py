"""The built functions under Lambda's runtime client: start, tick, scan, memory, sizes, AWS calls.

Times on this machine's processor, with 60 ms of latency to the exchange and the AWS stand-in
behind. Baseline of a start: importing the third-party packages that the function cannot do without.
"""

from __future__ import annotations

import io
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, median

from benchmarks.harness import MEGABYTE
from benchmarks.stack import DETECT, TRADE, backfill
from benchmarks.traffic import counted
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.simulator.market.measured import MeasuredExchange
from studies.scale.exchange import LATENCY_MS, MINUTE, SECOND, START, exchange_process
from tools.lambda_runtime.environment import BASE_INTERPRETER, ExecutionEnvironment
from tools.lambda_runtime.layout import FUNCTIONS, LAYERS, Layout, build, lay_out

SYMBOLS = (200, 600, 1_000)
MOVERS = 3
STARTS = 7
TICKS = 7
SCANNED = 60
"""The minute whose scans are measured: the pumps are over by then."""
SCANS = 11
NAMES = {DETECT: "detect", TRADE: "trade"}
UNITS = ("table_reads", "table_writes", "bucket_reads", "bucket_writes")
CLIENTS = {DETECT: ("dynamodb", "s3"), TRADE: ("dynamodb",)}
IMPORTS = """\
import time
begin = time.process_time()
import numpy
import boto3.dynamodb.types, botocore.config, botocore.exceptions
from pybit.unified_trading import HTTP
from requests.adapters import HTTPAdapter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
import prometheus_client, prometheus_client.core
from aws_lambda_powertools import Logger
{more}
imported = time.process_time() - begin
import boto3
clients = [boto3.client(name) for name in {clients}]
print(imported, time.process_time() - begin)
"""
SECRETS = "from aws_lambda_powertools.utilities.parameters import SecretsProvider"
WHOLE = """\
import time
begin = time.process_time()
import app
print(time.process_time() - begin)
"""


def measure() -> dict[str, float]:
    """Return all figures; sizes are those of what is built for Lambda, not for this machine."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        figures |= _sizes(root / "sizes")
        plain, compiled = lay_out(root / "plain"), lay_out(root / "compiled", compiled=True)
        for prefix, layout in (("", plain), ("compiled_", compiled)):
            figures |= _starts(prefix, layout)
        for symbols in SYMBOLS:
            figures |= _ticks(symbols, plain, root)
    return figures


def _sizes(root: Path) -> dict[str, float]:
    figures = {}
    for resource in LAYERS | FUNCTIONS:
        folder = root / resource
        build(resource, folder)
        files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
        memory = io.BytesIO()
        with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in files:
                archive.write(path, path.relative_to(folder))
        unzipped = sum(path.stat().st_size for path in files)
        figures[f"size_{resource}_unzipped_megabytes"] = unzipped / MEGABYTE
        figures[f"size_{resource}_zipped_megabytes"] = memory.tell() / MEGABYTE
    return figures


def _starts(prefix: str, layout: Layout) -> dict[str, float]:
    """Return the CPU time of a start, alone and over its baselines."""
    figures = {}
    for function, name in NAMES.items():
        more = SECRETS if function == TRADE else ""
        baseline = IMPORTS.format(more=more, clients=CLIENTS[function])
        # In turns, so that a machine whose speed changes changes it for all three.
        rows = [
            (*_run(layout, function, WHOLE), *_run(layout, function, baseline))
            for _ in range(STARTS)
        ]
        start, imports, clients = map(median, zip(*rows, strict=True))
        figures |= {
            f"{prefix}{name}_init_cpu_seconds": start,
            f"{prefix}{name}_init_baseline_imports_cpu_seconds": imports,
            f"{prefix}{name}_init_over_imports_ratio": start / imports,
            f"{prefix}{name}_init_over_imports_and_clients_ratio": start / clients,
        }
    return figures


def _run(layout: Layout, function: str, program: str) -> list[float]:
    path = f"{layout.task(function)}:{layout.packages}:{layout.runtime}"
    settings = {
        "TABLE_NAME": "table",
        "BUCKET_NAME": "bucket",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        "AWS_EC2_METADATA_DISABLED": "true",
        "OPENBLAS_NUM_THREADS": "1",
        "PYDANTIC_DISABLE_PLUGINS": "true",
    }
    answer = subprocess.run(
        [BASE_INTERPRETER, "-S", "-c", program],
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(number) for number in answer.stdout.split()]


def _ticks(symbols: int, layout: Layout, root: Path) -> dict[str, float]:
    figures: dict[str, float] = {}
    with (
        exchange_process(symbols, MOVERS) as exchange,
        LocalStack(parameters={"BybitBaseUrl": exchange.url, "Stage": "bench"}) as stack,
    ):
        backfill(stack, exchange.url)
        exchange.tell("latency", LATENCY_MS)
        for function, name in NAMES.items():
            log = root / f"{name}-{symbols}.log"
            ticks = _under_the_client(function, layout, log, stack, exchange)
            figures |= {f"{name}_{symbols}_symbols_{key}": ticks[key] for key in ticks}
        scans = _scans_under_the_client(layout, root / f"scans-{symbols}.log", stack, exchange)
        figures |= {f"scan_{symbols}_symbols_{key}": scans[key] for key in scans}
        for function, name in NAMES.items():
            asked = _calls(function, stack, exchange)
            figures |= {f"{name}_{symbols}_symbols_{key}": asked[key] for key in asked}
        asked = _scan_calls(stack, exchange)
        figures |= {f"scan_{symbols}_symbols_{key}": asked[key] for key in asked}
    return figures


def _events(
    function: str, stack: LocalStack, exchange: MeasuredExchange, first: int
) -> Iterator[dict[str, object]]:
    """Yield the events of a cold tick and of the warm ones, and put the exchange's clock."""
    for minute in range(first, first + TICKS + 1):
        time = START + minute * MINUTE
        exchange.tell("time", time + SECOND)
        yield stack.scheduled_event(function, time)


def _environment(
    function: str, layout: Layout, log: Path, stack: LocalStack
) -> ExecutionEnvironment:
    local = stack.functions[function]
    return ExecutionEnvironment(
        function,
        layout,
        variables=local.variables,
        runtime=local.runtime,
        timeout_seconds=60,
        log=log,
    )


def _under_the_client(
    function: str, layout: Layout, log: Path, stack: LocalStack, exchange: MeasuredExchange
) -> dict[str, float]:
    with _environment(function, layout, log, stack) as environment:
        ticks = [environment.invoke(event) for event in _events(function, stack, exchange, 1)]
        written = len(environment.log)
    assert not [tick.error for tick in ticks if tick.error]
    warm = [tick for tick in ticks if not tick.cold]
    return {
        "warm_seconds_p50": median(tick.seconds for tick in warm),
        "warm_cpu_seconds_mean": mean(tick.cpu_seconds for tick in warm),
        "peak_memory_megabytes": max(tick.peak_memory for tick in ticks) / MEGABYTE,
        "log_bytes": written / len(ticks),
    }


def _scan_events(
    stack: LocalStack, exchange: MeasuredExchange, minute: int
) -> Iterator[dict[str, object]]:
    """Yield the event of a minute's tick, then those of its scans; put the exchange's clock."""
    queue, time = stack.queue_reader(DETECT), START + minute * MINUTE
    queue.take(time)
    while queue.next_due is not None:
        queue.due(queue.next_due)  # What is left from before.
    exchange.tell("time", time)
    yield stack.scheduled_event(DETECT, time)
    queue.take(time)
    for _ in range(SCANS):
        due = queue.next_due
        assert due is not None
        exchange.tell("time", due)
        yield from queue.due(due)


def _scans_under_the_client(
    layout: Layout, log: Path, stack: LocalStack, exchange: MeasuredExchange
) -> dict[str, float]:
    with _environment(DETECT, layout, log, stack) as environment:
        events = _scan_events(stack, exchange, SCANNED)
        first = environment.invoke(next(events))
        before = len(environment.log)
        scans = [environment.invoke(event) for event in events]
        written = len(environment.log) - before
    assert not [scan for scan in (first, *scans) if scan.error or "requests" not in scan.payload]
    return {
        "warm_seconds_p50": median(scan.seconds for scan in scans),
        "warm_cpu_seconds_mean": mean(scan.cpu_seconds for scan in scans),
        "log_bytes": written / SCANS,
    }


def _scan_calls(stack: LocalStack, exchange: MeasuredExchange) -> dict[str, float]:
    events = _scan_events(stack, exchange, SCANNED + 1)
    stack.functions[DETECT].invoke(next(events)).result()
    with counted() as total:
        for event in events:
            stack.functions[DETECT].invoke(event).result()
    return {unit: total[unit] / SCANS for unit in UNITS}


def _calls(function: str, stack: LocalStack, exchange: MeasuredExchange) -> dict[str, float]:
    """Return what a warm tick asks of AWS, counted in this process with the same handlers."""
    events = _events(function, stack, exchange, TICKS + 2)
    stack.functions[function].invoke(next(events)).result()
    with counted() as total:
        for event in events:
            stack.functions[function].invoke(event).result()
    return {unit: total[unit] / TICKS for unit in UNITS}
