"""Figures of deployed functions: the one that leaves less counts, and what is missing is said."""

import json

import pytest
from support.journals import a_period
from support.records import NOW

from pumpwatch_workbench.operations.journal.document import document_of
from pumpwatch_workbench.operations.journal.figures import figures_of
from pumpwatch_workbench.operations.journal.kpi_tables import (
    functions_table,
    times_table,
)
from pumpwatch_workbench.operations.journal.kpis import kpis_of
from pumpwatch_workbench.operations.journal.lambda_logs import FunctionLog, LoggedInvocation
from pumpwatch_workbench.operations.journal.page import render_journal
from pumpwatch_workbench.operations.journal.page_tables import journal_tiles
from pumpwatch_workbench.operations.journal.runs import function_runs, machine_of_functions

DENIED = "your credentials lack the right logs:FilterLogEvents on /a/group"


def run(number=0, seconds=3.0, status="success", *, init=None, memory=256.0, limit=1024.0):
    return LoggedInvocation(NOW + number * 60_000, seconds, status, init, memory, limit)


def a_log(function, *runs, **more):
    return FunctionLog(function, runs, **more)


def steady(function, seconds, memory=256.0, **more):
    return a_log(function, *(run(n, seconds, memory=memory) for n in range(20)), **more)


def stage(*logs):
    period = a_period(runs=None, logs=logs)
    return period, figures_of(period)


def by_name(figures):
    return {one.name: one for one in kpis_of(figures)}


def test_a_cold_start_takes_its_start_too():
    found = function_runs(a_log("detect", run(0, 3.0, init=2.0), run(1, 1.0)))
    assert (found.runs, found.cold_starts, found.init_seconds.p50) == (2, 1, 2.0)
    assert found.seconds.largest == 5.0


def test_runs_that_failed_are_counted_and_timeouts_apart():
    kinds = ("success", "error", "failure", "timeout", "success")
    found = function_runs(a_log("trade", *(run(n, status=kind) for n, kind in enumerate(kinds))))
    assert (found.runs, found.failed, found.timed_out) == (5, 3, 1)
    assert found.first == NOW


def test_memory_is_of_the_run_that_left_the_least_share():
    grown = run(1, memory=300.0, limit=1024.0)
    found = function_runs(a_log("detect", run(0, memory=256.0, limit=512.0), grown))
    assert (found.memory_mib, found.memory_limit_mib, found.memory_headroom) == (256, 512, 0.5)


def test_the_slower_and_the_fuller_function_count_and_times_do_not_add_up():
    both = [function_runs(steady("detect", 15.0, 128.0)), function_runs(steady("trade", 6.0))]
    for order in (both, both[::-1]):
        found = machine_of_functions(order)
        assert (found.time_of, found.time_headroom) == ("detect", pytest.approx(0.75))
        assert (found.memory_of, found.memory_headroom) == ("trade", pytest.approx(0.75))
        assert (found.cpu_seconds, found.cpu_headroom) == (None, None)


def test_a_key_figure_says_whose_it_is():
    found = by_name(stage(steady("detect", 15.0), steady("trade", 6.0, 512.0))[1])
    time, memory = found["Time headroom"], found["Memory headroom"]
    assert (time.value, time.n, time.counted) == (pytest.approx(0.75), 20, "runs")
    assert "of detect, the slower function" in time.note
    assert (memory.value, memory.note) == (0.5, "trade: 512 MiB at most, of 1,024 MiB")
    cpu = found["CPU headroom"]
    assert (cpu.value, cpu.n, cpu.note) == (None, 0, "Lambda does not tell CPU time")
    assert found["A tick, 95 % within"].value == 15.0


def test_failed_runs_are_a_share_with_its_interval():
    failing = a_log("detect", run(0), run(1, 55.0, "timeout"), run(2), run(3))
    found = by_name(stage(failing, a_log("trade", run(0)))[1])["Failed runs"]
    assert (found.value, found.n) == (0.2, 5)
    assert found.interval[0] < 0.2 < found.interval[1]
    assert found.note == "detect 1, of them 1 timed out; trade 0, of them 0 timed out"


def test_time_headroom_is_that_of_the_function_with_the_least_time_to_its_next_run():
    logs = steady("detect", 2.0, interval_seconds=5.0), steady("trade", 6.0)
    found = by_name(stage(*logs)[1])["Time headroom"]
    assert found.value == pytest.approx(0.6)
    assert "of detect, the slower function" in found.note
    assert by_name(stage(logs[1])[1])["Time headroom"].value == pytest.approx(0.9)


def test_without_a_right_nothing_is_a_number_and_the_right_is_named():
    refused = [FunctionLog(name, problem=DENIED) for name in ("detect", "trade")]
    period, figures = stage(*refused)
    found = by_name(figures)
    for name in ("Time headroom", "CPU headroom", "Memory headroom", "Failed runs"):
        assert (found[name].value, found[name].n, found[name].note) == (None, 0, DENIED), name
    assert found["A tick, 95 % within"].value is None
    rows = {row[0].text: row[1].text for row in functions_table(figures.functions).rows}
    assert rows == {"detect": "no data", "trade": "no data"}
    assert [tile.value for tile in journal_tiles(figures) if tile.label == "Runs"] == ["no data"]
    assert sum("logs:FilterLogEvents" in one for one in figures.not_recorded) == 2
    assert "logs:FilterLogEvents" in render_journal(period, figures)


def test_of_one_function_alone_the_figures_say_what_is_missing():
    _, figures = stage(steady("detect", 15.0), FunctionLog("trade", problem=DENIED))
    found = by_name(figures)
    assert found["Time headroom"].note.endswith("of detect; no data of trade")
    assert "no data of trade" in found["Failed runs"].note
    trade = {row[0].text: row for row in times_table(figures).rows}["Trade, wall time"]
    assert trade[-1].text == "no data"


def test_a_log_of_no_run_is_no_data_too():
    _, figures = stage(a_log("detect"), a_log("trade"))
    assert by_name(figures)["Time headroom"].note == "the functions' logs tell of no run"
    assert "detect's runs: its log tells of none" in " ".join(figures.not_recorded)


def test_what_was_cut_or_not_understood_is_said_on_the_page():
    period, figures = stage(steady("detect", 15.0, cut=True, unreadable=3), steady("trade", 1.0))
    page = render_journal(period, figures)
    assert "Of detect the latest 20 runs alone were read." in page
    assert "3 of the runs of detect" in page
    assert "Of trade" not in page
    assert "no run records" not in page


def test_the_document_has_the_same():
    period, figures = stage(steady("detect", 15.0), FunctionLog("trade", problem=DENIED))
    kpis = json.loads(json.dumps(document_of(period, figures)))["kpis"]
    detect, trade = kpis["functions"]
    assert (detect["runs"], detect["time_headroom"], detect["memory_headroom"]) == (20, 0.75, 0.75)
    assert (trade["seconds"], trade["memory_mib"], trade["problem"]) == (None, None, DENIED)
    assert (kpis["time_headroom"], kpis["time_of"], kpis["cpu_headroom"]) == (0.75, "detect", None)
