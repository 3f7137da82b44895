"""The exception of a refused request, with Bybit's codes and texts."""

from __future__ import annotations

from decimal import Decimal

PARAMETERS = 10001
TIME_WINDOW = 10002
INVALID_KEY = 10003
INVALID_SIGNATURE = 10004
PERMISSION = 10005
TOO_MANY_VISITS = 10006
NOT_IN_DEMO = 10032
TRADING_STOP_UNCHANGED = 34040
NO_SUCH_ORDER = 110001
PRICE_OUT_OF_RANGE = 110003
WALLET_INSUFFICIENT = 110004
AVAILABLE_INSUFFICIENT = 110007
BALANCE_INSUFFICIENT = 110012
TOO_MANY_STOPS = 110009
LEVERAGE_OVER_RISK_LIMIT = 110013
REDUCE_ONLY = 110017
TOO_MANY_ORDERS = 110020
MODE_UNCHANGED = 110025
LEVERAGE_UNCHANGED = 110043
DUPLICATE_LINK_ID = 110072
CONTRACT_NOT_LIVE = 110074
OVER_RISK_LIMIT = 110090
TRIGGER_NOT_ABOVE = 110092
TRIGGER_NOT_BELOW = 110093
BELOW_MINIMUM_VALUE = 110094
ABOVE_MAXIMUM_PRICE = 30208
BELOW_MINIMUM_PRICE = 30209


class Refused(Exception):
    """A request is answered with a retCode other than 0; nothing was changed."""

    def __init__(self, code: int, text: str, result: object | None = None) -> None:
        super().__init__(f"{code} {text}")
        self.code = code
        self.text = text
        self.result: object = {} if result is None else result


def invalid(text: str) -> Refused:
    """Return the refusal of a parameter, retCode 10001."""
    return Refused(PARAMETERS, text)


def scaled(number: Decimal) -> str:
    """Return a number as Bybit's texts show it: times 10^8, as an integer."""
    return str(int(number * 100_000_000))
