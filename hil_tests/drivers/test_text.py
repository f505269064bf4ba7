"""Devices that send lines of text keep the contract of all drivers, and say what is wrong with a line."""

from __future__ import annotations

from pathlib import Path

from hil_tests.support import eventually, make_device, run_driver
from testbed.clock import SystemClock
from testbed.links import PtyEnd
from testbed.protocols.text import encode_line
from testbed.protocols.text.lines import Checksum
from testbed.signals import Quality
from testbed.testing.contract import DriverContract


class TestGnssReceiver(DriverContract):
    profile = "text/gnss-receiver"
    wire = "serial:///dev/ttyUSB0?baud=9600"
    readable, value = "altitude", 545.4
    absent = "serial:///dev/no-such-port"


async def test_a_damaged_sentence_and_an_empty_field_are_bad_samples_with_their_reasons(
    tmp_path: Path,
) -> None:
    clock = SystemClock()
    port = PtyEnd(tmp_path / "gnss", clock, lambda time_ns, data: None)
    port.plug()
    good = encode_line(
        ("GNGGA", "123519", "4807.038", "N", "01131.000", "E", "1", "08", "0.9", "545.4"), ",", Checksum.NMEA
    )
    device = make_device("text/gnss-receiver", f"serial://{port.path}")
    try:
        async with run_driver(device, wait_online=False) as log:
            await eventually(lambda: port.write(good) or log.good("altitude"), "a first sentence")
            assert log.good("latitude")[-1].value == 48 + 7.038 / 60
            port.write(good.replace(b"545", b"546"))
            await eventually(lambda: log.of("altitude", Quality.BAD), "the damage")
            assert "checksum mismatch" in log.of("altitude", Quality.BAD)[-1].reason
            port.write(encode_line(("GNGGA", "123519", "", "", "", "", "0", "00"), ",", Checksum.NMEA))
            await eventually(lambda: log.of("latitude")[-1].reason == "field 2 is empty", "no fix")
            assert log.of("fix")[-1].value == 0.0
    finally:
        port.unplug()
        clock.close()


class TestBehindAConverter(DriverContract):
    """The same over a socket on which a converter passes on the bytes of its port."""

    profile = "text/gnss-receiver"
    wire = "socket://10.0.0.7:4001"
    readable, value = "altitude", 545.4
    absent = "socket://127.0.0.1:1"
