"""Breaks what a run runs on, on purpose: at its wires here, behind them by order to whoever emulates."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import partial

from testbed.bench import Bench, PlannedFault
from testbed.bench.faults import Place, numbers_of
from testbed.clock import NS, Clock, Seeds
from testbed.emulators.breaking import KIND, MENDED, Order
from testbed.errors import TestbedError
from testbed.links.faulty import FaultyWire
from testbed.signals import Event, Level

from .verify import known_faults, wrong_with

BENCH_FILE = "the bench file"


class FaultRefused(TestbedError):
    """A fault that cannot be had."""

    exit_code = 2


@dataclass(frozen=True)
class Running:
    """A fault that is on: since when, until when (None: until it is mended), and who asked for it."""

    device: str
    fault: str
    since_ns: int
    until_ns: int | None
    who: str


@dataclass(frozen=True)
class Breaking:
    """What the owner of a run says of its faults.

    `order` reaches whoever emulates, `planned` come beside those of the bench file, each with who asks, and
    `real` allows the wires of real devices to be broken.
    """

    order: Callable[[Order], None] = lambda order: None
    planned: Collection[tuple[PlannedFault, str]] = ()
    real: bool = False


class FaultDesk:
    """Arms and mends the faults of a run.

    Faults at the wire act on emulated and on real devices, the others on emulated ones. A real device is
    broken only where the run allows it. When the run ends, the wires are mended first: what is broken on
    purpose must not keep an actuator from its safe value.
    """

    def __init__(
        self,
        bench: Bench,
        clock: Clock,
        seeds: Seeds,
        wires: Mapping[str, FaultyWire],
        emulated: Collection[str],
        report: Callable[[Event], None],
        breaking: Breaking,
    ) -> None:
        """Know what can be broken: `wires` are those of devices that take part, none in a replay."""
        self._bench = bench
        self._clock = clock
        self._seeds = seeds
        self._wires = wires
        self._breaking = breaking
        self._emulated = emulated
        self._report = report
        self._known = known_faults(bench)
        self._running: dict[tuple[str, str], Running] = {}
        self._asked = 0

    @property
    def running(self) -> list[Running]:
        """What is broken now, the oldest first."""
        return list(self._running.values())

    def start(self) -> None:
        """Plan the faults of the bench file that act at the wire, and those that the owner adds."""
        planned = [(each, BENCH_FILE) for each in self._bench.faults]
        at_wires = [(each, who) for each, who in planned if self._place(each) is Place.WIRE]
        begin = self._clock.now()
        for each, who in (*at_wires, *self._breaking.planned):
            if each.device in self._wires:
                self._clock.at(begin + round(each.at * NS), partial(self._arm_or_tell, each, who))

    def stop(self) -> None:
        """Mend every wire."""
        for device, fault in list(self._running):
            if self._known[fault].place is Place.WIRE:
                self.mend(device, fault)

    def arm(self, planned: PlannedFault, who: str) -> None:
        """Begin a fault now; raises FaultRefused saying why it cannot be."""
        for _, text, hint in wrong_with(self._bench, planned):
            raise FaultRefused(text, hint)
        self._check_allowed(planned)
        fault, now = self._known[planned.fault], self._clock.now()
        key = planned.device, planned.fault
        until_ns = None if planned.lasts is None else now + round(planned.lasts * NS)
        if fault.place is Place.WIRE:
            self._begin(planned, who)
        else:
            self._breaking.order(Order.of(planned, "" if who == BENCH_FILE else who))
        if not fault.lasts:
            return
        self._running[key] = running = Running(*key, now, until_ns, who)
        if until_ns is not None:
            self._clock.at(until_ns, partial(self._over, running))

    def mend(self, device: str, fault: str) -> None:
        """End a fault; raises FaultRefused when it is not on."""
        running = self._running.pop((device, fault), None)
        if running is None:
            on = ", ".join(f"{each.device}: {each.fault}" for each in self._running.values()) or "none"
            raise FaultRefused(f"{device} has no fault {fault} now", f"on are: {on}")
        if self._known[fault].place is Place.WIRE:
            self._end(device, fault)
        else:
            self._breaking.order(Order("mend", device, fault))

    def _check_allowed(self, planned: PlannedFault) -> None:
        place = self._known[planned.fault].place
        if planned.device not in self._wires:
            raise FaultRefused(f"{planned.device} takes no part in this run, or it is a replay")
        if planned.device in self._emulated:
            return
        if place is not Place.WIRE:
            raise FaultRefused(
                f"{planned.fault} acts in what emulates a device, and {planned.device} is a real one",
                "its wire can be broken: testbed fault --list",
            )
        if not self._breaking.real:
            raise FaultRefused(
                f"{planned.device} is a real device, and this run does not allow to break its wire",
                "start it with: testbed run ... --allow-faults",
            )

    def _arm_or_tell(self, planned: PlannedFault, who: str) -> None:
        try:
            self.arm(planned, who)
        except FaultRefused as error:
            self._say(planned.device, f"{planned.fault} at {planned.device}: {error}", Level.WARNING)

    def _begin(self, planned: PlannedFault, who: str) -> None:
        fault, device = self._known[planned.fault], self._bench.devices[planned.device]
        units = {signal.name: signal.unit for signal in device.signals.values()}
        self._asked += 1
        chance = self._seeds.stream(f"fault/{planned.device}/{planned.fault}/{self._asked}")
        told = "".join(f", {name} {value}" for name, value in planned.parameters.items())
        asked = "" if who == BENCH_FILE else f"; {who} asked for it"
        self._say(planned.device, f"{planned.fault} at {planned.device}: {fault.what}{told}{asked}")
        self._wires[planned.device].begin(planned.fault, numbers_of(planned, fault, units), chance)

    def _end(self, device: str, fault: str) -> None:
        self._say(device, f"{fault} at {device}: {MENDED}")
        self._wires[device].end(fault)

    def _over(self, running: Running) -> None:
        """End a fault whose time is over, unless it was mended, or armed anew, meanwhile."""
        key = running.device, running.fault
        if self._running.get(key) is running:
            del self._running[key]
            if self._known[running.fault].place is Place.WIRE:
                self._end(*key)

    def _place(self, planned: PlannedFault) -> Place | None:
        fault = self._known.get(planned.fault)
        return None if fault is None else fault.place

    def _say(self, device: str, text: str, level: Level = Level.INFO) -> None:
        self._report(Event(self._clock.now(), level, device, KIND, text))
