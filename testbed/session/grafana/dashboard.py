"""A whole dashboard: its choices, marks and panels, and its JSON: the same bytes for the same parts.

Source: Grafana's dashboard JSON model, schema version 41 (Grafana 11.6).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from .model import COLUMNS, SOURCE, Json, Panel

_SCHEMA_VERSION = 41


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
            "schemaVersion": _SCHEMA_VERSION,
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


def _laid_out(panels: Iterable[Panel]) -> Iterator[Json]:
    x = y = tallest = 0
    for number, panel in enumerate(panels, 1):
        if x + panel.width > COLUMNS:
            x, y, tallest = 0, y + tallest, 0
        yield panel.as_json(number, x, y)
        x, tallest = x + panel.width, max(tallest, panel.height)
