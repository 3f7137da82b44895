"""A session of pybit without its retries, sleeps, log lines and the secret in its `repr`."""

from __future__ import annotations

import logging
import re

from Crypto.PublicKey import RSA
from pybit.unified_trading import HTTP
from requests import Response
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from pumpwatch.credentials import ExchangeKey
from pumpwatch.errors import BadCredentials

from .endpoints import TICKERS
from .ticker_rows import read_tickers

VISIBLE = re.compile(r"[\x21-\x7e]+")


class QuietHTTP(HTTP):  # type: ignore[misc]
    """The methods and signatures of pybit, without its judgement of answers and its `repr`."""

    lead = 0
    """Milliseconds by which the exchange's clock is ahead of this machine's."""

    def __repr__(self) -> str:
        return "HTTP(...)"

    def _prepare_headers(self, payload: str, recv_window: int, *rest: str) -> dict[str, str]:
        headers: dict[str, str] = super()._prepare_headers(payload, recv_window, *rest)
        if self.lead:
            moment = int(headers["X-BAPI-TIMESTAMP"]) + self.lead
            headers["X-BAPI-TIMESTAMP"] = str(moment)
            headers["X-BAPI-SIGN"] = self._auth(payload, recv_window, moment)
        return headers

    def _handle_response(
        self, response: Response, method: str, path: str, *_: object
    ) -> tuple[object, CaseInsensitiveDict[str]]:
        """Return body and headers. pybit would raise, sleep or send again by the answer's code."""
        body: object = read_tickers(response.content) if path.endswith(TICKERS.path) else None
        return (response.json() if body is None else body), response.headers


def quiet_client(base_url: str, key: ExchangeKey | None, adapter: BaseAdapter) -> QuietHTTP:
    """Return pybit's session for one host that does no more than sign, send and parse.

    Raises `BadCredentials` for a key that nothing can be signed with.
    """
    if key is not None:
        _require_usable(key)
    shared = logging.getLogger("pybit._http_manager")
    before = list(shared.handlers)
    http = QuietHTTP(
        api_key=key.api_key if key else None,
        api_secret=key.api_secret if key else None,
        rsa_authentication=key.rsa if key else False,
        max_retries=1,
    )
    shared.handlers[:] = before
    # Its own logger writes bodies at DEBUG; this one cannot be switched on.
    http.logger = logging.Logger("pybit", level=logging.CRITICAL + 1)
    http.endpoint = base_url
    http.client.trust_env = False
    http.client.max_redirects = 0
    for scheme in ("http://", "https://"):
        http.client.mount(scheme, adapter)
    return http


def _require_usable(key: ExchangeKey) -> None:
    problem = ""
    if not VISIBLE.fullmatch(key.api_key):
        problem = "the API key is empty or holds spaces, line ends or foreign letters"
    elif not key.api_secret:
        problem = "the API secret is empty"
    elif key.rsa and not _is_private_key(key):
        problem = "the RSA private key cannot be read: it must be one in PEM without a password"
    if problem:
        raise BadCredentials(f"{problem}; store it again in the secret")


def _is_private_key(key: ExchangeKey) -> bool:
    try:
        return RSA.import_key(key.api_secret).has_private()
    except (ValueError, IndexError, TypeError):
        return False
