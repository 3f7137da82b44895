"""The simulated exchange behind the exchange ports, without a wire between the two."""

from __future__ import annotations

from collections.abc import Mapping

import orjson

from pumpwatch.adapters.bybit.answers import Answer
from pumpwatch.adapters.bybit.broker import BybitBroker
from pumpwatch.adapters.bybit.endpoints import Endpoint
from pumpwatch.adapters.bybit.market_data import BybitMarketData
from pumpwatch.adapters.bybit.refusals import BENIGN, refusal
from pumpwatch.adapters.bybit.session import BybitSession
from pumpwatch.domain.market.snapshot import Instrument
from pumpwatch.errors import DeadlineNear
from pumpwatch_workbench.simulator.engine.refusals import Refused
from pumpwatch_workbench.simulator.exchange import Exchange

ADDRESS = "http://in-process"


class InProcessSession(BybitSession):
    """Asks an exchange in this process: no HTTP, no signature, no rate limit, no second try."""

    def __init__(self, exchange: Exchange) -> None:
        super().__init__(ADDRESS)
        self._exchange = exchange

    @property
    def latest_time(self) -> int:
        return self._exchange.clock.now()

    def request(
        self, endpoint: Endpoint, parameters: Mapping[str, object], *, send_by: int | None = None
    ) -> Answer:
        """Return the exchange's answer. Raises what `refusals` says, and `DeadlineNear`."""
        if send_by is not None and self.latest_time > send_by:
            raise DeadlineNear(f"{endpoint.path}: too late to be sent")
        try:
            method = "POST" if endpoint.acts else "GET"
            now, answer = self._exchange.ask(method, endpoint.path, parameters)
        except Refused as refused:
            if refused.code != BENIGN.get(endpoint):
                raise refusal(endpoint, refused.code, refused.text) from None
            return Answer({}, self.latest_time)
        return Answer(answer.result if answer.raw is None else orjson.loads(answer.raw), now)


class InProcessClock:
    """The exchange's time (Clock port)."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    def now(self) -> int:
        return self._exchange.clock.now()

    def earliest(self) -> int:
        return self.now()

    def doubt(self) -> str:
        return ""


class InProcessMarketData(BybitMarketData):
    """Reads contracts anew only after they have changed."""

    def __init__(self, exchange: Exchange, session: InProcessSession) -> None:
        super().__init__(session)
        self._exchange = exchange
        self._read: tuple[int, Mapping[str, Instrument]] | None = None

    def instruments(self) -> Mapping[str, Instrument]:
        version = self._exchange.market.version
        if self._read is None or self._read[0] != version:
            self._read = version, super().instruments()
        return self._read[1]


def in_process(exchange: Exchange) -> tuple[BybitBroker, BybitMarketData]:
    """Return broker and market data of an exchange in this process."""
    session = InProcessSession(exchange)
    return BybitBroker(session, InProcessClock(exchange)), InProcessMarketData(exchange, session)
