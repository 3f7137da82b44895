"""Who may look and act: a token, the page's own address, nothing for a stranger."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pumpwatch.errors import BadInput
from pumpwatch.settings.shared import LOOPBACK
from pumpwatch_workbench.local.home import home

TOKEN_FILE, SHORTEST_TOKEN = "dashboard-token", 16
HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none';"
    " frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
STRANGER = (
    "This page needs its token: open the address that pumpwatch said when it started, or add"
    " ?token= and the token to this one.\n"
)
FOREIGN = "This request does not come from the page itself: nothing was done.\n"


def token_for(address: str, variable: str, environment: Mapping[str, str]) -> str:
    """Return the token in a variable, or that of this machine, which is made once.

    Raises `BadInput` for a variable without a good one, and for an address that strangers reach.
    """
    if variable:
        token = environment.get(variable, "").strip()
        if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable():
            raise BadInput(
                f"the variable {variable} holds no token of {SHORTEST_TOKEN} or more letters"
            )
        return token
    if address not in LOOPBACK:
        raise BadInput(
            f"others reach {address}: put a token into a variable, and its name into --token-env"
            " or WEB_TOKEN_ENV"
        )
    path, token = home() / TOKEN_FILE, secrets.token_hex(20)
    with suppress(OSError):  # an open page does not outlive a restart then
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(0o600)
        path.chmod(0o600)
        kept = path.read_text(errors="replace").strip()
        if len(kept) >= SHORTEST_TOKEN and kept.isalnum():
            return kept
        path.write_text(token)
    return token


class Access:
    """Lets through what comes from the page itself, with the token. ASGI middleware."""

    def __init__(self, app: ASGIApp, *, token: str, address: str) -> None:
        self._app, self._token, self._address = app, token, address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, with the headers that keep it on this page."""

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        if scope["type"] == "http":
            await self._answer(Request(scope))(scope, receive, guarded)

    def _answer(self, request: Request) -> ASGIApp:
        # A browser sends cookies to every port of a host.
        cookie, host = f"pumpwatch-{request.scope['server'][1]}", request.headers.get("host", "")
        if not self._is_ours(host):
            return PlainTextResponse(FOREIGN, 403)
        if request.url.path == "/" and self._fits(request.query_params.get("token", "")):
            answer = RedirectResponse("/", 303)
            answer.set_cookie(cookie, self._token, httponly=True, samesite="strict")
            return answer
        if not self._fits(request.cookies.get(cookie, "")):
            return PlainTextResponse(STRANGER, 403)
        # A proxy in front may speak TLS.
        of_page = request.headers.get("origin") in (f"http://{host}", f"https://{host}")
        of_page &= request.headers.get("x-pumpwatch") == "1"
        if request.method not in ("GET", "HEAD") and not of_page:
            return PlainTextResponse(FOREIGN, 403)
        return self._app

    def _fits(self, token: str) -> bool:
        return secrets.compare_digest(token.encode(), self._token.encode())

    def _is_ours(self, host: str) -> bool:
        """Return whether the browser means this machine, not a name that was bent to it."""
        with suppress(ValueError):
            name = urlsplit(f"//{host}").hostname
            return name in {*LOOPBACK, self._address} or ip_address(self._address).is_unspecified
        return False
