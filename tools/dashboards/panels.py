"""Panels of our dashboards: few kinds, each with a description, a unit and thresholds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal, TypeVar

from grafana_foundation_sdk.builders import bargauge, common, prometheus, timeseries
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import stat as stats
from grafana_foundation_sdk.builders import table as tables
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
RUNBOOKS = "https://github.com/pumpwatch/pumpwatch/blob/main/docs/runbooks"
"""Default of the chart's `runbookBaseUrl`, by whose value the chart replaces it."""
CHARTS = {
    "Bybit": "https://www.bybit.com/trade/usdt/SYMBOL",
    "TradingView": "https://www.tradingview.com/chart/?symbol=BYBIT:SYMBOL.P",
}
"""Where a symbol's chart is."""
USDT = "suffix:USDT"
"""Grafana has no such currency; a unit that begins so is written behind the number."""
NO_DATA = "no data"
GOOD, WARN, BAD, CALM = "green", "orange", "red", "blue"
Kind = Literal["stat", "series", "bars", "table"]
Query = tuple[str, str]
"""PromQL and its legend."""
AnyPanel = TypeVar("AnyPanel", stats.Panel, timeseries.Panel, bargauge.Panel, tables.Panel)


@dataclass(frozen=True, slots=True)
class Look:
    """The look of a panel: kind, unit, thresholds, size."""

    kind: Kind
    unit: str
    thresholds: Sequence[tuple[float | None, str]]
    width: int
    height: int
    decimals: int | None
    words: Mapping[str, tuple[str, str]]
    """Texts and colours in place of values; `NO_DATA` is the place of none at all."""
    stacked: bool


def _look(
    kind: Kind,
    unit: str = "short",
    *marks: tuple[float, str],
    base: str = GOOD,
    width: int = 6,
    height: int = 7,
    decimals: int | None = None,
    words: Mapping[str, tuple[str, str]] = MappingProxyType({}),
    stacked: bool = False,
) -> Look:
    """Return a look with a base colour and each mark's colour from its value on."""
    thresholds = [(None, base), *marks]
    return Look(kind, unit, thresholds, width, height, decimals, words, stacked)


stat, series, bars, table = (partial(_look, kind) for kind in ("stat", "series", "bars", "table"))
light = partial(_look, "stat", width=4, height=4, decimals=0)
"""A panel of the row *Is it safe?*."""
UNKNOWN = {NO_DATA: ("NO DATA", BAD)}
"""Without a number nobody knows whether it is safe."""
NONE = {"0": ("none", GOOD), **UNKNOWN}


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel. `number` is its id for ever: alerts point to it."""

    number: int
    title: str
    description: str
    queries: Sequence[Query]
    look: Look
    runbook: str = ""
    """The alert whose runbook says what to do."""


@dataclass(frozen=True, slots=True)
class DashboardFunction:
    """Makes queries of a function's metrics, for the jobs and stages that are chosen."""

    job: str

    def of(self, name: str, more: str = "") -> str:
        """Return a selector of a metric."""
        return f'{self.job}_{name}{{job=~"$job",stage=~"$stage"{"," if more else ""}{more}}}'

    def gauge(self, name: str, legend: str = "{{stage}}", *, by: str = "stage") -> Query:
        """Return the query of a gauge."""
        return f"max by ({by}) ({self.of(name)})", legend

    def since(self, name: str, legend: str = "{{stage}}") -> Query:
        """Return the query of the seconds since a time."""
        return f"time() - max by (stage) ({self.of(name)})", legend

    def growth(self, name: str, legend: str = "", *, by: str = "") -> Query:
        """Return the query of what a counter grew by since the point before.

        It is exact, and no event is lost between two points or shown twice: totals are durable and
        never start again. `increase` looks at a window that is longer than a step.
        """
        total = f"sum by ({by}) " if by else "sum"
        now, before = self.of(name), f"{self.of(name)} offset $__interval"
        shown = legend or " ".join(f"{{{{{label}}}}}" for label in by.split(", "))
        return f"clamp_min({total}({now})\n- {total}({before}), 0)", shown

    def grown(self, name: str, within: str = "$__range") -> Query:
        """Return the query of what a counter grew by over the time shown, or a fixed time."""
        return f"sum by (stage) (increase({self.of(name)}[{within}]))", "{{stage}}"

    def quantiles(self, histogram: str) -> list[Query]:
        """Return the queries of a histogram's median and its 95th percentile."""
        rate = f"rate({self.of(f'{histogram}_bucket')}[$__rate_interval])"
        return [
            (f"histogram_quantile({share}, sum by (le) ({rate}))", text)
            for share, text in ((0.5, "median"), (0.95, "95th percentile"))
        ]


DETECT, TRADE = DashboardFunction("pumpwatch_detect"), DashboardFunction("pumpwatch_trade")


def build_panel(panel: Panel) -> Builder[models.Panel]:
    """Return the builder of a panel."""
    if panel.look.kind == "stat":
        return _stat(panel)
    if panel.look.kind == "bars":
        return _dressed(bargauge.Panel(), panel, instant=True).reduce_options(_last())
    if panel.look.kind == "table":
        return _table(panel)
    return _series(panel)


def _stat(panel: Panel) -> Builder[models.Panel]:
    built = _dressed(stats.Panel(), panel, instant=True).reduce_options(_last())
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
    if panel.look.stacked:
        built.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    style = common_models.GraphTresholdsStyleMode
    shown = style.DASHED if len(panel.look.thresholds) > 1 else style.OFF
    return built.thresholds_style(common.GraphThresholdsStyleConfig().mode(shown))


def _table(panel: Panel) -> Builder[models.Panel]:
    built = _dressed(tables.Panel(), panel, instant=True)
    hidden = {"Time": True, "job": True, "stage": False}
    charts = [
        {
            "title": name,
            "url": url.replace("SYMBOL", "${__data.fields.symbol}"),
            "targetBlank": True,
        }
        for name, url in CHARTS.items()
    ]
    built.override_by_name("symbol", [models.DynamicConfigValue("links", charts)])
    return built.with_transformation(
        models.DataTransformerConfig(id_val="organize", options={"excludeByName": hidden})
    )


def _dressed(built: AnyPanel, panel: Panel, *, instant: bool) -> AnyPanel:
    built.id(panel.number).title(panel.title).description(panel.description).datasource(SOURCE)
    built.span(panel.look.width).height(panel.look.height).unit(panel.look.unit).no_value("none")
    built.thresholds(
        builders.ThresholdsConfig()
        .mode(models.ThresholdsMode.ABSOLUTE)
        .steps(
            [models.Threshold(value=value, color=color) for value, color in panel.look.thresholds]
        )
    )
    if panel.look.decimals is not None:
        built.decimals(panel.look.decimals)
    if panel.runbook:
        link = builders.DashboardLink("Runbook").type(models.DashboardLinkType.LINK)
        link.url(f"{RUNBOOKS}/{panel.runbook.lower()}.md").target_blank(True)
        built.links([link])
    built.mappings(_mappings(panel.look.words))
    for position, (expr, legend) in enumerate(panel.queries):
        query = prometheus.Dataquery().ref_id("ABCDEFGH"[position]).expr(expr)
        query.legend_format(legend).datasource(SOURCE)
        query.format(
            PromQueryFormat.TABLE if panel.look.kind == "table" else PromQueryFormat.TIME_SERIES
        )
        built.with_target(query.instant() if instant else query.range())
    return built


def _mappings(words: Mapping[str, tuple[str, str]]) -> list[models.ValueMapping]:
    results = {
        value: models.ValueMappingResult(text=text, color=color)
        for value, (text, color) in words.items()
    }
    nothing = results.pop(NO_DATA, None)
    mappings: list[models.ValueMapping] = [models.ValueMap(options=results)] if results else []
    if nothing is not None:
        match = models.SpecialValueMatch.NULL_AND_NAN
        special = models.DashboardSpecialValueMapOptions(match=match, result=nothing)
        mappings.append(models.SpecialValueMap(options=special))
    return mappings


def _last() -> common.ReduceDataOptions:
    return common.ReduceDataOptions().calcs(["lastNotNull"]).values(False)
