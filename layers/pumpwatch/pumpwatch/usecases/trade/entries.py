"""The way from a fresh signal to its order: quote, plan, limits, size, or else a denial."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

from pumpwatch.domain.detection.signals import Signal
from pumpwatch.domain.market.snapshot import MarketSnapshot
from pumpwatch.domain.trading.funding import FundingTerms
from pumpwatch.domain.trading.limits import Book, RiskLimits, check_plan, check_symbol
from pumpwatch.domain.trading.orders import (
    Account,
    Leg,
    OrderRequest,
    Outcome,
    StopTrigger,
    order_id_for,
)
from pumpwatch.domain.trading.plans import Denied, Quote, SizedEntry
from pumpwatch.domain.trading.protections import in_force
from pumpwatch.domain.trading.reconcile import SEND_WITHIN
from pumpwatch.domain.trading.rounding import decimal_from
from pumpwatch.domain.trading.rows import Rows
from pumpwatch.domain.trading.sizing import size_entry
from pumpwatch.domain.trading.strategies import Alert, Fade, Ride, Strategy
from pumpwatch.domain.trading.trades import Trade, TradeState
from pumpwatch.errors import (
    DeadlineNear,
    ExchangeUnavailable,
    LimitReached,
    PumpwatchError,
    Rejected,
    UnknownSymbol,
)
from pumpwatch.invocation import Tick
from pumpwatch.own.strategies import own_strategy
from pumpwatch.settings.trade import TradeSettings

from .look import View
from .order_flow import ENTRY_REQUESTS, send_entry
from .run import Run

TOO_LITTLE_TIME = "too little time is left to send an entry and to verify its stop"


def strategy_from(settings: TradeSettings) -> Strategy:
    """Return the strategy that the settings name. Raises `SettingsError`."""
    if settings.strategy_name == "fade":
        return Fade(
            settings.fade_stop_above_peak,
            settings.fade_target_retrace,
            settings.fade_min_gain,
            settings.fade_time_limit_minutes,
        )
    if settings.strategy_name == "ride":
        return Ride(
            settings.ride_stop_fraction,
            settings.ride_target_fraction,
            settings.ride_time_limit_minutes,
            settings.ride_seconds if settings.ride_exit == "time" else None,
        )
    if settings.strategy_name == "alert":
        return Alert()
    return own_strategy(settings.strategy_name)


def limits_from(settings: TradeSettings) -> RiskLimits:
    """Return the hard limits that the settings give."""
    return RiskLimits(**{f.name: getattr(settings, f.name) for f in fields(RiskLimits)})


def enter(run: Run, tick: Tick, signal: Signal, view: View, strategy: Strategy) -> Trade:
    """Trade the signal within all limits; return the trade, dropped with a reason when denied.

    `view` is a look at the account and at this symbol's market. Raises `RetryLater` or `SkipSymbol`
    when something could not be read or is too old by now: the signal stays unknown to the journal,
    and the next tick tries it again while it is fresh.
    """
    now = run.now()
    entry = _plan(run, signal, view, strategy, now)
    if isinstance(entry, Denied):
        return _deny(run, signal, strategy, entry.reason)
    trade = _entering(run, _trade(signal, strategy, now), entry)
    _check_still_good(run, tick, signal, view)
    if view.leverage != run.settings.leverage:
        try:
            run.ports.broker.set_leverage(signal.symbol, run.settings.leverage)
        except Rejected as refusal:
            return _deny(run, signal, strategy, f"the leverage was refused: {refusal}")
        _check_still_good(run, tick, signal, view)
    try:
        return send_entry(run, trade, _request(run, trade, entry))
    except LimitReached as limit:
        return _deny(run, signal, strategy, str(limit))


def _check_still_good(run: Run, tick: Tick, signal: Signal, view: View) -> None:
    now, settings = run.now(), run.settings
    if not run.has_time(ENTRY_REQUESTS):
        raise DeadlineNear(TOO_LITTLE_TIME)
    ages = (
        ("the signal", now - signal.time, settings.max_signal_age_seconds),
        ("the tick", now - tick.scheduled_time, settings.max_tick_age_seconds),
        ("the price", view.age(now) or 0, settings.max_data_age_seconds),
    )
    for what, age, most in ages:
        if age > most * 1000:
            raise DeadlineNear(f"{what} has grown {age / 1000:.1f} s old, {most} s are allowed")


def _plan(
    run: Run, signal: Signal, view: View, strategy: Strategy, now: int
) -> SizedEntry | Denied:
    taken = _taken(run, signal, view, now)
    if taken is not None:
        return taken
    limits, book = limits_from(run.settings), account_book(run, view)
    instrument = run.contracts.get(signal.symbol, now)
    if instrument is None:
        return Denied("the exchange does not list this symbol as a tradable contract")
    snapshot = view.snapshot
    if not isinstance(snapshot, MarketSnapshot):
        raise snapshot or ExchangeUnavailable("the market was not looked at")
    if isinstance(view.book, UnknownSymbol) or signal.symbol not in snapshot.symbols:
        return Denied("the exchange gives no price for this symbol")
    if isinstance(view.book, PumpwatchError):
        raise view.book
    if isinstance(view.leverage, PumpwatchError):
        raise view.leverage
    watches_mark = run.settings.stop_trigger == "mark_price"
    quote = Quote.of(snapshot, view.book, signal.symbol, watches_mark=watches_mark)
    if isinstance(quote, Denied):
        return quote
    plan = strategy.plan(signal, quote)
    if isinstance(plan, Denied):
        return plan
    funding = FundingTerms.of(snapshot, instrument)
    return check_plan(plan, quote, instrument, funding, limits, now=now) or size_entry(
        plan, quote, instrument, book, limits, now=now
    )


def account_book(run: Run, view: View) -> Book:
    """Return what the account holds and what is on its way. Raises why it is not known."""
    account = view.account
    if not isinstance(account, Account):
        raise account or ExchangeUnavailable("the account was not looked at")
    return Book.of(account, view.positions, run.trades.values())


def _taken(run: Run, signal: Signal, view: View, now: int) -> Denied | None:
    lock = in_force(run.report.locks, signal.symbol, now)
    if lock is not None:
        return Denied(f"{lock.protection}: {lock.reason}")
    if not isinstance(view.open_orders, Rows):
        return Denied("the open orders could not be read")
    taken = check_symbol(
        signal.symbol,
        trades=list(run.trades.values()),
        positions=view.positions,
        open_orders=view.open_orders,
    )
    if taken is None and view.leverage is None:
        return Denied("the account holds this symbol already, or keeps it in hedge mode")
    return taken


def _trade(signal: Signal, strategy: Strategy, now: int) -> Trade:
    """Return the signal's trade before anything is planned: dropped, and without a size."""
    return Trade(
        signal_id=signal.signal_id,
        event_id=signal.event_id,
        symbol=signal.symbol,
        strategy=strategy.name,
        side=strategy.side,
        state=TradeState.DROPPED,
        signal_time=signal.time,
        alarm_time=signal.alarm_time,
        signal_price=decimal_from(signal.price),
        created=now,
        quantity=Decimal(0),
    )


def _entering(run: Run, trade: Trade, entry: SizedEntry) -> Trade:
    return trade.with_(
        side=entry.side,
        state=TradeState.ENTERING,
        quantity=entry.quantity,
        stop_loss=entry.stop_loss,
        take_profit=entry.take_profit,
        planned_price=entry.planned_price,
        closes_at=entry.closes_at,
        installation=run.ports.journal.installation(),
        mode=run.settings.trading_mode,
        woken=run.woken(),
    )


def _request(run: Run, trade: Trade, entry: SizedEntry) -> OrderRequest:
    return OrderRequest(
        order_id=order_id_for(trade.signal_id, Leg.ENTRY, 0, trade.installation),
        symbol=trade.symbol,
        side=entry.side,
        quantity=entry.quantity,
        reduce_only=False,
        stop_loss=entry.stop_loss,
        take_profit=entry.take_profit,
        stop_trigger=StopTrigger(run.settings.stop_trigger),
        limit_price=entry.limit_price,
        send_by=run.now() + SEND_WITHIN,
    )


def _deny(run: Run, signal: Signal, strategy: Strategy, reason: str) -> Trade:
    now = run.now()
    trade = _trade(signal, strategy, now).with_(denial=reason)
    run.save(trade)
    run.report.orders[Leg.ENTRY, Outcome.DENIED] += 1
    run.report.denied.append(trade)
    run.report.note("denied", reason, time=now, trade=trade)
    return trade
