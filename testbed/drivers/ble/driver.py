"""The driver of Bluetooth LE devices: GATT characteristics read, written and subscribed to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import ClassVar

from testbed.bench.ble_wire import read_ble_wire
from testbed.bench.device import Device
from testbed.clock import NS
from testbed.drivers.base import Driver, DriverContext
from testbed.drivers.decoder import Decoder, Publish
from testbed.errors import LinkError, TestbedError
from testbed.links import LinkLost
from testbed.links.base import AttributeLink
from testbed.links.gatt_frames import AttError
from testbed.links.pairing import PAIR_NEXT, WANTS_PAIRING
from testbed.protocols.gatt import GattSettings
from testbed.protocols.gatt.information import TEXTS, introduced
from testbed.signals import Command, Level, Outcome, Priority

from .abilities import abilities_of
from .decoder import BleDecoder
from .reports import LinkReport, Report, reports_of
from .work import Work

_DEFAULT_PERIOD_NS = NS


class BleDriver(Driver):
    """Subscribes to what notifies, polls what can only be read, writes what is commanded.

    Signals that share a characteristic share its reads and notifications. A command is acknowledged by
    the device's write response; where the characteristic has none, by having been sent. Wires:
    `ble://C0:FF:EE:00:00:01` (on macOS the device's UUID), or what the device advertises
    (`ble://?name=HIL%20Air`, `ble://?service=180D`, `ble://?manufacturer=004C`).
    """

    schemes: ClassVar[tuple[str, ...]] = ("ble",)
    connect_timeout: ClassVar[float] = 12.0

    longest_pause: ClassVar[float] = 0.5
    """Short, as an attempt is mostly listening, and who pauses does not hear the device come back."""

    def __init__(self, device: Device, context: DriverContext) -> None:
        super().__init__(device, context)
        try:
            self._wire = read_ble_wire(device.wire)
        except ValueError as error:
            raise TestbedError(f"{device.name}: {error}") from None
        self._met = ""
        self._introduces_itself = device.profile.settings(GattSettings).information is not None
        self._identity = ""
        self._reports = reports_of(device, context.publish, self.publish_bad)
        self._link_report = LinkReport(device, context.publish, self.publish_bad)
        self._home = {
            name: each.characteristic for each in self._reports for name in each.characteristic.fields
        }
        self._names = {signal.id: name for name, signal in device.signals.items()}
        self._link: AttributeLink | None = None
        self._responds: set[str] = set()
        self._held: list[Callable[[], None]] | None = None
        self._work = Work()
        self._loss = ""

    @classmethod
    def decoder(cls, device: Device, publish: Publish, doubt: Publish) -> Decoder:
        """Return what decodes the recorded frames of `device` again."""
        return BleDecoder(device, publish, doubt, round(cls.connect_timeout * NS))

    @property
    def command_timeout(self) -> float:
        """Seconds within which a command is acknowledged; slow connections answer every few intervals."""
        return 2.0

    # The life of a connection -------------------------------------------------------------------

    async def connect(self) -> None:
        """Find and open the device, check that it has all that the profile names, read, subscribe."""
        # Samples are held until the device counts as online, so that none precedes that news.
        self._held = []
        self._loss = ""
        link = self._link = await self._open()
        self._arrived(partial(self._link_report.opened, self.wires.opened_ns, link.table))
        places = [report.characteristic for report in self._reports]
        abilities = {place.uuid: abilities_of(self.device, link.table, place) for place in places}
        self._responds = {place.uuid for place in places if place.answered(abilities[place.uuid])}
        for report in self._reports:
            # Before subscribing: BlueZ hands a read value to subscribers as well.
            if report.signals and "read" in abilities[report.characteristic.uuid]:
                await self._read(link, report)
        if self._introduces_itself:
            await self._introduce(link)
        for report in self._reports:
            if report.notifies:
                await link.subscribe(report.characteristic.uuid, partial(self._notified, report))
        held, self._held = self._held, None
        for arrival in held:
            arrival()

    async def _open(self) -> AttributeLink:
        """Connect to the device that the wire means: to the one of last time as long as it is there."""
        wire = replace(self._wire, address=self._met) if self._met else self._wire
        self._met = ""
        link = await self.wires.gatt(wire, lost=self._gone)
        self._met = link.table.address
        return link

    async def _introduce(self, link: AttributeLink) -> None:
        """Read who the device says that it is, and tell it when it is news."""
        offered = [name for name, uuid in TEXTS.items() if "read" in link.table.abilities(uuid)]
        identity = introduced({name: (await link.read(TEXTS[name]))[1] for name in offered})
        if identity and identity != self._identity:
            self._identity = identity
            self.report(Level.INFO, "identity", f"{self.device.name} is {identity}")

    async def disconnect(self) -> None:
        """Fail what waits and close the connection."""
        for command in self._work.drain():
            self._failed(command, self._loss or "the connection was closed")
        self._held = None
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    async def serve(self) -> None:
        """Carry out commands and polls, one at a time as ATT has it, the most urgent first."""
        link = self._link
        if link is None:
            raise LinkLost("the connection is closed")
        tickers = [
            self.clock.every(_period_ns(report), partial(self._work.put, Priority.POLL, report))
            for report in self._reports
            if report.signals and not report.notifies
        ]
        try:
            while True:
                job = await self._work.get()
                if isinstance(job, Command):
                    await self._send(link, job)
                else:
                    await self._read(link, job)
        finally:
            for ticker in tickers:
                ticker.cancel()

    def _gone(self, reason: str) -> None:
        self._loss = reason
        self.link_lost(reason)

    # Commands -----------------------------------------------------------------------------------

    def write(self, command: Command) -> None:
        """Queue a command; raises ValueError when its value does not fit, LinkLost when too many wait."""
        self._payload(command)
        self._work.put(command.priority, command)

    def _payload(self, command: Command) -> tuple[str, bytes]:
        """Return the characteristic that a command goes to, and the value."""
        name = self._names[command.signal]
        if not self.device.signals[name].writable:
            raise ValueError(f"{self.device.name}.{name} takes no commands")
        home = self._home[name]
        return home.uuid, home.fields[name].pack(command.value)

    async def _send(self, link: AttributeLink, command: Command) -> None:
        now = self.clock.now()
        if command.deadline_ns and now > command.deadline_ns:
            command.finish(Outcome.EXPIRED, now, "expired while it waited for the connection")
            return
        uuid, payload = self._payload(command)
        command.sent_ns = now
        try:
            await link.write(uuid, payload, response=uuid in self._responds)
            command.finish(Outcome.ACKNOWLEDGED, self.clock.now())
        except AttError as error:
            self._failed(command, str(error))
        finally:
            self._failed(command, self._loss or "the connection ended before the device answered")

    def _failed(self, command: Command, reason: str) -> None:
        command.finish(Outcome.FAILED, self.clock.now(), reason)  # the first outcome counts

    # Samples ------------------------------------------------------------------------------------

    async def _read(self, link: AttributeLink, report: Report) -> None:
        try:
            time_ns, value = await link.read(report.characteristic.uuid)
        except AttError as error:
            if self._held is not None and error.code in WANTS_PAIRING:
                raise LinkError(f"the device wants to be paired: {error}", PAIR_NEXT) from error
            self._arrived(partial(report.refused, error.time_ns, str(error)))
        else:
            self._arrived(partial(report.arrived, time_ns, value))

    def _notified(self, report: Report, time_ns: int, value: bytes) -> None:
        self._arrived(partial(report.arrived, time_ns, value))

    def _arrived(self, publish: Callable[[], None]) -> None:
        if self._held is not None:
            self._held.append(publish)
        else:
            publish()


def _period_ns(report: Report) -> int:
    return min(filter(None, (signal.period_ns for signal in report.signals)), default=_DEFAULT_PERIOD_NS)
