"""Each protection alone: what it looks at, when it locks, for how long, when it stays silent."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from support.trading_facts import trade
from support.trading_rig import settings

from pumpwatch.domain.market.health import Health
from pumpwatch.domain.trading.protections import (
    Drawdown,
    ExchangeIncident,
    Lock,
    LosingStreak,
    LowProfitSymbol,
    StaleData,
    SymbolCooldown,
    TradingHistory,
    TradingHours,
    in_force,
)
from pumpwatch.domain.trading.trades import TradeState
from pumpwatch.domain.trading.weekly_hours import WeeklyHours
from pumpwatch.metrics.catalogue import PROTECTIONS
from pumpwatch.settings.trade import TradeSettings
from pumpwatch.usecases.trade.guards import protections_from

D = Decimal
MINUTE, HOUR = 60_000, 3_600_000
NOW = 1_800_000_000_000
"""2027-01-15T08:00:00Z, a Friday."""


def closed(minutes_ago, profit, symbol="AUSDT", **changes):
    """A trade of 100 USDT notional that was closed so long ago."""
    facts = {"quantity": D(100), "entry_price": D(1), "realised_pnl": D(profit), **changes}
    exit_time = NOW - round(minutes_ago * MINUTE)
    return trade(state=TradeState.CLOSED, symbol=symbol, exit_time=exit_time, **facts)


def spans(locks):
    """Symbol, begin and end of each lock, in minutes from now."""
    return [
        (
            lock.symbol,
            (lock.since - NOW) / MINUTE,
            None if lock.until is None else (lock.until - NOW) / MINUTE,
        )
        for lock in locks
    ]


COOLDOWN = SymbolCooldown(minutes=60)
STREAK = LosingStreak(trades=3, pause_minutes=180)
LOW = LowProfitSymbol(trades=2, lookback_hours=24, fraction=D("0.01"), pause_hours=6)
INCIDENT = ExchangeIncident(failure_fraction=D("0.25"), min_requests=12, pause_minutes=10)
STALE = StaleData(max_age_seconds=10)
HOURS = TradingHours(hours=WeeklyHours.parse("Fri 07:00-09:00", zone="Europe/Berlin"))
ALWAYS = TradingHours(hours=WeeklyHours.parse(""))
DRAWDOWN = Drawdown(
    lookback_hours=24, pause_fraction=D("0.03"), pause_minutes=360, halt_fraction=D("0.06")
)


def account(equity, *trades, unrealised="0"):
    return TradingHistory(closed=trades, equity=D(equity), unrealised=D(unrealised), data_age=0)


def trades(*found):
    return TradingHistory(closed=found, data_age=0)


CASES = [
    # --- after a trade its symbol rests --------------------------------------------------
    ("no trades", COOLDOWN, trades(), []),
    ("just closed", COOLDOWN, trades(closed(0, "1")), [("AUSDT", 0, 60)]),
    ("a win rests as well", COOLDOWN, trades(closed(20, "9")), [("AUSDT", -20, 40)]),
    ("to the millisecond", COOLDOWN, trades(closed(60, "1")), []),
    ("still a moment", COOLDOWN, trades(closed(59.999, "1")), [("AUSDT", -59.999, 0.001)]),
    (
        "the last trade counts, each symbol for itself",
        COOLDOWN,
        trades(closed(50, "1"), closed(40, "1", "BUSDT"), closed(10, "1")),
        [("AUSDT", -10, 50), ("BUSDT", -40, 20)],
    ),
    ("switched off", SymbolCooldown(minutes=0), trades(closed(0, "1")), []),
    # --- losses in a row -----------------------------------------------------------------
    ("too few", STREAK, trades(closed(2, "-1"), closed(1, "-1")), []),
    (
        "three in a row, whatever the symbol",
        STREAK,
        trades(closed(9, "-1"), closed(6, "-1", "BUSDT"), closed(3, "-0.01")),
        [("", -3, 177)],
    ),
    (
        "a win in between",
        STREAK,
        trades(closed(9, "-1"), closed(6, "0.1"), closed(3, "-1"), closed(1, "-1")),
        [],
    ),
    (
        "nothing won is no loss",
        STREAK,
        trades(closed(9, "-1"), closed(6, "0"), closed(3, "-1")),
        [],
    ),
    (
        "a former streak is over after a win",
        STREAK,
        trades(closed(9, "-1"), closed(8, "-1"), closed(7, "-1"), closed(1, "5")),
        [],
    ),
    (
        "the pause was served",
        STREAK,
        trades(closed(190, "-1"), closed(185, "-1"), closed(180, "-1")),
        [],
    ),
    ("switched off", LosingStreak(trades=0, pause_minutes=9), trades(closed(1, "-1")), []),
    # --- the fall from the highest equity ------------------------------------------------
    ("nothing traded", DRAWDOWN, account("10000"), []),
    ("a small loss", DRAWDOWN, account("9750", closed(5, "-250")), []),
    ("a pause from the loss on", DRAWDOWN, account("9700", closed(5, "-300")), [("", -5, 355)]),
    ("a halt", DRAWDOWN, account("9400", closed(5, "-600")), [("", 0, None)]),
    (
        "a slow bleed",
        DRAWDOWN,
        account("9700", *(closed(60 * ago, "-50") for ago in (6, 5, 4, 3, 2, 1))),
        [("", -60, 300)],
    ),
    (
        "won before it was lost",
        DRAWDOWN,
        account("10000", closed(90, "400"), closed(60, "-400")),
        [("", -60, 300)],
    ),
    (
        "lost before it was won",
        DRAWDOWN,
        account("10000", closed(90, "-400"), closed(60, "400")),
        [],
    ),
    ("before the look-back", DRAWDOWN, account("9700", closed(24 * 60 + 1, "-300")), []),
    ("an open loss counts", DRAWDOWN, account("9700", unrealised="-300"), [("", 0, 360)]),
    ("an open profit is no peak", DRAWDOWN, account("10300", unrealised="300"), []),
    ("the pause was served", DRAWDOWN, account("9700", closed(360, "-300")), []),
    ("a deposit hides nothing", DRAWDOWN, account("20000", closed(5, "-1300")), [("", 0, None)]),
    ("equity is not known", DRAWDOWN, trades(closed(5, "-9999")), []),
    ("no equity is left", DRAWDOWN, account("0", closed(5, "-10000")), [("", 0, None)]),
    (
        "only the pause is on",
        Drawdown(lookback_hours=24, pause_fraction=D("0.03"), pause_minutes=1, halt_fraction=D(0)),
        account("5000", closed(0, "-5000")),
        [("", 0, 1)],
    ),
    (
        "only the halt is on",
        Drawdown(lookback_hours=24, pause_fraction=D(0), pause_minutes=1, halt_fraction=D("0.5")),
        account("6000", closed(0, "-4000")),
        [],
    ),
    # --- a symbol that brings too little -------------------------------------------------
    ("one trade says nothing", LOW, trades(closed(9, "-5")), []),
    ("too little", LOW, trades(closed(9, "-5"), closed(3, "6.99")), [("AUSDT", -3, 357)]),
    ("just enough", LOW, trades(closed(9, "-5"), closed(3, "7")), []),
    (
        "other symbols go on",
        LOW,
        trades(closed(9, "-5"), closed(8, "-5", "BUSDT"), closed(3, "1")),
        [("AUSDT", -3, 357)],
    ),
    ("before the look-back", LOW, trades(closed(24 * 60 + 1, "-5"), closed(3, "-5")), []),
    ("the pause was served", LOW, trades(closed(370, "-5"), closed(360, "-5")), []),
    # --- trouble at the exchange ---------------------------------------------------------
    ("all is well", INCIDENT, TradingHistory(health=Health(100, 24)), []),
    ("a quarter failed", INCIDENT, TradingHistory(health=Health(100, 25)), [("", 0, 10)]),
    ("too few to say", INCIDENT, TradingHistory(health=Health(11, 11)), []),
    ("just enough to say", INCIDENT, TradingHistory(health=Health(12, 12)), [("", 0, 10)]),
    ("nothing asked", INCIDENT, TradingHistory(health=Health(0, 0)), []),
    # --- old prices ----------------------------------------------------------------------
    ("fresh", STALE, TradingHistory(data_age=10_000), []),
    ("old", STALE, TradingHistory(data_age=10_001), [("", 0, 1 / 6)]),
    ("from the future", STALE, TradingHistory(data_age=-500), []),
    ("not seen at all", STALE, TradingHistory(data_age=None), [("", 0, 1 / 6)]),
    # --- hours: at NOW it is 09:00 in Berlin ----------------------------------------------
    ("the window has just closed", HOURS, TradingHistory(), [("", 0, 7 * 24 * 60 - 120)]),
    ("always", ALWAYS, TradingHistory(), []),
]


@pytest.mark.parametrize(
    ("protection", "history", "expected"),
    [pytest.param(*rest, id=f"{rest[0].name}: {words}") for words, *rest in CASES],
)
def test_a_protection_locks_when_it_is_due_and_not_a_moment_longer(protection, history, expected):
    locks = protection.check(history, NOW)
    assert spans(locks) == [
        (symbol, pytest.approx(since), until if until is None else pytest.approx(until))
        for symbol, since, until in expected
    ]
    for lock in locks:
        assert lock.protection == protection.name
        assert re.search(r"[a-z] ", lock.reason), "a reason is a sentence"


REASONS = [
    (COOLDOWN, trades(closed(1, "1")), "a trade in AUSDT was just closed"),
    (
        STREAK,
        trades(closed(9, "-1"), closed(6, "-1"), closed(3, "-1", "BUSDT")),
        "3 losing trades in a row, the last in BUSDT",
    ),
    (
        DRAWDOWN,
        account("9700", closed(5, "-300")),
        "equity has fallen by 3.00% from 10000.00 USDT in 24 hours",
    ),
    (DRAWDOWN, account("0", closed(5, "-1")), "the account has no equity left"),
    (LOW, trades(closed(9, "-5"), closed(3, "1")), "2 trades in AUSDT brought -4.00 USDT in all"),
    (
        INCIDENT,
        TradingHistory(health=Health(100, 25)),
        "25 of 100 requests to the exchange failed",
    ),
    (STALE, TradingHistory(data_age=12_340), "the market was seen 12.3 s ago"),
    (STALE, TradingHistory(data_age=None), "the market was not seen"),
    (
        HOURS,
        TradingHistory(),
        "outside the trading hours Fri 07:00-09:00 (Europe/Berlin)",
    ),
]


@pytest.mark.parametrize(("protection", "history", "reason"), REASONS)
def test_a_lock_says_with_figures_what_led_to_it(protection, history, reason):
    assert [lock.reason for lock in protection.check(history, NOW)] == [reason]


def test_a_symbols_profit_is_held_against_what_was_traded_in_it():
    """Two trades worth 60 USDT in all that earned 0.59 stay under one per cent."""
    cheap = {"quantity": D(100), "entry_price": D("0.3")}
    under = trades(closed(9, "0.3", **cheap), closed(3, "0.29", **cheap))
    assert spans(LOW.check(under, NOW)) == [("AUSDT", -3, 357)]
    enough = trades(closed(9, "0.3", **cheap), closed(3, "0.3", **cheap))
    assert LOW.check(enough, NOW) == []


def test_every_protection_has_cases_that_lock_and_cases_that_do_not():
    locking = {protection.name for _, protection, _, expected in CASES if expected}
    silent = {protection.name for _, protection, _, expected in CASES if not expected}
    assert locking == silent == set(PROTECTIONS)


@pytest.mark.parametrize("protection", [DRAWDOWN, STREAK, COOLDOWN, LOW])
def test_a_protection_that_was_served_does_not_begin_anew_without_a_new_trade(protection):
    history = account("9700", *(closed(ago, "-100") for ago in (9, 6, 3)))
    ends = [lock.until for lock in protection.check(history, NOW)]
    assert ends
    for end in ends:
        assert end is not None
        for later in (0, 1, MINUTE, HOUR):
            assert protection.check(history, end + later) == []


def test_a_lock_holds_for_its_symbol_until_its_end():
    pause = Lock("symbol_cooldown", "closed", NOW, NOW + MINUTE, "AUSDT")
    halt = Lock("drawdown", "fallen", NOW, None)
    assert in_force([pause], "AUSDT", NOW + MINUTE - 1) is pause
    assert in_force([pause], "AUSDT", NOW + MINUTE) is None
    assert in_force([pause], "BUSDT", NOW) is None
    assert in_force([pause, halt], "BUSDT", NOW + 10**12) is halt


PAGE = Path(__file__).parents[3] / "docs" / "protections.md"
SETTINGS = {
    "symbol_cooldown": ("symbol_cooldown_",),
    "losing_streak": ("losing_streak_",),
    "drawdown": ("drawdown_",),
    "low_profit_symbol": ("low_profit_",),
    "exchange_incident": ("incident_",),
    "stale_data": ("max_data_age_",),
    "trading_hours": ("trading_hours", "trading_time_zone"),
}
"""How the settings of each protection begin."""


def test_every_protection_is_documented():
    pieces = re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.M)[1:]
    page = {piece.split("\n", 1)[0].strip("` "): piece for piece in pieces}
    hours = {"trading_hours": "Mon-Fri 08:00-20:00", "trading_time_zone": "Europe/Berlin"}
    names = {protection.name for protection in protections_from(settings(**hours))}
    assert names == set(PROTECTIONS) == set(SETTINGS)
    assert names <= set(page)
    for name in names:
        section = " ".join(page[name].split())
        for setting, declared in TradeSettings.model_fields.items():
            if setting.startswith(SETTINGS[name]):
                default = declared.default
                shown = f"{default:.0%}" if setting.endswith("fraction") else str(default)
                assert f"`{setting.upper()}`" in section, f"{name}: {setting} is not explained"
                assert shown in section, f"{name}: the default of {setting} is another one"
