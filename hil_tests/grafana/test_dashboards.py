"""The JSON of the dashboards: free of errors by the linter, the same every time, made from the profiles."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from hil_tests.system.processes import RIG, ROOT, testbed
from testbed.bench import Bench, load_bench
from testbed.session.grafana import SOURCE_UID, dashboards, files_of, lint
from testbed.session.grafana.units import grafana_unit, is_known

GRAFANA = ROOT / "grafana"


@pytest.fixture(scope="module")
def bench() -> Bench:
    return load_bench(RIG, {})


@pytest.fixture
def pages(bench: Bench) -> dict[str, Any]:
    return {page.uid: copy.deepcopy(page.as_json()) for page in dashboards(bench)}


def panels_of(page: Any) -> dict[str, Any]:
    return {panel["title"]: panel for panel in page["panels"]}


def test_there_is_an_overview_a_page_for_each_type_of_device_one_for_loops_and_one_for_twins(pages):
    assert list(pages) == [
        "thermal-rig-overview", "thermal-rig-modbus-thermal-chamber", "thermal-rig-scpi-thermometer",
        "thermal-rig-cobs-fan-driver", "thermal-rig-ble-environmental-sensing",
        "thermal-rig-lorawan-vent-valve", "thermal-rig-loops", "thermal-rig-twins",
    ]  # fmt: skip


def test_they_are_free_of_errors(pages):
    assert lint(pages.values()) == []


def test_units_limits_and_the_safe_value_come_from_the_profile(pages):
    duty = panels_of(pages["thermal-rig-modbus-thermal-chamber"])["$device.heater_duty"]
    defaults = duty["fieldConfig"]["defaults"]
    assert defaults["unit"] == "percent"
    assert [(step["value"], step["color"]) for step in defaults["thresholds"]["steps"]] == [
        (None, "transparent"), (0.0, "blue"), (0.0, "red"), (100.0, "red"),
    ]  # fmt: skip
    assert duty["description"] == (
        "Heater power. Limits 0 to 100 % (red). At most 500 % a second. Safe value 0 % (blue)."
    )


def test_a_line_breaks_where_samples_that_were_promised_did_not_come(pages):
    panels = panels_of(pages["thermal-rig-modbus-thermal-chamber"])

    def gap(signal: str) -> object:
        return panels[f"$device.{signal}"]["fieldConfig"]["defaults"]["custom"]["spanNulls"]

    assert (gap("temperature"), gap("load_temperature"), gap("heater_duty")) == (1000, 2500, True)


def test_a_bench_without_loops_and_models_has_no_pages_for_them(tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(
        'bench: "my bench"\ndevices: {p: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}}\n'
    )
    made = [page.as_json() for page in dashboards(load_bench(file, {}))]
    assert [page["uid"] for page in made] == ["my-bench-overview", "my-bench-scpi-thermometer"]
    assert lint(made) == []


def test_names_that_would_break_out_of_a_query_stay_in_their_quotes(tmp_path):
    file = tmp_path / "bench.yaml"
    file.write_text(
        'bench: "it\'s \\"the\\" rig"\ndevices: {p: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}}\n'
    )
    made = [page.as_json() for page in dashboards(load_bench(file, {}))]
    assert lint(made) == []
    assert """"bench" = 'it\\'s "the" rig'""" in json.dumps(made, ensure_ascii=False).replace(
        '\\"', '"'
    ).replace("\\\\", "\\")


def test_the_same_bench_gives_the_same_bytes_in_every_process(bench):
    script = (
        "import sys, hashlib; from pathlib import Path; from testbed.bench import load_bench;"
        "from testbed.session.grafana import files_of;"
        "print(hashlib.sha256(repr(files_of(load_bench(Path(sys.argv[1]), {}))).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script, str(RIG)],
            env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1


def test_what_stands_in_the_repository_is_what_is_made(bench):
    made = files_of(bench)
    there = {
        str(path.relative_to(GRAFANA))
        for folder in ("dashboards", "provisioning/alerting")
        for path in (GRAFANA / folder).iterdir()
    }
    assert there == set(made)
    stale = [name for name, text in made.items() if (GRAFANA / name).read_text() != text]
    assert not stale, "run: make grafana"


def test_the_command_writes_them_and_says_where(tmp_path):
    result = testbed("grafana", RIG, "-o", tmp_path / "out", "--json")
    assert (result.returncode, result.stderr) == (0, "")
    told = json.loads(result.stdout)
    assert "thermal-rig-overview" in told["dashboards"]
    assert all(Path(name).is_file() for name in told["files"])
    (tmp_path / "file").write_text("no folder")
    assert testbed("grafana", RIG, "-o", tmp_path / "file").returncode == 2


# The linter ---------------------------------------------------------------------------------------


def spoil(page: Any, what: str) -> None:
    panel = next(each for each in page["panels"] if each["type"] == "timeseries")
    target = panel["targets"][0]
    match what:
        case "uid":
            page["uid"] = "not a uid!"
        case "refId":
            panel["targets"].append({**target})
        case "overlap":
            panel["gridPos"] |= {"x": 0, "y": 0}
        case "grid":
            panel["gridPos"]["x"] = 20
        case "source":
            target["datasource"] = {"type": "influxdb", "uid": "elsewhere"}
        case "unit":
            panel["fieldConfig"]["defaults"]["unit"] = "furlong"
        case "variable":
            target["query"] += " AND $nowhere"
        case "empty":
            target["query"] = " "
        case "override":
            panel["fieldConfig"]["overrides"].append(
                {"matcher": {"id": "byFrameRefID", "options": "Z"}, "properties": []}
            )
        case "thresholds":
            panel["fieldConfig"]["defaults"]["thresholds"]["steps"] += [
                {"color": "red", "value": value} for value in (1.0, 0.0)
            ]
        case "id":
            panel["id"] = page["panels"][0]["id"]
        case "link":
            panel["fieldConfig"]["overrides"].append(
                {"matcher": {"id": "byName", "options": "x"},
                 "properties": [{"id": "links", "value": [{"title": "x", "url": "/d/nowhere?x=1"}]}]}
            )  # fmt: skip
        case "annotation":
            page["annotations"]["list"][0]["target"]["query"] = "SELECT 1"
        case "repeat":
            panel["repeat"] = "nothing"


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("uid", "its uid is not"), ("refId", "its queries are called"), ("overlap", "lies over"),
        ("grid", "leaves the grid"), ("source", "does not use the data source"),
        ("unit", "unit 'furlong' is unknown"), ("variable", "uses $nowhere"), ("empty", "is empty"),
        ("override", "for query Z"), ("thresholds", "do not rise"), ("id", "panels have the id"),
        ("link", "leads to nowhere"), ("annotation", "asks two different things"),
        ("repeat", "repeated for $nothing"),
    ],
)  # fmt: skip
def test_the_linter_finds(pages, what, words):
    spoil(pages["thermal-rig-scpi-thermometer"], what)
    found = lint(pages.values())
    assert any(words in problem for problem in found), found


def test_two_dashboards_of_one_uid_are_found(pages):
    pages["thermal-rig-loops"]["uid"] = "thermal-rig-twins"
    assert "thermal-rig-twins: 2 dashboards have this uid" in lint(pages.values())


def test_a_unit_that_grafana_does_not_know_is_shown_as_it_stands_in_the_profile():
    assert (grafana_unit("degC"), grafana_unit("furlong"), grafana_unit("")) == (
        "celsius",
        "suffix:furlong",
        "none",
    )
    assert is_known(grafana_unit("furlong"))


# What stands around the dashboards ----------------------------------------------------------------


def read(name: str) -> Any:
    return yaml.safe_load((GRAFANA / name).read_text())


def test_the_images_are_pinned_to_exact_versions_and_listen_on_this_machine_only():
    services = read("docker-compose.yml")["services"]
    assert {service["image"] for service in services.values()} == {
        "influxdb:2.7.11",
        "grafana/grafana:11.6.0",
    }
    ports = [port for service in services.values() for port in service["ports"]]
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_secret_stands_in_any_file():
    for path in GRAFANA.rglob("*"):
        if path.is_file() and path.suffix != ".json":
            for line in path.read_text().splitlines():
                if any(
                    word in line.upper() for word in ("TOKEN", "PASSWORD")
                ) and not line.lstrip().startswith("#"):
                    assert "$" in line or line.rstrip().endswith(":"), f"{path.name}: {line}"


def test_the_data_source_is_the_one_that_the_dashboards_use():
    (source,) = read("provisioning/datasources/influxdb.yaml")["datasources"]
    assert (source["uid"], source["type"]) == (SOURCE_UID, "influxdb")
    assert source["url"].startswith("http://influxdb:8086")


def test_every_file_that_is_mounted_or_named_is_there():
    compose = read("docker-compose.yml")
    for service in compose["services"].values():
        for volume in service["volumes"]:
            place = volume.split(":")[0]
            assert place in compose["volumes"] or (GRAFANA / place).exists(), place
    (provider,) = read("provisioning/dashboards/testbed.yaml")["providers"]
    targets = [v.split(":")[1] for v in compose["services"]["grafana"]["volumes"]]
    assert provider["options"]["path"] in targets


def test_alert_rules_stand_on_queries_and_steps_that_are_there(bench):
    for path in (GRAFANA / "provisioning/alerting").glob("*.yaml"):
        (group,) = yaml.safe_load(path.read_text())["groups"]
        uids = [rule["uid"] for rule in group["rules"]]
        assert len(set(uids)) == len(uids)
        titles = {rule["title"] for rule in group["rules"]}
        assert {"probe is offline", "loop hold acted safe", "chamber.temperature is above 85 degC"} <= titles
        for rule in group["rules"]:
            steps = {step["refId"]: step for step in rule["data"]}
            assert rule["condition"] in steps
            for step in steps.values():
                assert step["datasourceUid"] in (SOURCE_UID, "__expr__")
                assert step["model"].get("expression", "A") in steps
                assert step["model"]["refId"] == step["refId"]
