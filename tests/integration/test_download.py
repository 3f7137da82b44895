"""`pumpwatch download` from the simulator over HTTP, and from an exchange that has its faults."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from support.scripted_market import START, ScriptedMarket
from typer.testing import CliRunner

from pumpwatch.adapters.bybit import BybitMarketData
from pumpwatch.domain.market.candles import MINUTE, CandleSeries
from pumpwatch.errors import BadInput, ExchangeForbidden, ExchangeUnavailable
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.local.memory import instrument
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.download import plan as plan_module
from pumpwatch_workbench.research.download.assemble import Gap, assemble
from pumpwatch_workbench.research.download.fetch import fetch_parts
from pumpwatch_workbench.research.download.plan import DownloadRequest, Workspace
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import start_simulator

MINUTES = 2_500
FROM, TO = "2025-12-31T00:00:00Z", "2026-01-01T17:40:00Z"


@pytest.fixture
def simulator():
    market = ScriptedMarket(
        {
            "AAAUSDT": [(-86_400_000, 100.0), (0, 130.0), (60_000_000, 90.0)],
            "BBBUSDT": [(0, 5.0)],
        }
    )
    clock = MarketClock(start=START + MINUTES * MINUTE + 20_000, stepped=True)
    exchange = Exchange(
        market, clock, credentials_from_seed(7), ExchangeSettings(rate_limits=False)
    )
    with start_simulator(exchange) as server:
        yield exchange, f"http://127.0.0.1:{server.port}"


def run(*arguments: object):
    return CliRunner().invoke(app, ["download", *map(str, arguments)])


def options(tmp_path, url, symbols="AAAUSDT,BBBUSDT"):
    times = ("--from", FROM, "--to", TO)
    return ["--symbols", symbols, *times, "--out", tmp_path / "out", "--base-url", url]


def test_candles_are_those_of_the_exchange_in_the_documented_format(tmp_path, simulator):
    exchange, url = simulator
    result = run(*options(tmp_path, url))
    assert result.exit_code == 0, result.output
    first, second = Recordings(tmp_path / "out").blocks()
    assert (first.candles.symbols, second.candles.symbols) == (("AAAUSDT",), ("BBBUSDT",))
    begin = START - 1440 * MINUTE
    assert first.candles.shape[1] == MINUTES
    truth = exchange.market.minutes(0, begin, begin + (MINUTES - 1) * MINUTE)
    for name in ("open_time", "open", "high", "low", "close", "volume", "turnover"):
        found = getattr(first.candles, name)
        found = found if name == "open_time" else found[0]
        np.testing.assert_allclose(found, getattr(truth, name), rtol=1e-4)
    assert first.contracts[0].tick_size == exchange.market.listings[0].tick_size
    assert not (tmp_path / "out" / ".download").exists()


def test_forming_candle_is_left_out_and_the_end_is_the_present(tmp_path, simulator):
    _, url = simulator
    result = run("--symbols", "all", "--from", FROM, "--out", tmp_path / "out", "--base-url", url)
    assert result.exit_code == 0, result.output
    times = pl.read_parquet(tmp_path / "out" / "candles.parquet")["open_time"]
    assert times.max() == START + (MINUTES - 1) * MINUTE


def test_interrupted_download_goes_on_where_it_was(tmp_path, simulator, monkeypatch):
    _, url = simulator
    monkeypatch.setattr(plan_module, "PART_MINUTES", 500)
    asked = []
    original = BybitMarketData.candles

    def failing(self, requests):
        asked.extend((one.symbol, one.start) for one in requests)
        if len(asked) > 5:
            raise KeyboardInterrupt
        return original(self, requests)

    with monkeypatch.context() as patch:
        patch.setattr(BybitMarketData, "candles", failing)
        broken = run(*options(tmp_path, url))
    assert broken.exit_code != 0
    assert "give the same command again" in broken.output
    assert not (tmp_path / "out" / "candles.parquet").exists()
    stored = set((tmp_path / "out" / ".download").glob("*USDT-*.parquet"))
    assert len(stored) == 4
    again = []

    def counting(self, requests):
        again.extend((one.symbol, one.start) for one in requests)
        return original(self, requests)

    monkeypatch.setattr(BybitMarketData, "candles", counting)
    assert run(*options(tmp_path, url)).exit_code == 0
    assert len(again) == 10 - 4
    assert not set(again) & set(asked[:4])
    assert pl.read_parquet(tmp_path / "out" / "candles.parquet").height == 2 * MINUTES


def test_other_options_do_not_mix_into_an_unfinished_download(tmp_path):
    workspace = Workspace(tmp_path)
    begun = DownloadRequest(("AUSDT",), 0, 10 * MINUTE, "https://api.bybit.com")
    workspace.open(begun)
    later = DownloadRequest(("AUSDT",), 0, 99 * MINUTE, "https://api.bybit.com")
    assert workspace.open(later) == begun
    for other in (
        DownloadRequest(("BUSDT",), 0, 10 * MINUTE, "https://api.bybit.com"),
        DownloadRequest(("AUSDT",), MINUTE, 10 * MINUTE, "https://api.bybit.com"),
        DownloadRequest(("AUSDT",), 0, 5 * MINUTE, "https://api.bybit.com"),
    ):
        with pytest.raises(BadInput, match="unfinished download"):
            workspace.open(other)
    (workspace.path / "request.json").write_text(json.dumps({"symbols": 3}))
    with pytest.raises(BadInput, match="to begin anew"):
        workspace.open(begun)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"symbols": "AAAUSD"}, "did you mean AAAUSDT?"),
        ({"symbols": " , "}, "--symbols is empty"),
        ({"begin": "2031-01-01"}, "lies in the future"),
        ({"begin": "soon"}, "--from is 'soon'"),
        ({"url": "http://example.com"}, "--base-url is"),
    ],
)
def test_bad_input_leaves_nothing_behind(tmp_path, simulator, change, words):
    _, url = simulator
    chosen = {"symbols": "AAAUSDT", "begin": FROM, "url": url} | change
    result = run(
        *("--symbols", chosen["symbols"], "--from", chosen["begin"]),
        *("--out", tmp_path / "out", "--base-url", chosen["url"]),
    )
    assert isinstance(result.exception, BadInput)
    assert words in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_folder_with_candles_is_not_overwritten(tmp_path, simulator):
    _, url = simulator
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "candles.parquet").write_text("mine")
    result = run(*options(tmp_path, url))
    assert "name another folder" in str(result.exception)
    assert (tmp_path / "out" / "candles.parquet").read_text() == "mine"


class Faulty:
    """Candles of three symbols with minutes missing; the first answers fail."""

    def __init__(self, missing=(), failures=()):
        self.missing = set(missing)
        self.failures = list(failures)
        self.calls = 0

    def candles(self, requests):
        self.calls += 1
        if self.failures:
            error = self.failures.pop(0)
            if not isinstance(error, ExchangeUnavailable) or error.code is None:
                raise error
            return {one.symbol: error for one in requests}
        return {one.symbol: self._series(one) for one in requests}

    def _series(self, request):
        times = np.arange(request.start, request.end + 1, MINUTE)
        times = times[[int(time) // MINUTE not in self.missing for time in times]]
        values = np.ones((len(times), 6))
        return CandleSeries(request.symbol, MINUTE, times, values, forming=False)


def fetched(tmp_path, market, *, end=400, monkeypatch=None):
    workspace = Workspace(tmp_path)
    request = workspace.open(DownloadRequest(("AUSDT", "BUSDT"), 0, end * MINUTE, "x"))
    contracts = {name: instrument(name, launch_time=0) for name in request.symbols}
    parts = workspace.parts(request, contracts)
    waits, done = [], []
    fetch_parts(
        market,
        workspace,
        workspace.missing(parts),
        batch=4,
        wait=waits.append,
        progress=done.append,
    )
    return assemble(workspace, parts, contracts), waits, done


def test_gaps_are_reported_and_long_ones_begin_a_segment(tmp_path):
    found, _, done = fetched(tmp_path, Faulty(missing=[0, *range(10, 13), *range(100, 161), 399]))
    of_one = [gap for gap in found.gaps if gap.symbol == "AUSDT"]
    assert of_one == [
        Gap("AUSDT", 0, MINUTE),
        Gap("AUSDT", 10 * MINUTE, 13 * MINUTE),
        Gap("AUSDT", 100 * MINUTE, 161 * MINUTE),
        Gap("AUSDT", 399 * MINUTE, 400 * MINUTE),
    ]
    assert (found.segments, len(done)) == (4, 2)
    blocks = list(Recordings(tmp_path).blocks())
    assert [block.candles.shape[1] for block in blocks] == [99, 238, 99, 238]
    assert [int(block.candles.open_time[0]) // MINUTE for block in blocks] == [1, 161, 1, 161]
    assert blocks[0].candles.turnover[0, 8:13].tolist() == [1, 0, 0, 0, 1]


def test_refused_requests_are_sent_again_a_little_later(tmp_path):
    failures = [ExchangeUnavailable("busy"), ExchangeUnavailable("busy", code=10006)]
    found, waits, _ = fetched(tmp_path, Faulty(failures=failures))
    assert (found.candles, waits) == (800, [1.0, 2.0])


def test_what_does_not_pass_ends_the_download_and_keeps_the_parts(tmp_path):
    with pytest.raises(ExchangeForbidden):
        fetched(tmp_path, Faulty(failures=[ExchangeForbidden("403")]))
    with pytest.raises(ExchangeUnavailable):
        fetched(tmp_path, Faulty(failures=[ExchangeUnavailable("down")] * 9))
    assert (tmp_path / ".download" / "request.json").exists()


def test_period_without_any_candle_is_one_gap(tmp_path):
    found, _, _ = fetched(tmp_path, Faulty(missing=range(400)))
    assert (found.candles, found.segments) == (0, 0)
    assert found.gaps == (Gap("AUSDT", 0, 400 * MINUTE), Gap("BUSDT", 0, 400 * MINUTE))
    assert not (tmp_path / "candles.parquet").exists()
