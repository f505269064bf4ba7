"""Checks dashboards as Grafana would meet them: what it silently shows as an empty panel is an error here."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from .model import COLUMNS, SOURCE_UID, Json
from .units import is_known

_UID = re.compile(r"[A-Za-z0-9_-]{1,40}")
_VARIABLE = re.compile(r"\$\{?(\w+)")
_BUILT_IN = {
    "timeFilter",
    "__interval",
    "__data",
    "__value",
    "tag_source",
    "tag_quality",
    "tag_device",
    "col",
}


def lint(dashboards: Iterable[Json]) -> list[str]:
    """Return everything that is wrong in the JSON of dashboards that belong together."""
    found = list(dashboards)
    uids = Counter(str(each.get("uid")) for each in found)
    problems = [f"{uid}: {count} dashboards have this uid" for uid, count in uids.items() if count > 1]
    for each in found:
        problems += [f"{each.get('uid')}: {problem}" for problem in _dashboard(each, set(uids))]
    return problems


def _dashboard(dashboard: Json, uids: set[str]) -> Iterator[str]:
    if not _UID.fullmatch(str(dashboard.get("uid", ""))):
        yield "its uid is not 1 to 40 letters, digits, - and _"
    if not dashboard.get("title"):
        yield "it has no title"
    variables = [each["name"] for each in dashboard["templating"]["list"]]
    known = _BUILT_IN | set(variables)
    for each in dashboard["templating"]["list"]:
        yield from _source(each, f"variable {each['name']}")
        yield from _text(each.get("query", ""), known, f"variable {each['name']}")
    for each in dashboard["annotations"]["list"]:
        what = f"annotation {each.get('name')}"
        yield from _source(each, what)
        yield from _text(each.get("query", ""), known, what)
        if each.get("query") != each["target"].get("query"):
            yield f"{what} asks two different things"
    yield from _grid(dashboard["panels"])
    for panel in dashboard["panels"]:
        for problem in _panel(panel, known, uids):
            yield f"panel {panel.get('title')!r}: {problem}"


def _grid(panels: list[Json]) -> Iterator[str]:
    for number, count in Counter(panel["id"] for panel in panels).items():
        if count > 1:
            yield f"{count} panels have the id {number}"
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        place, title = panel["gridPos"], str(panel.get("title"))
        if place["w"] < 1 or place["h"] < 1 or place["x"] < 0 or place["x"] + place["w"] > COLUMNS:
            yield f"panel {title!r} leaves the grid of {COLUMNS} columns"
        cells = [
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        ]
        under = {taken[cell] for cell in cells if cell in taken}
        yield from (f"panel {title!r} lies over {other!r}" for other in sorted(under))
        taken.update(dict.fromkeys(cells, title))


def _panel(panel: Json, known: set[str], uids: set[str]) -> Iterator[str]:
    if panel["type"] in ("row", "text"):
        return
    targets = panel.get("targets", [])
    refs = [target.get("refId") for target in targets]
    if not targets:
        yield "it asks nothing"
    if len(set(refs)) < len(refs) or not all(refs):
        yield f"its queries are called {refs}"
    for target in targets:
        yield from _source(target, f"query {target.get('refId')}")
        yield from _text(target.get("query", ""), known, f"query {target.get('refId')}")
    if panel.get("repeat") and panel["repeat"] not in known:
        yield f"it is repeated for ${panel['repeat']}, which is no variable"
    yield from _source(panel, "it")
    yield from _fields(panel["fieldConfig"], refs, uids)


def _fields(config: Json, refs: list[Any], uids: set[str]) -> Iterator[str]:
    units = [config["defaults"].get("unit", "none")]
    for override in config["overrides"]:
        matcher = override["matcher"]
        if matcher["id"] == "byFrameRefID" and matcher["options"] not in refs:
            yield f"an override is for query {matcher['options']}, which there is not"
        for each in override["properties"]:
            if each["id"] == "unit":
                units.append(each["value"])
            if each["id"] == "links":
                yield from _links(each["value"], uids)
    yield from (f"unit {unit!r} is unknown to Grafana" for unit in units if not is_known(unit))
    steps = [step["value"] for step in config["defaults"]["thresholds"]["steps"]]
    if steps[:1] != [None] or steps[1:] != sorted(steps[1:]):
        yield f"its thresholds do not rise: {steps}"


def _links(links: list[Json], uids: set[str]) -> Iterator[str]:
    for link in links:
        goal = re.match(r"/d/([^/?]+)", link["url"])
        if goal and goal[1] not in uids:
            yield f"a link leads to {goal[1]}, which there is not"


def _source(part: Json, what: str) -> Iterator[str]:
    if part.get("datasource", {}).get("uid") != SOURCE_UID:
        yield f"{what} does not use the data source {SOURCE_UID}"


def _text(statement: str, known: set[str], what: str) -> Iterator[str]:
    if not statement.strip():
        yield f"{what} is empty"
    strange = sorted(set(_VARIABLE.findall(statement)) - known)
    yield from (f"{what} uses ${word}, which is no variable" for word in strange)
