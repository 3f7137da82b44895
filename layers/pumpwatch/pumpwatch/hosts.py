"""Bybit's own hosts, and which of them have no real accounts."""

from __future__ import annotations

DEMO_HOSTS = frozenset(
    {
        "api-demo.bybit.com",
        "api-demo.bytick.com",
        "api-demo-testnet.bybit.com",
        "api-demo-testnet.bytick.com",
    }
)
"""The hosts of demo accounts, which hold no real money."""

BYBIT_HOSTS = DEMO_HOSTS | {
    "api.bybit.com",
    "api.bytick.com",
    "api-testnet.bybit.com",
    "api-testnet.bytick.com",
    "api.bybit.nl",
    "api.bybit.kz",
    "api.bybit.ae",
    "api.bybit.id",
    "api.bybit.eu",
    "api.bybit.tr",
    "api.bybit-tr.com",
    "api.bybitgeorgia.ge",
    "api.manepa.jp",
}
"""Mainnet, its second name, testnet, demo, and the regional ones."""
