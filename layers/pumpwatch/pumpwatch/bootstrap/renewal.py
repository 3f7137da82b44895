"""A deployed function that is put together anew when its settings have changed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Generic, TypeVar

from pumpwatch.adapters.settings_object import SettingsObject
from pumpwatch.errors import BadEvent, SettingsError, StoreUnavailable
from pumpwatch.invocation import Tick
from pumpwatch.ports import Deadline
from pumpwatch.settings.overrides import settings_in_force
from pumpwatch.settings.shared import Settings, load_settings

from .function import Function
from .probe import CheckFailed, Facts

logger = logging.getLogger(__name__)

Report = TypeVar("Report")


class RenewedFunction(Generic[Settings, Report]):
    """Compares the object of settings in each run of the schedule.

    `compose` puts the function together. While what is stored, or in the variable `SETTINGS`,
    cannot be used, it goes on with all other settings, changed by `without`.
    """

    def __init__(
        self,
        kind: type[Settings],
        environment: Mapping[str, str],
        compose: Callable[[Settings], Function[Report]],
        without: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self._kind, self._environment = kind, environment
        self._compose, self._without, self._problem = compose, without, ""
        bucket = environment.get("SETTINGS_BUCKET", "")
        self._object = SettingsObject(bucket) if bucket else None
        self._changed()
        self.function = self._composed()

    def run(self, tick: Tick, deadline: Deadline) -> Report | None:
        """Do one tick's work with the settings in force. Raises what the function's `run` does."""
        if not tick.is_scan and not tick.signal_ids and self._changed():
            logger.info("the settings have changed")
            fresh = self._composed()
            fresh.continue_from(self.function)
            self.function = fresh
        return self.function.run(tick, deadline)

    def probe(self, deadline: Deadline) -> dict[str, object]:
        """Return what can be reached from here, and whether the settings can be used."""
        return self.function.probe(deadline)

    def refuse(self, error: BadEvent, run_id: str) -> dict[str, object]:
        """Count a malformed event and return the answer to it."""
        return self.function.refuse(error, run_id)

    def _changed(self) -> bool:
        """Read the object; while it cannot be read, what was read before stays in force."""
        try:
            return self._object is not None and self._object.read_anew()
        except StoreUnavailable as error:
            logger.warning("settings were not read", extra={"reason": str(error)})
            return False

    def _composed(self) -> Function[Report]:
        try:
            stored = self._object.settings if self._object is not None else {}
            function = self._compose(settings_in_force(self._kind, self._environment, stored))
            self._problem = ""
        except SettingsError as error:
            others = load_settings(self._kind, self._environment)
            function = self._compose(others.model_copy(update=self._without))
            self._problem = str(error)
            logger.error("settings are not used", extra={"reason": self._problem})
        function.checks = {**function.checks, "settings": self._check}
        return function

    def _check(self, _: Deadline) -> Facts:
        if self._problem:
            raise CheckFailed(f"{self._problem}; trade opens nothing until config push mends it")
        return {}
