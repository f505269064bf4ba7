"""A run in the hands of another process: what it commands, and what is left when it goes."""

from __future__ import annotations

import asyncio
import contextlib
import json
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hil_tests.support import eventually
from hil_tests.system.processes import RIG, emulated, rewired, testbed
from testbed.bench import load_bench
from testbed.errors import LinkError
from testbed.session.control_client import ControlClient, RequestRefused, control_client
from testbed.session.control_messages import Give, Look, Release, Renew, Reset, Stop, Take
from testbed.session.file import SessionReader
from testbed.session.run import Run

DUTY, SETPOINT = "chamber.heater_duty", "chamber.setpoint"


@pytest.fixture(scope="module")
def wires():
    with emulated(RIG, "chamber", "probe") as (_, wires):
        yield wires


@contextlib.asynccontextmanager
async def controlled(
    folder: Path, wires: dict[str, str], **changes: Any
) -> AsyncIterator[tuple[ControlClient, Path]]:
    """A run of two devices and a client of its control socket; ends both."""
    bench = load_bench(rewired(folder, wires, **changes), {})
    session, socket = folder / "run.session", folder / "control"
    run = Run(bench, session, seed=0, emulated=[], tell=lambda event: None, control=socket)
    task = asyncio.create_task(run.run(60.0))
    try:
        await eventually(socket.exists, "the control socket")
        async with control_client(socket) as client:
            await online(client)
            yield client, session
    finally:
        if not task.done():
            run.stop("the test is over")
        await task


async def online(client: ControlClient) -> None:
    for _ in range(100):
        with contextlib.suppress(RequestRefused):
            await client.ask(Release(lease=(await client.ask(take(SETPOINT))).lease))
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the chamber is not online")


def take(signal: str, seconds: float = 5.0) -> Take:
    return Take(signal=signal, who="alice", seconds=seconds)


async def test_a_command_goes_out_and_is_recorded_with_who_gave_it(tmp_path, wires):
    async with controlled(tmp_path, wires) as (client, session):
        lease = (await client.ask(take(SETPOINT))).lease
        assert (await client.ask(Give(lease=lease, value=45.0))).outcome == "acknowledged"
        refused = await client.ask(Give(lease=lease, value=900.0))
        assert (refused.outcome, "limits" in refused.reason) == ("refused", True)
        standing = (await client.ask(Look())).standing
        assert standing is not None
        assert [(held.signal, held.who) for held in standing.held] == [(SETPOINT, "alice")]
        assert standing.loops == {"hold": "automatic"}
        with pytest.raises(RequestRefused, match="in the hands of alice"):
            await client.ask(take(SETPOINT))
    by_hand = [command for command in commands(session) if command.requester == "alice by hand"]
    assert [(command.value, str(command.outcome)) for command in by_hand] == [
        (45.0, "acknowledged"),
        (900.0, "refused"),
    ]


async def test_a_loop_rests_while_its_actuator_is_in_hand(tmp_path, wires):
    async with controlled(tmp_path, wires) as (client, _):
        lease = (await client.ask(take(DUTY))).lease
        standing = (await client.ask(Look())).standing
        assert standing is not None
        assert standing.loops == {"hold": "manual"}
        await client.ask(Release(lease=lease))
        standing = (await client.ask(Look())).standing
        assert standing is not None
        assert standing.loops == {"hold": "automatic"}


async def test_an_actuator_goes_safe_when_the_process_that_holds_it_is_gone(tmp_path, wires):
    async with controlled(tmp_path, wires) as (client, session):
        async with control_client(tmp_path / "control") as other:
            lease = (await other.ask(take(SETPOINT))).lease
            await other.ask(Give(lease=lease, value=45.0))
        await eventually(lambda: last_value(session, SETPOINT) == 20.0, "the safe value")
        with pytest.raises(RequestRefused, match="has ended"):
            await client.ask(Renew(lease=lease))


async def test_stop_brings_everything_to_safety_and_ends_the_run(tmp_path, wires):
    async with controlled(tmp_path, wires) as (client, session):
        await client.ask(Stop(who="alice"))
        await client.ask(Stop(who="alice"))  # a second press is no hurry: safety is waited for
        await eventually(lambda: client.lost, "the run has ended", within=20)
        with pytest.raises(LinkError):
            await client.ask(Look())
    with SessionReader(session) as reader:
        assert reader.meta()["failures"] == []
        assert any("alice stops the run" in event.text for event in reader.events())
    safe = {c.signal: c.value for c in commands(session) if c.requester == "safe state"}
    assert sorted(safe.values()) == [0.0, 0.0, 20.0]


async def test_the_socket_is_private_and_answers_nonsense(tmp_path, wires):
    async with controlled(tmp_path, wires) as (client, _):
        socket = tmp_path / "control"
        assert stat.S_IMODE(socket.stat().st_mode) == 0o600
        reader, writer = await asyncio.open_unix_connection(str(socket))
        writer.write(
            b"garbage\n" + b'{"do": "fly"}\n' + b'{"do": "give", "lease": "x", "value": 1, "id": 7}\n'
        )
        told = [json.loads(await reader.readline()) for _ in range(3)]
        assert [("not understood" in each["error"]) for each in told] == [True, True, False]
        assert (told[2]["id"], "has ended" in told[2]["error"]) == (7, True)
        writer.write(b"x" * 100_000)
        assert await reader.read() == b""
        writer.close()
        assert (await client.ask(Look())).standing is not None


def commands(session: Path) -> list:
    with SessionReader(session) as reader:
        return list(reader.commands())


def last_value(session: Path, path: str) -> float | None:
    with SessionReader(session) as reader:
        newest = reader.newest().get(reader.signal(path).id)
    return newest.sample.value if newest else None


async def test_given_an_actuator_was_in_hand_then_a_replay_takes_it_in_hand_again(tmp_path, wires):
    async with controlled(tmp_path, wires) as (client, session):
        lease = (await client.ask(take(DUTY))).lease
        assert (await client.ask(Give(lease=lease, value=7.0))).outcome == "acknowledged"
        await client.ask(Release(lease=lease))
        await asyncio.sleep(0.5)  # the loop takes it back
    done = await asyncio.to_thread(testbed, "replay", session, "--json")
    assert done.returncode == 0, done.stdout
    assert [command.value for command in commands(session) if command.requester == "alice by hand"] == [7.0]


async def test_a_latched_interlock_holds_until_it_is_reset_and_only_when_it_may_be(tmp_path, wires):
    hot = {"when": "chamber.temperature above -50 degC", "holds": [DUTY], "latch": True}
    guard = {"interlocks": {"hot": hot}}
    async with controlled(tmp_path, wires, guard=guard) as (client, session):
        for _ in range(100):
            standing = (await client.ask(Look())).standing
            if standing is not None and standing.interlocks == {"hot": "tripped"}:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("the interlock does not trip")
        with pytest.raises(RequestRefused, match="above -50 degC' still holds"):
            await client.ask(Reset(interlock="hot", who="alice"))
        with pytest.raises(RequestRefused, match="no interlock is called 'cold'"):
            await client.ask(Reset(interlock="cold", who="alice"))
    with SessionReader(session) as reader:
        number = reader.signal(DUTY).id
        sent = {
            command.value for command in reader.commands() if command.signal == number and command.sent_ns
        }
    assert sent == {0.0}
