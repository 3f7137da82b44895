"""The command `pumpwatch simulator`, as a process of its own."""

import contextlib
import http.client
import json
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager

from pybit.unified_trading import HTTP

PROGRAM = (
    "import typer; from pumpwatch.errors import BadInput; import sys\n"
    "from pumpwatch_workbench.cli.simulator import simulator\n"
    "app = typer.Typer(); app.command()(simulator)\n"
    "try:\n    app()\n"
    "except BadInput as error:\n    sys.stderr.write(f'pumpwatch: {error}\\n'); sys.exit(2)\n"
)


def command(*options):
    return [sys.executable, "-c", PROGRAM, *options]


@contextmanager
def running(*options):
    process = subprocess.Popen(
        command(*options), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        yield process, json.loads(line)
    finally:
        process.kill()
        process.communicate()


def call(url, document=None):
    data = None if document is None else json.dumps(document).encode()
    with urllib.request.urlopen(url, data, timeout=60) as answer:  # noqa: S310
        return json.load(answer)


def test_ready_line_is_all_a_client_needs_and_a_signal_ends_it_cleanly():
    with running("--port", "0", "--symbols", "5", "--stepped") as (process, ready):
        client = HTTP(api_key=ready["api_key"], api_secret=ready["api_secret"], max_retries=1)
        client.endpoint = ready["url"]
        assert client.get_api_key_information()["result"]["userID"] == int(ready["user_id"])
        wallet = client.get_wallet_balance(accountType="UNIFIED")["result"]["list"][0]
        assert wallet["totalEquity"] == "10000"
        rows = client.get_tickers(category="linear")["result"]["list"]
        coins = client.get_instruments_info(category="linear")["result"]["list"]
        assert len(rows) == len(coins) >= 5
        moved = call(
            f"{ready['url']}/simulator/clock", {"advance_to": ready["market_time"] + 90_000}
        )
        assert moved == {"time": ready["market_time"] + 90_000, "requests": 4}
        client.client.close()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
        assert (process.returncode, out, err) == (0, "", "")


def test_unstepped_market_runs_with_the_wall_clock():
    with running("--port", "0", "--symbols", "2") as (_, ready):
        answer = call(f"{ready['url']}/v5/market/time")
        state = call(f"{ready['url']}/simulator/state")
        assert 0 <= state["time"] - answer["time"] < 60_000
        assert state["stepped"] is False


def test_latency_is_real_time_when_the_clock_follows_the_wall():
    with running("--port", "0", "--symbols", "2", "--latency-ms", "300") as (_, ready):
        before = time.monotonic()
        call(f"{ready['url']}/v5/market/time")
        assert time.monotonic() - before >= 0.3


def test_faults_and_incidents_can_be_had_from_the_start():
    options = ("--port", "0", "--symbols", "1", "--stepped", "--faults", "7:0.5")
    options += ("--incidents", "7:1")
    with running(*options) as (_, ready):
        for _ in range(40):
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
                call(f"{ready['url']}/v5/market/time")
        state = call(f"{ready['url']}/simulator/state")
        assert 8 < sum(state["faults"].values()) < 32
        call(f"{ready['url']}/simulator/clock", {"advance_to": state["time"] + 30 * 60_000})
        assert sum(call(f"{ready['url']}/simulator/state")["incidents"].values()) > 5
        call(f"{ready['url']}/simulator/faults", {"faults": []})
        assert call(f"{ready['url']}/v5/market/time")["retCode"] == 0
