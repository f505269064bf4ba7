"""Every query of every panel, variable, mark and alert, asked of a real InfluxDB that a run has filled."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hil_tests.forward.sessions import forward
from hil_tests.support.influxdb import Influxd, influxd, shim
from hil_tests.system.processes import RIG, testbed
from testbed.bench import Bench, Influxdb, load_bench
from testbed.session.file import SessionReader
from testbed.session.grafana import alert_rules, dashboards

from .trouble import record_trouble

pytestmark = pytest.mark.needs_system("influxd")

BENCH = load_bench(RIG, {})


class Filled(NamedTuple):
    """A database that holds a run in order and one full of trouble."""

    server: Influxd
    start_ns: int
    end_ns: int

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Ask as Grafana does, once it has filled in what it shows."""
        time = f"time >= {self.start_ns} AND time <= {self.end_ns}"
        statement = statement.replace("$timeFilter", time).replace("$__interval", "1s")
        statement = re.sub(r"\$(session|device)", ".*", statement)
        assert "$" not in statement.replace("$/", "")
        return self.server.rows("hil", statement)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Filled]:
    folder: Path = tmp_path_factory.mktemp("grafana")
    run, trouble = folder / "run.session", folder / "trouble.session"
    result = testbed("run", RIG, "--virtual", "--for", "30s", "--session", run)
    assert result.returncode == 0, result.stderr
    with SessionReader(run) as session:
        start_ns, end_ns = session.span()
    record_trouble(BENCH, trouble, start_ns + 10_000_000_000)
    with influxd(folder) as server, shim(server) as front:
        server.create("hil")
        for path in (run, trouble):
            asyncio.run(forward(path, Influxdb(front.url, "", "hil")))
        yield Filled(server, start_ns, end_ns)


def panel_queries(bench: Bench) -> Iterator[Any]:
    for page in dashboards(bench):
        for panel in page.panels:
            for number, query in enumerate(panel.queries):
                yield pytest.param(query.statement, id=f"{page.uid}: {panel.title} {number}")


def other_queries(bench: Bench) -> Iterator[Any]:
    for page in dashboards(bench):
        for variable in page.variables:
            yield pytest.param(variable.statement, id=f"{page.uid}: variable {variable.name}")
        for annotation in page.annotations:
            yield pytest.param(annotation.statement, id=f"{page.uid}: mark {annotation.name}")
    for rule in alert_rules(bench)["groups"][0]["rules"]:
        yield pytest.param(rule["data"][0]["model"]["query"], id=f"alert {rule['title']}")


@pytest.mark.parametrize("statement", list(panel_queries(BENCH)))
def test_every_panel_shows_data(filled, statement):
    rows = filled.rows(statement)
    values = [value for row in rows for name, value in row.items() if name != "time"]
    assert any(value is not None for value in values), statement


@pytest.mark.parametrize("statement", list(other_queries(BENCH)))
def test_every_choice_mark_and_alert_finds_data(filled, statement):
    assert filled.rows(statement), statement


def test_a_mark_holds_the_link_to_its_session_and_time(filled):
    page = dashboards(BENCH)[0]
    faults = next(each for each in page.annotations if each.name == "Faults")
    rows = filled.rows(faults.statement)
    assert len(rows) == len(BENCH.devices)
    assert all("var-session=2026-11-23T04:05:06.789Z" in row["mark"] for row in rows)
    assert all(f'<a href="/d/{page.uid}?' in row["mark"] for row in rows)


def test_a_curve_keeps_the_spikes_that_its_mean_hides(filled):
    page = next(each for each in dashboards(BENCH) if each.uid == "thermal-rig-scpi-thermometer")
    query = next(panel.queries[0] for panel in page.panels if panel.title == "$device.temperature")
    in_trouble = [row for row in filled.rows(query.statement) if row["min"] == 0.0]
    assert in_trouble
    assert all(row["min"] < row["mean"] < row["max"] for row in in_trouble)


def test_a_variable_lists_what_may_be_chosen(filled):
    page = next(each for each in dashboards(BENCH) if each.uid == "thermal-rig-scpi-thermometer")
    session, device = page.variables
    assert [row["value"] for row in filled.rows(device.statement)] == ["probe"]
    assert len(filled.rows(session.statement)) == 2
