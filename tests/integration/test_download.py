"""`pumpwatch download` from the simulator over HTTP, and from an exchange that has its faults."""

import json
from functools import partialmethod

import numpy as np
import polars as pl
import pytest
from support.scripted_market import START, ScriptedMarket
from support.scripted_market_data import instrument
from typer.testing import CliRunner

from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.domain.market.candles import CandleSeries
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadInput, ExchangeForbidden, ExchangeUnavailable
from pumpwatch_workbench.cli.main import app
from pumpwatch_workbench.research.backtest.recordings import Recordings
from pumpwatch_workbench.research.download import plan as plan_module
from pumpwatch_workbench.research.download.assemble import Gap, assemble
from pumpwatch_workbench.research.download.fetch import fetch_parts
from pumpwatch_workbench.research.download.plan import DownloadRequest, Workspace
from pumpwatch_workbench.simulator.endpoints.auth import credentials_from_seed
from pumpwatch_workbench.simulator.engine.settings import ExchangeSettings
from pumpwatch_workbench.simulator.exchange import Exchange
from pumpwatch_workbench.simulator.market.clock import MarketClock
from pumpwatch_workbench.simulator.server import SimulatorServer

MINUTES = 2_500
FROM, TO = "2025-12-31T00:00:00Z", "2026-01-01T17:40:00Z"


@pytest.fixture
def simulator():
    moved = [(-86_400_000, 100.0), (0, 130.0), (60_000_000, 90.0)]
    market = ScriptedMarket({"AAAUSDT": moved, "BBBUSDT": [(0, 5.0)]})
    clock = MarketClock(start=START + MINUTES * MINUTE + 20_000, stepped=True)
    settings = ExchangeSettings(rate_limits=False)
    exchange = Exchange(market, clock, credentials_from_seed(7), settings)
    with SimulatorServer(exchange) as server:
        yield exchange, f"http://127.0.0.1:{server.port}"


def run(*arguments):
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
    assert first.candles.shape[1] == MINUTES
    begin = START - 1440 * MINUTE
    truth = exchange.market.minutes(0, begin, begin + (MINUTES - 1) * MINUTE)
    np.testing.assert_array_equal(first.candles.open_time, truth.open_time)
    for name in ("open", "high", "low", "close", "volume", "turnover"):
        downloaded = getattr(first.candles, name)[0]
        np.testing.assert_allclose(downloaded, getattr(truth, name), rtol=1e-4)
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
    requested, original = [], BybitMarketData.candles

    def candles(self, requests, most=5):
        requested.extend((request.symbol, request.start) for request in requests)
        if len(requested) > most:
            raise KeyboardInterrupt
        return original(self, requests)

    monkeypatch.setattr(BybitMarketData, "candles", candles)
    broken = run(*options(tmp_path, url))
    assert broken.exit_code != 0
    assert "give the same command again" in broken.output
    assert not (tmp_path / "out" / "candles.parquet").exists()
    assert len(set((tmp_path / "out" / ".download").glob("*USDT-*.parquet"))) == 4
    before = set(requested[:4])
    requested.clear()
    monkeypatch.setattr(BybitMarketData, "candles", partialmethod(candles, most=99))
    assert run(*options(tmp_path, url)).exit_code == 0
    assert len(requested) == 10 - 4
    assert not set(requested) & before
    assert pl.read_parquet(tmp_path / "out" / "candles.parquet").height == 2 * MINUTES


def test_other_options_do_not_mix_into_an_unfinished_download(tmp_path):
    workspace = Workspace(tmp_path)

    def request(symbol="AUSDT", start=0, minutes=10):
        return DownloadRequest((symbol,), start, minutes * MINUTE, "https://api.bybit.com")

    workspace.open(request())
    assert workspace.open(request(minutes=99)) == request()
    for other in (request("BUSDT"), request(start=MINUTE), request(minutes=5)):
        with pytest.raises(BadInput, match="unfinished download"):
            workspace.open(other)
    (workspace.path / "request.json").write_text(json.dumps({"symbols": 3}))
    with pytest.raises(BadInput, match="to begin anew"):
        workspace.open(request())


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
            return {request.symbol: error for request in requests}
        return {request.symbol: self._series(request) for request in requests}

    def _series(self, request):
        times = np.arange(request.start, request.end + 1, MINUTE)
        times = times[[int(time) // MINUTE not in self.missing for time in times]]
        values = np.ones((len(times), 6))
        return CandleSeries(request.symbol, MINUTE, times, values, forming=False)


def fetched(tmp_path, market, *, end=400):
    workspace = Workspace(tmp_path)
    request = workspace.open(DownloadRequest(("AUSDT", "BUSDT"), 0, end * MINUTE, "x"))
    contracts = {name: instrument(name, launch_time=0) for name in request.symbols}
    parts = workspace.parts(request, contracts)
    waits, done = [], []
    missing = workspace.missing(parts)
    fetch_parts(market, workspace, missing, batch=4, wait=waits.append, progress=done.append)
    return assemble(workspace, parts, contracts), waits, done


def test_gaps_are_reported_and_long_ones_begin_a_segment(tmp_path):
    market = Faulty(missing=[0, *range(10, 13), *range(100, 161), 399])
    download, _, done = fetched(tmp_path, market)
    gaps = [(0, 1), (10, 13), (100, 161), (399, 400)]
    assert [gap for gap in download.gaps if gap.symbol == "AUSDT"] == [
        Gap("AUSDT", start * MINUTE, end * MINUTE) for start, end in gaps
    ]
    assert (download.segments, len(done)) == (4, 2)
    blocks = list(Recordings(tmp_path).blocks())
    assert [block.candles.shape[1] for block in blocks] == [99, 238, 99, 238]
    assert [int(block.candles.open_time[0]) // MINUTE for block in blocks] == [1, 161, 1, 161]
    assert blocks[0].candles.turnover[0, 8:13].tolist() == [1, 0, 0, 0, 1]


def test_refused_requests_are_sent_again_a_little_later(tmp_path):
    failures = [ExchangeUnavailable("busy"), ExchangeUnavailable("busy", code=10006)]
    download, waits, _ = fetched(tmp_path, Faulty(failures=failures))
    assert (download.candles, waits) == (800, [1.0, 2.0])


def test_what_does_not_pass_ends_the_download_and_keeps_the_parts(tmp_path):
    with pytest.raises(ExchangeForbidden):
        fetched(tmp_path, Faulty(failures=[ExchangeForbidden("403")]))
    with pytest.raises(ExchangeUnavailable):
        fetched(tmp_path, Faulty(failures=[ExchangeUnavailable("down")] * 9))
    assert (tmp_path / ".download" / "request.json").exists()


def test_period_without_any_candle_is_one_gap(tmp_path):
    download, _, _ = fetched(tmp_path, Faulty(missing=range(400)))
    assert (download.candles, download.segments) == (0, 0)
    assert download.gaps == (Gap("AUSDT", 0, 400 * MINUTE), Gap("BUSDT", 0, 400 * MINUTE))
    assert not (tmp_path / "candles.parquet").exists()


def test_an_import_of_the_same_candles_writes_the_same_folder(tmp_path, simulator):
    _, url = simulator
    assert run(*options(tmp_path, url)).exit_code == 0
    downloaded = pl.read_parquet(tmp_path / "out" / "candles.parquet")
    for number, symbol in enumerate(("AAAUSDT", "BBBUSDT")):
        part = downloaded.filter(segment=number).drop("segment")
        part.write_csv(tmp_path / f"{symbol}-1m.csv")
    files = [tmp_path / f"{symbol}-1m.csv" for symbol in ("BBBUSDT", "AAAUSDT")]
    result = CliRunner().invoke(app, ["import", *map(str, files), "--out", str(tmp_path / "in")])
    assert result.exit_code == 0, result.output
    assert pl.read_parquet(tmp_path / "in" / "candles.parquet").equals(downloaded)
    segments = [(tmp_path / name / "segments.csv").read_text() for name in ("in", "out")]
    assert segments[0] == segments[1]
