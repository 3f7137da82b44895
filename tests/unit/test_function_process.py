"""What a function measures of the process it runs in."""

import subprocess
import sys
import time

from pumpwatch.bootstrap.process import FunctionProcess
from pumpwatch.metrics.catalogue import DETECT
from pumpwatch.metrics.numbers import RunNumbers

LAMBDA = {"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512"}


def measured(process, work=lambda: None):
    measure = process.run()
    work()
    measure(numbers := RunNumbers(DETECT))
    return {key.removeprefix(f"{DETECT}_"): value for key, value in numbers.gauges.items()}


def a_bit_of_work(seconds):
    ends = time.process_time() + seconds
    while time.process_time() < ends:
        pass


def test_run_s_cpu_time_is_its_own_and_sleep_costs_none():
    process = FunctionProcess(LAMBDA)
    a_bit_of_work(0.2)
    busy = measured(process, lambda: a_bit_of_work(0.05))
    assert 0.05 <= busy["cpu_seconds"] < 0.2
    assert busy["duration_seconds"] >= 0.05
    asleep = measured(process, lambda: time.sleep(0.2))
    assert asleep["duration_seconds"] >= 0.2 > asleep["cpu_seconds"] * 2


def test_memory_is_the_process_peak_in_bytes_and_the_limit_is_lambda_s(tmp_path):
    (tmp_path / "status").write_text("Name:\tpython3\nVmPeak:\t 9999 kB\nVmHWM:\t   1234 kB\n")
    numbers = measured(FunctionProcess(LAMBDA, kernel=tmp_path))
    assert numbers["memory_peak_bytes"] == 1234 * 1024
    assert numbers["memory_limit_bytes"] == 512 * 2**20
    own = measured(FunctionProcess(LAMBDA))["memory_peak_bytes"]
    assert 10 * 2**20 < own < 4 * 2**30


def test_memory_of_the_parent_is_not_ours():
    code = (
        "import subprocess, sys; big = bytearray(300_000_000); "
        "subprocess.run([sys.executable, '-c', sys.argv[1]], check=True)"
    )
    own = (
        "from pumpwatch.bootstrap.process import FunctionProcess as Process; "
        "from pumpwatch.metrics.numbers import RunNumbers; "
        "numbers = RunNumbers('pumpwatch_detect'); Process().run()(numbers); "
        "print(numbers.gauges['pumpwatch_detect_memory_peak_bytes'])"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, own], capture_output=True, text=True, check=True
    )
    assert float(said.stdout) < 200_000_000


def test_start_up_is_the_time_from_the_process_start_to_the_function():
    code = (
        "import time; time.sleep(0.5); "
        "from pumpwatch.bootstrap.process import FunctionProcess as Process; "
        "print(Process().init_seconds)"
    )
    began = time.monotonic()
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0.45 < float(said.stdout) < time.monotonic() - began + 0.05


def test_what_is_not_known_is_not_shown(tmp_path):
    numbers = measured(FunctionProcess({}, kernel=tmp_path / "no-linux"))
    assert numbers.keys() == {"duration_seconds", "cpu_seconds"}


def test_program_s_name_may_hold_anything(tmp_path):
    fields = ["S", *map(str, range(4, 22)), "1000000000000", "23"]
    (tmp_path / "stat").write_text(f"1 (odd) name)) {' '.join(fields)}\n")
    assert FunctionProcess({}, kernel=tmp_path).init_seconds < -1e9, (
        "field 22, as `man proc` counts"
    )


def test_process_is_counted_once_with_its_first_run():
    process, counted = FunctionProcess(LAMBDA), []
    for _ in range(3):
        process.count_cold_start(numbers := RunNumbers(DETECT))
        counted.append(numbers.increments[f"{DETECT}_cold_starts_total"])
    assert counted == [1, 0, 0]
