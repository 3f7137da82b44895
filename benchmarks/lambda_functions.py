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
from benchmarks.traffic import counted
from pumpwatch_workbench.local.aws.stack import LocalStack
from pumpwatch_workbench.play.run.stage import DETECT, TRADE, backfill
from pumpwatch_workbench.simulator.market.measured import MeasuredExchange
from studies.scale.exchange import LATENCY_MS, MINUTE, SECOND, START, exchange_process
from tools.lambda_runtime.environment import BASE_INTERPRETER, ExecutionEnvironment
from tools.lambda_runtime.layout import FUNCTIONS, LAYERS, Layout, build, lay_out

SYMBOLS = (200, 600, 1_000)
MOVERS = 3
STARTS = 7
TICKS = 7
SCANNED, RING_MINUTES = 60, 6
"""The first minute of scans, when the pumps are over, and minutes until the ring is complete."""
SCANS = 11
"""Scans between two runs of the schedule."""
WARM_UP = RING_MINUTES * (SCANS + 1) + 1
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
    measured: dict[str, dict[str, float]] = {}
    with (
        exchange_process(symbols, MOVERS) as exchange,
        LocalStack(parameters={"BybitBaseUrl": exchange.url, "Stage": "bench"}) as stack,
    ):
        backfill(stack)
        exchange.tell("latency", LATENCY_MS)
        for function, name in NAMES.items():
            log = root / f"{name}-{symbols}.log"
            events = _events(function, stack, exchange, 1)
            measured[name] = _under_the_client(function, layout, log, stack, events)
        for function, name in NAMES.items():
            measured[name] |= _calls(function, stack, _events(function, stack, exchange, TICKS + 2))
        scans = _scan_events(stack, exchange, SCANNED)
        log = root / f"scan-{symbols}.log"
        measured["scan"] = _under_the_client(DETECT, layout, log, stack, scans, WARM_UP)
        scans = _scan_events(stack, exchange, SCANNED + 2 * RING_MINUTES)
        measured["scan"] |= _calls(DETECT, stack, scans, WARM_UP)
    return {
        f"{name}_{symbols}_symbols_{key}": figures[key]
        for name, figures in measured.items()
        for key in figures
    }


def _events(
    function: str, stack: LocalStack, exchange: MeasuredExchange, first: int
) -> Iterator[dict[str, object]]:
    """Yield the events of a cold tick and of the warm ones, and put the exchange's clock."""
    for minute in range(first, first + TICKS + 1):
        time = START + minute * MINUTE
        exchange.tell("time", time + SECOND)
        yield stack.scheduled_event(function, time)


def _scan_events(
    stack: LocalStack, exchange: MeasuredExchange, minute: int
) -> Iterator[dict[str, object]]:
    """Yield minutes of events until the ring is complete, and the scans of a minute more."""
    queue = stack.queue_reader(DETECT)
    queue.take(0)  # What runs before these have sent is long due, and left out.
    for time in range(
        START + minute * MINUTE, START + (minute + RING_MINUTES + 1) * MINUTE, MINUTE
    ):
        queue.due(time)
        exchange.tell("time", time)
        yield stack.scheduled_event(DETECT, time)
        queue.take(time)
        while (due := queue.next_due) is not None and due < time + MINUTE:
            exchange.tell("time", due)
            yield from queue.due(due)


def _under_the_client(
    function: str,
    layout: Layout,
    log: Path,
    stack: LocalStack,
    events: Iterator[dict[str, object]],
    warm_up: int = 1,
) -> dict[str, float]:
    """Return what the events take after the first ones, which warm the function up."""
    local = stack.functions[function]
    with ExecutionEnvironment(
        function,
        layout,
        variables=local.variables,
        runtime=local.runtime,
        timeout_seconds=60,
        log=log,
    ) as environment:
        first = [environment.invoke(next(events)) for _ in range(warm_up)]
        before = len(environment.log)
        warm = [environment.invoke(event) for event in events]
        written = len(environment.log) - before
    assert not [run for run in (*first, *warm) if run.error or "dropped" in run.payload]
    return {
        "warm_seconds_p50": median(run.seconds for run in warm),
        "warm_cpu_seconds_mean": mean(run.cpu_seconds for run in warm),
        "peak_memory_megabytes": max(run.peak_memory for run in (*first, *warm)) / MEGABYTE,
        "log_bytes": written / len(warm),
    }


def _calls(
    function: str, stack: LocalStack, events: Iterator[dict[str, object]], warm_up: int = 1
) -> dict[str, float]:
    """Return what a warm run asks of AWS, counted in this process with the same handlers."""
    for _ in range(warm_up):
        stack.functions[function].invoke(next(events)).result()
    with counted() as total:
        runs = [stack.functions[function].invoke(event).result() for event in events]
    return {unit: total[unit] / len(runs) for unit in UNITS}
