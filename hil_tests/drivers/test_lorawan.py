"""The LoRaWAN driver: against the emulated network, and against a server that a test plays by hand."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import random
import signal
import tempfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from chirpstack_api.integration import integration_pb2 as schema

from hil_tests.support import DriverLog, Emulated, eventually, make_device, run_driver
from hil_tests.support.lorawan import (
    DEVICE,
    THING_WIRE,
    WIRE,
    HandPlayedServer,
    HandPlayedStack,
    hand_played,
    hand_played_stack,
    quick_profile,
)
from hil_tests.support.lorawan_field import Field, in_the_field, things_stack, valve
from testbed.bench.problems import BenchFileError
from testbed.bench.wires import parse_wire
from testbed.clock import SystemClock
from testbed.drivers import LinkState, driver_class
from testbed.drivers.downlinks import DownlinkQueue
from testbed.emulators import EmulatedDevice, EmulatorContext, Store
from testbed.emulators.broker import open_broker
from testbed.emulators.lorawan import Network
from testbed.emulators.lorawan.network import BROKER_PLUG
from testbed.emulators.places import SystemPlaces
from testbed.errors import UsageError
from testbed.links import Direction
from testbed.links.messages import decode_message
from testbed.protocols.lorawan.chirpstack import parse_downlink
from testbed.signals import Command, Outcome, Priority, Quality
from testbed.testing.contract import CommandContract


# The embedded broker would not do: its tasks come and go in the loop whose tasks the suite counts.
@pytest.mark.needs_system("mosquitto")
class TestContract(CommandContract):
    profile = quick_profile()
    wire = WIRE
    readable, value = "position", 42.5
    writable, wanted = "opening", 37.5
    absent = "chirpstack+mqtt://127.0.0.1:1/1/70b3d57ed0000001"

    async def unplug(self, emulated: Emulated) -> None:
        emulated.plugs[BROKER_PLUG].unplug()

    async def replug(self, emulated: Emulated) -> None:
        emulated.plugs[BROKER_PLUG].plug()


@pytest.mark.needs_system("mosquitto")
class TestThingsStack(TestContract):
    wire = THING_WIRE
    absent = THING_WIRE

    # Of the link and the frames alone, which are those of the class above.
    test_sample_times_never_lie_in_the_future_and_rise_for_each_signal = None  # type: ignore[assignment]
    test_on_a_broken_wire_it_lives_and_afterwards_nothing_old_is_heard = None  # type: ignore[assignment]


# A server played by hand ----------------------------------------------------------------------


@contextlib.asynccontextmanager
async def played(rate: str = "2.5 Hz") -> AsyncIterator[tuple[HandPlayedServer, DriverLog]]:
    async with hand_played() as (broker, server):
        device = make_device(quick_profile(rate), WIRE)
        wire = replace(device.wire, port=broker.port)
        async with run_driver(replace(device, wire=wire)) as log:
            yield server, log


async def handed_over(server: HandPlayedServer, count: int) -> None:
    await eventually(lambda: len(server.downlinks) == count, f"{count} downlinks")


async def test_before_the_first_uplink_there_are_no_samples() -> None:
    async with played() as (server, log):
        assert log.samples == []
        server.up(0)
        await eventually(lambda: log.good("battery"), "samples")
        assert [(s.value, s.quality) for s in log.of("position")] == [(42.5, Quality.GOOD)]
        assert log.good("battery")[0].value == 90.0


async def test_an_uplink_that_comes_twice_counts_once_and_a_gap_is_told() -> None:
    async with played() as (server, log):
        for f_cnt in (5, 5, 6, 9, 9, 10):
            server.up(f_cnt)
        await eventually(lambda: len(log.good("position")) == 4, "four uplinks")
        lost = [event.text for event in log.events if event.kind == "uplinks_lost"]
        assert lost == ["dut: 2 uplinks were lost before fCnt 9"]


async def test_a_device_that_joined_anew_counts_anew() -> None:
    async with played() as (server, log):
        server.up(0)
        server.up(0, dev_addr="0018943f")
        server.up(7, dev_addr="0018943f")
        server.up(1, dev_addr="0018943f")  # an ABP device that lost its power counts from the beginning
        await eventually(lambda: len(log.good("position")) == 4, "every uplink counted")
        assert [event.kind for event in log.events] == ["online", "uplinks_lost"]


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        (b"{", "JSON object"),
        (b'{"deviceInfo":{"devEui":"0000000000000000"}}', "devEui"),
        (b'{"data":"*"}', "base64"),
    ],
)
async def test_a_damaged_uplink_takes_the_values_away_and_the_link_stays(payload: bytes, words: str) -> None:
    async with played() as (server, log):
        server.raw("up", payload)
        server.up(1)
        await eventually(lambda: log.good("battery"), "the next good sample")
        for name in ("position", "battery"):
            bad = log.of(name)[0]
            assert bad.quality is Quality.BAD
            assert math.isnan(bad.value)
            assert words in bad.reason


async def test_a_short_payload_is_bad_with_both_lengths() -> None:
    async with played() as (server, log):
        server.up(0, b"\x55")
        await eventually(lambda: log.of("battery"), "a sample")
        assert log.of("battery")[0].reason == "fPort 2: expected at least 2 bytes, got 1 (55)"


async def test_an_uplink_on_a_port_that_nobody_knows_is_told_once() -> None:
    async with played() as (server, log):
        for f_cnt in range(3):
            server.up(f_cnt, b"\x01", f_port=7)
        server.up(3, b"", f_port=0)
        server.up(4)
        await eventually(lambda: log.good("position"), "a known port")
        assert log.kinds() == ["online", "unknown_port"]


async def test_a_damaged_event_of_another_kind_is_told_and_takes_no_value() -> None:
    async with played() as (server, log):
        server.raw("ack", b"{")
        server.raw("location", b"{")
        server.up(0)
        await eventually(lambda: log.good("position"), "a sample")
        assert log.kinds() == ["online", "malformed"]
        assert log.of("position")[0].quality is Quality.GOOD


async def test_three_missing_uplinks_take_the_values_away_once_and_the_next_brings_them_back() -> None:
    async with played() as (server, log):
        server.up(0)
        await eventually(lambda: len(log.of("position")) == 2, "the silence noticed")
        assert log.of("position")[1].reason == "no uplink for 1.2 s, expected every 0.4 s"
        server.up(1)
        await eventually(lambda: len(log.good("position")) == 2, "recovery")
        assert log.driver is not None
        assert log.driver.state is LinkState.ONLINE
        assert log.kinds() == ["online"]


# Commands -------------------------------------------------------------------------------------


async def test_a_command_is_a_confirmed_downlink_that_expires_when_we_give_it_up() -> None:
    async with played() as (server, log):
        command = log.command("opening", 33.0)
        await handed_over(server, 1)
        down = server.downlinks[0]
        assert (down.f_port, down.data, down.confirmed) == (10, b"\x42", True)
        assert log.driver is not None
        lifetime = (down.expires_ns - command.time_ns) / 1e9
        assert lifetime == pytest.approx(log.driver.command_timeout, abs=0.5)
        assert log.driver.command_timeout == pytest.approx(2 * 0.4 + 0.1 + 3)
        assert command.sent_ns > 0
        assert command.pending
        server.ack(down.id)
        await eventually(lambda: not command.pending, "the outcome")
        assert command.outcome is Outcome.ACKNOWLEDGED


async def test_the_tap_holds_the_downlink_and_the_uplink() -> None:
    async with played() as (server, log):
        log.command("opening", 33.0)
        await handed_over(server, 1)
        server.up(0)
        await eventually(lambda: log.good("position"), "a sample")
        (_, sent, down), (_, received, up) = log.frames
        assert (sent, received) == (Direction.TX, Direction.RX)
        assert parse_downlink(*decode_message(down)) == server.downlinks[0]
        assert decode_message(up)[0] == DEVICE.event("up")


async def test_a_refused_acknowledgement_fails_the_command() -> None:
    async with played() as (server, log):
        command = log.command("opening", 33.0)
        await handed_over(server, 1)
        server.ack("00000000-0000-4000-8000-000000000000")  # another's
        server.ack(server.downlinks[0].id, acknowledged=False)
        await eventually(lambda: not command.pending, "the outcome")
        assert (command.outcome, command.reason) == (Outcome.FAILED, "the device did not acknowledge it")


async def test_a_late_acknowledgement_of_a_command_that_was_given_up_settles_no_other() -> None:
    async with played() as (server, log):
        first, second = log.command("opening", 10), log.command("opening", 20)
        await handed_over(server, 1)
        server.ack(server.downlinks[0].id, acknowledged=False)
        await handed_over(server, 2)
        for item in (server.downlinks[0].id, "", "garbage"):
            server.ack(item)
        server.raw("ack", b"\xff garbage")
        server.up(0)
        await eventually(lambda: log.good("position"), "all of it read")
        assert (first.outcome, second.pending) == (Outcome.FAILED, True)
        server.ack(server.downlinks[1].id)
        await eventually(lambda: not second.pending, "the outcome")
        assert second.outcome is Outcome.ACKNOWLEDGED


async def test_a_servers_error_about_the_downlink_fails_the_command_with_its_words() -> None:
    async with played() as (server, log):
        command = log.command("opening", 33.0)
        await handed_over(server, 1)
        server.send("log", schema.LogEvent(level="WARNING", code="UPLINK_MIC", description="some noise"))
        server.send(
            "log",
            schema.LogEvent(
                level="ERROR",
                code="EXPIRED",
                description="too late",
                context={"queue_item_id": server.downlinks[0].id},
            ),
        )
        await eventually(lambda: not command.pending, "the outcome")
        assert (command.outcome, command.reason) == (Outcome.FAILED, "EXPIRED: too late")
        assert log.kinds() == ["online", "network_server"]


async def test_one_downlink_at_a_time_and_a_newer_command_supersedes_the_one_that_waits() -> None:
    async with played() as (server, log):
        first, second, third = (log.command("opening", value) for value in (10, 20, 30))
        assert second.outcome is Outcome.SUPERSEDED
        await handed_over(server, 1)
        assert first.pending
        server.ack(server.downlinks[0].id)
        await handed_over(server, 2)
        server.ack(server.downlinks[1].id)
        await eventually(lambda: not third.pending, "the last outcome")
        assert [down.data for down in server.downlinks] == [b"\x14", b"\x3c"]
        assert first.outcome is third.outcome is Outcome.ACKNOWLEDGED


async def test_a_command_that_cannot_be_is_refused_and_supersedes_nothing() -> None:
    async with played() as (_, log):
        log.command("opening", 10)
        waiting = log.command("opening", 20)
        too_much = log.command("opening", 1000)
        to_a_sensor = log.command("position", 1)
        assert too_much.outcome is to_a_sensor.outcome is Outcome.FAILED
        assert "opening" in too_much.reason
        assert "takes no commands" in to_a_sensor.reason
        assert waiting.pending


# The Things Stack -----------------------------------------------------------------------------

CLEARED = ("down/replace", b'{"downlinks":[]}')


@contextlib.asynccontextmanager
async def stacked() -> AsyncIterator[tuple[HandPlayedStack, DriverLog]]:
    async with hand_played_stack() as (broker, server):
        device = make_device(quick_profile(), THING_WIRE)
        wire = replace(device.wire, port=broker.port)
        async with run_driver(replace(device, wire=wire)) as log:
            yield server, log


async def pushed(server: HandPlayedStack, count: int) -> None:
    await eventually(lambda: len(server.downlinks) == count, f"{count} downlinks")


async def test_the_things_stack_s_uplinks_are_samples_the_first_one_has_no_counter() -> None:
    async with stacked() as (server, log):
        for f_cnt in (0, 0, 1, 4):
            server.up(f_cnt)
        await eventually(lambda: len(log.good("position")) == 3, "three uplinks")
        assert [sample.value for sample in log.good("battery")] == [90.0, 90.0, 90.0]
        lost = [event.text for event in log.events if event.kind == "uplinks_lost"]
        assert lost == ["dut: 2 uplinks were lost before fCnt 4"]


async def test_what_waits_at_the_things_stack_is_cleared_before_anything_is_sent() -> None:
    async with stacked() as (server, log):
        command = log.command("opening", 33.0)
        await pushed(server, 1)
        assert server.commands[0] == CLEARED  # an earlier run may have left something
        down = server.downlinks[0]
        assert (down.f_port, down.data, down.confirmed) == (10, b"\x42", True)
        server.about("sent", down.id)
        server.about("ack", "another's")
        server.about("ack", down.id)
        await eventually(lambda: not command.pending, "the outcome")
        assert command.outcome is Outcome.ACKNOWLEDGED
        assert len(server.commands) == 2


async def test_a_downlink_that_is_given_up_is_cleared_before_the_next_one_goes_out() -> None:
    async with stacked() as (server, log):
        first, second = log.command("opening", 10), log.command("opening", 20)
        await pushed(server, 1)
        server.about("nack", server.downlinks[0].id)  # the server itself would try it again
        await pushed(server, 2)
        assert (first.outcome, first.reason) == (Outcome.FAILED, "the device did not acknowledge it")
        assert [kind for kind, _ in server.commands] == ["down/replace", "down/push"] * 2
        error = {"name": "application_downlink_too_long", "message_format": "`{length}` bytes are too long"}
        ids = {"correlation_ids": [f"testbed:{server.downlinks[1].id}"]}
        failure = {"downlink": ids, "error": error | {"attributes": {"length": 51}}}
        server.send("down/failed", "downlink_failed", failure)
        await eventually(lambda: not second.pending, "the outcome")
        assert second.reason == "application_downlink_too_long: 51 bytes are too long"


def test_what_is_given_up_at_the_things_stack_never_moves_the_device() -> None:
    def deaf(field: Field) -> Any:
        node = field.member().device.node
        node.begins = lambda signal: False
        return node

    async def main(field: Field) -> None:
        node = deaf(field)
        log = DriverLog(field.clock)
        context = replace(log.context(), opener=field.board)
        device = replace(field.emulated["vent"].device, wire=parse_wire(field.wires["vent"]))
        driver = log.driver = driver_class("lorawan")(device, context)
        serving = asyncio.create_task(driver.run())
        await field.run(70)
        command = log.command("opening", 33.0)
        await field.run(200)
        assert (command.outcome, command.reason) == (Outcome.FAILED, "the device did not acknowledge it")
        del node.begins  # it hears again: the server would try a second time
        await field.run(200)
        assert log.command("opening", 44.0).pending
        await field.run(200)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    written: list[float] = []
    vent = things_stack("vent", valve())
    in_the_field(main, vent, lorawan={"devices": {"vent": {"adr": False}}}, written=written)
    assert written == [44.0]


# The queue's discipline -----------------------------------------------------------------------


class Desk:
    """A queue whose downlinks land here."""

    def __init__(self, clock: SystemClock, timeout: float = 60.0) -> None:
        self.clock = clock
        self.sent: list[Command] = []
        self.queue = DownlinkQueue(clock, self.hand_over, timeout)

    def hand_over(self, command: Command) -> str:
        if command.value < 0:
            raise ValueError("below zero")
        self.sent.append(command)
        return str(len(self.sent))

    def give(
        self, signal_id: int, value: float, priority: Priority = Priority.COMMAND, lives: int = 60
    ) -> Command:
        now_ns = self.clock.now()
        command = Command(signal_id, value, "test", now_ns, now_ns + lives * 10**9, priority=priority)
        self.queue.submit(command)
        return command

    def acknowledge(self) -> None:
        assert self.queue.settle(str(len(self.sent)), Outcome.ACKNOWLEDGED)


async def test_a_command_without_acknowledgement_fails_and_the_next_one_goes_out() -> None:
    desk = Desk(SystemClock(), timeout=0.2)
    first, second = desk.give(1, 10), desk.give(1, 20)
    await eventually(lambda: not first.pending, "the timeout")
    assert (first.outcome, first.reason) == (Outcome.FAILED, "no acknowledgement within 0.2 s")
    assert desk.sent == [first, second]
    assert second.pending
    assert not desk.queue.settle("1", Outcome.ACKNOWLEDGED), "an acknowledgement that comes too late"
    desk.acknowledge()
    desk.clock.close()


async def test_commands_of_different_signals_wait_side_by_side_in_order() -> None:
    desk = Desk(SystemClock())
    commands = [desk.give(signal_id, 1) for signal_id in (1, 2, 3)]
    for _ in commands:
        desk.acknowledge()
    assert desk.sent == commands
    desk.clock.close()


async def test_the_safe_state_supersedes_all_that_waits_but_never_another_safe_command() -> None:
    desk = Desk(SystemClock())
    flying, waiting, other = desk.give(1, 1), desk.give(1, 2), desk.give(2, 3)
    safe_1, safe_2 = desk.give(1, 0, Priority.SAFE), desk.give(2, 0, Priority.SAFE)
    assert waiting.outcome is other.outcome is Outcome.SUPERSEDED
    assert flying.pending
    later = desk.give(1, 9)
    assert safe_1.pending, "an ordinary command must not push the safe one aside"
    for _ in range(4):
        desk.acknowledge()
    assert desk.sent == [flying, safe_1, safe_2, later]
    desk.clock.close()


async def test_a_command_that_outlived_its_deadline_while_waiting_expires() -> None:
    desk = Desk(SystemClock())
    desk.give(1, 1)
    late = desk.give(2, 2, lives=-1)
    desk.acknowledge()
    assert late.outcome is Outcome.EXPIRED
    assert len(desk.sent) == 1
    desk.clock.close()


async def test_a_downlink_that_cannot_be_handed_over_fails_and_does_not_block_the_next() -> None:
    desk = Desk(SystemClock())
    refused, taken = desk.give(1, -1), desk.give(1, 1)
    assert (refused.outcome, refused.reason) == (Outcome.FAILED, "below zero")
    assert desk.sent == [taken]
    assert not desk.queue.settle("unknown", Outcome.ACKNOWLEDGED)
    desk.clock.close()


async def test_when_all_fails_nothing_waits_and_nothing_is_sent_again() -> None:
    desk = Desk(SystemClock())
    flying, waiting = desk.give(1, 1), desk.give(2, 2)
    desk.queue.fail_all("gone")
    assert (flying.outcome, flying.reason) == (Outcome.FAILED, "gone; it may still reach the device")
    assert (waiting.outcome, waiting.reason) == (Outcome.FAILED, "gone")
    assert desk.sent == [flying]
    desk.clock.close()


# The broker's death ---------------------------------------------------------------------------


@pytest.mark.needs_system("mosquitto")
async def test_when_the_broker_is_killed_and_comes_back_no_command_is_applied_twice() -> None:
    clock = SystemClock()
    device = make_device(quick_profile(), WIRE)
    emulated = EmulatedDevice(device, Store(device))
    written: list[float] = []
    emulated.store.watch(lambda _, value: written.append(value))
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        async with contextlib.AsyncExitStack() as stack:
            first = await stack.enter_async_context(open_broker(Path(folder), "mosquitto"))
            wires: dict[str, str] = {}
            network = Network(
                [emulated], EmulatorContext(clock, random.Random(2), SystemPlaces(Path(folder)))
            )
            server = asyncio.create_task(network.run(first.host, first.port, wires.__setitem__))
            await eventually(lambda: wires, "the network ready")
            wire = parse_wire(wires["dut"])
            log = await stack.enter_async_context(run_driver(replace(device, wire=wire)))
            before = log.command("opening", 10)
            await eventually(lambda: before.outcome is Outcome.ACKNOWLEDGED, "the first command")
            os.kill(first.pid, signal.SIGKILL)
            await eventually(lambda: log.driver and log.driver.state is not LinkState.ONLINE, "the loss")
            during = log.command("opening", 20)
            assert during.outcome is Outcome.FAILED

            await stack.enter_async_context(open_broker(Path(folder), "mosquitto", first.port))
            await eventually(lambda: log.kinds() == ["online", "offline", "online"], "the recovery", 20)
            good = len(log.good("position"))
            await eventually(lambda: len(log.good("position")) >= good + 3, "uplinks again")
            after = log.command("opening", 30)
            await eventually(lambda: after.outcome is Outcome.ACKNOWLEDGED, "a new command")
            server.cancel()
            await asyncio.gather(server, return_exceptions=True)
            network.close()
    assert written == [10, 30]
    clock.close()


# What can never work --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wire",
    [
        "chirpstack+mqtt://broker:1883",
        "chirpstack+mqtt://broker/1/nonsense",
        "chirpstack+mqtt://broker/1/70b3d57ed0000001?keepalive=soon",
        "chirpstack+mqtt://broker/1/70b3d57ed0000001?tls=perhaps",
    ],
)
def test_a_wire_that_cannot_be_is_refused_at_load(wire: str) -> None:
    device = make_device("lorawan/vent-valve", wire)
    with pytest.raises(UsageError, match="dut"):
        driver_class("lorawan")(device, DriverLog(None).context())  # type: ignore[arg-type]  # no time passes


def test_a_profile_beyond_the_duty_cycle_is_refused_at_load() -> None:
    quick = quick_profile()
    options = {key: value for key, value in quick.options.items() if key != "duty_cycle"}
    device = make_device(replace(quick, options=options), WIRE)
    with pytest.raises(BenchFileError, match=r"11\.58% of the air, 1\.60% is allowed"):
        driver_class("lorawan")(device, DriverLog(None).context())  # type: ignore[arg-type]  # no time passes
