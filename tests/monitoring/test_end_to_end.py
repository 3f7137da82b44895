"""A whole run into real servers: every panel and every alert is asked, and a failure alarms."""

import time
from contextlib import nullcontext
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from support.external_metrics import PAGES
from support.monitoring import every_query, rules, to_prometheus_rules
from support.prometheus import pages, prometheus
from support.servers import needs_server

from pumpwatch.metrics.catalogue import METRICS
from pumpwatch_workbench.local.aws import Pushgateway
from pumpwatch_workbench.play.run.driver import play
from pumpwatch_workbench.play.run.options import RunOptions
from pumpwatch_workbench.play.views.view import RunView

pytestmark = [needs_server("prometheus"), needs_server("prometheus-pushgateway")]

STAGE = "pumpwatch_workbench.play.run.stage"
MAY_BE_EMPTY = {
    "pumpwatch-detection Last failed run A": "no run has failed",
    "pumpwatch-detection From candle to signal A": "no signal in the last minutes",
    "pumpwatch-detection From candle to signal B": "no signal in the last minutes",
    "pumpwatch-detection Pumps by phase A": "no pump at the moment",
    "pumpwatch-trading Mode A": "the mode is live",
    "pumpwatch-trading Mode B": "the mode is paper",
    "pumpwatch-trading Last good run B": "no run has failed",
    "pumpwatch-trading Fill rate A": "nothing was sent",
    "pumpwatch-trading Win rate A": "nothing was closed",
    "pumpwatch-trading From fill to verified stop A": "no entry in the last run",
    "pumpwatch-trading Slippage A": "no entry in the last minutes",
    "pumpwatch-trading Slippage B": "no entry in the last minutes",
    "pumpwatch-trading Fills of this minute A": "no fill in the last minute",
    "pumpwatch-trading Until when A": "no lock is in force",
    "pumpwatch-trading Key expires in A": "the key does not expire, or paper mode has none",
    "alert TableUnreachable": "the table answers",
    "alert PumpEvent": "no pump at the moment",
    "alert PushRejected": "nothing was rejected since the gateway began",
    "alert OrderFilled": "no fill in the last minute",
    "alert KeyExpiring": "the key does not expire, or paper mode has none",
    "alert KeyExpired": "the key does not expire, or paper mode has none",
}
"""What may return nothing, and what that means."""
QUIET = {
    "DetectorSilent", "NoSymbols", "TraderSilent", "PositionWithoutStop", "ReconciliationMismatch",
    "HaltActive", "RateLimitedOrBanned", "PushRejected", "PushgatewayDown", "ScreenMissed",
    "BadInput", "ApiErrors",
}  # fmt: skip
"""Alerts that a good run must not raise."""


class _ScrapedView(RunView):
    """Lets the run go on only when its first numbers were scraped.

    An increase needs two points. A run is over within seconds: on a busy machine all of it could
    lie between two scrapes, and nothing would have increased.
    """

    def __init__(self, server):
        self._server = server

    def tick(self, snapshot):
        if snapshot.tick == 1:
            self._server.wait_for_scrapes(1)


@pytest.fixture(scope="module")
def after_a_run(tmp_path_factory):
    """Play twenty minutes of a small market; return its result, Prometheus and the gateway."""
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
                patch.setattr(f"{STAGE}.Pushgateway", lambda: nullcontext(gateway))
                result = play(RunOptions(symbols=40, minutes=20, seed=3), _ScrapedView(server))
            server.wait_for_scrapes()
            yield result, server, gateway


def test_a_whole_run_is_seen_and_alarms_as_it_should(after_a_run):
    """A single test, so that the run is played once whoever runs the tests."""
    result, server, gateway = after_a_run
    every_query_finds_its_numbers(server)
    every_declared_metric_arrives(server)
    numbers_agree_with_the_run(result.to_json(), server)
    assert server.value('count({stage="local"})') < 900, "series stay few"
    a_good_run_alarms_nobody_and_a_rejected_push_does(server, gateway)


def every_query_finds_its_numbers(server):
    empty = {where: expr for where, expr in every_query() if not server.query(expr)}
    assert empty.keys() <= MAY_BE_EMPTY.keys()
    assert MAY_BE_EMPTY.keys() <= {where for where, _ in every_query()}


def every_declared_metric_arrives(server):
    arrived = {series["metric"]["__name__"] for series in server.query('{stage="local"}')}
    sometimes = {
        "pumpwatch_detect_last_failure_timestamp_seconds",
        "pumpwatch_trade_last_failure_timestamp_seconds",
        "pumpwatch_detect_last_uncounted_timestamp_seconds",
        "pumpwatch_trade_last_uncounted_timestamp_seconds",
        "pumpwatch_trade_key_expiry_timestamp_seconds",
        "pumpwatch_trade_stop_verified_seconds",
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
