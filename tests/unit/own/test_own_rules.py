"""Rules of one's own: found by name, the same live as in a backtest, harmless when they fail."""

import pickle
import sys
from importlib.metadata import EntryPoint, EntryPoints
from types import SimpleNamespace

import numpy as np
import pytest
from support.detect_rig import START, Rig
from support.doubles import ManualDeadline, MemoryMetricsSink, MemoryTotalsStore
from support.random_candles import random_candles

from pumpwatch.adapters.bybit.traffic import Traffic
from pumpwatch.bootstrap.connection import BybitConnection
from pumpwatch.bootstrap.detect import DetectStores, detect_function
from pumpwatch.domain.detection.base import Carry
from pumpwatch.domain.market.trades import MarketTrades
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import OwnCodeFailed, SettingsError
from pumpwatch.invocation import Tick
from pumpwatch.own import loading, rules
from pumpwatch.own.rules import OwnDetector, detector_named
from pumpwatch_workbench.configuration.load import load, refuse_taken_names
from pumpwatch_workbench.local.memory import MemoryLeaseStore
from pumpwatch_workbench.research.backtest.settings import read_settings
from pumpwatch_workbench.research.evaluation.rules import rule_named
from pumpwatch_workbench.research.evaluation.scores import raise_alarms

OWN = "support.own_code:"
BAD = (*("Raises", "Leaves", "Stops", "Numbers", "TooMany", "Nothing", "Objects", "Column"),)


def own(name, **more):
    return OwnDetector(f"{OWN}{name}", **more)


def pumped(symbols=3, count=240):
    candles = random_candles(1, symbols, count)
    for row, column in ((0, 50), (1, 200), (2, 20))[:symbols]:
        candles.high[row, column] = candles.close[row, column - 1] * 1.2
        candles.turnover[row, column] = 1000 * np.nanmax(candles.turnover[row])
    return candles


def naive(rule, candles):
    """Ask about one minute of one symbol at a time, cut off after it."""
    found = set()
    for row in range(candles.shape[0]):
        for column in range(rule.window, candles.shape[1]):
            part = candles.select([row]).between(column - rule.window, column + 1)
            columns = {name: getattr(part, name).T for name in rules.COLUMNS}
            rise = part.high[0, -1] / part.close[0, -2] - 1
            if rise >= rule.own.least_rise and rule.own.alarms(
                rules.Minutes(part.open_time[-1:], **columns), None
            ):
                found.add((row, column))
    return found


@pytest.mark.parametrize("name", ["Loud", "Unbounded", "Spoils"])
def test_a_rule_alarms_where_it_does_when_asked_minute_by_minute(name):
    rule, candles = own(name), pumped()
    alarm = rule.detect(candles).alarm
    assert set(zip(*map(np.ndarray.tolist, np.nonzero(alarm)), strict=True)) == {(0, 50), (1, 200)}
    if name != "Spoils":
        assert naive(rule, candles) == {(0, 50), (1, 200)}


def test_what_comes_later_changes_nothing():
    rule, candles = own("Loud"), pumped()
    whole = rule.detect(candles)
    for end in (51, 120, 201):
        part = rule.detect(candles.between(0, end))
        for name in ("alarm", "strength", "jump"):
            all_of_it = getattr(whole, name)[:, :end]
            assert np.array_equal(getattr(part, name), all_of_it, equal_nan=True)


def test_a_gap_leaves_the_last_close_and_counts_as_no_history():
    rule, candles = own("Loud"), pumped(1)
    for name in rules.COLUMNS:
        getattr(candles, name)[0, 40:50] = np.nan
    assert not rule.detect(candles.between(30, 80)).alarm.any()
    found = rule.detect(candles)
    assert np.flatnonzero(found.alarm[0]).tolist() == [50]
    assert found.jump[0, 50] == pytest.approx(candles.high[0, 50] / candles.close[0, 39] - 1)
    memory = rule.advance(candles.between(0, 45))
    assert (memory.count[0], memory.close[0]) == (40, candles.close[0, 39])
    behind = rule.detect(candles.between(41, 90), memory)
    assert not behind.alarm[0, :8].any()
    assert behind.jump[0, 9] == pytest.approx(found.jump[0, 50])


def test_no_minute_below_the_declared_bounds_alarms():
    rule = own("Loud")
    flow, high = rule.needs(
        Carry(np.array([9]), np.array([2.0]), *(np.zeros(1),) * 2, np.zeros((1, 0))),
        np.array([1]),
        np.array([1.5]),
    )
    assert (flow.tolist(), high.tolist()) == ([0.0], [pytest.approx(1.575)])


def test_live_alarms_are_those_of_the_whole_history():
    """The screen drops symbols by the bounds; the scan asks about ended minutes."""
    rig = Rig(symbols=6, detector=f"{OWN}Loud", cooldown_minutes=1).ready()
    for symbol, minute in (("A1USDT", 3), ("A4USDT", 7), ("A2USDT", 7)):
        rig.pump(symbol, minute, close=0.1)
    asked = []
    for minute in range(12):
        rig.tick(minute)
        asked.append(len(rig.asked()))
    rising = {(s.symbol, s.alarm_time) for s in rig.signals.since(0)}
    wanted = {("A1USDT", 4), ("A4USDT", 8), ("A2USDT", 8)}
    assert rising == {(symbol, START + end * MINUTE) for symbol, end in wanted}
    assert asked[2] <= 2, "the bounds drop calm symbols"


def test_a_rule_that_reads_trades_is_asked_again_with_them():
    rule, candles = own("Bought"), pumped(2)
    first = rule.detect(candles)
    assert first.scored is not None
    assert np.array_equal(first.alarm, first.scored)
    opened = int(candles.open_time[50])
    sold = MarketTrades(*(np.array([value]) for value in (opened + 5, False, 1.0, 1.0)), opened)
    again = rule.detect(candles, None, [sold, None])
    assert np.argwhere(first.alarm & ~again.alarm).tolist() == [[0, 50]]
    assert again.alarm[1, 200]
    segment = SimpleNamespace(number=7, candles=candles.select([0]), trades=sold)
    assert opened + MINUTE not in raise_alarms(rule, [segment])[7]
    segment.trades = None
    assert opened + MINUTE in raise_alarms(rule, [segment])[7]
    late = MarketTrades(sold.time, sold.bought, sold.price, sold.quantity, opened + 1)
    assert np.array_equal(rule.detect(candles, None, [late, None]).alarm, first.alarm)
    own("SpoilsTrades").detect(candles, None, [sold, None])
    assert sold.price.tolist() == [1.0]


@pytest.mark.parametrize("name", BAD)
def test_in_research_a_failure_is_said_in_one_line(name):
    with pytest.raises(OwnCodeFailed, match=rf"^the rule {OWN}{name} failed: \w+: [^\n]+$"):
        own(name).detect(pumped())


@pytest.mark.parametrize("name", ["Raises", "Numbers", "Leaves"])
def test_live_a_failure_costs_the_alarms_only_and_is_told_once(name, caplog):
    rig = Rig(symbols=3, detector=f"{OWN}{name}").ready()
    rig.pump("A1USDT", 2)
    rig.pump("A2USDT", 4)
    reports = [rig.tick(minute) for minute in range(6)]
    assert [bool(report.failure) for report in reports][:4] == [0, 0, 1, 1]
    assert reports[-1].refreshed > 0
    assert rig.found() == []
    assert len([line for line in caplog.records if "own_code" in line.message]) == 1
    assert ("own_code.py:" in reports[3].failure) is (name != "Numbers")


def test_a_run_in_which_it_failed_counts_as_failed_and_stores_its_work():
    rig = Rig(symbols=2, detector=f"{OWN}Raises").ready()
    rig.pump("A1USDT", 1)
    session = SimpleNamespace(
        start_run=lambda deadline: None,
        now=lambda: rig.market.now,
        doubt=lambda: "",
        traffic=Traffic(),
        clock_skew_seconds=None,
    )
    sink = MemoryMetricsSink()
    leases = MemoryLeaseStore(lambda: rig.market.now / 1000)
    stores = DetectStores(rig.history, rig.signals, rig.events, leases, MemoryTotalsStore())
    connection = BybitConnection(session, rig.market)
    function = detect_function(rig.settings, stores, connection, sink=sink)
    for minute in (0, 2):
        rig.market.now = START + minute * MINUTE + 5_000
        report = function.run(Tick(START + minute * MINUTE, f"run-{minute}"), ManualDeadline())
    assert report.failure
    assert report.refreshed > 0
    text = sink.pushes[-1].text
    assert 'pumpwatch_detect_runs_total{result="failure"} 1.0' in text
    assert 'pumpwatch_detect_runs_total{result="success"} 1.0' in text
    assert "pumpwatch_detect_symbols_scanned 2.0" in text


def test_a_rule_that_hangs_costs_its_time_three_times(monkeypatch):
    monkeypatch.setattr(rules, "SECONDS", 0.05)
    rule = own("Hangs", watched=True)
    texts = []
    for _ in range(5):
        assert not rule.detect(pumped()).alarm.any()
        texts.append(rule.failure)
    assert texts[:3] == [f"the rule {OWN}Hangs gave no answer within 0.05 s"] * 3
    assert texts[3:] == [f"the rule {OWN}Hangs was late 3 times: off until a restart"] * 2


def test_another_process_gets_it_too():
    again = pickle.loads(pickle.dumps(own("Loud")))  # noqa: S301
    assert np.array_equal(again.detect(pumped()).alarm, own("Loud").detect(pumped()).alarm)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere:Rule", "loading nowhere:Rule failed: ModuleNotFoundError: No module named"),
        (f"{OWN}Absent", "AttributeError: module 'support.own_code' has no attribute 'Absent'"),
        (f"{OWN}Broken", r"failed: RuntimeError: no licence \(.*own_code.py:\d+\)"),
        (f"{OWN}Explodes", r"Explodes failed: RuntimeError: no rise \(.*own_code.py:\d+\)"),
        (f"{OWN}Needy", "Needy needs the attribute history, a number of 2 to 10080"),
        (f"{OWN}Short", "Short needs the attribute history, a number of 2 to 10080"),
        ("magic", "there is no 'magic' among the rules boosted, ewma, karbalaii, nor is it module"),
    ],
)
def test_what_cannot_be_loaded_is_refused_in_one_line(name, sentence):
    with pytest.raises(SettingsError, match=sentence) as refused:
        detector_named(name, None)
    assert "\n" not in str(refused.value)


def test_a_module_is_found_in_the_folder_one_stands_in(tmp_path, monkeypatch):
    (tmp_path / "nearby_rules.py").write_text("from support.own_code import Loud as Near\n")
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.chdir(tmp_path)
    assert OwnDetector("nearby_rules:Near").own.history == 30
    assert sys.path[-1] == str(tmp_path), "an installed module is never hidden"
    del sys.modules["nearby_rules"]


def test_entry_points_give_names(monkeypatch):
    points = [EntryPoint("loud", f"{OWN}Loud", "pumpwatch.rules")]
    monkeypatch.setattr(loading, "entry_points", lambda group: EntryPoints(points))
    assert OwnDetector("loud").name == "loud"
    with pytest.raises(SettingsError, match=r"rules boosted, ewma, karbalaii, loud, nor"):
        OwnDetector("louder")
    points.append(EntryPoint("ewma", f"{OWN}Loud", "pumpwatch.rules"))
    refused = pytest.raises(SettingsError, match=r"entry point ewma .* has a built-in's name")
    with refused:
        OwnDetector("loud")
    with refused:
        rule_named("ewma", {})
    refuse_taken_names.cache_clear()
    with refused:
        read_settings({}, detector="ewma")
    with refused:
        load({}, environment={})


def test_an_object_is_as_good_as_a_class():
    assert own("loud").needs(Carry.none(1), np.zeros(1, int), np.ones(1))[0] == [0.0]
    assert (own("loud")._rise, own("Loud")._rise) == (0.01, 0.05)
