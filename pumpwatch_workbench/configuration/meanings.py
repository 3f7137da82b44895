"""What each setting means: the text under it in the code."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import wrap

from pydantic import BaseModel

from pumpwatch.settings.shared import SharedSettings
from pumpwatch_workbench.configuration.load import FILE, KINDS, KNOWN
from pumpwatch_workbench.configuration.toml_file import as_line

HEAD = (
    f"# {FILE}: take the # away from a line to set it. Options win over the environment, and that",
    "# over this file. pumpwatch config check says what is wrong. No key belongs here.",
)


def meanings() -> dict[str, str]:
    """Return the text under each field in the settings' source."""
    texts = {}
    kinds: list[type[BaseModel]] = [SharedSettings, *KINDS.values()]
    for kind in kinds:
        for node in ast.parse(inspect.getsource(kind)).body:
            body = node.body if isinstance(node, ast.ClassDef) else []
            for field, text in pairwise(body):
                if (
                    isinstance(field, ast.AnnAssign)
                    and isinstance(field.target, ast.Name)
                    and isinstance(text, ast.Expr)
                    and isinstance(text.value, ast.Constant)
                ):
                    texts[field.target.id] = " ".join(str(text.value.value).split())
    return texts


def starting_file() -> str:
    """Return a file with every setting behind a #, each with its meaning and its default."""
    texts, lines = meanings(), [*HEAD]
    for kind in KINDS.values():
        for name, field in kind.model_fields.items():
            line = f"# {as_line(name, str(field.default).replace('False', 'false'))}"
            if name in KNOWN and line not in lines:
                lines += ["", *(f"# {part}" for part in wrap(texts[name], 96)), line]
    return "\n".join([*lines, ""])
