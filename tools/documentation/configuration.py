"""Writes `docs/configuration.md` from the settings and the template."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pumpwatch.settings.bounds import bounds_of
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import SharedSettings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.configuration.load import DeskSettings
from pumpwatch_workbench.configuration.meanings import meanings
from pumpwatch_workbench.local.aws.template import load_template
from tools.documentation.source import REPOSITORY, head_of

KINDS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("Both functions", SharedSettings),
    ("Detect", DetectSettings),
    ("Trade", TradeSettings),
    ("A desk", DeskSettings),
)
COLUMNS = ("variable", "default", "allowed", "meaning")
RANGE = re.compile(r"a (whole )?number, (?:at least|(above)) (\S+), at most (\S+)")


def configuration_page() -> str:
    """Return the page's text."""
    parameters = set(_variables_with_parameter())
    texts = meanings()
    sections = [head_of("configuration")]
    for title, kind in KINDS:
        own = kind.model_fields.keys() - (
            set() if kind is SharedSettings else SharedSettings.model_fields.keys()
        )
        rows = [
            _row(name, field, texts.get(name, ""), asked=name.upper() in parameters)
            for name, field in kind.model_fields.items()
            if name in own
        ]
        sections.append("\n".join([f"## {title}", "", *_table(rows), ""]))
    return "\n".join(sections)


def _row(name: str, field: FieldInfo, meaning: str, *, asked: bool) -> tuple[str, ...]:
    default = "required" if field.is_required() else f"`{field.default}`"
    if not field.is_required() and field.default == "":
        default = "(empty)"
    return (f"`{name.upper()}`" + r"\*" * asked, default, _allowed(field), meaning)


def _allowed(field: FieldInfo) -> str:
    """Return what a field allows, a range of numbers as the page's head describes it."""
    text = bounds_of(field) or "any text"
    bounds = RANGE.fullmatch(text)
    if not bounds:
        return text.removeprefix("a text matching ").removeprefix("one of ")
    whole, above, low, high = bounds.groups()
    if not whole:
        low, high = (bound if "." in bound else f"{bound}.0" for bound in (low, high))
    return f"{'>' if above else ''}{low}…{high}"


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "| " + " | ".join("---" for _ in COLUMNS) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _variables_with_parameter() -> Iterator[str]:
    """Yield each variable of the template that is the value of the parameter named like it."""
    document = load_template(REPOSITORY / "template.yaml")
    functions = [document["Globals"]["Function"]] + [
        resource["Properties"]
        for resource in document["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    for properties in functions:
        variables: Mapping[str, Any] = properties["Environment"]["Variables"]
        for name, value in variables.items():
            parameter = name.title().replace("_", "")
            if parameter in document["Parameters"] and value == {"Ref": parameter}:
                yield name
