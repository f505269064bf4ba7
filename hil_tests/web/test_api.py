"""The HTTP API and its WebSocket, against recorded sessions and a run on real wires."""

from __future__ import annotations

import json
import time

import httpx
import pytest
import websockets
from prometheus_client.parser import text_string_to_metric_families

from hil_tests.system.readback import heater
from testbed.session.file import SessionReader

from .served import DUTY, SETPOINT, TOKENS, LiveRun, live_run, record, served, until, users_file

VERA, OLAF, ADA = ({"Authorization": f"Bearer {TOKENS[name]}"} for name in ("vera", "olaf", "ada"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sessions")
    record(folder / "a.session", 20)
    (folder / "broken.session").write_bytes(b"SQLite format 3\0" + b"?" * 200)
    return folder


@pytest.fixture(scope="module")
def recorded(folder):
    with served(folder) as address, httpx.Client(base_url=address, timeout=20) as client:
        yield client


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    folder = tmp_path_factory.mktemp("live")
    with live_run(folder, "--users", str(users_file(folder)), "--for", "100s", "--allow-faults") as run:
        until(lambda: controllable(run), "the run can be controlled")
        yield run


def controllable(run: LiveRun) -> bool:
    if not run.get("/api/state", headers=VERA).json()["controllable"]:
        return False
    lease = httpx.post(run.address + "/api/leases", json={"signal": SETPOINT}, headers=OLAF)
    if lease.status_code == 201:
        httpx.delete(f"{run.address}/api/leases/{lease.json()['lease']}", headers=OLAF)
    return lease.status_code == 201


# Recorded sessions ----------------------------------------------------------------------------------


def test_sessions_are_listed_and_damaged_ones_say_so(recorded):
    found = {each["session"]: each for each in recorded.get("/api/sessions").json()}
    assert set(found) == {"a", "broken"}
    assert found["broken"]["verdict"] == "damaged"
    assert found["a"]["duration_s"] == pytest.approx(20, abs=8)
    assert recorded.get("/api/sessions/broken").status_code == 422
    for path in ("/api/sessions/none", "/api/sessions/none/curves?signal=x.y", "/api/sessions/none/events"):
        assert recorded.get(path).status_code == 404


def test_a_session_is_told_as_show_tells_it(recorded):
    told = recorded.get("/api/sessions/a").json()
    assert told["signals"]["probe.temperature"]["unit"] == "degC"
    assert set(told["loops"]) == {"hold", "airflow", "dry"}


def test_signals_come_with_limits_and_the_newest_sample(recorded, folder):
    signals = {each["signal"]: each for each in recorded.get("/api/sessions/a/signals").json()}
    duty = signals["chamber.heater_duty"]
    assert (duty["limits"], duty["safe"], duty["access"]) == ([0, 100], 0, "write")
    with SessionReader(folder / "a.session") as reader:
        newest = reader.newest()[reader.signal("probe.temperature").id]
    probe = signals["probe.temperature"]
    assert (probe["samples"], probe["newest"]["value"]) == (newest.total, newest.sample.value)


def test_curves_are_thinned_and_zoomed(recorded, folder):
    with SessionReader(folder / "a.session") as reader:
        times, values, _ = reader.series(reader.signal("fan.speed").id)
    ask = {"signal": ["fan.speed", "probe.temperature"], "points": 100}
    found = recorded.get("/api/sessions/a/curves", params=ask).json()
    assert set(found) == {"fan.speed", "probe.temperature"}
    assert len(found["fan.speed"]["t"]) <= 104
    assert max(found["fan.speed"]["v"]) == max(values)
    near = {"signal": "fan.speed", "from_ns": times[500], "to_ns": times[509]}
    assert recorded.get("/api/sessions/a/curves", params=near).json()["fan.speed"]["v"] == list(
        values[500:510]
    )
    around = recorded.get("/api/sessions/a/curves", params={**near, "around": True}).json()
    assert around["fan.speed"]["v"] == list(values[499:511])


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 422),
        ("signal=no.such", 404),
        ("signal=fan.speed&points=1", 422),
        ("signal=fan.speed&from_ns=-1", 422),
        ("signal=fan.speed&to_ns=99999999999999999999999", 422),
        ("signal=fan.speed&from_ns=5&to_ns=2", 200),
    ],
)
def test_questions_that_make_no_sense_are_told_so(recorded, query, status):
    assert recorded.get(f"/api/sessions/a/curves?{query}").status_code == status


def test_a_note_stands_beside_the_session_and_leaves_it_as_it_is(recorded, folder):
    before = (folder / "a.session").read_bytes()
    note = {"time_ns": 10**18, "text": " <b>door</b> opened\nhere "}
    made = recorded.post("/api/sessions/a/notes", json=note)
    assert (made.status_code, made.json()["text"], made.json()["who"]) == (
        201,
        "<b>door</b> opened\nhere",
        "local",
    )
    assert recorded.get("/api/sessions/a/notes").json() == [made.json()]
    assert (folder / "a.session").read_bytes() == before
    assert json.loads((folder / "a.notes.jsonl").read_text())["time_ns"] == 10**18
    for wrong in ({"time_ns": 1}, {"time_ns": 1, "text": "  "}, {"time_ns": 1, "text": "x" * 3000}, {"x": 1}):
        assert recorded.post("/api/sessions/a/notes", json=wrong).status_code == 422


def test_nothing_can_be_controlled_where_nothing_runs(recorded):
    state = recorded.get("/api/state").json()
    nothing = {"loops": {}, "held": [], "interlocks": {}, "faults": [], "devices": {}}
    assert state == {"session": None, "verdict": None, "controllable": False, **nothing}
    assert recorded.post("/api/leases", json={"signal": SETPOINT}).status_code == 409
    assert metrics(recorded.get("/metrics").text)["testbed_up", ""] == 0


# A run ----------------------------------------------------------------------------------------------


def test_a_command_by_hand_reaches_the_device_and_the_recording(live):
    with httpx.Client(base_url=live.address, headers=OLAF, timeout=20) as client:
        lease = client.post("/api/leases", json={"signal": DUTY, "seconds": 20}).json()["lease"]
        until(lambda: client.get("/api/state").json()["loops"] == {"hold": "manual", "airflow": "automatic"},
              "the loop rests")  # fmt: skip
        held = client.get("/api/state").json()["held"]
        assert [(each["signal"], each["who"]) for each in held] == [(DUTY, "olaf")]
        # Refused while that would be faster than the heater may change after the loop's last command.
        command = lambda: client.post(f"/api/leases/{lease}/command", json={"value": 33.0}).json()  # noqa: E731
        until(lambda: command()["outcome"] == "acknowledged", "the command")
        assert heater(live.wires["chamber"])[0] == 33.0
        refused = client.post(f"/api/leases/{lease}/command", json={"value": 101.0}).json()
        assert (refused["outcome"], "limits" in refused["reason"]) == ("refused", True)
        assert client.put(f"/api/leases/{lease}").status_code == 204
        assert client.delete(f"/api/leases/{lease}").status_code == 204
        assert client.post(f"/api/leases/{lease}/command", json={"value": 1.0}).status_code == 409
    until(lambda: "olaf by hand" in requesters(live), "the recorded command")


def test_a_lease_belongs_to_who_took_it(live):
    lease = httpx.post(live.address + "/api/leases", json={"signal": SETPOINT}, headers=OLAF).json()["lease"]
    url = f"{live.address}/api/leases/{lease}"
    assert httpx.put(url, headers=ADA).status_code == 409
    assert httpx.post(url + "/command", json={"value": 1}, headers=VERA).status_code == 403
    assert httpx.post(live.address + "/api/leases", json={"signal": SETPOINT}, headers=ADA).status_code == 409
    assert httpx.delete(url, headers=OLAF).status_code == 204


def test_an_administrator_breaks_and_mends_and_others_may_not(live):
    url, state = live.address + "/api/faults", live.address + "/api/state"
    fault = {"device": "probe", "fault": "delay", "parameters": {"by": "5 ms"}}
    broken = lambda: [each["fault"] for each in httpx.get(state, headers=VERA).json()["faults"]]  # noqa: E731
    assert httpx.post(url, json=fault, headers=OLAF).status_code == 403
    assert httpx.post(url, json=fault, headers=ADA).status_code == 204
    until(lambda: broken() == ["delay"], "the fault")
    wrong = httpx.post(url, json={**fault, "fault": "dely"}, headers=ADA)
    assert (wrong.status_code, "did you mean 'delay'?" in wrong.json()["detail"]) == (409, True)
    assert httpx.delete(f"{url}/probe/delay", headers=OLAF).status_code == 403
    assert httpx.delete(f"{url}/probe/delay", headers=ADA).status_code == 204
    assert httpx.delete(f"{url}/probe/delay", headers=ADA).status_code == 409
    assert httpx.post(live.address + "/api/interlocks/none/reset", headers=OLAF).status_code == 409


def test_a_script_that_falls_silent_leaves_its_actuator_safe(live):
    lease = httpx.post(
        live.address + "/api/leases", json={"signal": SETPOINT, "seconds": 1}, headers=OLAF
    ).json()["lease"]
    command = f"{live.address}/api/leases/{lease}/command"
    assert httpx.post(command, json={"value": 44.0}, headers=OLAF).json()["outcome"] == "acknowledged"
    until(lambda: newest(live, SETPOINT) == 20.0, "the safe value")


async def test_the_socket_tells_what_is_new(live):
    url = live.address.replace("http", "ws") + "/api/live/live"
    async with websockets.connect(url, additional_headers=VERA, proxy=None) as socket:
        hello = json.loads(await socket.recv())
        assert hello["type"] == "hello"
        assert hello["newest"]["probe.temperature"][2] == "good"
        assert set(hello["standing"]["loops"]) == {"hold", "airflow"}
        times: list[float] = []
        loops: dict = {}
        for _ in range(12):
            message = json.loads(await socket.recv())
            times += message["samples"].get("probe.temperature", {"t": []})["t"]
            loops |= message.get("loops", {})
        assert len(times) > 8
        assert times == sorted(set(times))
        assert loops["hold"]["cycles"] > 0
        assert sum(count for _, count in loops["hold"]["lateness"]["bins"]) == loops["hold"]["cycles"]


def test_prometheus_reads_the_controller(live):
    found = metrics(live.get("/metrics", headers=VERA).text)
    assert found["testbed_up", "live"] == 1
    assert found["testbed_signal_quality", "probe.temperature"] == 0
    assert found["testbed_samples_total", "fan.speed"] > 10
    assert found["testbed_loop_cycles_total", "hold"] > 10
    assert found["testbed_loop_lateness_seconds_count", "hold"] == found["testbed_loop_cycles_total", "hold"]
    assert found["testbed_controller_cpu_seconds_total", ""] > 0
    assert found["testbed_controller_resident_bytes", ""] > 1e7


def test_stop_ends_the_run_with_every_actuator_safe(tmp_path):
    with live_run(tmp_path, "--users", str(users_file(tmp_path))) as run:
        until(lambda: heater(run.wires["chamber"])[0] > 5, "the heater heats")
        assert httpx.post(run.address + "/api/stop", headers=OLAF).status_code == 204
        run.process.wait(30)
        assert heater(run.wires["chamber"]) == (0.0, False)
    with SessionReader(run.session) as reader:
        assert any("olaf stops the run" in event.text for event in reader.events())


def test_the_page_ends_with_its_run_even_if_it_is_killed(tmp_path):
    with live_run(tmp_path) as run:
        until(lambda: run.get("/api/state").status_code == 200, "the page answers")
        run.process.kill()
        run.process.wait()
        until(lambda: refused(run), "the page has ended")


def refused(run: LiveRun) -> bool:
    try:
        run.get("/api/state")
    except httpx.TransportError:
        return True
    return False


def requesters(run: LiveRun) -> set[str]:
    with SessionReader(run.session) as reader:
        return {command.requester for command in reader.commands()}


def newest(run: LiveRun, path: str) -> float | None:
    time.sleep(0.1)
    signals = run.get("/api/sessions/live/signals", headers=VERA).json()
    return next(each["newest"]["value"] for each in signals if each["signal"] == path)


def metrics(text: str) -> dict[tuple[str, str], float]:
    """Return each sample by its name and the value of its first label."""
    return {
        (sample.name, next(iter(sample.labels.values()), "")): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
