"""`pumpwatch doctor` of a desk: everything about it that can be checked before it starts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from pumpwatch.adapters.deadlines import TimerDeadline
from pumpwatch.bootstrap.connection import connect_to_bybit
from pumpwatch.bootstrap.key_check import check_key
from pumpwatch.bootstrap.probe import MOST_SKEW_SECONDS, Check, CheckFailed, Facts, run_checks
from pumpwatch.ports import Deadline, Secrets
from pumpwatch_workbench.local.budget import SharedBudget
from pumpwatch_workbench.local.store import Database, SqliteHaltStore, holder_of
from pumpwatch_workbench.play.desk.options import DeskOptions
from pumpwatch_workbench.play.messages.messenger import messengers_from
from pumpwatch_workbench.simulator.market_time import MarketTime, exchange_time_for

from .findings import DESK_ADVICE, Finding, findings_of
from .installation import mode_of

SECONDS = 15.0
"""Longest check."""
LEAST_MIB = 200


class DeskDoctor:
    """Checks a desk as its options would start it. No check can stop the others."""

    def __init__(self, options: DeskOptions, secrets: Secrets) -> None:
        url = options.trade.bybit_base_url
        self._options, self._secrets, self._time = options, secrets, exchange_time_for(url)
        connected = connect_to_bybit(
            options.trade, exchange_time=self._time, budget=SharedBudget(url)
        )
        self._session, self._market = connected.session, connected.market

    def examine(self) -> Iterator[Finding]:
        """Yield the findings, one check after the other."""
        checks: dict[str, Check] = {
            "store": self._store,
            "disk": self._disk,
            "exchange": self._exchange,
            "symbols": self._symbols,
            "key": self._key,
            "messengers": self._messengers,
        }
        with closing(self._session):
            for name, check in checks.items():
                answer: Any = run_checks("desk", {name: check}, TimerDeadline(SECONDS))
                yield from findings_of(name, answer["checks"][name], DESK_ADVICE)

    def _store(self, _: Deadline) -> Facts:
        path, mode = self._options.store, self._options.mode
        if not path.exists():
            return {"detail": f"{path} is made at the first start"}
        with closing(Database(path, writable=False)) as database:
            own, version = mode_of(database), database.version
            halt = SqliteHaltStore(database).current()
        if own != mode:
            raise CheckFailed(f"{path} is a store of {own} mode, not {mode}: name another file")
        facts: Facts = {"file": path, "mode": own, "version": version}
        if process := holder_of(path):
            facts["used by process"] = process
        if halt is not None:
            facts["warnings"] = [f"halted by {halt.by}: {halt.reason}; see pumpwatch resume"]
        return facts

    def _disk(self, _: Deadline) -> Facts:
        path = self._options.store.absolute()
        folder = next(folder for folder in path.parents if folder.exists())
        for place in (folder, path):
            if place.exists() and not os.access(place, os.W_OK):
                raise CheckFailed(f"{place} may not be written to: change its permissions")
        free = shutil.disk_usage(folder).free // 2**20
        if free < LEAST_MIB:
            raise CheckFailed(f"{free} MiB are free at {folder}: free at least {LEAST_MIB}")
        return {"free_mib": free}

    def _exchange(self, deadline: Deadline) -> Facts:
        session = self._session
        session.start_run(deadline)
        session.time()
        simulated = isinstance(self._time, MarketTime)
        skew = 0.0 if simulated else session.clock_skew_seconds or 0.0
        if abs(skew) > MOST_SKEW_SECONDS or session.doubt():
            raise CheckFailed(f"this machine's clock is off by {skew:.2f} s: set it by NTP")
        url = self._options.trade.bybit_base_url
        return {"host": url, "clock_skew_seconds": round(skew, 3)}

    def _symbols(self, deadline: Deadline) -> Facts:
        self._session.start_run(deadline)
        listed, choice = self._market.instruments(), self._options.detect.symbol_choice
        count = sum(map(choice.takes, listed))
        if not count:
            raise CheckFailed(f"no symbol of the exchange is watched: SYMBOLS is {choice}")
        unlisted = [f"{name} fits no symbol of the exchange" for name in choice.unlisted(listed)]
        return {"watched": count, "warnings": unlisted}

    def _key(self, deadline: Deadline) -> Facts:
        settings = self._options.trade
        if not settings.uses_account:
            return {"detail": "paper mode needs no key"}
        return check_key(settings, self._secrets, deadline, self._time)

    def _messengers(self, _: Deadline) -> Facts:
        named = messengers_from(self._options.desk.notify_env, os.environ)
        return {"detail": ", ".join(each.label for each in named) or "nobody is told"}
