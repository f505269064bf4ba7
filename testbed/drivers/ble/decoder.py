"""Recorded GATT frames to samples: read responses, refusals and notifications name what they hold."""

from __future__ import annotations

import contextlib

from testbed.bench.device import Device
from testbed.drivers.decoder import Decoder, Publish
from testbed.errors import DamagedInput
from testbed.links import Direction
from testbed.links.gatt_frames import TOLD_UNASKED, AttError, AttOpcode, GattFrame, decode_frame
from testbed.links.gatt_table import decode_table

from .reports import LinkReport, reports_of


class BleDecoder(Decoder):
    """Samples of a connection that never got online were withheld: the first ones are doubtful."""

    def __init__(self, device: Device, publish: Publish, doubt: Publish, connect_ns: int) -> None:
        super().__init__(publish, doubt)
        reports = reports_of(device, self.publish, self.publish_bad)
        self._reports = {report.characteristic.uuid: report for report in reports}
        self._link_report = LinkReport(device, self.publish, self.publish_bad)
        self._connect_ns = connect_ns
        self._opened_ns: int | None = None
        self._read = ""

    def frame(self, time_ns: int, direction: Direction, data: bytes) -> None:
        """Take a recorded exchange or a mark."""
        if direction is Direction.OPEN or self._opened_ns is None:
            self._opened_ns = time_ns
            self._read = ""
        if direction is Direction.OPEN and data:
            self.doubt(True)  # as all that precedes the first reads
            with contextlib.suppress(DamagedInput):
                self._link_report.opened(time_ns, decode_table(data))
        if direction.is_mark:
            return
        try:
            frame = decode_frame(data)
        except DamagedInput:
            return  # nobody knows what it was
        if direction is Direction.TX:
            self._read = frame.characteristic if frame.opcode is AttOpcode.READ_REQUEST else ""
        else:
            self.doubt(time_ns - self._opened_ns < self._connect_ns)
            self._received(time_ns, frame)

    def _received(self, time_ns: int, frame: GattFrame) -> None:
        report = self._reports.get(frame.characteristic)
        if report is None:
            return
        if frame.opcode in TOLD_UNASKED:
            if report.notifies:
                report.arrived(time_ns, frame.value)
        elif self._read == frame.characteristic:
            self._read = ""
            if frame.opcode is AttOpcode.READ_RESPONSE:
                report.arrived(time_ns, frame.value)
            elif frame.opcode is AttOpcode.ERROR_RESPONSE:
                report.refused(time_ns, str(AttError(int.from_bytes(frame.value[:1], "big"), time_ns)))
