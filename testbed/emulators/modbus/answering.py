"""What a device answers: its server over its store, on a line and on TCP."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from testbed import __version__
from testbed.emulators.base import EmulatedDevice
from testbed.links import ByteLink, LinkLost
from testbed.protocols.modbus import Bank, Framing, Server, layout_of, rtu
from testbed.protocols.modbus.rare import RareFunctions


def make_server(each: EmulatedDevice) -> Server:
    """Return the device's side of the protocol over its store."""
    profile, store = each.device.profile, each.store
    bank = Bank(layout_of(profile), store.read_all, store.command)
    rare = RareFunctions(bank, "hil-testbed", profile.name, __version__, profile.title)
    return Server(bank, rare.answer)


def answering(
    server: Server, unit: int, framing: Framing, write: Callable[[bytes], None]
) -> Callable[[int, bytes], None]:
    """Return what takes the bytes of a line and answers the requests to `unit` in them."""
    reader = framing.server(unit)

    def received(time_ns: int, data: bytes) -> None:
        for addressed, pdu in reader.feed(time_ns, data):
            answer = server.answer(pdu)
            if addressed != rtu.BROADCAST:  # what all are told, nobody answers
                write(framing.encode(unit, answer))

    return received


def write_to(link: ByteLink, data: bytes) -> None:
    """Send to a controller, if it is still there."""
    # A controller that went away or does not read is no fault of the device; `lost` has heard of it.
    with contextlib.suppress(LinkLost):
        link.write(data)


def query_of(options: Mapping[str, str]) -> str:
    """Return the options of a declared wire, so that the driver behaves as it would at the real one."""
    return "?" + urlencode({"unit": "1", **options})
