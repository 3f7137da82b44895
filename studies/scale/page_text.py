"""The table of limits as `docs/scale.md` shows it."""

from __future__ import annotations

from .limits import LIMITS


def limits_table() -> str:
    """Return a Markdown table; `[?]` marks what was not looked up."""
    lines = ["| name | limit | value | source |", "| --- | --- | ---: | --- |"]
    for key, one in LIMITS.items():
        doubt = " [?]" if one.assumed else ""
        raised = ", can be raised" if one.raisable else ""
        value = f"{one.value:,.0f} {one.unit}"
        lines.append(f"| `{key}` | {one.name}{raised} | {value} | {one.source}{doubt} |")
    return "\n".join(lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(limits_table() + "\n")
