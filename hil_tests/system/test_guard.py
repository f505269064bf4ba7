"""The guard on the demo bench: whatever asks for it, no command that is objected to reaches the wire."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from testbed.session.file import SessionReader
from testbed.signals import Command, Verdict

from .processes import RIG, testbed

DUTY = "chamber.heater_duty"


def run(folder: Path, guard: dict[str, Any]) -> Path:
    """Run the demo bench with a guard for a minute of virtual time; returns its session."""
    bench = yaml.safe_load(RIG.read_text()) | {"guard": guard}
    file, session = folder / "bench.yaml", folder / "a.session"
    file.write_text(yaml.safe_dump(bench))
    done = testbed("run", file, "--virtual", "--for", "60s", "--session", session, "--json")
    assert done.returncode in (0, 1), done.stderr
    return session


def commands(session: Path, path: str) -> list[Command]:
    with SessionReader(session) as reader:
        number = next(signal.id for signal in reader.signals if signal.path == path)
        return [command for command in reader.commands() if command.signal == number]


def test_while_an_interlock_is_tripped_only_the_safe_value_reaches_the_wire(tmp_path: Path) -> None:
    limits = {"when": "probe.temperature above 45 degC", "reset": "probe.temperature below 40 degC"}
    session = run(tmp_path, {"interlocks": {"hot": {**limits, "holds": [DUTY]}}})
    with SessionReader(session) as reader:
        told = [(event.time_ns, event.text) for event in reader.events() if event.kind == "interlock"]
    assert len(told) > 4, "it trips and lets go, again and again"
    spans = zip(told[::2], told[1::2], strict=False)
    heating = [command for command in commands(session, DUTY) if command.sent_ns and command.value > 0]
    assert heating
    for (tripped_ns, trips), (open_ns, opens) in spans:
        assert ("trips" in trips, "lets go" in opens) == (True, True)
        assert not [command for command in heating if tripped_ns <= command.sent_ns < open_ns]
    held = [command for command in commands(session, DUTY) if command.verdict is Verdict.HELD]
    assert held
    assert not any(command.sent_ns for command in held)


def test_a_run_with_interlocks_replays_and_why_tells_what_held_a_command(tmp_path: Path) -> None:
    session = run(
        tmp_path, {"interlocks": {"hot": {"when": "probe.temperature above 45 degC", "holds": [DUTY]}}}
    )
    assert testbed("replay", session).returncode == 0
    held = next(command for command in commands(session, DUTY) if command.verdict is Verdict.HELD)
    with SessionReader(session) as reader:
        start_ns, _ = reader.span()
    at = f"+{(held.time_ns - start_ns) / 1e9 + 1e-4:.4f}s"
    told = testbed("why", session, f"{DUTY}@{at}", "--json")
    assert told.returncode == 0, told.stderr
    assert "interlock hot keeps it at its safe value" in json.dumps(json.loads(told.stdout))


def test_a_day_at_work_is_no_deviation_from_habit(tmp_path: Path) -> None:
    session = run(tmp_path, {"habit": {}})
    assert {command.verdict for command in commands(session, DUTY)} == {Verdict.ALLOWED}


def test_a_wrong_section_is_told_with_its_place(tmp_path: Path) -> None:
    bench = yaml.safe_load(RIG.read_text())
    bench["guard"] = {
        "interlocks": {"a": {"when": "chamber.door_opn", "holds": ["chamber.heater_dty"]}},
        "policy": {"interlock": "clamp"},
    }
    file = tmp_path / "bench.yaml"
    file.write_text(yaml.safe_dump(bench))
    done = testbed("check", file)
    assert done.returncode == 2
    for told in (
        "chamber has no signal 'door_opn' (did you mean 'door_open'?)",
        "chamber has no signal 'heater_dty' (did you mean 'heater_duty'?)",
        "clamp is no answer to interlock (use hold, refuse)",
    ):
        assert told in done.stderr, done.stderr
