"""Commands over a broker that is killed: what was acknowledged was applied, and applied once."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from hil_tests.support import DriverLog, eventually, make_device, run_driver
from testbed.bench.wires import Wire, parse_wire
from testbed.clock import SystemClock
from testbed.drivers import LinkState
from testbed.drivers.mqtt.outbox import Outbox
from testbed.emulators import EmulatedDevice, EmulatorContext, Store
from testbed.emulators.broker import Broker, find_mosquitto, open_broker
from testbed.emulators.mqtt import MqttDevice
from testbed.emulators.places import SystemPlaces
from testbed.errors import LinkError
from testbed.links import Direction
from testbed.links.messages import decode_message
from testbed.signals import Command, Outcome, Verdict

needs_mosquitto = pytest.mark.needs_system("mosquitto")

VALVE = "mqtt/valve-controller"
PATH = "/hall/valve"


class Valve:
    """An emulated valve controller at any broker, with all that it applied."""

    def __init__(self, folder: Path, clock: SystemClock) -> None:
        self.device = make_device(VALVE, f"mqtt://127.0.0.1:1{PATH}")
        self.store = Store(self.device)
        self.applied: list[float] = []
        self.store.watch(lambda name, value: self.applied.append(value))
        context = EmulatorContext(clock, random.Random(2), SystemPlaces(folder))
        self.emulated = MqttDevice(EmulatedDevice(self.device, self.store), context)

    @contextlib.asynccontextmanager
    async def at(self, port: int) -> AsyncIterator[None]:
        """Be a client of the broker at a port while the block runs."""
        task = asyncio.create_task(self.emulated.run(Wire("mqtt", "127.0.0.1", port), asyncio.Event()))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def persisting_mosquitto(folder: Path, port: int) -> AsyncIterator[int]:
    """Run Mosquitto as distributions ship it, with its default persistence; yields its process id."""
    binary = find_mosquitto()
    assert binary is not None
    (folder / "broker.conf").write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\nuser root\n"
        f"persistence true\npersistence_location {folder}/\n"
    )
    process = await asyncio.create_subprocess_exec(
        binary, "-c", str(folder / "broker.conf"), stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process.pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@needs_mosquitto
async def test_over_a_broker_killed_again_and_again_no_acknowledged_command_is_lost_or_applied_twice(
    tmp_path: Path,
) -> None:
    clock, commands = SystemClock(), list[Command]()
    (tmp_path / "broker").mkdir()
    async with open_broker(tmp_path) as free:
        port = free.port  # one that nobody else has
    valve = Valve(tmp_path, clock)
    wire = parse_wire(f"mqtt://127.0.0.1:{port}{PATH}")
    async with valve.at(port), run_driver(replace(valve.device, wire=wire), wait_online=False) as log:
        for life in range(4):
            async with persisting_mosquitto(tmp_path / "broker", port) as pid:
                await online(log)
                commands += [log.command("opening", 25.0 * life + 0.5 * each) for each in range(40)]
                # Somewhere in the middle of them, another place each time.
                await some_settled(commands, 50 * life)
                os.kill(pid, signal.SIGKILL)
            await eventually(lambda: not is_online(log), "the loss")
        async with persisting_mosquitto(tmp_path / "broker", port):
            await eventually(lambda: settled(commands) == len(commands), "every outcome", 20)
    outcomes = Counter(command.outcome for command in commands)
    assert outcomes == {Outcome.ACKNOWLEDGED: 160}, [each.reason for each in commands if each.reason]
    assert valve.applied == [command.value for command in commands]  # all of them, once, in their order
    sent = [json.loads(decode_message(data)[1])["id"] for _, way, data in log.frames if way is Direction.TX]
    assert len(sent) > len(set(sent)) == 160  # some went out again, under their own ids
    clock.close()


def settled(commands: list[Command]) -> int:
    return sum(not command.pending for command in commands)


async def some_settled(commands: list[Command], count: int) -> None:
    await eventually(lambda: settled(commands) >= count, f"{count} outcomes")


def is_online(log: DriverLog) -> bool:
    return log.driver is not None and log.driver.state is LinkState.ONLINE


async def online(log: DriverLog) -> None:
    await eventually(lambda: is_online(log), "the driver online", 20)


@contextlib.asynccontextmanager
async def at_a_broker(folder: Path) -> AsyncIterator[tuple[Broker, Valve, DriverLog]]:
    clock = SystemClock()
    async with open_broker(folder) as broker:
        valve = Valve(folder, clock)
        wire = parse_wire(f"mqtt://127.0.0.1:{broker.port}{PATH}")
        async with valve.at(broker.port), run_driver(replace(valve.device, wire=wire)) as log:
            yield broker, valve, log
    clock.close()


@needs_mosquitto
async def test_a_command_that_comes_twice_is_applied_once_and_acknowledged_again(tmp_path: Path) -> None:
    async with at_a_broker(tmp_path) as (_, valve, log):
        command = log.command("opening", 40.0)
        await eventually(lambda: not command.pending, "the outcome")
        topic, payload = next(decode_message(data) for _, way, data in log.frames if way is Direction.TX)
        valve.emulated._received(0, topic, payload)
        ack = "hall/valve/ack"
        await eventually(
            lambda: [decode_message(data)[0] for _, _, data in log.frames].count(ack) == 2, "two of them"
        )
        assert valve.applied == [40.0]
        assert command.outcome is Outcome.ACKNOWLEDGED


@needs_mosquitto
async def test_a_device_that_refuses_says_why(tmp_path: Path) -> None:
    async with at_a_broker(tmp_path) as (_, valve, log):
        valve.emulated.refusing = "local control"
        command = log.command("opening", 40.0)
        await eventually(lambda: not command.pending, "the outcome")
        assert (command.outcome, command.reason) == (Outcome.FAILED, "the device refused it: local control")
        assert valve.applied == []


@needs_mosquitto
async def test_without_an_acknowledgement_in_time_it_has_failed(tmp_path: Path) -> None:
    async with at_a_broker(tmp_path) as (_, valve, log):
        valve.emulated.mute = True
        command = log.command("opening", 40.0)
        await eventually(lambda: not command.pending, "the outcome")
        assert (command.outcome, command.reason) == (Outcome.FAILED, "no acknowledgement within 3 s")


# The outbox by itself -------------------------------------------------------------------------------


def command(clock: SystemClock, value: float, within_s: float = 10.0) -> Command:
    now = clock.now()
    return Command(0, value, "test", now, now + round(within_s * 1e9), verdict=Verdict.ALLOWED)


async def test_what_is_left_is_sent_again_in_order_but_for_what_came_too_late() -> None:
    clock, sent = SystemClock(), list[tuple[str, float]]()
    outbox = Outbox(clock, lambda each, name, _: sent.append((name, each.value)), 5.0, 5.0)
    outbox.resume()
    first, late, last = command(clock, 1.0), command(clock, 2.0, 0.0), command(clock, 3.0)
    for name, each in zip("abc", (first, late, last), strict=True):
        outbox.submit(each, name)
    outbox.lost("gone")
    outbox.lost("gone")  # as each attempt to connect ends that fails
    outbox.resume()
    assert sent[3:] == [("a", 1.0), ("c", 3.0)]
    assert late.outcome is Outcome.EXPIRED
    assert outbox.settle("a", Outcome.ACKNOWLEDGED)
    assert not outbox.settle("a", Outcome.ACKNOWLEDGED)
    outbox.fail_all("the end")
    assert (first.outcome, last.outcome) == (Outcome.ACKNOWLEDGED, Outcome.FAILED)
    assert "may still have reached" in last.reason
    clock.close()


async def test_without_time_to_send_again_all_fails_with_the_loss() -> None:
    clock = SystemClock()
    outbox = Outbox(clock, lambda each, name, wait_s: None, 5.0, 0.0)
    outbox.resume()
    only = command(clock, 1.0)
    outbox.submit(only, "a")
    outbox.lost("the connection ended")
    assert only.outcome is Outcome.FAILED
    assert only.reason.startswith("the connection ended")
    clock.close()


async def test_a_connection_that_does_not_come_back_ends_a_command_in_time() -> None:
    clock = SystemClock()
    outbox = Outbox(clock, lambda each, name, wait_s: None, 5.0, 0.05)
    outbox.resume()
    only = command(clock, 1.0)
    outbox.submit(only, "a")
    outbox.lost("gone")
    await eventually(lambda: not only.pending, "the end of it")
    assert only.outcome is Outcome.FAILED
    clock.close()


async def test_what_cannot_be_sent_again_has_failed() -> None:
    clock, sent = SystemClock(), list[str]()

    def send(each: Command, name: str, wait_s: float) -> None:
        if sent:
            raise LinkError("the broker is too slow")
        sent.append(name)

    outbox = Outbox(clock, send, 5.0, 5.0)
    outbox.resume()
    only = command(clock, 1.0)
    outbox.submit(only, "a")
    outbox.lost("gone")
    outbox.resume()
    assert (only.outcome, only.reason.partition(";")[0]) == (Outcome.FAILED, "the broker is too slow")
    clock.close()
