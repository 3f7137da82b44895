"""Routes, with their access and rate limits."""

from __future__ import annotations

from dataclasses import dataclass

from pumpwatch_workbench.simulator.endpoints import account, market, position, trade
from pumpwatch_workbench.simulator.endpoints.common import Handler


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint; `per_second` is the user's limit, 0 for public endpoints, which need no key."""

    handler: Handler
    per_second: int = 0
    in_demo: bool = True
    """Listed on docs/v5/demo: public endpoints all are."""

    @property
    def private(self) -> bool:
        """Tell whether the endpoint needs a signature."""
        return self.per_second > 0


ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "/v5/market/time"): Route(market.server_time),
    ("GET", "/v5/market/kline"): Route(market.kline),
    ("GET", "/v5/market/mark-price-kline"): Route(market.mark_kline),
    ("GET", "/v5/market/index-price-kline"): Route(market.mark_kline),
    ("GET", "/v5/market/tickers"): Route(market.tickers),
    ("GET", "/v5/market/instruments-info"): Route(market.instruments_info),
    ("GET", "/v5/market/orderbook"): Route(market.orderbook),
    ("GET", "/v5/market/recent-trade"): Route(market.recent_trade),
    ("GET", "/v5/market/price-limit"): Route(market.price_limit),
    ("GET", "/v5/market/open-interest"): Route(market.open_interest),
    ("GET", "/v5/market/risk-limit"): Route(market.risk_limit),
    ("GET", "/v5/market/funding/history"): Route(market.funding_history),
    ("POST", "/v5/order/create"): Route(trade.create, 10),
    ("POST", "/v5/order/create-batch"): Route(trade.create_batch, 10),
    ("POST", "/v5/order/amend"): Route(trade.amend, 10),
    ("POST", "/v5/order/cancel"): Route(trade.cancel, 10),
    ("POST", "/v5/order/cancel-all"): Route(trade.cancel_all, 10),
    ("GET", "/v5/order/realtime"): Route(trade.realtime, 50),
    ("GET", "/v5/order/history"): Route(trade.history, 50),
    ("GET", "/v5/execution/list"): Route(trade.executions, 50),
    ("GET", "/v5/position/list"): Route(position.positions, 50),
    ("POST", "/v5/position/set-leverage"): Route(position.set_leverage, 10),
    ("POST", "/v5/position/trading-stop"): Route(position.trading_stop, 10),
    ("POST", "/v5/position/switch-mode"): Route(position.switch_mode, 10),
    ("GET", "/v5/position/closed-pnl"): Route(position.closed_pnl, 50),
    ("GET", "/v5/account/wallet-balance"): Route(account.wallet_balance, 50),
    ("GET", "/v5/account/info"): Route(account.account_info, 50),
    ("GET", "/v5/account/fee-rate"): Route(account.fee_rate, 5, in_demo=False),
    ("GET", "/v5/user/query-api"): Route(account.query_api, 10, in_demo=False),
    ("GET", "/v5/asset/coin/query-info"): Route(account.coin_info, 5, in_demo=False),
}
