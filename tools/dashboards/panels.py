"""Panels of our dashboards: few kinds, each with a description, a unit and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import dashboard as dashboards
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
GOOD, WARN, BAD, CALM = "green", "orange", "red", "blue"
Kind = Literal["stat", "series", "bars", "table"]
Steps = Sequence[tuple[float | None, str]]
AnyPanel = TypeVar("AnyPanel", stat.Panel, timeseries.Panel, bargauge.Panel, table.Panel)


def steps(*pairs: tuple[float, str], base: str = GOOD) -> Steps:
    """Return thresholds: the base colour, then each colour from its value on."""
    return [(None, base), *pairs]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `queries` pairs PromQL with a legend; `words` replaces values by text and colour.

    `number` is the panel's id for ever: alerts point to it.
    """

    number: int
    title: str
    description: str
    queries: Sequence[tuple[str, str]]
    kind: Kind = "series"
    unit: str = "short"
    thresholds: Steps = field(default_factory=steps)
    width: int = 6
    height: int = 7
    decimals: int | None = None
    words: dict[str, tuple[str, str]] = field(default_factory=dict)
    shows_name: bool = False
    """Of a stat: the series' name in big letters instead of its value."""
    stacked: bool = False


def build_panel(panel: Panel) -> Builder[models.Panel]:
    """Return the builder of a panel."""
    if panel.kind == "stat":
        return _stat(panel)
    if panel.kind == "bars":
        return _dressed(bargauge.Panel(), panel, instant=True).reduce_options(_last())
    if panel.kind == "table":
        return _table(panel)
    return _series(panel)


def _stat(panel: Panel) -> Builder[models.Panel]:
    built = _dressed(stat.Panel(), panel, instant=True).reduce_options(_last())
    mode = common_models.BigValueTextMode
    built.text_mode(mode.NAME if panel.shows_name else mode.AUTO)
    built.color_mode(common_models.BigValueColorMode.BACKGROUND)
    return built.graph_mode(common_models.BigValueGraphMode.NONE)


def _series(panel: Panel) -> Builder[models.Panel]:
    built = _dressed(timeseries.Panel(), panel, instant=False)
    built.fill_opacity(10).show_points(common_models.VisibilityMode.NEVER).span_nulls(False)
    built.legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.LIST)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
    )
    built.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    if panel.stacked:
        built.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    style = common_models.GraphTresholdsStyleMode
    shown = style.DASHED if len(panel.thresholds) > 1 else style.OFF
    return built.thresholds_style(common.GraphThresholdsStyleConfig().mode(shown))


def _table(panel: Panel) -> Builder[models.Panel]:
    built = _dressed(table.Panel(), panel, instant=True)
    hidden = {"Time": True, "job": True, "stage": False}
    return built.with_transformation(
        models.DataTransformerConfig(id_val="organize", options={"excludeByName": hidden})
    )


def _dressed(built: AnyPanel, panel: Panel, *, instant: bool) -> AnyPanel:
    built.id(panel.number).title(panel.title).description(panel.description).datasource(SOURCE)
    built.span(panel.width).height(panel.height).unit(panel.unit).no_value("none")
    built.thresholds(
        dashboards.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps([models.Threshold(value=value, color=color) for value, color in panel.thresholds])
    )
    if panel.decimals is not None:
        built.decimals(panel.decimals)
    if panel.words:
        options = {
            value: models.ValueMappingResult(text=text, color=color)
            for value, (text, color) in panel.words.items()
        }
        built.mappings([models.ValueMap(options=options)])
    for position, (expr, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().ref_id("ABCDEFGH"[position]).expr(expr)
        query.legend_format(legend).datasource(SOURCE)
        query.format(
            PromQueryFormat.TABLE if panel.kind == "table" else PromQueryFormat.TIME_SERIES
        )
        built.with_target(query.instant() if instant else query.range())
    return built


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
