"""A dashboard as typed parts, and its JSON: the same bytes for the same parts.

Source: Grafana's dashboard JSON model, schema version 41 (Grafana 11.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["timeseries", "stat", "table", "state-timeline", "histogram", "text", "row"]

SOURCE_UID = "testbed-influxdb"
"""The data source that grafana/provisioning declares."""

SOURCE: Json = {"type": "influxdb", "uid": SOURCE_UID}
COLUMNS = 24
SCHEMA_VERSION = 41

GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"


@dataclass(frozen=True)
class Query:
    """An InfluxQL statement; Grafana fills in $timeFilter, $__interval and the variables."""

    statement: str
    alias: str = ""
    table: bool = False

    def as_json(self, ref: str) -> Json:
        """Return it under its name within the panel: A, B, ..."""
        return {
            "alias": self.alias,
            "datasource": SOURCE,
            "query": self.statement,
            "rawQuery": True,
            "refId": ref,
            "resultFormat": "table" if self.table else "time_series",
        }


@dataclass(frozen=True)
class Override:
    """Settings of some fields: those of a query (A, B, ...) or those whose names fit a pattern."""

    of: str
    properties: dict[str, Any]
    by: Literal["byFrameRefID", "byRegexp", "byName"] = "byFrameRefID"

    def as_json(self) -> Json:
        """Return it as Grafana has it."""
        properties = [{"id": key, "value": value} for key, value in self.properties.items()]
        return {"matcher": {"id": self.by, "options": self.of}, "properties": properties}


@dataclass(frozen=True)
class Panel:
    """One panel; `width` of 24 columns, `height` in rows of 30 pixels.

    `lines` are values at which a dashed line in a colour is drawn; `steps` colour a number from a value on.
    """

    kind: Kind
    title: str
    queries: Sequence[Query] = ()
    width: int = 12
    height: int = 8
    unit: str = ""
    description: str = ""
    lines: Sequence[tuple[float, str]] = ()
    steps: Sequence[tuple[float, str]] = ()
    overrides: Sequence[Override] = ()
    mappings: Sequence[Json] = ()
    options: Json = field(default_factory=dict)
    custom: Json = field(default_factory=dict)
    defaults: Json = field(default_factory=dict)
    transformations: Sequence[Json] = ()
    repeat: str = ""

    def as_json(self, number: int, x: int, y: int) -> Json:
        """Return it at its place in the grid."""
        panel: Json = {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "gridPos": {"h": self.height, "w": self.width, "x": x, "y": y},
        }
        if self.kind == "row":
            return {**panel, "collapsed": False, "panels": []}
        if self.description:
            panel["description"] = self.description
        if self.repeat:
            panel |= {"repeat": self.repeat, "repeatDirection": "h", "maxPerRow": 2}
        panel["options"] = {**_OPTIONS[self.kind], **self.options}
        if self.kind == "text":
            return panel
        return {
            **panel,
            "datasource": SOURCE,
            "targets": [query.as_json(ref) for query, ref in zip(self.queries, refs(), strict=False)],
            "fieldConfig": {"defaults": self._defaults(), "overrides": [o.as_json() for o in self.overrides]},
            "transformations": list(self.transformations),
        }

    def _defaults(self) -> Json:
        base = {"color": "transparent" if self.lines else GREEN, "value": None}
        steps = [{"color": color, "value": value} for value, color in sorted({*self.lines, *self.steps})]
        custom = {**_CUSTOM.get(self.kind, {}), **self.custom}
        if self.lines:
            custom["thresholdsStyle"] = {"mode": "dashed"}
        found: Json = {"custom": custom, "thresholds": {"mode": "absolute", "steps": [base, *steps]}}
        if self.unit:
            found["unit"] = self.unit
        if self.mappings:
            found["mappings"] = list(self.mappings)
        return {**found, **self.defaults}


@dataclass(frozen=True)
class Variable:
    """A choice at the top of a dashboard; everything is chosen at first."""

    name: str
    label: str
    statement: str

    def as_json(self) -> Json:
        """Return it as Grafana has it."""
        return {
            "name": self.name,
            "label": self.label,
            "type": "query",
            "datasource": SOURCE,
            "query": self.statement,
            "definition": self.statement,
            "refresh": 2,
            "sort": 2,
            "includeAll": True,
            "allValue": ".*",
            "multi": True,
            "current": {"selected": True, "text": ["All"], "value": ["$__all"]},
        }


@dataclass(frozen=True)
class Annotation:
    """Marks in every curve: the rows of a statement whose field `mark` holds text and link."""

    name: str
    color: str
    statement: str
    tags: str

    def as_json(self) -> Json:
        """Return it as Grafana has it: the query stands with the mark and, for newer ones, in its target."""
        query: Json = {
            "query": self.statement,
            "textColumn": "mark",
            "tagsColumn": self.tags,
            "titleColumn": "",
        }
        return {
            "name": self.name,
            "iconColor": self.color,
            "enable": True,
            "datasource": SOURCE,
            **query,
            "target": {
                **query, "refId": "Anno", "rawQuery": True, "textEditor": True,
                "fromAnnotations": True, "resultFormat": "table",
            },
        }  # fmt: skip


@dataclass(frozen=True)
class Dashboard:
    """One dashboard; the panels are laid out from left to right, a row of the grid after the other."""

    uid: str
    title: str
    panels: Sequence[Panel]
    variables: Sequence[Variable] = ()
    annotations: Sequence[Annotation] = ()
    tags: Sequence[str] = ()
    description: str = ""

    def as_json(self) -> Json:
        """Return the whole dashboard."""
        link = {
            "type": "dashboards", "title": "This bench", "tags": list(self.tags), "asDropdown": True,
            "keepTime": True, "includeVars": True, "targetBlank": False, "icon": "external link",
        }  # fmt: skip
        return {
            "uid": self.uid,
            "title": self.title,
            "description": self.description,
            "tags": list(self.tags),
            "schemaVersion": SCHEMA_VERSION,
            "editable": True,
            "graphTooltip": 1,
            "refresh": "5s",
            "time": {"from": "now-15m", "to": "now"},
            "timezone": "browser",
            "links": [link],
            "templating": {"list": [variable.as_json() for variable in self.variables]},
            "annotations": {"list": [annotation.as_json() for annotation in self.annotations]},
            "panels": list(_laid_out(self.panels)),
        }


def refs() -> Iterator[str]:
    """Yield A, B, ... Z, AA, AB, ..."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    yield from letters
    for first in letters:
        yield from (first + second for second in letters)


def _laid_out(panels: Iterable[Panel]) -> Iterator[Json]:
    x = y = tallest = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        yield panel.as_json(number, x, y)
        x, tallest = x + panel.width, max(tallest, panel.height)


_OPTIONS: dict[Kind, Json] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "none"},
    },
    "stat": {
        "colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}, "textMode": "auto",
    },
    "table": {"showHeader": True, "cellHeight": "sm"},
    "state-timeline": {
        "mergeValues": True, "showValue": "auto", "rowHeight": 0.8,
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False},
        "tooltip": {"mode": "single", "sort": "none"},
    },
    "histogram": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "combine": False,
    },
    "text": {"mode": "markdown"},
    "row": {},
}  # fmt: skip

_CUSTOM: dict[Kind, Json] = {
    "timeseries": {
        "drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "fillOpacity": 0,
        "showPoints": "never", "spanNulls": False, "axisPlacement": "auto",
    },
    "table": {"align": "auto", "filterable": True},
    "state-timeline": {"fillOpacity": 70, "lineWidth": 0},
    "histogram": {"fillOpacity": 80, "lineWidth": 1},
}  # fmt: skip
