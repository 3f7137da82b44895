"""Requests to the exchange by endpoint and code, from the totals of both functions."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

TOTAL_OF_REQUESTS = re.compile(r"\w+_api_requests_total\|(.+)")
GOOD_CODE = "ok"


@dataclass(frozen=True, slots=True)
class ApiRow:
    """Requests to one endpoint: how many, how many failed, and the failures by code."""

    endpoint: str
    requests: int
    failures: int
    codes: tuple[tuple[str, int], ...]

    @property
    def error_rate(self) -> float:
        """Return the share of the requests that failed."""
        return self.failures / self.requests if self.requests else 0.0


def api_rows(all_totals: Mapping[str, Mapping[str, Decimal]]) -> tuple[ApiRow, ...]:
    """Return a row for each endpoint that the totals count."""
    counts: dict[str, Counter[str]] = {}
    for totals in all_totals.values():
        for key, value in totals.items():
            found = TOTAL_OF_REQUESTS.fullmatch(key)
            if found is None:
                continue
            labels = dict(one.split("=", 1) for one in found[1].split(","))
            if "endpoint" in labels and "code" in labels and value:
                endpoint = labels["endpoint"]
                counts.setdefault(endpoint, Counter())[labels["code"]] += int(value)
    return tuple(_row(endpoint, codes) for endpoint, codes in sorted(counts.items()))


def _row(endpoint: str, codes: Counter[str]) -> ApiRow:
    bad = tuple((code, count) for code, count in codes.most_common() if code != GOOD_CODE)
    return ApiRow(endpoint, codes.total(), sum(count for _, count in bad), bad)
