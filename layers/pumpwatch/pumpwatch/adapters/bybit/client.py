"""A session of pybit without its retries, sleeps, log lines and the secret in its `repr`."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from http import HTTPStatus

from Crypto.PublicKey import RSA
from pybit.exceptions import FailedRequestError
from pybit.unified_trading import HTTP
from requests import Response

from pumpwatch.credentials import ExchangeKey
from pumpwatch.errors import BadCredentials

from .bounded import BoundedAdapter
from .endpoints import TICKERS
from .ticker_rows import read_tickers

UNREADABLE_STATUS = 409
"""The status that pybit reports for a body that is not JSON."""
VISIBLE = re.compile(r"[\x21-\x7e]+")


class QuietHTTP(HTTP):  # type: ignore[misc]
    """The methods and signatures of pybit, without its judgement of answers and its `repr`."""

    lead = 0
    """Milliseconds by which the exchange's clock is ahead of this machine's."""
    adapter: BoundedAdapter

    def __repr__(self) -> str:
        return "HTTP(...)"

    def _prepare_headers(self, payload: str, recv_window: int, *rest: str) -> dict[str, str]:
        headers: dict[str, str] = super()._prepare_headers(payload, recv_window, *rest)
        if self.lead:
            moment = int(headers["X-BAPI-TIMESTAMP"]) + self.lead
            headers["X-BAPI-TIMESTAMP"] = str(moment)
            headers["X-BAPI-SIGN"] = self._auth(payload, recv_window, moment)
        return headers

    def _submit_request(
        self,
        method: str = "GET",
        path: str = "",
        query: dict[str, object] | None = None,
        auth: bool = False,
    ) -> tuple[object, Mapping[str, str]]:
        """Return body and headers. A question without a signature goes past `requests`."""
        if auth or method != "GET":
            answer: tuple[object, Mapping[str, str]] = super()._submit_request(
                method, path, query, auth
            )
            return answer
        payload = self.prepare_payload(method, self._clean_query(query))
        response = self.adapter.get(f"{path}?{payload}".rstrip("?"), dict(self.client.headers))
        if response.status != HTTPStatus.OK:
            raise _failed(response.status, response.headers)
        try:
            return _read(path, response.data), response.headers
        except ValueError:
            raise _failed(UNREADABLE_STATUS, response.headers) from None

    def _handle_response(self, response: Response, *_: object) -> tuple[object, Mapping[str, str]]:
        """Return body and headers. pybit would raise, sleep or send again by the answer's code."""
        return response.json(), response.headers


def _read(path: str, content: bytes) -> object:
    body: object = read_tickers(content) if path.endswith(TICKERS.path) else None
    return json.loads(content.decode("utf-8-sig", "replace")) if body is None else body


def _failed(status: int, headers: Mapping[str, str]) -> FailedRequestError:
    return FailedRequestError(
        request="", message="", status_code=status, time="", resp_headers=headers
    )


def quiet_client(base_url: str, key: ExchangeKey | None, adapter: BoundedAdapter) -> QuietHTTP:
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
    http.adapter = adapter
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
