"""The exchange's lists, all pages."""

from __future__ import annotations

from collections.abc import Iterator

from pumpwatch.errors import ExchangeUnavailable

from .endpoints import Endpoint
from .fields import entries, object_in, optional_text, unreadable
from .session import BybitSession

MOST_PAGES = 200


def all_rows(
    session: BybitSession, endpoint: Endpoint, *, limit: int, **parameters: object
) -> Iterator[object]:
    """Yield what every page of a linear list holds, until there is no cursor any more.

    A short page ends nothing: the exchange may cap or filter pages. An empty one that repeats the
    cursor it was asked with is the end. Raises `ExchangeUnavailable` for a list that does not end.
    """
    seen, cursor = {""}, ""
    for _ in range(MOST_PAGES):
        more = {"cursor": cursor} if cursor else {}
        answer = session.call(endpoint, category="linear", limit=limit, **parameters, **more)
        listed = entries(answer.result, endpoint.path)
        yield from listed
        page = object_in(answer.result, endpoint.path)
        before, cursor = cursor, optional_text(page, "nextPageCursor", endpoint.path)
        if not cursor or (not listed and cursor == before):
            return
        if cursor in seen:
            why = "came before: the list does not end"
            raise unreadable(page, "nextPageCursor", endpoint.path, why)
        seen.add(cursor)
    raise ExchangeUnavailable(f"{endpoint.path}: the list does not end")
