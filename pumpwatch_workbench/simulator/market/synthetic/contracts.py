"""The contracts of a synthetic exchange: names, ticks, and how much each trades."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from pumpwatch_workbench.simulator.market.source import (
    DAY_MS,
    MINUTE_MS,
    BoolArray,
    FloatArray,
    IntArray,
    Listing,
    quantities,
)
from pumpwatch_workbench.simulator.market.synthetic import calibration
from pumpwatch_workbench.simulator.market.synthetic.noise import Noise

MAX_SYMBOLS = 2_000
COINS_PER_OTHER = 75
"""Every 75th contract is of another kind than a coin perpetual, until each kind is there."""
_CHANNEL = 900
_NEW_SHARE = 0.015
_INNOVATION_SHARE = 0.1
# Shares of the contracts with a funding every 1, 2 and 4 hours, the last of the list first.
_FUNDING_INTERVALS = ((0.05, 60), (0.1, 120), (0.3, 240))
# Daily turnover from which a leverage is allowed.
_LEVERAGE = ((1e9, "100"), (2e7, "50"), (1e6, "25"))
_LEAST = Decimal("12.5")
_LIMIT_RATIOS = {Decimal(100): Decimal("0.01"), _LEAST: Decimal("0.15")}
_MAJORS = {
    # base coin: (price, daily turnover, both USDT)
    "BTC": (68_000.0, 8e9),
    "ETH": (3_400.0, 4e9),
    "SOL": (150.0, 1.5e9),
    "XRP": (0.55, 6e8),
    "DOGE": (0.12, 5e8),
    "BNB": (580.0, 3e8),
    "ADA": (0.45, 1.5e8),
    "LINK": (14.0, 1.5e8),
}
_KNOWN = """
    LTC AVAX DOT ATOM NEAR APT ARB OP SUI FIL INJ TIA SEI ICP XLM ETC HBAR ALGO EOS AAVE UNI CRV LDO
    DYDX SAND MANA AXS GALA CHZ ENJ FLOW GRT IMX KAVA KSM MINA ONT QTUM RVN SKL SNX STX THETA TRX
    VET WOO XTZ YFI ZEC ZIL ZRX 1000PEPE 1000BONK 1000FLOKI 1000LUNC 10000SATS SHIB1000
"""
_HEADS = "AL BO CA DRA EL FU GO HY IN JU KO LU MO NI OR PA QU RO SI TA UR VO WA XE YO ZU"
_TAILS = "X N RA LO ME TI S K DE FI GA ZO"
_OTHERS = (
    # symbol, base coin, symbol type, price, daily turnover, relative volatility
    ("XAUUSDT", "XAU", "commodity", 2_650.0, 4e7, 0.3),
    ("CLUSDT", "CL", "commodity", 71.0, 3e6, 0.5),
    ("TSLAUSDT", "TSLA", "stock", 340.0, 9e6, 0.6),
    ("NVDAUSDT", "NVDA", "stock", 140.0, 8e6, 0.6),
    ("EURUSDT", "EUR", "forex", 1.08, 2e6, 0.12),
)


@dataclass(frozen=True, slots=True, eq=False)
class SyntheticContracts:
    """The listings with what the generator needs of each; arrays are shaped (symbols,)."""

    listings: tuple[Listing, ...]
    series: IntArray
    """Address of the symbol's noise; contracts on the same coin share it."""
    price: FloatArray
    """26 hours before the market's start, USDT."""
    daily_turnover: FloatArray
    deviation: FloatArray
    """Standard deviation of a quiet minute's return."""
    market_share: FloatArray
    """Share of the whole market's return that the symbol follows."""
    scale: FloatArray
    step: FloatArray
    launch_minute: IntArray
    """Minutes since 1970."""
    coin: BoolArray
    """True for an ordinary USDT perpetual, the only kind that gets pumped."""


class _Draft(NamedTuple):
    listing: Listing
    series: int
    price: float
    daily_turnover: float
    volatility: float
    coin: bool


def make_contracts(symbols: int, noise: Noise, start: int) -> SyntheticContracts:
    """Return `symbols` contracts, sorted: USDT coin perpetuals, in larger markets also other kinds.

    Raises ValueError when `symbols` is not between 1 and 2,000.
    """
    if not 1 <= symbols <= MAX_SYMBOLS:
        raise ValueError(f"a synthetic market has 1 to {MAX_SYMBOLS:,} symbols, not {symbols}")
    others = _others(start)[: symbols // COINS_PER_OTHER]
    drafts = _coins(symbols - len(others), noise, start) + others
    drafts.sort(key=lambda draft: draft.listing.symbol)
    listings, series, price, turnover, volatility, coin = zip(*drafts, strict=True)
    # Liquid coins move less: the deviation falls from thin (below 1e6 USDT a day) to major (above
    # 1e9).
    depth = np.clip((np.log10(turnover) - 6.0) / 3.0, 0.0, 1.0)
    thin, major = calibration.RETURN_DEVIATION_THIN, calibration.RETURN_DEVIATION_MAJOR
    return SyntheticContracts(
        listings=listings,
        series=np.array(series, dtype=np.int64),
        price=np.array(price),
        daily_turnover=np.array(turnover),
        deviation=np.array(volatility) * thin * (major / thin) ** depth,
        market_share=np.clip(volatility, 0.0, 2.0),
        scale=np.array([float(1 / listing.tick_size) for listing in listings]),
        step=np.array([float(listing.quantity_step) for listing in listings]),
        launch_minute=np.array([listing.launch_time // MINUTE_MS for listing in listings]),
        coin=np.array(coin),
    )


def coin_names(count: int) -> list[str]:
    """Return distinct base coins: the majors first, then known ones, then made-up ones."""
    made_up = (
        f"{prefix}{head}{middle}{tail}"
        for prefix, middle, head, tail in itertools.product(
            ("", "1000"), ("", *_TAILS.split()[1:]), _HEADS.split(), _TAILS.split()
        )
    )
    names = dict.fromkeys(itertools.chain(_MAJORS, _KNOWN.split(), made_up))
    return list(itertools.islice(names, count))


def _coins(count: int, noise: Noise, start: int) -> list[_Draft]:
    series = np.arange(count, dtype=np.int64)
    steps = np.arange(2, dtype=np.int64)
    normal, other = noise.normals(_CHANNEL, steps, series)
    chance, age, _, kind = noise.quarters(_CHANNEL + 1, steps[:1], series)
    prices = np.exp(-1.2 + 2.0 * normal[0])
    turnovers = np.exp(np.log(1.5e6) + 1.5 * other[0])
    volatilities = np.exp(0.25 * normal[1])
    drafts = []
    for index, base in enumerate(coin_names(count)):
        price, turnover = _MAJORS.get(base, (float(prices[index]), float(turnovers[index])))
        is_new = base not in _MAJORS and chance[0, index] < _NEW_SHARE
        minutes = (0.15 + age[0, index]) * 1_200 if is_new else (70 + 1_300 * age[0, index]) * 1_440
        innovates = base not in _MAJORS and kind[0, index] < _INNOVATION_SHARE
        listing = replace(
            _listing(f"{base}USDT", base, price, turnover, start - int(minutes) * MINUTE_MS),
            symbol_type="innovation" if innovates else "",
            funding_interval_minutes=_funding_interval(1.0 - kind[0, index]),
        )
        drafts.append(_Draft(listing, index, price, turnover, float(volatilities[index]), True))
    return drafts


def _others(start: int) -> list[_Draft]:
    launch = start - 400 * DAY_MS
    drafts = []
    for number, (symbol, base, kind, price, turnover, volatility) in enumerate(_OTHERS):
        listing = replace(_listing(symbol, base, price, turnover, launch), symbol_type=kind)
        drafts.append(
            _Draft(listing, MAX_SYMBOLS + number, price, turnover, volatility, coin=False)
        )
    end = _quarter_end(start)
    day = end.strftime("%d%b%y").upper()
    delivery = int(end.replace(hour=8, minute=0, second=0, microsecond=0).timestamp()) * 1_000
    for number, (symbol, coin, kind, premium, time) in enumerate(
        (
            ("BTCPERP", "USDC", "LinearPerpetual", 1.0002, 0),
            (f"BTC-{day}", "USDC", "LinearFutures", 1.012, delivery),
            (f"BTCUSDT-{day}", "USDT", "LinearFutures", 1.0118, delivery),
        )
    ):
        price, turnover = _MAJORS["BTC"][0] * premium, _MAJORS["BTC"][1] / 100 / (number + 1)
        listing = replace(
            _listing(symbol, "BTC", price, turnover, launch),
            settle_coin=coin,
            contract_type=kind,
            delivery_time=time,
        )
        drafts.append(_Draft(listing, 0, price, turnover, 1.0, coin=False))
    return drafts


def _listing(symbol: str, base: str, price: float, turnover: float, launch_time: int) -> Listing:
    leverage = next((Decimal(text) for least, text in _LEVERAGE if turnover >= least), _LEAST)
    near = _LIMIT_RATIOS.get(leverage, Decimal("0.05"))
    magnitude = int(np.floor(np.log10(price)))
    step = Decimal(10) ** max(min(-magnitude - 1, 3), -3)
    return Listing(
        symbol=symbol,
        base_coin=base,
        tick_size=Decimal(10) ** min(magnitude - 4, 0),
        **quantities(price, turnover, step),
        min_notional=Decimal(5),
        max_leverage=leverage,
        launch_time=launch_time,
        price_limit_ratios=(near, 2 * near),
    )


def _funding_interval(place: float) -> int:
    return next((minutes for share, minutes in _FUNDING_INTERVALS if place < share), 480)


def _quarter_end(start: int) -> datetime:
    """Return the last Friday of the first quarter that ends at least two weeks after `start`."""
    moment = datetime.fromtimestamp(start / 1_000, tz=UTC) + timedelta(days=14)
    month = (moment.month - 1) // 3 * 3 + 4
    next_quarter = datetime(moment.year + month // 13, (month - 1) % 12 + 1, 1, tzinfo=UTC)
    last_day = next_quarter - timedelta(days=1)
    return last_day - timedelta(days=(last_day.weekday() - 4) % 7)
