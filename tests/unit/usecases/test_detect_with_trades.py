"""What the detect use case does with the market's trades: when it asks, and when they fail."""

import pytest
from support.crowds import crowd, whale
from support.detect_rig import START, Rig
from support.hand_made import boosted

from pumpwatch.domain.detection.rules import DETECTORS
from pumpwatch.domain.moments import MINUTE
from pumpwatch.errors import BadMarketData, ExchangeForbidden, ExchangeUnavailable
from pumpwatch.usecases.detect import scan_plan

PUMPED, END = "A2USDT", START + 4 * MINUTE
FAINT, CLEAR = 1.03, 1.045
"""Rises of a minute that the candles' score leaves alone, and that it alarms on."""


@pytest.fixture(autouse=True)
def hand_made_scores(monkeypatch):
    monkeypatch.setitem(DETECTORS, "boosted", lambda _: boosted())


class Market(Rig):
    """A market in which one symbol bursts in the third minute; it counts what is asked of it."""

    def __init__(self, rise, trades=None, *, flow=200, **settings):
        super().__init__(**{"detector": "boosted", **settings})
        self.ready()
        self.pump(PUMPED, 3, rise=rise, flow=flow)
        if trades is not None:
            price, turnover = self.values[PUMPED][(START - self.first) // MINUTE + 3, [3, 5]]
            self.market.set_trades(PUMPED, trades(END, turnover, price))
        self.asked_trades = []
        self._recent = self.market.recent_trades
        self.market.recent_trades = self._counted

    def _counted(self, symbols):
        self.asked_trades.append(list(symbols))
        return self._recent(symbols)

    def play(self, begin=0, end=6):
        return [self.tick(minute) for minute in range(begin, end)]


def total(reports, name):
    return sum(getattr(report, name) for report in reports)


@pytest.mark.parametrize(
    ("rise", "trades", "alarms"),
    [
        (FAINT, None, False),
        (FAINT, crowd, True),
        (FAINT, whale, False),
        (CLEAR, None, True),
        (CLEAR, crowd, True),
        (CLEAR, whale, False),
    ],
)
def test_trades_decide_where_the_candles_are_in_doubt(rise, trades, alarms):
    market = Market(rise, trades)
    reports = market.play()
    assert bool(market.found()) == alarms
    assert market.asked_trades == [[PUMPED]]
    known = trades is not None
    assert total(reports, "judged_with_trades") == known
    assert total(reports, "judged_without_trades") == (not known)
    assert total(reports, "screen_missed") == 0


def test_trades_are_asked_for_once_the_candle_is_complete_and_cost_one_request(monkeypatch):
    asking = [report.requests for report in Market(FAINT, whale).play()]
    monkeypatch.setitem(DETECTORS, "boosted", lambda _: boosted(read_trades=0))
    alone = [report.requests for report in Market(FAINT, whale).play()]
    assert [one - other for one, other in zip(asking, alone, strict=True)] == [0, 0, 0, 0, 1, 0]


def test_rule_that_reads_no_trades_asks_for_none():
    market = Market(1.2, detector="ewma")
    reports = market.play()
    assert market.found()
    assert market.asked_trades == []
    assert total(reports, "judged_with_trades") == total(reports, "judged_without_trades") == 0


def test_what_an_answer_shows_of_many_trades_is_read():
    market = Market(FAINT, lambda end, turnover, price: crowd(end, turnover, price, trades=1_200))
    reports = market.play()
    assert market.found()
    assert (total(reports, "judged_with_trades"), total(reports, "judged_without_trades")) == (1, 0)


@pytest.mark.parametrize(
    ("failure", "everything"),
    [
        (ExchangeUnavailable("no answer"), True),
        (ExchangeUnavailable("no answer"), False),
        (BadMarketData("a trade cannot be true"), False),
    ],
)
def test_trades_that_fail_leave_the_judgement_to_the_candles(failure, everything):
    market = Market(CLEAR, whale)

    def fail(symbols):
        if everything:
            raise failure
        return dict.fromkeys(symbols, failure)

    market.market.recent_trades = fail
    reports = market.play()
    assert market.found()
    assert total(reports, "judged_without_trades") == 1
    assert total(reports, "bad_candles") == isinstance(failure, BadMarketData)


def test_refused_country_stops_the_run_and_the_candle_is_judged_by_the_next():
    market = Market(CLEAR, crowd)
    market.play(0, 4)
    market.market.recent_trades = lambda symbols: dict.fromkeys(symbols, ExchangeForbidden("403"))
    with pytest.raises(ExchangeForbidden):
        market.tick(4)
    assert not market.found()
    market.market.recent_trades = market._counted
    assert market.tick(4, second=40).judged_with_trades == 1
    assert market.found()


def test_trades_of_a_candle_too_old_for_an_event_are_not_asked_for():
    market = Market(CLEAR, crowd)
    market.play(0, 3)
    report = market.tick(10)
    assert market.asked_trades == []
    assert report.judged_without_trades == 1
    assert not market.found()


def test_dropped_candle_counts_as_missed_though_only_its_trades_would_have_alarmed(
    monkeypatch, caplog
):
    market = Market(FAINT, crowd)
    real = scan_plan.screen

    def blind(*arguments):
        found = real(*arguments)
        found.candidate[:] = False
        return found

    market.play(0, 3)
    monkeypatch.setattr(scan_plan, "screen", blind)
    market.play(3, 7)
    missed = [record for record in caplog.records if "screen missed" in record.message]
    assert [(record.symbol, record.candle) for record in missed] == [(PUMPED, END - MINUTE)]
    assert not market.found()
