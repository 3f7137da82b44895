"""The page's server: one look at the source for all who watch, and only while somebody does."""

from __future__ import annotations

import asyncio
import gzip
import json
import mimetypes
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache, partial
from hashlib import blake2b
from importlib.resources import files
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from pumpwatch.errors import PumpwatchError
from pumpwatch_workbench.dashboard.access import Access
from pumpwatch_workbench.dashboard.sources import Source
from pumpwatch_workbench.dashboard.state import sections
from pumpwatch_workbench.operations.halting import SHORTEST_REASON
from pumpwatch_workbench.pages.chart_script import chart_script, drawing_script

MOST_OF_A_CORE = 0.02
"""Share of a core that looking takes at most: a look that is dear is made more rarely."""
LOOK_ANYWAY = 10.0
"""Seconds after which the state is made anew although nothing was written: ages grow."""
HEARTBEAT = 15.0
MOST_BYTES, LONGEST_REASON = 10_000, 500
STATIC: dict[str, Callable[[], str] | None] = {
    "page.js": None,
    "page.css": None,
    "charts.js": drawing_script,
    "lightweight-charts.js": chart_script,
}
UNCOUNTED = {"safety": "ages", "health": "lag_seconds"}
"""What grows by itself, as the page knows: no reason to send a section."""


class Watch:
    """The state as all who watch see it."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._state: dict[str, Any] = {}
        self._versions: dict[str, int] = {}
        self._candles = 0
        self._now, self._at = 0, 0.0
        self._watchers = 0
        self._task: asyncio.Task[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._news, self._wake = asyncio.Event(), asyncio.Event()
        self.closed = False

    @contextmanager
    def joined(self) -> Iterator[None]:
        """Look while the block runs, for one watcher more."""
        self._watchers += 1
        self._loop = asyncio.get_running_loop()
        if self._task is None:
            self._task = asyncio.create_task(self._look_on())
        try:
            yield
        finally:
            self._watchers -= 1
            if not self._watchers and self._task is not None:
                self._task.cancel()
                self._task = None

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    def close(self) -> None:
        """End every stream. Any thread may call it."""
        self.closed = True
        if self._loop is not None:
            with suppress(RuntimeError):  # it is closed already
                self._loop.call_soon_threadsafe(self._tell)

    async def stream(self) -> AsyncIterator[str]:
        """Yield server-sent events: every section at first, then what changed."""
        sent: dict[str, int] = {}
        yield "retry: 1000\n\n"
        with self.joined():
            while not self.closed:
                news = self._news
                fresh = [name for name, n in self._versions.items() if sent.get(name) != n]
                if fresh:
                    now = self._now + round((time.monotonic() - self._at) * 1000)
                    state = {name: self._state[name] for name in fresh if name != "candles"}
                    yield f"event: state\ndata: {json.dumps({**state, 'now': now})}\n\n"
                    if "candles" in fresh and sent:
                        yield f"event: candles\ndata: {json.dumps(self._state['candles'])}\n\n"
                    sent = dict(self._versions)
                try:
                    await asyncio.wait_for(news.wait(), HEARTBEAT)
                except TimeoutError:
                    yield ": still here\n\n"

    def _tell(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _look_on(self) -> None:
        anyway = 0.0
        while True:
            begin = time.thread_time()
            forced = self._wake.is_set() or time.monotonic() > anyway
            self._wake.clear()
            try:
                spent, state = await asyncio.to_thread(_look, self.source, forced=forced)
            except Exception as error:  # a bug here must not end more than this look
                known = isinstance(error, PumpwatchError)
                why = str(error) if known else f"a bug in the page, {type(error).__name__}"
                spent, state = 0.0, dict(self._state)
                state["safety"] = {
                    **state.get("safety", {}),
                    "level": "bad",
                    "sentence": f"It cannot be read: {why}",
                }
            if state is not None:
                anyway = time.monotonic() + LOOK_ANYWAY
                self._take(state)
            spent += time.thread_time() - begin
            pause = max(self.source.seconds, spent / MOST_OF_A_CORE)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), pause)

    def _take(self, state: dict[str, Any]) -> None:
        self._now, self._at = state.pop("now", self._now), time.monotonic()
        for name, section in state.items():
            if _counted(name, section) != _counted(name, self._state.get(name)):
                self._versions[name] = self._versions.get(name, 0) + 1
        self._state = state
        self._tell()


def _look(source: Source, *, forced: bool) -> tuple[float, dict[str, Any] | None]:
    """Return the seconds of CPU it took, and the state, None where nothing changed."""
    begin = time.thread_time()
    if not source.changed() and not forced:
        return time.thread_time() - begin, None
    seen = source.read()
    state = sections(seen)
    moving = [event["id"] for event in state["events"]]
    state["candles"] = {"ids": moving, "time": state["market"]["time"]}
    state["now"] = seen.overview.now
    return time.thread_time() - begin, state


def _counted(name: str, section: Any) -> Any:
    without = UNCOUNTED.get(name)
    if without is None or not isinstance(section, dict):
        return section
    return {key: value for key, value in section.items() if key != without}


def page_app(source: Source, *, token: str, address: str) -> tuple[ASGIApp, Watch]:
    """Return the application, and its watch, which ends the streams."""
    watch, fetching = Watch(source), asyncio.Lock()

    async def stream(request: Request) -> Response:
        return StreamingResponse(watch.stream(), media_type="text/event-stream")

    async def candles(request: Request) -> Response:
        async with fetching:
            return await _answer(partial(source.chart, request.path_params["event"]))

    async def act(request: Request) -> Response:
        asked = await _asked(request)
        names = [*asked.get("trades", []), *([asked["id"]] if "id" in asked else [])]
        reason = " ".join(str(asked.get("reason", "")).split())[:LONGEST_REASON]
        if len(reason) < SHORTEST_REASON:
            return JSONResponse({"problem": "say why, for whoever looks at it next"}, 400)
        action = request.path_params["action"]
        answer = await _answer(partial(source.act, action, reason, list(map(str, names))), "said")
        watch.wake()
        return answer

    async def static(request: Request) -> Response:
        return _static(request.url.path.strip("/") or "page.html", request)

    routes = [Route(path, static) for path in ("/", *(f"/{name}" for name in STATIC))]
    routes += [
        Route("/stream", stream),
        Route("/candles/{event}", candles),
        Route("/actions/{action:str}", act, methods=["POST"]),
    ]
    return Access(Starlette(routes=routes), token=token, address=address), watch


async def _asked(request: Request) -> dict[str, Any]:
    """Return the fields of a request's JSON; none where it is no such thing, or too long."""
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return {}
    with suppress(ValueError, RecursionError):
        asked = json.loads(body)
        if isinstance(asked, dict) and isinstance(asked.get("trades", []), list):
            return asked
    return {}


async def _answer(work: Callable[[], Any], name: str = "") -> Response:
    """Do something in a thread, and answer with what it gives or why it does not."""
    try:
        done = await asyncio.to_thread(work)
    except PumpwatchError as error:
        return JSONResponse({"problem": str(error)}, 400)
    return JSONResponse({name: done} if name else done)


def _static(name: str, request: Request) -> Response:
    """Return a file of the page, which a browser keeps until it changes."""
    packed, mark = _packed(name)
    headers = {"etag": mark, "cache-control": "private, no-cache", "vary": "accept-encoding"}
    if request.headers.get("if-none-match") == mark:
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
    else:
        packed = gzip.decompress(packed)
    kind = mimetypes.guess_type(name)[0]
    return Response(packed, headers=headers, media_type=kind)


@cache
def _packed(name: str) -> tuple[bytes, str]:
    make = STATIC.get(name)
    text = make() if make else _own(name)
    return gzip.compress(text.encode()), f'"{blake2b(text.encode(), digest_size=8).hexdigest()}"'


def _own(name: str) -> str:
    return (files("pumpwatch_workbench.dashboard") / "static" / name).read_text(encoding="utf-8")
