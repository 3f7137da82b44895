"""What each setting means: the text under it in the code."""

from __future__ import annotations

import ast
import inspect
from itertools import pairwise
from textwrap import wrap

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
    kinds: list[type[object]] = [SharedSettings, *KINDS.values()]
    for kind in kinds:
        (body,) = ast.parse(inspect.getsource(kind)).body
        for pair in pairwise(body.body if isinstance(body, ast.ClassDef) else ()):
            match pair:
                case ast.AnnAssign(target=ast.Name(name)), ast.Expr(ast.Constant(str(text))):
                    texts[name] = " ".join(text.split())
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
