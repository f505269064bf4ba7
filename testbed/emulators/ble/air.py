"""What lies between emulated devices and the adapter: distance, connection events, and chance.

bumble's link carries every packet at once and hears all at -50 dBm; this one gives each device a signal
strength that fades a little, silences who is out of range, and lets data wait for the next connection event.
"""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bumble import hci, ll
from bumble.controller import Controller
from bumble.core import PhysicalTransport
from bumble.link import LocalLink

SENSITIVITY = -95.0
"""dBm below which the adapter hears nothing; a usual figure of receivers at 1 Mbit/s."""

_USUAL = -50.0  # dBm, about a metre
_FADING = 2.0  # dB, standard deviation from packet to packet


@dataclass
class Reception:
    """How a device is heard. `interval` is the time between connection events in s, 0 for none."""

    rssi: float = _USUAL
    interval: float = 0.0

    @property
    def in_range(self) -> bool:
        """Whether it is heard on average."""
        return self.rssi >= SENSITIVITY


class Air(LocalLink):  # type: ignore[misc]
    """One room's air."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.controllers = _Controllers()
        self._chance = chance
        self._receptions: dict[str, Reception] = {}
        self._lines: dict[tuple[str, str], _Line] = {}

    def reception(self, address: hci.Address) -> Reception:
        """Return how the device at an address is heard, to look at and to change."""
        return self._receptions.setdefault(str(address), Reception())

    def heard(self, address: hci.Address) -> int | None:
        """Return the signal strength in dBm of one packet from a device, or None when it is not heard."""
        rssi = self._chance.gauss(self.reception(address).rssi, _FADING)
        return round(rssi) if rssi >= SENSITIVITY else None

    def send_advertising_pdu(self, sender_controller: Controller, packet: ll.AdvertisingPdu) -> None:
        """Carry an advertisement to all, or a wish to connect to the device that is meant."""
        if isinstance(packet, ll.ConnectInd) and not self.reception(packet.advertiser_address).in_range:
            return
        super().send_advertising_pdu(sender_controller, packet)

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: PhysicalTransport,
        data: bytes,
    ) -> None:
        """Carry data of a connection, at the next connection event; out of range it is lost."""
        connection = sender_controller.le_connections.get(destination_address)
        if connection is None:
            return
        source = connection.self_address  # public or random, as it has connected
        ends = [self.reception(each) for each in (source, destination_address)]
        if not all(each.in_range for each in ends):
            return

        def deliver() -> None:
            receiver = self.find_le_controller(destination_address)
            if receiver is not None:
                receiver.on_link_acl_data(source, transport, data)

        line = self._lines.setdefault((str(source), str(destination_address)), _Line())
        line.put(deliver, max(each.interval for each in ends))

    def close(self) -> None:
        """Deliver nothing any more."""
        for line in self._lines.values():
            line.close()


class _Line:
    """One way of a connection: all that waits for an event arrives at it, in its order."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._timer: asyncio.Handle | None = None

    def put(self, deliver: Callable[[], None], interval: float) -> None:
        self._waiting.append(deliver)
        if self._timer is None:
            loop = asyncio.get_running_loop()
            wait = interval - loop.time() % interval if interval else 0.0
            self._timer = loop.call_later(wait, self._event) if wait else loop.call_soon(self._event)

    def _event(self) -> None:
        self._timer = None
        waiting, self._waiting = self._waiting, deque()
        for deliver in waiting:
            deliver()

    def close(self) -> None:
        self._waiting.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class AirController(Controller):  # type: ignore[misc]
    """A virtual controller that reports advertisements as strong as they are heard, each once."""

    def on_advertising_pdu(self, pdu: ll.AdvInd | ll.AdvExtInd) -> None:
        """Report an advertisement to the host, and connect if that is the device to connect to."""
        assert isinstance(self.link, Air)  # noqa: S101  (see radio.py, which makes both)
        rssi = self.link.heard(pdu.advertiser_address)
        if rssi is None:
            return
        if self.le_scan_enable:
            report = hci.HCI_LE_Advertising_Report_Event.Report(
                event_type=hci.HCI_LE_Advertising_Report_Event.EventType.ADV_IND,
                address_type=pdu.advertiser_address.address_type,
                address=pdu.advertiser_address,
                data=pdu.data,
                rssi=rssi,
            )
            self.send_hci_packet(hci.HCI_LE_Advertising_Report_Event([report]))
        wanted = self.pending_le_connection
        if wanted is not None and wanted.peer_address == pdu.advertiser_address:
            self.create_le_connection(pdu.advertiser_address)


class _Controllers(dict[Controller, None]):
    """A set that keeps its order: that of bumble's own is of addresses in memory, new with every run."""

    def add(self, controller: Controller) -> None:
        """Put a controller last."""
        self[controller] = None

    def remove(self, controller: Controller) -> None:
        """Take a controller out."""
        del self[controller]
