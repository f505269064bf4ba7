"""Builds what a bench file declares: drivers, twins, loops, safety, all around one hub."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Mapping
from dataclasses import dataclass
from functools import partial

from testbed.bench import Bench
from testbed.clock import Lane, Seeds
from testbed.control import Commander, LoopRunner, ManualControl, SafeState, Supervision
from testbed.drivers import Driver, DriverContext, driver_class
from testbed.drivers.sharing import Shared
from testbed.links import Opener
from testbed.links.faulty import FaultyOpener, FaultyWire
from testbed.signals import Event, Hub, Quality, Sample, Signal, Stage
from testbed.twin import LiveTwin, Mirror
from testbed.twin.guard import Interlocks
from testbed.twin.models import make_model
from testbed.twin.predict import Outlook
from testbed.twin.update import Learner

from .expectations import Judge
from .faults import Breaking, FaultDesk
from .file import SessionWriter
from .guarding import Guarding
from .memory import Memory
from .order import Order
from .setting import Setting
from .sharing import sharing

Fail = Callable[[str, Exception], None]


@dataclass(frozen=True)
class Assembly:
    """The running parts of a bench."""

    hub: Hub
    drivers: dict[str, Driver]
    mirror: Mirror
    commander: Commander
    manual: ManualControl
    safe_state: SafeState
    loops: dict[str, LoopRunner]
    judges: list[Judge]
    interlocks: Interlocks
    faults: FaultDesk
    supervision: Supervision
    twins: dict[str, LiveTwin]
    learners: dict[str, Learner]


def assemble(
    bench: Bench,
    setting: Setting,
    seeds: Seeds,
    writer: SessionWriter,
    report: Callable[[Event], None],
    fail: Fail,
    absent: Container[str] = (),
    emulated: Collection[str] = (),
    breaking: Breaking | None = None,
    memory: Memory | None = None,
) -> Assembly:
    """Build the parts and connect them; nothing runs yet. `absent` devices get no driver."""
    memory = memory or Memory()
    replayed = setting.mode == "replay"  # its bytes are what was left of them
    wires = {
        name: FaultyWire(setting.clock, name) for name in bench.devices if name not in absent and not replayed
    }
    signals, clock = bench.signals, setting.clock
    hub = Hub(len(signals), lambda subscriber, error: fail(f"subscriber {subscriber!r}", error))
    lanes = _Lanes(bench, setting, writer)
    mirror = Mirror(signals, lanes.lane("mirror"), hub.publish)
    for path, (value, time_ns) in memory.readings.items():
        if path not in bench.by_path:
            continue  # a replay may have another bench
        reason = f"from the session before, {memory.session}"
        mirror.recall(Sample(bench.by_path[path].id, time_ns, value, Quality.UNCERTAIN, reason))
    guarding = Guarding(bench, mirror, clock, lanes.lane, report, fail)
    commander = Commander(signals, clock, guarding.judge, hub.publish, writer.command, report)
    drivers: dict[str, Driver] = {}
    shared, opener_of = Shared(), _openers(bench, setting, wires)
    order = Order(hub.publish, writer.overtaken)
    for name, device in bench.devices.items():
        if name in absent:
            continue
        context = DriverContext(
            clock=lanes.lane(name),
            publish=order.publisher(name),
            report=report,
            tap=writer.tap(name),
            random=seeds.stream(f"driver/{name}"),
            command=commander.command,
            opener=opener_of(name),
            shared=shared,
        )
        drivers[name] = driver_class(device.profile.protocol)(device, context)
        commander.attach(drivers[name])
    safe_state = SafeState(signals, drivers, commander, clock, report)
    hub.subscribe_all(Stage.RECORD, writer.sample)
    hub.subscribe_all(Stage.TWIN, mirror.observe)
    commander.hearers.append(mirror.asked)
    commander.watchers.append(mirror.settled)
    twins: dict[str, LiveTwin] = {}  # loops may steer by them, and they may ask by loops
    loops = _add_loops(bench, lanes, hub, mirror, commander, safe_state, writer, report, twins)
    _add_twins(bench, memory, hub, mirror, commander, writer, report, loops, twins)
    manual = ManualControl(
        bench.by_path, clock, commander, loops.values(), safe_state.drive,
        partial(_last, mirror), report,
    )  # fmt: skip
    guarding.connect(hub, commander, manual, safe_state, twins.values())
    judges = _add_judges(bench, clock.now(), hub)
    return Assembly(
        hub,
        drivers,
        mirror,
        commander,
        manual,
        safe_state,
        loops,
        judges,
        guarding.interlocks,
        FaultDesk(bench, clock, seeds, wires, emulated, report, breaking or Breaking()),
        Supervision(drivers, mirror, clock, report),
        twins,
        {name: live.learner for name, live in twins.items() if isinstance(live.learner, Learner)},
    )


def _openers(bench: Bench, setting: Setting, wires: Mapping[str, FaultyWire]) -> Callable[[str], Opener]:
    """Return what gives each device its opener: a shared wire is opened once, faults are each device's own.

    Without faulty wires it is a replay: each device has a recording of its own, which nobody shares.
    """
    if not wires:
        return setting.opener
    inner = sharing(setting.opener(next(iter(wires))), [bench.devices[name] for name in wires])
    return lambda name: FaultyOpener(inner, wires[name])


class _Lanes:
    """A lane of the session's clock for everybody who acts by the clock and not by a sample."""

    def __init__(self, bench: Bench, setting: Setting, writer: SessionWriter) -> None:
        owners = [*bench.devices, "mirror", *(f"loop {name}" for name in bench.loops)]
        owners += ["guard"] if bench.guard.interlocks else []  # who adds none keeps his phases
        self._numbers = {owner: number for number, owner in enumerate(owners)}
        self._setting = setting
        self._writer = writer

    def lane(self, owner: str) -> Lane:
        """Return the lane of a device (its driver), of the mirror or of a loop."""
        number, lanes = self._numbers[owner], len(self._numbers)
        return Lane(self._setting.clock, number, lanes, partial(self._begin, owner))

    def _begin(self, owner: str, ticker: int, due_ns: int) -> int:
        due_ns = self._setting.ticks.get((owner, ticker), due_ns)
        self._writer.tick(owner, ticker, due_ns)
        return due_ns


def _add_twins(
    bench: Bench,
    memory: Memory,
    hub: Hub,
    mirror: Mirror,
    commander: Commander,
    writer: SessionWriter,
    report: Callable[[Event], None],
    loops: Mapping[str, LoopRunner],
    twins: dict[str, LiveTwin],
) -> None:
    for name, twin in bench.twins.items():
        spec = twin.model
        if spec is None:
            continue
        known = memory.of(name)
        live = twins[name] = LiveTwin(
            spec,
            make_model(spec, known.parameters(spec)),
            lambda signal: mirror.value(bench.signals[signal]),
            hub.publish,
            report,
            known.biases(spec),
        )
        outlook = Outlook(live, hub.publish, partial(writer.twin_state, name))
        if spec.learns is not None:
            asks = spec.learns.excite
            shift = None if asks is None else partial(setattr, loops[asks.loop].setpoint, "shift")
            live.learner = learner = Learner(live, spec.learns, name, report, shift, known.versions)
            for signal in live.wiring.sensor_of:
                hub.subscribe(signal, Stage.WATCH, learner.work)
        commander.followers.append(live.commanded)
        for signal in live.wiring.input_of:
            if not bench.signals[signal].writable:
                hub.subscribe(signal, Stage.TWIN, live.moved)
        for signal in live.wiring.sensor_of:
            hub.subscribe(signal, Stage.TWIN, live.observe)
            hub.subscribe(signal, Stage.WATCH, outlook.keep)


def _add_loops(
    bench: Bench,
    lanes: _Lanes,
    hub: Hub,
    mirror: Mirror,
    commander: Commander,
    safe_state: SafeState,
    writer: SessionWriter,
    report: Callable[[Event], None],
    twins: Mapping[str, LiveTwin],
) -> dict[str, LoopRunner]:
    loops: dict[str, LoopRunner] = {}
    for name, spec in bench.loops.items():
        drive_safe = partial(safe_state.drive, spec.writes)
        loops[name] = LoopRunner(
            spec, lanes.lane(f"loop {name}"), commander, writer.cycles(name), report, drive_safe,
            partial(_last, mirror, spec.writes), mirror.value, hub.publish,
            twins.__getitem__,
        )  # fmt: skip
        hub.subscribe(spec.reads.id, Stage.LOOP, loops[name].on_sample)
    _join_setpoints(loops, commander)
    return loops


def _join_setpoints(loops: Mapping[str, LoopRunner], commander: Commander) -> None:
    """Let those setpoints be commanded that may be, and outer loops know where the inner ones stand."""
    inner = {
        loop.spec.moving.signal.id: loop.setpoint
        for loop in loops.values()
        if loop.spec.moving is not None and loop.spec.moving.signal.writable
    }
    for loop in loops.values():
        if loop.spec.moving is not None and loop.spec.moving.signal.id in inner:
            commander.attach_setpoint(loop.spec.moving.signal, loop.setpoint)
        loop.inner = inner.get(loop.spec.writes.id)


def _last(mirror: Mirror, signal: Signal) -> float:
    """Return the last value of a signal; of an actuator the one that it was told."""
    return mirror.readings[signal.id].last.value


def _add_judges(bench: Bench, start_ns: int, hub: Hub) -> list[Judge]:
    judges: list[Judge] = []
    for expectation in bench.expectations:
        judge = Judge(expectation, start_ns)
        hub.subscribe(bench.by_path[expectation.signal].id, Stage.WATCH, judge.observe)
        judges.append(judge)
    return judges
