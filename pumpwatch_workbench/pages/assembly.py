"""Put a report page together: one file with styles, scripts and data, nothing to fetch."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pumpwatch_workbench.pages.candle_charts import Chart
from pumpwatch_workbench.pages.chart_script import base_style, chart_script, drawing_script
from pumpwatch_workbench.pages.words import counted

SECTION = re.compile(r'<h2 id="([^"]+)"[^>]*>([^<]+)</h2>')


def render(module: str, charts: Mapping[str, Chart] | None = None, **values: object) -> str:
    """Return the page that the template beside a module's file makes of the values.

    `charts` are drawn in the panels of their names; a page without any has no script at all.
    """
    template = Path(module).with_suffix(".html").read_text(encoding="utf-8")
    scripts = [chart_script(), drawing_script(), _template_text("report.js")] if charts else []
    page: str = (
        _environment()
        .from_string(template)
        .render(
            **values,
            style=Markup(base_style() + _template_text("report.css")),  # noqa: S704 - our own files
            scripts=[Markup(text) for text in scripts],  # noqa: S704 - our own files
            policy=_policy(scripts),
            charts=script_json(dict(charts or {})),
        )
    )
    return page


def script_json(charts: Mapping[str, object]) -> Markup:
    """Return JSON that cannot end the script element it is put into."""
    text = json.dumps(charts, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return Markup(text)  # noqa: S704 - escaped above


def _policy(scripts: list[str]) -> str:
    """Return a content security policy: only these scripts run, and nothing is ever fetched."""
    digests = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in scripts
    ]
    allowed = " ".join(f"'sha256-{digest}'" for digest in digests) or "'none'"
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline';"
        " img-src data:; base-uri 'none'; form-action 'none'"
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pumpwatch_workbench.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"sections": _sections, "counted": counted}
    return environment


def _sections(main: str) -> list[tuple[str, str]]:
    """Return id and title of each section of a page, for its table of contents."""
    return [(heading[1], html.unescape(heading[2])) for heading in SECTION.finditer(main)]


def _template_text(name: str) -> str:
    return (files("pumpwatch_workbench.pages") / "templates" / name).read_text(encoding="utf-8")
