"""/v5/account and /v5/user: wallet, fees, the key itself."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from pumpwatch_workbench.simulator.endpoints.common import in_scope, listed
from pumpwatch_workbench.simulator.endpoints.state import ExchangeState
from pumpwatch_workbench.simulator.endpoints.wire.messages import (
    EndpointAnswer,
    Request,
    money,
    plain,
)
from pumpwatch_workbench.simulator.engine.records import ZERO
from pumpwatch_workbench.simulator.engine.refusals import invalid
from pumpwatch_workbench.simulator.market.source import DAY_MS

COIN = "USDT"
KEY_DAYS_LEFT = 83
NOT_IN_ISOLATED = (
    *("accountIMRate", "accountIMRateByMp", "accountMMRate", "accountMMRateByMp", "accountLTV"),
    *("totalInitialMargin", "totalInitialMarginByMp", "totalMaintenanceMargin"),
    *("totalMaintenanceMarginByMp", "totalMarginBalance", "totalAvailableBalance"),
)


def wallet_balance(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the unified account; totals are in USD, one USDT being one USD here."""
    if request.text("accountType") != "UNIFIED":
        raise invalid("accountType only support UNIFIED.")
    ledger = exchange.engine.ledger
    wallet, result, locked = ledger.wallet, ledger.unrealised(), ledger.locked()
    equity = wallet + result
    positions = sum((ledger.position_margin(p) for p in ledger.open_positions()), ZERO)
    maintenance = sum((ledger.maintenance(p) for p in ledger.open_positions()), ZERO)
    available = max(equity - locked, ZERO)
    account: dict[str, object] = {
        "totalEquity": money(equity),
        "accountIMRate": _rate(locked, equity),
        "accountIMRateByMp": _rate(locked, equity),
        "totalMarginBalance": money(equity),
        "totalInitialMargin": money(locked),
        "totalInitialMarginByMp": money(locked),
        "accountType": "UNIFIED",
        "totalAvailableBalance": money(available),
        "accountMMRate": _rate(maintenance, equity),
        "accountMMRateByMp": _rate(maintenance, equity),
        "totalPerpUPL": money(result),
        "totalWalletBalance": money(wallet),
        "accountLTV": "0",
        "totalMaintenanceMargin": money(maintenance),
        "totalMaintenanceMarginByMp": money(maintenance),
        "coin": [],
    }
    if exchange.settings.margin_mode == "ISOLATED_MARGIN":
        # The wallet-balance page: account-wide fields are not applicable to isolated margin.
        account |= dict.fromkeys(NOT_IN_ISOLATED, "")
    coin = {
        "coin": COIN,
        "equity": money(equity),
        "usdValue": money(equity),
        "walletBalance": money(wallet),
        "free": "",
        "locked": "0",
        "spotHedgingQty": "0",
        "spotBorrow": "0",
        "borrowAmount": "0",
        "availableToWithdraw": "",
        "accruedInterest": "0",
        "totalOrderIM": money(locked - positions),
        "totalPositionIM": money(positions),
        "totalPositionMM": money(maintenance),
        "unrealisedPnl": money(result),
        "cumRealisedPnl": money(ledger.pnl_total - ledger.fee_total - ledger.funding_total),
        "bonus": "0",
        "marginCollateral": True,
        "collateralSwitch": True,
        "colRes": "0",
        "availableToBorrow": "",
    }
    wanted = request.text("coin")
    if (not wanted or COIN in wanted.split(",")) and equity:
        account["coin"] = [coin]
    return EndpointAnswer({"list": [account]})


def _rate(part: Decimal, whole: Decimal) -> str:
    return plain((part / whole).quantize(Decimal("0.0001"))) if whole > 0 else "0"


def account_info(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the account's kind: unified 2.0 pro."""
    return EndpointAnswer(
        {
            "unifiedMarginStatus": 6,
            "marginMode": exchange.settings.margin_mode,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
            "dcpStatus": "OFF",
            "timeWindow": 0,
            "smpGroup": 0,
            "updatedTime": str(min(exchange.started, request.now)),
        }
    )


@listed("list")
def fee_rate(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with taker and maker fees, the same for every symbol."""
    scope = in_scope(exchange, request, required=False)
    settings = exchange.settings
    rates = {"takerFeeRate": plain(settings.taker_fee), "makerFeeRate": plain(settings.maker_fee)}
    rows = [
        {"symbol": listing.symbol, "baseCoin": "", **rates}
        for index, listing in enumerate(exchange.market.listings)
        if scope(index)
    ]
    return EndpointAnswer({"list": rows})


def coin_info(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the one coin of the account (clients read it when they load markets)."""
    chain = {
        "chainType": "ETH (ERC20)",
        "confirmation": "6",
        "withdrawFee": "3",
        "depositMin": "0",
        "withdrawMin": "10",
        "chain": "ETH",
        "chainDeposit": "0",
        "chainWithdraw": "0",
        "minAccuracy": "6",
        "withdrawPercentageFee": "0",
        "contractAddress": "",
    }
    row = {"name": COIN, "coin": COIN, "remainAmount": "1000000", "chains": [chain]}
    return EndpointAnswer({"rows": [row]}, text="")


def query_api(exchange: ExchangeState, request: Request) -> EndpointAnswer:
    """Answer with the calling key's permissions, age and owner."""
    settings = exchange.settings
    caller = exchange.credentials[request.api_key]
    transfers = ["AccountTransfer", "SubMemberTransfer"] if settings.key_may_transfer else []
    withdraw = ["Withdraw"] if settings.key_may_withdraw else []
    result = {
        "id": str(caller.user_id % 1_000_000),
        "note": "simulator",
        "apiKey": caller.api_key,
        "readOnly": int(settings.key_read_only),
        "secret": "",
        "permissions": {
            "ContractTrade": ["Order", "Position"],
            "Spot": ["SpotTrade"],
            "Wallet": [*transfers, *withdraw],
            "Options": ["OptionsTrade"],
            "Derivatives": ["DerivativesTrade"],
            "CopyTrading": [],
            "BlockTrade": [],
            "Exchange": ["ExchangeHistory"],
            "NFT": [],
            "Affiliate": [],
            "Earn": [],
        },
        "ips": ["*"],
        "type": 1,
        "deadlineDay": KEY_DAYS_LEFT,
        "expiredAt": _iso(request.now + KEY_DAYS_LEFT * DAY_MS),
        "createdAt": _iso(request.now - 7 * DAY_MS),
        "unified": 0,
        "uta": 1,
        "userID": caller.user_id,
        "inviterID": 0,
        "vipLevel": "No VIP",
        "mktMakerLevel": "0",
        "affiliateID": 0,
        "rsaPublicKey": caller.rsa_public_key,
        "isMaster": True,
        "parentUid": "0",
        "kycLevel": "LEVEL_DEFAULT",
        "kycRegion": "",
    }
    return EndpointAnswer(result, text="")


def _iso(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
