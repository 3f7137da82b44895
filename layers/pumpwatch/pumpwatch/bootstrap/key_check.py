"""Checks of trade's probe alone: the exchange's key, and the time an entry takes."""

from __future__ import annotations

from pumpwatch.adapters.bybit.exchange_time import ExchangeTime
from pumpwatch.domain.trading.access import refusals, warnings
from pumpwatch.errors import BadCredentials
from pumpwatch.ports import Deadline, Secrets
from pumpwatch.settings.trade import TradeSettings

from .connection import connect_to_bybit
from .probe import CheckFailed, Facts


def check_key(
    settings: TradeSettings, secrets: Secrets, deadline: Deadline, time: ExchangeTime | None = None
) -> Facts:
    """Read the secret anew and ask the exchange about the key; the value is never shown.

    In paper mode a key that is not there is no fault. Raises `BadCredentials`,
    `CheckFailed` for a key that must not be used, and what the session does.
    """
    from pumpwatch.adapters.bybit.broker import BybitBroker  # noqa: PLC0415 - not in paper mode

    secrets.forget()
    try:
        key = secrets.exchange_key()
    except BadCredentials as error:
        if settings.uses_account:
            raise
        return {"filled": False, "detail": f"paper mode needs no key ({error})"}
    exchange = connect_to_bybit(settings, key=key, exchange_time=time)
    try:
        exchange.session.start_run(deadline)
        exchange.session.time()
        broker = BybitBroker(exchange.session, exchange.session)
        access, account = broker.access(), broker.account()
        now = exchange.session.now()
    finally:
        exchange.session.close()
    confirmation = settings.live_trading_confirmation
    refused = refusals(access, mode=settings.trading_mode, confirmation=confirmation)
    if account.isolated_margin:
        refused.append("the account is in isolated margin mode: switch it to cross margin")
    if refused:
        raise CheckFailed("; ".join(refused))
    return {"filled": True, "warnings": list(warnings(access, now=now))}


def check_time(settings: TradeSettings, _: Deadline) -> Facts:
    """Compare the time-out of a request with the length of a run. Raises `CheckFailed`."""
    if not settings.leaves_time_to_enter:
        raise CheckFailed(settings.no_time_to_enter)
    return {"request_timeout_seconds": settings.request_timeout_seconds}
