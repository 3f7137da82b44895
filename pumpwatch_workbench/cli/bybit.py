"""Sessions with Bybit, or with a simulator of it on this machine."""

from __future__ import annotations

from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.settings.shared import SharedSettings, load_settings
from pumpwatch_workbench.local.budget import BULK_SPARE, SharedBudget
from pumpwatch_workbench.simulator.market_time import exchange_time_for


def checked_address(option: str, url: str) -> str:
    """Return the address if the functions would accept it too. Raises `SettingsError`."""
    variables = {"TABLE_NAME": "none", "BYBIT_BASE_URL": url}
    return load_settings(SharedSettings, variables, {"bybit_base_url": option}).bybit_base_url


def public_session(
    address: str, *, requests_per_second: int = 90, threads: int = 8
) -> BybitSession:
    """Return a session without a key, which leaves a share of the address's budget to trading."""
    return BybitSession(
        address,
        requests_per_second=requests_per_second,
        budget=SharedBudget(address, spare=BULK_SPARE),
        threads=threads,
        exchange_time=exchange_time_for(address),
    )
