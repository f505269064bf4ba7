"""The panels of a dashboard as typed parts, and their JSON.

Source: Grafana's dashboard JSON model, schema version 41 (Grafana 11.6).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Kind = Literal["timeseries", "stat", "table", "state-timeline", "histogram", "text", "row"]

SOURCE_UID = "testbed-influxdb"
"""The data source that grafana/provisioning declares."""

SOURCE: Json = {"type": "influxdb", "uid": SOURCE_UID}
COLUMNS = 24

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


def refs() -> Iterator[str]:
    """Yield A, B, ... Z, AA, AB, ..."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    yield from letters
    for first in letters:
        yield from (first + second for second in letters)


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
