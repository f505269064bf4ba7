"""What comes from the device over one port: lines, and how long each kind has been silent."""

from __future__ import annotations

import math
from collections.abc import Callable

from testbed.clock import NS
from testbed.drivers.decoder import Publish
from testbed.protocols.text import BadLine, Line, LineReader, TextProfile
from testbed.protocols.text.address import LineLayout
from testbed.signals import Quality, Sample, Signal

_SILENT_PERIODS = 5
_SILENT_FLOOR_NS = NS
_CHECKS = 2  # idle checks that make a silence


class LineFlow:
    """Publishes the fields of one kind of line; counts checks without one."""

    def __init__(self, layout: LineLayout, signals: dict[str, Signal], publish: Publish) -> None:
        patience_ns = max(layout.period_ns * _SILENT_PERIODS, _SILENT_FLOOR_NS)
        self.layout = layout
        self.check_period_ns = patience_ns // _CHECKS
        self.silence = f"no line {layout.line} for {patience_ns / NS:g} s".replace("  ", " ")
        self._publish = publish
        self._signals = [(each, signals[each.signal].id) for each in layout.fields]
        self.forget()

    def forget(self) -> None:
        """Begin anew."""
        self.silent = False
        self._arrived = True
        self._idle_checks = 0

    def line(self, line: Line, time_ns: int) -> None:
        """Publish the fields of a line."""
        self._arrived, self.silent = True, False
        for each, signal in self._signals:
            try:
                self._publish(Sample(signal, time_ns, each.read(line.fields)))
            except ValueError as error:
                self._publish(Sample(signal, time_ns, math.nan, Quality.BAD, str(error)))

    def bad(self, time_ns: int, reason: str) -> None:
        """Publish that none of the fields has a value, and why."""
        for _, signal in self._signals:
            self._publish(Sample(signal, time_ns, math.nan, Quality.BAD, reason))

    def check(self) -> bool:
        """Return whether it has just fallen silent; to be called every `check_period_ns`."""
        if self._arrived:
            self._arrived, self._idle_checks = False, 0
            return False
        self._idle_checks += 1
        if self._idle_checks < _CHECKS or self.silent:
            return False
        self.silent = True
        return True


class TextStream:
    """Publishes the lines in the bytes of a port; `began` hears of the first good one."""

    def __init__(
        self,
        profile: TextProfile,
        signals: dict[str, Signal],
        publish: Publish,
        began: Callable[[], None] = lambda: None,
    ) -> None:
        self.flows = [LineFlow(layout, signals, publish) for layout in profile.lines]
        self._profile = profile
        self._began = began
        self._last_ns = 0
        self.begin()

    def begin(self) -> None:
        """Forget what came before: the port was opened anew."""
        self.flowing = False
        self.bad_lines = 0
        self._reader = LineReader(self._profile.separator, self._profile.checksum)
        for flow in self.flows:
            flow.forget()

    def received(self, time_ns: int, data: bytes) -> None:
        """Take bytes as they come."""
        # Lines of one read share their arrival, but the times of a signal must rise.
        time_ns = max(time_ns, self._last_ns + 1)
        for line in self._reader.feed(data):
            if isinstance(line, BadLine):
                self._damaged(time_ns, line.reason)
            else:
                self._line(line, time_ns)
            self._last_ns = time_ns
            time_ns += 1

    def _line(self, line: Line, time_ns: int) -> None:
        flows = [flow for flow in self.flows if flow.layout.fits(line.fields)]
        for flow in flows:
            flow.line(line, time_ns)
        if flows and not self.flowing:
            self.flowing = True
            self._began()

    def _damaged(self, time_ns: int, reason: str) -> None:
        """Doubt every kind of line: it may have been any; before the first good one it is a torn end."""
        self.bad_lines += 1
        if self.flowing:
            for flow in self.flows:
                flow.bad(time_ns, reason)
