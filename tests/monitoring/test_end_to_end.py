"""A whole run into real servers: every panel and every alert is asked, and a failure alarms."""

import math
import time
from contextlib import contextmanager, nullcontext
from statistics import median_high, median_low
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from support.external_metrics import PAGES
from support.marks import marks_of
from support.monitoring import query_of, rules, to_prometheus_rules
from support.panel_answers import answers, filled_in, panel_faults, panel_queries
from support.prometheus import pages, prometheus, wait_until
from support.servers import needs_server

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.adapters.dynamodb.table import Table
from pumpwatch.domain.trading.halt import Halt
from pumpwatch.domain.trading.orders import Side
from pumpwatch.metrics.catalogue import METRICS, ORDER_BUCKETS, SLIPPAGE_BUCKETS
from pumpwatch_workbench.local.aws.pushgateway import Pushgateway
from pumpwatch_workbench.play.run.driver import play
from pumpwatch_workbench.play.run.options import RunOptions
from pumpwatch_workbench.play.run.stage import set_stage
from pumpwatch_workbench.play.views.view import RunView

pytestmark = [needs_server("prometheus"), needs_server("prometheus-pushgateway")]

STAGE = "pumpwatch_workbench.play.run.stage"
DRIVER = "pumpwatch_workbench.play.run.driver"
MAY_BE_EMPTY = {
    "TableUnreachable": "the table answers",
    "PumpEvent": "no pump at the moment",
    "PushRejected": "nothing was rejected since the gateway began",
    "OrderFilled": "no fill in the last minute",
    "KeyExpiring": "the key does not expire, or paper mode has none",
    "KeyExpired": "the key does not expire, or paper mode has none",
}
"""Alerts whose query may return nothing, and what that means."""
HALTED_AT = 15
"""The tick after which a person halts; two ticks later they resume. The trade is over by then."""
QUIET = {
    "DetectorSilent", "NoSymbols", "TraderSilent", "PositionWithoutStop", "ReconciliationMismatch",
    "HaltActive", "RateLimitedOrBanned", "PushRejected", "PushgatewayDown", "ScreenMissed",
    "BadInput", "ApiErrors",
}  # fmt: skip
"""Alerts that a good run must not raise."""


class _Drill(RunView):
    """Halts and resumes, and waits where Prometheus must have seen the run.

    An increase needs two points. A run is over within seconds: on a busy machine all of it could
    lie between two scrapes, and nothing would have increased.
    """

    def __init__(self, server):
        self._server = server
        self.began = 0.0
        self.halts = None

    @contextmanager
    def stage(self, options):
        with set_stage(options) as stage:
            table = Table(stage.stack.name_of("StateTable"), stage.stack.aws.client("dynamodb"))
            self.halts = DynamoHaltStore(table)
            yield stage

    def tick(self, snapshot):
        if snapshot.tick == 1:
            self._server.wait_for_scrapes(1)
        if snapshot.tick == HALTED_AT + 1:
            # Long enough for a step of a second, at two scrapes each.
            self._server.wait_for_scrapes(4)
        if snapshot.tick == 1:
            self.began = time.time()
        if snapshot.tick == HALTED_AT:
            self.halts.halt(Halt("a drill", since=snapshot.time, by="a test"))
        if snapshot.tick == HALTED_AT + 2:
            self.halts.resume(by="a test", time=snapshot.time)


class Played:
    """A run that was played: its result, what Prometheus knows of it, and the gateway."""

    def __init__(self, result, server, gateway, began):
        self.result, self.server, self.gateway = result, server, gateway
        self.time = {"start": began, "end": time.time(), "step": 1}

    @property
    def trades(self):
        return [trade for trade in self.result.trades if trade.entry_price is not None]

    def value(self, where):
        """Return the only value that a panel shows at the end."""
        expr = filled_in(dict(panel_queries())[where], window=600, whole=600)
        return self.server.value(expr)

    def over_time(self, where):
        """Return what a panel showed during the run, as (labels, values)."""
        return answers(self.server.url, dict(panel_queries())[where], **self.time)


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """Play twenty minutes of a small market with a pump, its trade, and a halt."""
    started = time.monotonic()
    texts = {
        name: (lambda text=text: text.replace("%(seconds)s", str(time.monotonic() - started)))
        for name, text in PAGES.items()
    }
    with Pushgateway(real=True) as gateway, pages(texts) as stand_in:
        jobs = {"pushgateway": (gateway.url.removeprefix("http://"), {"honor_labels": True})}
        for name in PAGES:
            more = {"metrics_path": f"/{name}/metrics", "honor_labels": True}
            if name == "node-exporter":
                node = {"target_label": "node", "replacement": "n1"}
                more["relabel_configs"] = [node]
            jobs[name] = (stand_in, more)
        shipped = [translated for rule in rules() for translated in to_prometheus_rules(rule)]
        folder = tmp_path_factory.mktemp("prometheus")
        with prometheus(folder, jobs, interval="500ms", rules=shipped) as server:
            with pytest.MonkeyPatch.context() as patch:
                drill = _Drill(server)
                patch.setattr(f"{STAGE}.Pushgateway", lambda: nullcontext(gateway))
                patch.setattr(f"{DRIVER}.set_stage", drill.stage)
                result = play(RunOptions(symbols=40, minutes=20, seed=3, scan_interval=15), drill)
            server.wait_for_scrapes()
            yield Played(result, server, gateway, drill.began)


def test_a_whole_run_is_seen_and_alarms_as_it_should(played):
    """A single test, so that the run is played once whoever runs the tests."""
    every_panel_and_every_alert_finds_its_numbers(played)
    every_declared_metric_arrives(played.server)
    numbers_agree_with_the_run(played.result.to_json(), played.server)
    panels_show_what_the_journal_knows(played)
    marks_are_those_of_the_run(played)
    assert played.server.value('count({stage="local"})') < 900, "series stay few"
    a_good_run_alarms_nobody_and_a_rejected_push_does(played.server, played.gateway)


def every_panel_and_every_alert_finds_its_numbers(played):
    clocks = {f"pumpwatch-{name} Clock A" for name in ("detection", "trading")}
    # The market of a played run has a time of its own.
    assert panel_faults(played.server.url, cluster=True, odd=clocks, **played.time) == []
    elsewhere = dict(panel_faults(played.server.url, stage="another", **played.time))
    assert elsewhere["pumpwatch-trading Equity A"] == "empty"
    assert len(elsewhere) > 60, "a stage without functions has almost nothing to show"
    empty = {rule["title"] for rule in rules() if not played.server.query(query_of(rule))}
    assert empty <= MAY_BE_EMPTY.keys() <= {rule["title"] for rule in rules()}


def every_declared_metric_arrives(server):
    arrived = {series["metric"]["__name__"] for series in server.query('{stage="local"}')}
    sometimes = {
        "pumpwatch_detect_last_failure_timestamp_seconds",
        "pumpwatch_trade_last_failure_timestamp_seconds",
        "pumpwatch_detect_last_uncounted_timestamp_seconds",
        "pumpwatch_trade_last_uncounted_timestamp_seconds",
        "pumpwatch_trade_key_expiry_timestamp_seconds",
        "pumpwatch_trade_fill_price_usdt",
        "pumpwatch_trade_fill_notional_usdt",
        "pumpwatch_trade_fill_result_usdt",
        "pumpwatch_detect_pump_event_active",
    }
    for metric in METRICS:
        name = metric.name + ("_bucket" if metric.kind == "histogram" else "")
        assert name in arrived or metric.name in sometimes, name


def numbers_agree_with_the_run(result, server):
    orders = server.value('sum(pumpwatch_trade_orders_total{outcome="filled"})')
    assert orders == result["orders"] > 0
    runs = server.value('pumpwatch_detect_runs_total{result="success"}')
    assert runs == result["ticks"]
    assert server.value("sum(pumpwatch_detect_signals_total)") > 0
    signals = server.value('pumpwatch_detect_signals_total{phase="rising"}')
    assert server.value("pumpwatch_detect_signal_delay_seconds_count") == signals
    asked = server.value('sum(pumpwatch_detect_api_requests_total{code="ok"})')
    assert server.value("sum(pumpwatch_detect_api_latency_seconds_count)") == asked > runs
    assert server.value('max_over_time(pumpwatch_trade_mode_info{mode="live"}[5m])') == 1
    seen = server.query("max_over_time(pumpwatch_detect_pump_event_active[5m])")
    assert {series["metric"]["phase"] for series in seen} >= {"rising", "peaked"}
    assert server.query("max_over_time(pumpwatch_trade_fill_price_usdt[5m])")


def panels_show_what_the_journal_knows(played):
    trades = played.trades
    closed = [trade for trade in trades if trade.exit_price is not None]
    wins = sum(trade.realised_pnl > 0 for trade in closed)
    assert closed, "the seed must give a trade that ends"
    on = "pumpwatch-trading"
    assert played.value(f"{on} Equity A") == pytest.approx(float(played.result.equity[-1][1]))
    realised = sum(trade.realised_pnl for trade in closed)
    assert played.value(f"{on} Profit and loss A") == pytest.approx(float(realised))
    assert played.value(f"{on} Open positions A") == len(trades) - len(closed)
    assert played.value(f"{on} Mode A") == 2, "live"
    assert played.value(f"{on} Win rate A") == pytest.approx(wins / len(closed))
    assert played.value(f"{on} Fill rate A") == 1
    assert grown(played, f"{on} Trades closed A") == {
        "win": wins,
        "loss": len(closed) - wins,
    }
    assert grown(played, f"{on} Orders by outcome A")["entry", "filled"] == len(trades)
    fills = played.over_time(f"{on} Fills of the last minute A")
    prices = {(labels["symbol"], labels["leg"]): values[-1] for labels, values in fills}
    assert prices == {
        **{(trade.symbol, "entry"): float(trade.entry_price) for trade in trades},
        **{(trade.symbol, "exit"): float(trade.exit_price) for trade in closed},
    }
    for safe in ("Positions without a stop A", "Exits overdue A", "Vanished positions A"):
        assert {value for _, row in played.over_time(f"{on} {safe}") for value in row} == {0}
    ((_, halted),) = played.over_time(f"{on} Halted A")
    assert (set(halted), halted[0], halted[-1]) == ({0, 1}, 0, 0)
    quantiles_lie_where_the_journal_has_them(played, trades)
    pumps = played.over_time("pumpwatch-detection Pumps by phase A")
    signalled = {event.symbol for event in played.result.events}
    assert {labels["symbol"] for labels, _ in pumps} == signalled


def grown(played, where):
    """Return what a panel of counts showed in all, by the labels of its series."""
    totals = {}
    for labels, values in played.over_time(where):
        key = tuple(labels[label] for label in sorted(labels))
        totals[key if len(key) > 1 else key[0]] = sum(values)
    return totals


def quantiles_lie_where_the_journal_has_them(played, trades):
    slips = [
        max(0.0, float(trade.entry_price / trade.signal_price - 1) * way)
        for trade in trades
        for way in [-1 if trade.side is Side.SELL else 1]
    ]
    waits = [(trade.acknowledged - trade.signal_time) / 1000 for trade in trades]
    for title, values, bounds in (
        ("Slippage", slips, SLIPPAGE_BUCKETS),
        ("Scan to order", waits, ORDER_BUCKETS),
    ):
        shown = played.value(f"pumpwatch-trading {title} A")
        edges = [-math.inf, *bounds, math.inf]
        lowest = max(edge for edge in edges if edge < median_low(values))
        highest = min(edge for edge in edges if edge >= median_high(values))
        assert lowest <= shown <= highest, title


def marks_are_those_of_the_run(played):
    url, begin = played.server.url, played.time["start"]

    def marked(name, label="symbol"):
        found = wait_until(lambda: marks_of(url, name, begin, time.time(), 5))
        return {labels[label] for labels, *_ in found}

    assert marked("Entries") == {trade.symbol for trade in played.trades}
    assert marked("Exits") == {trade.symbol for trade in played.trades if trade.exit_price}
    assert marked("Halts", "stage") == marked("Resumed", "stage") == {"local"}


def a_good_run_alarms_nobody_and_a_rejected_push_does(server, gateway):
    firing = server.wait_until_firing("Heartbeat", quiet=QUIET)
    assert not firing & QUIET, firing & QUIET
    assert "Heartbeat" in firing
    # The same name with another type: the gateway refuses it as inconsistent.
    broken = b"# TYPE pumpwatch_trade_equity_usdt counter\npumpwatch_trade_equity_usdt 1\n"
    request = Request(
        f"{gateway.url}/metrics/job/pumpwatch_detect/stage/local", data=broken, method="POST"
    )
    with pytest.raises(HTTPError, match="400"):
        urlopen(request, timeout=60)
    assert "PushRejected" in server.wait_until_firing("PushRejected")
