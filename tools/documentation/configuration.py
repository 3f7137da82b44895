"""`docs/configuration.md`, made from the settings and the template: `make pages`."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any

from pydantic.fields import FieldInfo

from pumpwatch.settings.bounds import bounds_of
from pumpwatch.settings.detect import DetectSettings
from pumpwatch.settings.shared import SharedSettings
from pumpwatch.settings.trade import TradeSettings
from pumpwatch_workbench.local.aws.template import load_template
from tools.documentation.source import REPOSITORY, head_of

KINDS: tuple[tuple[str, type[SharedSettings]], ...] = (
    ("Both functions", SharedSettings),
    ("Detect", DetectSettings),
    ("Trade", TradeSettings),
)
COLUMNS = ("Variable", "Parameter", "Default", "Allowed", "Meaning")


def configuration_page() -> str:
    """Return the page's text."""
    parameters = dict(_parameters_of_variables())
    meanings = _meanings()
    sections = [head_of("configuration")]
    for title, kind in KINDS:
        own = kind.model_fields.keys() - (
            set() if kind is SharedSettings else SharedSettings.model_fields.keys()
        )
        rows = [
            _row(name, field, parameters.get(name.upper(), ""), meanings.get(name, ""))
            for name, field in kind.model_fields.items()
            if name in own
        ]
        sections.append("\n".join([f"## {title}", "", *_table(rows), ""]))
    return "\n".join(sections)


def _row(name: str, field: FieldInfo, parameter: str, meaning: str) -> tuple[str, ...]:
    default = "required" if field.is_required() else f"`{field.default}`"
    if not field.is_required() and field.default == "":
        default = "(empty)"
    cells = (f"`{name.upper()}`", f"`{parameter}`" if parameter else "", default)
    return (*cells, bounds_of(field) or "any text", meaning)


def _table(rows: list[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(COLUMNS) + " |"
    yield "| " + " | ".join("---" for _ in COLUMNS) + " |"
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _parameters_of_variables() -> Iterator[tuple[str, str]]:
    """Yield each variable of the template that is a parameter's value, with the parameter."""
    document = load_template(REPOSITORY / "template.yaml")
    functions = [document["Globals"]["Function"]] + [
        resource["Properties"]
        for resource in document["Resources"].values()
        if resource["Type"] == "AWS::Serverless::Function"
    ]
    for properties in functions:
        variables: Mapping[str, Any] = properties["Environment"]["Variables"]
        for name, value in variables.items():
            if isinstance(value, dict) and value.get("Ref") in document["Parameters"]:
                yield name, value["Ref"]


def _meanings() -> dict[str, str]:
    """Return the text under each field in the settings' source."""
    meanings = {}
    for kind in (SharedSettings, DetectSettings, TradeSettings):
        for node in ast.parse(inspect.getsource(kind)).body:
            body = node.body if isinstance(node, ast.ClassDef) else []
            for field, text in pairwise(body):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(text, ast.Expr)
                    and isinstance(text.value, ast.Constant)
                ):
                    meanings[field.target.id] = " ".join(str(text.value.value).split())
    return meanings
