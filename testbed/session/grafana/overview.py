"""The first page of a bench: what is there, how it is, what happened."""

from __future__ import annotations

from testbed.bench import Bench, Device
from testbed.session.forward import names
from testbed.signals import Signal

from . import queries
from .dashboard import Dashboard
from .model import RED, Json, Override, Panel, Query, refs
from .parts import ONLINE, VERDICTS, heading, page, state_panel
from .units import grafana_unit

_NEWEST = "ORDER BY time DESC LIMIT 200"
_WHOLE = "\"expectation\" = ''"


def overview(bench: Bench) -> Dashboard:
    """Return the overview."""
    panels = [
        *_numbers(bench.name),
        _online(bench.name),
        heading("Devices"),
        _freshness(bench),
        state_panel(bench.name, '"kind" =~ /^(online|offline)$/', title="Online", width=14, height=8),
        *(_values(bench, device) for device in bench.devices.values()),
        heading("What happened"),
        _events(bench.name),
        _expectations(bench.name),
        _sessions(bench.name),
    ]
    return page(bench, "overview", "overview", panels)


# Numbers at the top ---------------------------------------------------------------------------------


def _numbers(bench: str) -> list[Panel]:
    bad = '"outcome" =~ /^(refused|failed|expired)$/'
    loud = '"level" =~ /^(warning|error)$/'
    verdict = queries.select('last("verdict")', names.VERDICT, bench, _WHOLE, timed=False)
    return [
        Panel(
            "stat", "Last verdict", [Query(verdict)], width=4, height=4, mappings=[VERDICTS],
            options={"reduceOptions": {"calcs": ["lastNotNull"], "fields": "/.*/", "values": False}},
            defaults={"noValue": "running"},
        ),
        _count("Commands that did not go through", 'count("done_after_ns")', names.COMMAND, bench, bad),
        _count("Warnings and errors", 'count("text")', names.EVENT, bench, loud),
    ]  # fmt: skip


def _count(title: str, what: str, measurement: str, bench: str, condition: str) -> Panel:
    statement = queries.select(what, measurement, bench, condition)
    return Panel(
        "stat", title, [Query(statement)], width=4, height=4, unit="short",
        steps=[(1, RED)], defaults={"noValue": "0"},
    )  # fmt: skip


def _online(bench: str) -> Panel:
    statement = queries.select(
        'last("online")',
        names.EVENT,
        bench,
        '"kind" =~ /^(online|offline)$/',
        then='GROUP BY "source"',
        timed=False,
    )
    return Panel(
        "stat", "Devices now", [Query(statement, alias="$tag_source")],
        width=12, height=4, mappings=[ONLINE], options={"colorMode": "background"},
    )  # fmt: skip


# Devices --------------------------------------------------------------------------------------------


def _freshness(bench: Bench) -> Panel:
    """Return when the last good sample of each device came: of its signal that comes most often."""
    statements = [
        queries.select(
            f'last({queries.name(_liveliest(device).name)}) AS "value"', device.profile.name, bench.name,
            *queries.good(device.name), then='GROUP BY "device"',
        )
        for device in bench.devices.values()
    ]  # fmt: skip
    hide: Json = {"excludeByName": {"value": True}, "renameByName": {"Time": "last good sample"}}
    return Panel(
        "table",
        "Last good sample",
        [Query(statement, table=True) for statement in statements],
        width=10,
        transformations=[{"id": "merge", "options": {}}, {"id": "organize", "options": hide}],
        overrides=[Override("last good sample", {"unit": "dateTimeFromNow"}, "byName")],
    )


def _liveliest(device: Device) -> Signal:
    return min(device.signals.values(), key=lambda signal: (signal.writable, signal.period_ns or 1 << 62))


def _values(bench: Bench, device: Device) -> Panel:
    """Return the newest good value of every signal of a device, coloured when it is at its limits."""
    signals = list(device.signals.values())
    found = [
        Query(
            queries.newest(signal.name, device.profile.name, bench.name, *queries.good(device.name)),
            signal.name,
        )
        for signal in signals
    ]
    overrides = [
        Override(ref, {"unit": grafana_unit(signal.unit)})
        for ref, signal in zip(refs(), signals, strict=False)
    ]
    title = f"{device.name}: {device.profile.title}" if device.profile.title else device.name
    return Panel("stat", title, found, width=12, height=5, overrides=overrides)


# Tables ---------------------------------------------------------------------------------------------


def _events(bench: str) -> Panel:
    what = '"level", "source", "kind", "text", "session"'
    statement = queries.select(what, names.EVENT, bench, then=_NEWEST)
    link = _session_link(bench, "${__data.fields.session}", "${__data.fields.Time.numeric}")
    return Panel(
        "table", "Events", [Query(statement, table=True)], width=24, height=9,
        overrides=[_linked("session", link), *_widths(level=90, source=130, kind=130)],
    )  # fmt: skip


def _expectations(bench: str) -> Panel:
    what = '"verdict", "expectation", "margin", "session"'
    statement = queries.select(what, names.VERDICT, bench, "\"expectation\" != ''", then=_NEWEST, timed=False)
    return Panel(
        "table", "Expectations", [Query(statement, table=True)], mappings=[VERDICTS],
        overrides=[
            Override("verdict", {"custom.cellOptions": {"type": "color-text"}}, "byName"),
            *_widths(verdict=90, margin=90),
        ],
    )  # fmt: skip


def _sessions(bench: str) -> Panel:
    what = '"session", "file", "mode", "verdict", "duration_s", "ended_ms"'
    statement = queries.select(what, names.SESSION, bench, then=_NEWEST, timed=False)
    link = _session_link(
        bench,
        "${__data.fields.session}",
        "${__data.fields.Time.numeric}",
        "${__data.fields.ended_ms.numeric}",
    )
    return Panel(
        "table", "Sessions", [Query(statement, table=True)], mappings=[VERDICTS],
        overrides=[
            _linked("session", link),
            Override("duration_s", {"unit": "dtdurations"}, "byName"),
            Override("ended_ms", {"custom.hidden": True}, "byName"),
            Override("verdict", {"custom.cellOptions": {"type": "color-text"}}, "byName"),
        ],
    )  # fmt: skip


def _session_link(bench: str, session: str, start: str, end: str = "") -> str:
    end = f"&to={end}" if end else ""
    return f"/d/{names.dashboard_uid(bench, 'overview')}?var-session={session}&from={start}{end}"


def _linked(column: str, url: str) -> Override:
    return Override(column, {"links": [{"title": "show this session", "url": url}]}, "byName")


def _widths(**columns: int) -> list[Override]:
    return [Override(column, {"custom.width": width}, "byName") for column, width in columns.items()]
