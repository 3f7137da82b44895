"""The built functions under Lambda's runtime client: start, warm tick, memory, sizes, AWS calls.

Times on this machine's processor, with 60 ms of latency to the exchange and the AWS stand-in
behind. Baseline of a start: importing the third-party packages that the function cannot do without.
"""

from __future__ import annotations

import io
import statistics
import subprocess
import sys
import tempfile
import zipfile
from collections import Counter
from pathlib import Path

from studies.scale.traffic import watched

from benchmarks.tick import DETECT, LATENCY_MS, SECOND, _backfill
from pumpwatch_workbench.local.aws.stack import LocalStack
from studies.scale.exchange import MINUTE, START, MeasuredExchange, exchange_process
from tools.lambda_runtime.environment import ExecutionEnvironment
from tools.lambda_runtime.layout import FUNCTIONS, LAYERS, Layout, build, lay_out

TRADE = "TradeFunction"
SYMBOLS = (200, 600, 1_000)
MOVERS = 3
STARTS = 7
TICKS = 7
MEGABYTE = 1e6
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


# --- sizes -----------------------------------------------------------------------------------


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


# --- starts ----------------------------------------------------------------------------------


def _starts(prefix: str, layout: Layout) -> dict[str, float]:
    """Return the CPU time of a start, alone and over its baselines measured in turns with it."""
    figures = {}
    for function, name in ((DETECT, "detect"), (TRADE, "trade")):
        more = SECRETS if function == TRADE else ""
        baseline = IMPORTS.format(more=more, clients=CLIENTS[function])
        whole, imports, clients = [], [], []
        for _ in range(STARTS):
            (took,) = _run(layout, function, WHOLE)
            imported, with_clients = _run(layout, function, baseline)
            whole.append(took)
            imports.append(imported)
            clients.append(with_clients)
        start, base = statistics.median(whole), statistics.median(imports)
        figures[f"{prefix}{name}_init_cpu_seconds"] = start
        figures[f"{prefix}{name}_init_baseline_imports_cpu_seconds"] = base
        figures[f"{prefix}{name}_init_over_imports_ratio"] = start / base
        clients_base = statistics.median(clients)
        figures[f"{prefix}{name}_init_over_imports_and_clients_ratio"] = start / clients_base
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
        [getattr(sys, "_base_executable", sys.executable), "-S", "-c", program],
        env={"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", **settings},
        capture_output=True,
        text=True,
        check=True,
    )
    return [float(one) for one in answer.stdout.split()]


# --- ticks -----------------------------------------------------------------------------------


def _ticks(symbols: int, layout: Layout, root: Path) -> dict[str, float]:
    with (
        exchange_process(symbols, MOVERS) as exchange,
        LocalStack(parameters={"BybitBaseUrl": exchange.url, "Stage": "bench"}) as stack,
    ):
        _backfill(stack, exchange.url)
        exchange.tell("latency", LATENCY_MS)
        figures = _under_the_client(symbols, layout, root, stack, exchange)
        return figures | _calls(symbols, stack, exchange)


def _under_the_client(
    symbols: int, layout: Layout, root: Path, stack: LocalStack, exchange: MeasuredExchange
) -> dict[str, float]:
    figures = {}
    for function, name in ((DETECT, "detect"), (TRADE, "trade")):
        local = stack.functions[function]
        with ExecutionEnvironment(
            function,
            layout,
            variables=local.variables,
            runtime=local.runtime,
            timeout_seconds=60,
            log=root / f"{name}-{symbols}.log",
        ) as environment:
            seconds, cpu, peak = [], [], 0
            for minute in range(1, TICKS + 2):
                time = START + minute * MINUTE
                exchange.tell("time", time + SECOND)
                ended = environment.invoke(stack.scheduled_event(function, time))
                assert ended.error is None, ended.error
                peak = max(peak, ended.peak_memory)
                if not ended.cold:
                    seconds.append(ended.seconds)
                    cpu.append(ended.cpu_seconds)
            log = len(environment.log) / (TICKS + 1)
        figures[f"{name}_{symbols}_symbols_warm_seconds_p50"] = statistics.median(seconds)
        figures[f"{name}_{symbols}_symbols_warm_cpu_seconds_mean"] = statistics.mean(cpu)
        figures[f"{name}_{symbols}_symbols_peak_memory_megabytes"] = peak / MEGABYTE
        figures[f"{name}_{symbols}_symbols_log_bytes"] = log
    return figures


def _calls(symbols: int, stack: LocalStack, exchange: MeasuredExchange) -> dict[str, float]:
    """Return what a warm tick asks of AWS, counted in this process with the same handlers."""
    figures = {}
    for function, name in ((DETECT, "detect"), (TRADE, "trade")):
        local, totals = stack.functions[function], Counter[str]()
        for minute in range(TICKS + 2, 2 * TICKS + 3):
            time = START + minute * MINUTE
            exchange.tell("time", time + SECOND)
            with watched() as traffic:
                local.invoke(stack.scheduled_event(function, time)).result()
            if minute > TICKS + 2:
                totals.update(traffic.units)
        for unit in ("table_reads", "table_writes", "bucket_reads", "bucket_writes"):
            figures[f"{name}_{symbols}_symbols_{unit}"] = totals[unit] / TICKS
    return figures
