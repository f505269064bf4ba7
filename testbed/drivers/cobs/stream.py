"""What comes from the device over one port: telemetry, and answers to commands."""

from __future__ import annotations

from collections.abc import Callable

from testbed.drivers.decoder import Publish
from testbed.protocols.cobs import ANSWER, FIRST_COMMAND, BadFrame, CobsProfile, Frame, FrameReader
from testbed.signals import Signal

from .telemetry import TelemetryFlow


class DeviceStream:
    """Publishes the telemetry in the bytes of a port; hands on answers and how many frames are missing.

    `flowing` tells whether there was telemetry since `begin`; `began` hears of the first.
    """

    def __init__(
        self,
        profile: CobsProfile,
        signals: dict[str, Signal],
        publish: Publish,
        *,
        answered: Callable[[Frame, int], None] = lambda frame, time_ns: None,
        missed: Callable[[int], None] = lambda frames: None,
        began: Callable[[], None] = lambda: None,
    ) -> None:
        flows = [TelemetryFlow(layout, signals, publish) for layout in profile.telemetry]
        self.flows = {flow.kind: flow for flow in flows}
        self._crc = profile.crc
        self._answered = answered
        self._missed = missed
        self._began = began
        self._last_ns = 0
        self.begin()

    @property
    def bad_frames(self) -> int:
        """How many damaged frames came since `begin`."""
        return self._reader.bad_frames

    def begin(self) -> None:
        """Forget what came before: the port was opened anew."""
        self.flowing = False
        self._reader = FrameReader(self._crc)
        for flow in self.flows.values():
            flow.forget()

    def received(self, time_ns: int, data: bytes) -> None:
        """Take bytes as they come."""
        # Frames of one read share their arrival, but the times of a signal must rise.
        time_ns = max(time_ns, self._last_ns + 1)
        for frame in self._reader.feed(data):
            if isinstance(frame, BadFrame):
                self._damaged(time_ns, frame.reason)
            elif (flow := self.flows.get(frame.kind)) is not None:
                self._telemetry(flow, frame, time_ns)
            elif frame.kind >= FIRST_COMMAND | ANSWER:
                self._answered(frame, time_ns)
            self._last_ns = time_ns
            time_ns += 1

    def _telemetry(self, flow: TelemetryFlow, frame: Frame, time_ns: int) -> None:
        missing = flow.frame(frame, time_ns)
        if missing:
            self._missed(missing)
        if not self.flowing:
            self.flowing = True
            self._began()

    def _damaged(self, time_ns: int, reason: str) -> None:
        """Doubt all telemetry: it may have been any; before the first good frame it is a torn end."""
        if self.flowing:
            for flow in self.flows.values():
                flow.bad(time_ns, reason)
