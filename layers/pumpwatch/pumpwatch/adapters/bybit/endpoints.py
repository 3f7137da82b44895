"""The endpoints of Bybit V5 that are used, with pybit's name for each and its own rate limit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint: its path, pybit's method for it, whether it is signed, whether it acts."""

    path: str
    method: str
    private: bool = True
    acts: bool = False
    """A POST: whatever goes wrong after it was sent, it is never sent again."""
    per_second: int = 0
    """Requests that Bybit takes of one account in any second; 0: no limit of its own."""


TIME = Endpoint("/v5/market/time", "get_server_time", private=False)
TICKERS = Endpoint("/v5/market/tickers", "get_tickers", private=False)
KLINE = Endpoint("/v5/market/kline", "get_kline", private=False)
INSTRUMENTS = Endpoint("/v5/market/instruments-info", "get_instruments_info", private=False)
RECENT_TRADES = Endpoint("/v5/market/recent-trade", "get_public_trade_history", private=False)
ORDER_BOOK = Endpoint("/v5/market/orderbook", "get_orderbook", private=False)

CREATE_ORDER = Endpoint("/v5/order/create", "place_order", acts=True, per_second=10)
OPEN_ORDERS = Endpoint("/v5/order/realtime", "get_open_orders", per_second=50)
ORDER_HISTORY = Endpoint("/v5/order/history", "get_order_history", per_second=50)
EXECUTIONS = Endpoint("/v5/execution/list", "get_executions", per_second=50)
POSITIONS = Endpoint("/v5/position/list", "get_positions", per_second=50)
SET_LEVERAGE = Endpoint("/v5/position/set-leverage", "set_leverage", acts=True, per_second=10)
TRADING_STOP = Endpoint("/v5/position/trading-stop", "set_trading_stop", acts=True, per_second=10)
WALLET = Endpoint("/v5/account/wallet-balance", "get_wallet_balance", per_second=50)
API_KEY = Endpoint("/v5/user/query-api", "get_api_key_information", per_second=10)
