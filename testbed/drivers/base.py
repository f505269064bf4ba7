"""What every driver is: a supervised link, samples out, commands in.

A driver owns one device. `run` keeps it connected for as long as the bench lives: connect, serve,
notice the loss, mark every signal bad, wait, try again. What differs from wire to wire is `connect`,
`disconnect` and `write`; it never differs by whether the wire is real.
"""

from __future__ import annotations

import asyncio
import math
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

from testbed.bench.device import Device
from testbed.clock import Clock
from testbed.errors import LinkError, TestbedError
from testbed.links import LinkLost, Opener, SystemOpener, Tap, Wires
from testbed.links.sharing import Junction, Place
from testbed.signals import Access, Command, Event, Level, Outcome, Quality, Sample, Signal

from .backoff import LONGEST, Backoff
from .decoder import Decoder, Publish
from .serial_port import NUS
from .sharing import Shared

_RADIO_SECONDS = 12.0
"""For a stream over the air to be found, connected to and discovered."""


class LinkState(StrEnum):
    """Where a driver stands with its device."""

    CONNECTING = "connecting"
    ONLINE = "online"
    DEGRADED = "degraded"
    """Online, but without some of its signals; told by control/supervision.py, no driver is in it."""
    OFFLINE = "offline"
    CLOSED = "closed"


@dataclass(frozen=True)
class DriverContext:
    """What a driver needs from the session, and all that it may touch of it."""

    clock: Clock
    publish: Callable[[Sample], None]
    report: Callable[[Event], None]
    tap: Tap
    random: random.Random
    command: Callable[[Signal, float, str], object]
    """Asks for a command through the guard: signal, value, requester."""
    opener: Opener = field(default_factory=SystemOpener)
    """Opens the links: of this machine, in memory, from a recording."""
    shared: Shared = field(default_factory=Shared)
    """What drivers at one wire have in common; one for all drivers of a session."""


class Driver(ABC):
    """The client side of one device."""

    schemes: ClassVar[tuple[str, ...]] = ()
    """The wire schemes that this driver speaks over."""

    connect_timeout: ClassVar[float] = 5.0
    """Seconds that one attempt to connect may take."""

    longest_pause: ClassVar[float] = LONGEST
    """Seconds that pass at most between two attempts."""

    def __init__(self, device: Device, context: DriverContext) -> None:
        if device.wire.scheme not in self.schemes:
            spoken = " or ".join(f"{scheme}://" for scheme in self.schemes)
            raise TestbedError(
                f"{device.name}: profile {device.profile.name} is reached over {spoken}, "
                f"not {device.wire.scheme}:// (wire {device.wire})"
            )
        self.device = device
        self.context = context
        self.clock = context.clock
        self.wires = Wires(context.opener, context.clock, context.tap, device.wire.redacted)
        self.state = LinkState.CLOSED
        self.reached = False
        self._lost: asyncio.Future[str] | None = None
        self._complained = False
        self._patience = self.connect_timeout + (_RADIO_SECONDS if device.wire.scheme == NUS else 0.0)

    # What a wire's driver supplies ------------------------------------------------------------

    @abstractmethod
    async def connect(self) -> None:
        """Open the link, make sure the device answers, start polling; raises LinkError if it cannot."""

    @abstractmethod
    async def disconnect(self) -> None:
        """Stop polling, fail what is pending at once and close the link; safe to call at any time."""

    @abstractmethod
    def write(self, command: Command) -> None:
        """Start sending a command and return; its outcome arrives through `command.finish`.

        Called only while online. `command.sent_ns` is set when its bytes are written.
        """

    async def serve(self) -> None:
        """Run beside the link while it is up, for wires whose libraries need tasks; default: nothing."""
        await asyncio.get_running_loop().create_future()

    @property
    def command_timeout(self) -> float:
        """Seconds within which a command is normally acknowledged on this wire."""
        return 1.0

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder | None:
        """Return what decodes the recorded frames of `device` again; None: this driver has no such thing."""
        return None

    @classmethod
    def junction(cls, device: Device) -> tuple[Place, Callable[[], Junction]] | None:
        """Return where devices may share a link, and what takes it apart; None: each has its own.

        Drivers that share a link have to agree on whose turn it is, too: see `DriverContext.shared`.
        """
        return None

    # What a wire's driver uses ----------------------------------------------------------------

    def link_lost(self, reason: str) -> None:
        """Tell the supervisor that the link is gone; may be called any number of times."""
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(reason)

    def publish(self, signal: Signal, time_ns: int, value: float) -> None:
        """Publish a good sample."""
        self.context.publish(Sample(signal.id, time_ns, value))

    def publish_bad(self, signal: Signal, reason: str, time_ns: int = 0) -> None:
        """Publish that there is no value, and why: as of the bytes that say so, 0 when none did."""
        told = self.device.wire.redacted(reason)
        self.context.publish(Sample(signal.id, time_ns or self.clock.now(), math.nan, Quality.BAD, told))

    def report(self, level: Level, kind: str, text: str) -> None:
        """Tell people something."""
        self.context.report(Event(self.clock.now(), level, self.device.name, kind, text))

    # Commands ---------------------------------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Take a command that the guard allowed; it fails at once while the device is not online."""
        if self.state is not LinkState.ONLINE:
            command.finish(Outcome.FAILED, self.clock.now(), f"{self.device.name} is {self.state}")
            return
        try:
            self.write(command)
        except (LinkError, ValueError, OSError) as error:
            command.finish(Outcome.FAILED, self.clock.now(), str(error))

    # Supervision ------------------------------------------------------------------------------

    async def run(self) -> None:
        """Keep the device connected until cancelled; then close the link."""
        backoff = Backoff(self.context.random, self.longest_pause)
        try:
            while True:
                reason = self.device.wire.redacted(await self._once(backoff))
                self._to(LinkState.OFFLINE, reason)
                await self.clock.sleep(backoff.next())
        finally:
            self.state = LinkState.CLOSED

    async def _once(self, backoff: Backoff) -> str:
        """Connect and serve until the link is lost; returns the reason."""
        self._lost = asyncio.get_running_loop().create_future()
        self.state = LinkState.CONNECTING
        try:
            try:
                async with asyncio.timeout(self._patience):
                    await self.connect()
            except TimeoutError:
                return f"no answer within {self._patience:g} s on {self.device.wire}"
            except (LinkError, OSError) as error:
                return str(error)
            backoff.reset()
            self._to(LinkState.ONLINE, "")
            return await self._serve()
        finally:
            await self.disconnect()
            await self.wires.closed()

    async def _serve(self) -> str:
        lost = self._lost
        assert lost is not None  # noqa: S101  (set by _once, which is our only caller)
        server = asyncio.create_task(self.serve(), name=f"serve {self.device.name}")
        try:
            await asyncio.wait((lost, server), return_when=asyncio.FIRST_COMPLETED)
            if lost.done():
                return lost.result()
            try:
                await server
            except (LinkLost, OSError) as error:
                return str(error)
            return "the link ended"
        finally:
            server.cancel()
            await asyncio.gather(server, return_exceptions=True)

    def _to(self, state: LinkState, reason: str) -> None:
        self.state = state
        wire = self.device.wire
        if state is LinkState.ONLINE:
            if self._complained or not self.reached:
                self.report(Level.INFO, "online", f"{self.device.name} is online on {wire}")
            self.reached = True
            self._complained = False
            self._configure()
            return
        # The next step of an error stands on a line of its own: told once, it is no part of each sample.
        cause, separator, next_step = reason.partition("\n")
        for signal in self.device.signals.values():
            if signal.access is not Access.WRITE:
                self.publish_bad(signal, f"offline: {cause}")
        if not self._complained:  # once on loss, once on recovery, however long it takes
            self._complained = True
            text = f"{self.device.name} is offline: {cause} (wire {wire}){separator}{next_step}"
            self.report(Level.WARNING, "offline", text)

    def _configure(self) -> None:
        for name, value in self.device.configure.items():
            self.context.command(self.device.signals[name], value, "configure")
