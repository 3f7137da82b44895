"""Builds both dashboards as JSON: `python -m tools.dashboards.dashboards [FOLDER]`.

What is committed under `k8s-monitoring/dashboards` is what this writes; a test compares.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from tools.dashboards import detection_dashboard, trading_dashboard
from tools.dashboards.marks import marks
from tools.dashboards.panels import SOURCE, Panel, build_panel

FOLDER = Path(__file__).resolve().parents[2] / "k8s-monitoring" / "dashboards"
FIRST_ROW = 101
"""Rows have ids of their own, away from those of the panels."""
RUNS = '{__name__=~"pumpwatch_(detect|trade)_runs_total"}'
"""What knows every job and stage: each dashboard shows something of both functions."""


def built_dashboards() -> dict[str, str]:
    """Return the JSON of each dashboard by file name."""
    return {
        "pump-detection.json": _built(
            "pumpwatch-detection",
            "Pump detection",
            "Is the detector alive, how late is it, and what did it see?",
            detection_dashboard.ROWS,
            [],
        ),
        "trading.json": _built(
            "pumpwatch-trading",
            "Trading",
            "What does Pumpwatch do with the money, and is it safe?",
            trading_dashboard.ROWS,
            marks(),
        ),
    }


def write_dashboards(folder: Path = FOLDER) -> list[Path]:
    """Write the dashboards and return where."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in built_dashboards().items():
        path = folder / name
        path.write_text(text)
        written.append(path)
    return written


def _built(
    uid: str,
    title: str,
    description: str,
    rows: Mapping[str, list[Panel]],
    annotations: list[dict[str, object]],
) -> str:
    built = builders.Dashboard(title).uid(uid).description(description).tags(["pumpwatch"])
    built.readonly().refresh("30s").time("now-6h", "now").timezone("browser")
    built.tooltip(models.DashboardCursorSync.CROSSHAIR)
    built.with_variable(_source()).with_variable(_choice("job", "Job"))
    built.with_variable(_choice("stage", "Stage"))
    built.link(
        builders.DashboardLink("Pumpwatch")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(["pumpwatch"])
        .keep_time(True)
        .include_vars(True)
    )
    for position, (question, panels) in enumerate(rows.items()):
        built.with_row(builders.Row(question).id(FIRST_ROW + position))
        for panel in panels:
            built.with_panel(build_panel(panel))
    document = json.loads(json.dumps(built.build(), cls=JSONEncoder))
    # The library's annotations know no query of Prometheus.
    document["annotations"] = {"list": annotations}
    return json.dumps(document, indent=2, sort_keys=True) + "\n"


def _source() -> builders.DatasourceVariable:
    return builders.DatasourceVariable("datasource").label("Data Source").type("prometheus")


def _choice(name: str, label: str) -> builders.QueryVariable:
    built = builders.QueryVariable(name).label(label).datasource(SOURCE)
    built.query(f"label_values({RUNS}, {name})")
    built.refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
    built.multi(True).include_all(True).all_value(".+")
    return built.current(models.VariableOption(selected=True, text="All", value="$__all"))


if __name__ == "__main__":
    for each in write_dashboards(*(Path(name) for name in sys.argv[1:2])):
        sys.stdout.write(f"{each}\n")
