"""The real handlers, by their Lambda entry points, on the real template, against the simulator."""

from decimal import Decimal

import pytest
from support.local_stack import KEY, LIVE, NOW, PRICES, TRADE, world
from support.trading_rig import peaked

from pumpwatch.adapters.dynamodb.guards import DynamoHaltStore
from pumpwatch.domain.trading.halt import Halt


@pytest.fixture(scope="module")
def paper(aws):
    with world(aws, key=None) as running:
        yield running


@pytest.fixture(scope="module")
def live(aws):
    with world(aws, LIVE, key=None) as running:
        yield running


def test_stream_batch_opens_a_paper_position(paper):
    reader = paper.stack.stream_reader(TRADE)
    list(reader.batches())
    signal = peaked("PUMPUSDT", time=NOW, **PRICES)
    paper.publish(signal)
    (batch,) = reader.batches()
    assert len(batch["Records"]) == 1
    opened = {"opened": [signal.signal_id], "closed": [], "denied": [], "problems": 0}
    assert paper.invoke(TRADE, batch).result() == opened
    assert paper.invoke(TRADE, batch).result()["opened"] == []
    pushed = paper.pushed()
    assert pushed["pumpwatch_trade_open_positions",] == 1
    assert pushed["pumpwatch_trade_mode_info", "paper"] == 1
    assert pushed["pumpwatch_trade_positions_without_stop",] == 0


def test_live_run_refuses_a_placeholder_then_trades_with_the_key_and_never_shows_it(live):
    refused = live.invoke(TRADE)
    assert refused.error["errorType"] == "BadCredentials", refused.error
    assert live.pushed()["pumpwatch_trade_runs_total", "failure"] == 1
    live.stack.put_secret("ExchangeKey", KEY)
    signal = peaked("PUMPUSDT", time=NOW, **PRICES)
    live.publish(signal)
    assert live.invoke(TRADE).result()["opened"] == [signal.signal_id]
    pushed = live.pushed()
    assert pushed["pumpwatch_trade_mode_info", "live"] == 1
    assert pushed["pumpwatch_trade_open_positions",] == 1
    assert Decimal(str(pushed["pumpwatch_trade_equity_usdt",])) > 9_000
    DynamoHaltStore(live.table()).halt(Halt("a test", NOW))
    assert live.invoke(TRADE).result()["problems"] == 0
    assert live.pushed()["pumpwatch_trade_halted",] == 1
    shown = live.log(TRADE) + live.gateway.text() + str(refused)
    assert not any(secret in shown for secret in KEY.values())


def test_settings_in_the_bucket_are_in_force_with_the_next_run(paper):
    def probed():
        return paper.invoke(TRADE, {"action": "probe"}).result()["checks"]["settings"]

    paper.invoke(TRADE).result()
    assert probed() == {"ok": True}
    bucket = {"Bucket": paper.stack.name_of("HistoryBucket"), "Key": "settings.json"}
    client = paper.stack.aws.client("s3")
    client.put_object(**bucket, Body=b'{"leverage": "9"}')
    paper.invoke(TRADE).result()
    assert "settings.json: leverage='9' is not allowed" in probed()["detail"]
    client.delete_object(**bucket)
    paper.invoke(TRADE).result()
    assert probed() == {"ok": True}
