"""What the wires of devices that speak in bytes say: a port, a socket, a port at a server."""

from __future__ import annotations

import pytest

from hil_tests.support import make_device
from testbed.drivers.serial_port import SerialPort
from testbed.errors import UsageError


def port(wire: str) -> SerialPort:
    return SerialPort.of(make_device("text/gnss-receiver", wire))


def test_modem_lines_are_said_on_the_wire_and_else_left_to_the_system() -> None:
    assert (port("serial:///dev/ttyUSB0").dtr, port("serial:///dev/ttyUSB0").rts) == (None, None)
    assert port("serial:///dev/ttyUSB0?dtr=off&rts=on").dtr is False
    assert port("rfc2217://10.0.0.7:4001?rts=off").rts is False


@pytest.mark.parametrize(
    ("wire", "complaint"),
    [
        ("serial:///dev/ttyUSB0?dtr=maybe", "dtr=maybe is neither on nor off"),
        ("rfc2217://10.0.0.7?baud=9600", "names no socket"),
        ("rfc2217://10.0.0.7:4001?bauds=9600", "unknown option 'bauds'"),
        ("socket://10.0.0.7:4001?dtr=on", "unknown option 'dtr'"),
    ],
)
def test_what_no_port_has_is_refused(wire: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        port(wire)
