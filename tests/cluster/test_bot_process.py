"""The process of the bot's image, started by the chart's own command line, with money at stake."""

import re
import time

import pytest
import yaml
from support.bot import BotProcess, PumpedExchange
from support.charts import BOT, helm, homes_of_helm, needs_helm
from support.monitoring import CHART, FAST, query_of, read_yaml, rule_named
from support.panel_answers import panel_faults
from support.prometheus import prometheus, wait_until
from support.servers import answers, needs_server

pytestmark = [pytest.mark.slow, needs_helm, needs_server("prometheus")]

PATIENCE = 150
"""Seconds until an order stands: the first whole minute that was seen has a signal."""

NOTHING_OF_A_BOT = re.compile(
    r"Pushgateway|Last push|Pushes that failed"  # it is scraped
    r"|(CPU|Memory) (headroom|of the function)"  # shares of what Lambda gives
    r"|Win rate|Requests per run B"  # no trade is over, and trade ran once
)


def container_of(values, folder):
    """Return what Helm makes of the bot's container, and write its settings where it reads them."""
    path = folder / "values.yaml"
    path.write_text(yaml.safe_dump(values))
    environment = homes_of_helm(folder)
    done = helm("4", "template", "live", BOT, "-n", "bots", "--values", path, env=environment)
    assert done.returncode == 0, done.stderr
    made = {manifest["kind"]: manifest for manifest in yaml.load_all(done.stdout, FAST)}
    settings = folder / "etc" / "pumpwatch"
    settings.mkdir(parents=True)
    for name, text in made["ConfigMap"]["data"].items():
        (settings / name).write_text(text)
    (container,) = made["Deployment"]["spec"]["template"]["spec"]["containers"]
    return container


def scrape_job():
    """Return what the job of the monitoring chart says beside where the targets are."""
    jobs = read_yaml(CHART / "scrape" / "pumpwatch.yaml")["scrape_configs"]
    (job,) = (job for job in jobs if job["job_name"] == "pumpwatch-bot")
    relabelled = [{"target_label": "instance", "replacement": "bots/live"}]
    return {"honor_labels": job["honor_labels"], "relabel_configs": relabelled}


def test_a_live_bot_is_scraped_and_places_an_order_with_its_stop(tmp_path):
    exchange = PumpedExchange()
    with exchange.serve() as url:
        values = {
            "mode": "live",
            "strategy": "ride",
            "confirm": str(exchange.credentials.user_id),
            "settings": {"bybit_base_url": url, "max_open_positions": 10},
        }
        container = container_of(values, tmp_path)
        exchange.write_key(tmp_path / "keys")
        bot = BotProcess(container, tmp_path)
        try:
            watch(bot, exchange, tmp_path)
            assert bot.end() == 0, bot.output.read_text()
        finally:
            bot.kill()


def watch(bot, exchange, folder):
    probe = f"http://{bot.address}/healthz"
    wait_until(lambda: bot.has_ended or answers(probe), 60)
    assert not bot.has_ended, bot.output.read_text()
    jobs = {"pumpwatch-bot": (bot.address, scrape_job())}
    (folder / "prometheus").mkdir()
    with prometheus(folder / "prometheus", jobs, interval="1s") as server:
        for job in ("detect", "trade"):
            name = f"pumpwatch_{job}_last_success_timestamp_seconds"
            assert server.wait_for(f'{name}{{job="pumpwatch_{job}",stage="live"}}')
        for title in ("DetectorSilent", "TraderSilent"):
            (sample,) = server.query(query_of(rule_named(title)))
            assert sample["metric"] == {"stage": "live"}
            assert float(sample["value"][1]) < 300
        assert server.value(query_of(rule_named("PushStale"))) == 0
        opened = wait_until(exchange.positions, PATIENCE)
        assert opened, bot.output.read_text()
        assert wait_until(lambda: all(float(row["stopLoss"]) for row in exchange.positions()), 10)
        placed = 'pumpwatch_trade_orders_total{job="pumpwatch_trade",stage="live",outcome="filled"}'
        assert server.wait_for(f"sum({placed}) > 0")
        end = time.time()
        faults = panel_faults(server.url, start=end - 30, end=end, step=5, stage="live")
        wrong = [fault for fault in faults if not NOTHING_OF_A_BOT.search(fault[0])]
        assert wrong == []
    assert str(exchange.credentials.api_secret) not in bot.output.read_text()
