"""Only an integrated twin writes its device, and no other: what it may not write never reaches the wire."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hil_tests.support.by_hand import run_by_hand
from hil_tests.support.wrong_commands import RIG, without_hold
from testbed.bench import TwinLevel, load_bench
from testbed.clock import VirtualClock
from testbed.session.assembly import Assembly
from testbed.session.file import SessionReader
from testbed.signals import Command, Outcome

DUTY = 30.0  # %


def written(path: Path, twin: str, level: TwinLevel) -> tuple[Command, set[bytes], float]:
    """Let a twin write the heater; return its command, what went to the chamber, and how warm it got."""
    bench = without_hold(load_bench(RIG, {}))
    chamber = replace(bench.twins["chamber"], level=level)
    bench = replace(bench, twins={**bench.twins, "chamber": chamber})
    heater, air = (bench.by_path[f"chamber.{name}"] for name in ("heater_duty", "temperature"))
    given: list[Command] = []

    async def hands(parts: Assembly, clock: VirtualClock) -> None:
        given.append(await parts.commander.ask(heater, DUTY, f"twin {twin}"))
        await clock.sleep(5.0)
        given[0].reason = given[0].reason or str(parts.mirror.readings[air.id].good_value)

    run_by_hand(bench, path, hands)
    with SessionReader(path) as session:
        warm = [each.value for each in session.samples([session.signal(air.path).id])]
        sent = {bytes(frame.data) for frame in session.frames("chamber") if frame.direction == 1}
    return given[0], sent, max(warm)


def register_writes(sent: set[bytes]) -> list[bytes]:
    """Return the Modbus requests that write registers (function 16), without the setpoint's."""
    return [frame for frame in sent if frame[7] == 16 and frame[8:10] == b"\x00\x00"]


def test_an_integrated_twin_writes_its_device(tmp_path: Path) -> None:
    command, sent, warm = written(tmp_path / "a.session", "chamber", TwinLevel.INTEGRATED)
    assert command.outcome is Outcome.ACKNOWLEDGED
    assert register_writes(sent)
    assert warm > 30


@pytest.mark.parametrize(
    ("twin", "level", "told"),
    [
        (
            "chamber",
            TwinLevel.SIMULATION,
            "the twin chamber is declared simulation; only an integrated one may",
        ),
        ("chamber", TwinLevel.MIRROR, "is declared mirror; only an integrated one may"),
        ("fan", TwinLevel.INTEGRATED, "chamber.heater_duty is no signal of the twin fan"),
        ("nobody", TwinLevel.INTEGRATED, "chamber.heater_duty is no signal of the twin nobody"),
    ],
)
def test_what_a_twin_may_not_write_never_reaches_the_wire(
    tmp_path: Path, twin: str, level: TwinLevel, told: str
) -> None:
    command, sent, warm = written(tmp_path / "a.session", twin, level)
    assert command.outcome is Outcome.REFUSED
    assert told in command.reason
    # The safe value at the end of the run is the only one that the heater is ever told.
    assert all(frame.endswith(b"\x00\x00\x00\x00") for frame in register_writes(sent))
    assert warm < 23
