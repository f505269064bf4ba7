"""One run of a bench: everything started, watched, brought to safety, and recorded to its last word."""

from __future__ import annotations

import asyncio
import math
import traceback
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

from testbed.bench import Bench, Secrets
from testbed.clock import NS, Seeds, SessionClock, VirtualTimeError
from testbed.drivers import Driver
from testbed.signals import Event, Level, Quality, Sample, Signal

from .assembly import Assembly, assemble
from .black_box import BlackBox, Window
from .control_socket import ControlDesk, serve_control
from .expectations import ExpectationVerdict, Judgement
from .faults import Breaking
from .file import SessionWriter
from .memory import KEY, VERSIONS, Memory
from .metadata import attachments, start_metadata
from .setting import Setting

_CLOCK_PAIR_NS = 10 * NS
_SKIPPED_NS = NS
_RESTART_PAUSE = 0.2  # s before a driver that crashed is started again

Tell = Callable[[Event], None]


class RunVerdict(StrEnum):
    """What the run comes to."""

    PASSED = "passed"
    FAILED = "failed"
    BLOCKED = "blocked"
    """A device was never reached, or an expectation never had a good sample."""


class Run:
    """Runs a bench once and records it; `stop` may be called from a signal handler in the loop."""

    def __init__(
        self,
        bench: Bench,
        path: Path,
        *,
        seed: int,
        emulated: list[str],
        tell: Tell,
        absent: Mapping[str, str] | None = None,
        setting: Setting | None = None,
        window: Window | None = None,
        assembled: Callable[[Assembly], None] = lambda parts: None,
        control: Path | None = None,
        closing: Callable[[dict[str, Any]], dict[str, Any]] = lambda ended: ended,
        breaking: Breaking | None = None,
        memory: Memory | None = None,
    ) -> None:
        """Prepare. `absent` devices (name to reason) take no part: nothing is sent over their wires.

        `setting` is where it takes place; by default on this machine, in real time. With a `window` only
        the last minutes are kept (see BlackBox). `assembled` is called with the parts before anything runs.
        `control` is where to listen for other processes that may command and stop the run; by default
        nowhere. `closing` is called at the very end with the last metadata and returns what to write.
        `breaking` is what may be broken on purpose, and how. `memory` is what is known from before.
        """
        self._setting = setting or Setting.real(bench)
        self.bench = bench
        self.path = path
        self._seed = seed
        self._emulated = emulated
        self._absent = dict(absent or {})
        self._breaking = breaking or Breaking()
        self._control = control
        self._memory = memory or Memory()
        self._closing = closing
        self._tell = tell
        self._secrets = Secrets(device.wire for device in bench.devices.values())
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()
        self._failures: list[str] = []
        self._unsafe: list[Signal] = []
        self._judgements: list[Judgement] = []
        self._assembled = assembled
        self._stopped_ns = 0
        self._clock = self._setting.clock
        self._window = window
        self._black_box: BlackBox | None = None
        self._writer = SessionWriter(
            path,
            self._clock,
            bench.signals,
            metadata={
                **start_metadata(bench, self._setting.about, self._setting.mode, emulated, seed),
                "absent": self._absent,
                KEY: self._memory.as_metadata(),
            },
            attachments=attachments(bench, self._setting.about, seed),
            on_failure=self._recording_failed,
            redact=self._secrets.redact,
            thread=self._setting.thread,
            period_s=self._setting.commit_s,
            keep_s=None if window is None else window.recorded_s,
        )
        self.refused: VirtualTimeError | None = None
        """What a part of the run asked for that cannot be in virtual time."""
        self.recording_failure = ""
        """Why the session file holds only the beginning of the run; empty while it holds all of it."""

    @property
    def clock(self) -> SessionClock:
        """The clock of the session."""
        return self._clock

    def stop(self, reason: str) -> None:
        """End the run: actuators go safe first. A second call no longer waits for them."""
        if self._stop.is_set():
            self._hurry.set()
            return
        self._report_run(Level.INFO, "stop", reason)
        self._stop.set()

    def save(self) -> None:
        """Save the last minutes, if only they are kept; may be called as `stop` may."""
        if self._black_box is not None:
            self._black_box.key()

    @property
    def saved(self) -> list[Path]:
        """The parts of the run that were saved as sessions of their own."""
        return [] if self._black_box is None else self._black_box.saved

    async def run(self, seconds: float | None) -> RunVerdict:
        """Run for `seconds` (None: until stopped) and return the verdict; the session file is closed then.

        Whatever ends the run, every writable signal of a device that was reached is driven to its safe
        value while the drivers are still there to do it.
        """
        asyncio.get_running_loop().set_exception_handler(self._unhandled)
        self._writer.start()
        parts = assemble(
            self.bench, self._setting, Seeds(self._seed), self._writer, self.report, self._fail, self._absent,
            self._emulated, self._breaking, self._memory,
        )  # fmt: skip
        if self._window is not None:
            self._black_box = BlackBox(
                self._window, self.path, self._clock, parts.hub, parts.judges, self.report,
                thread=self._setting.thread,
            )  # fmt: skip
        self._assembled(parts)
        self._tell_memory()
        try:
            await self._serve(parts, seconds)
        finally:
            verdict = self._close(parts)
        return verdict

    async def _serve(self, parts: Assembly, seconds: float | None) -> None:
        watches = (
            self._clock.every(_CLOCK_PAIR_NS, self._pair_clocks, 0),
            self._clock.every(_SKIPPED_NS, self._tell_skipped),
        )
        async with asyncio.TaskGroup() as group:
            drivers = {
                name: group.create_task(self._keep(driver), name=f"driver {name}")
                for name, driver in parts.drivers.items()
            }
            desk = group.create_task(self._serve_control(parts), name="control socket")
            self._mark_absent(parts)
            parts.faults.start()
            parts.mirror.start()
            parts.interlocks.start()
            parts.supervision.start()
            parts.manual.start()
            for loop in parts.loops.values():
                loop.start()
            try:
                async with asyncio.timeout(seconds):
                    await self._stop.wait()
            except TimeoutError:
                pass  # the run has lasted as long as it was asked to
            finally:
                # Judged now: what the actuators do on their way to safety is not what was expected.
                self._stopped_ns = self._clock.now()
                if self._black_box is not None:
                    self._black_box.rest()
                self._judgements = [judge.finish(self._stopped_ns) for judge in parts.judges]
                parts.faults.stop()
                parts.mirror.stop()  # devices that are let go on purpose have not gone stale
                parts.manual.stop()
                parts.interlocks.stop()
                parts.supervision.stop()
                for loop in parts.loops.values():
                    loop.stop()
                await self._make_safe(parts, lambda name: drivers[name].cancel())
                for watch in watches:
                    watch.cancel()
                for task in (*drivers.values(), desk):
                    task.cancel()

    def _mark_absent(self, parts: Assembly) -> None:
        now = self._clock.now()
        for name, reason in self._absent.items():
            cause = f"offline: {reason.splitlines()[0]}"
            for signal in self.bench.devices[name].signals.values():
                if not signal.writable:
                    parts.hub.publish(Sample(signal.id, now, math.nan, Quality.BAD, cause))
            text = f"{name} takes no part in this run: {reason}"
            self.report(Event(now, Level.WARNING, name, "offline", text))

    async def _serve_control(self, parts: Assembly) -> None:
        if self._control is None:
            return
        desk = ControlDesk(
            parts.manual,
            parts.loops.values(),
            self._clock,
            self._stop_once,
            parts.interlocks,
            parts.faults,
            parts.supervision,
        )
        await serve_control(self._control, desk)

    def _stop_once(self, reason: str) -> None:
        """Stop; who asks again from afar is impatient, and must not keep actuators from going safe."""
        if not self._stop.is_set():
            self.stop(reason)

    async def _keep(self, driver: Driver) -> None:
        """Run a driver; one that crashes ends the run but is started again, to bring its device to safety."""
        while True:
            try:
                await driver.run()
            except Exception as error:  # a fault of a driver must not take the other drivers with it
                self._fail(f"driver of {driver.device.name}", error)
            await self._clock.sleep(_RESTART_PAUSE)

    async def _make_safe(self, parts: Assembly, release: Callable[[str], object]) -> None:
        """Bring every device to safety; each is released as soon as it is there."""
        safe = asyncio.ensure_future(parts.safe_state.reach("safe state", release))
        hurry = asyncio.ensure_future(self._hurry.wait())
        try:
            await asyncio.wait((safe, hurry), return_when=asyncio.FIRST_COMPLETED)
            if safe.done():
                self._unsafe = safe.result()
            else:
                self._failures.append("interrupted before every actuator had confirmed its safe value")
        finally:
            for task in (safe, hurry):
                task.cancel()
            await asyncio.gather(safe, hurry, return_exceptions=True)

    def _close(self, parts: Assembly) -> RunVerdict:
        unreached = [name for name, driver in parts.drivers.items() if not driver.reached] + [*self._absent]
        verdict = self._verdict(unreached)
        self._pair_clocks()
        self._note_holdups()
        ended = _end_metadata(verdict, self._judgements, unreached, self._unsafe, self._failures)
        ended[VERSIONS] = {
            name: [version.as_dict() for version in learner.versions]
            for name, learner in parts.learners.items()
        }
        self._writer.close(self._closing({**ended, "stopped_ns": self._stopped_ns}))
        if self._black_box is not None:
            self._black_box.close()
        self._clock.close()
        return verdict

    def _verdict(self, unreached: list[str]) -> RunVerdict:
        verdicts = {judgement.verdict for judgement in self._judgements}
        if self._failures or self._unsafe or ExpectationVerdict.FAILED in verdicts:
            return RunVerdict.FAILED
        if unreached or ExpectationVerdict.BLOCKED in verdicts:
            return RunVerdict.BLOCKED
        return RunVerdict.PASSED

    # Telling ----------------------------------------------------------------------------------

    def report(self, event: Event) -> None:
        """Record an event and tell it; what happens inside emulated devices comes here too."""
        event = msgspec.structs.replace(event, text=self._secrets.redact(event.text))
        self._writer.event(event)
        self._tell(event)
        if self._black_box is not None:
            self._black_box.event(event)

    def _report_run(self, level: Level, kind: str, text: str) -> None:
        self.report(Event(self._clock.now(), level, "run", kind, text))

    def _tell_memory(self) -> None:
        for name, learned in self._memory.twins.items():
            text = f"{name} goes on with what its twin had learned in {self._memory.session}: {learned}"
            self.report(Event(self._clock.now(), Level.INFO, name, "remembers", text))

    def _recording_failed(self, reason: str) -> None:
        self.recording_failure = reason
        self._report_run(Level.ERROR, "recording", reason)

    def _fail(self, where: str, error: BaseException) -> None:
        """Tell a fault of ours once, with its trace; end the run and bring everything to safety."""
        text = self._secrets.redact(f"{where} failed: {type(error).__name__}: {error}")
        if text in self._failures:
            return
        self._failures.append(text)
        if isinstance(error, VirtualTimeError):
            self.refused = error  # no fault of ours: whoever runs us is told how to do without
            trace = ""
        else:
            trace = "\n" + "".join(traceback.format_exception(error))
        self._report_run(Level.ERROR, "fault", text + trace)
        self._stop.set()

    def _unhandled(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            self._fail(str(context.get("message", "a callback")), error)
        else:
            self._report_run(Level.WARNING, "loop", str(context.get("message")))

    def _tell_skipped(self) -> None:
        self._note_holdups()
        count, longest_ns = self._clock.take_skipped()
        if count:
            text = f"{count} ticks were skipped: the controller was held up for {longest_ns / 1e6:.0f} ms"
            event = Event(self._clock.now(), Level.INFO, "run", "skipped", text)
            self._writer.event(event)  # recorded only: on a busy machine it would drown all else

    def _note_holdups(self) -> None:
        for span in self._clock.take_held():
            self._writer.holdup(*span)

    def _pair_clocks(self) -> None:
        self._writer.clock_pair(*self._clock.pair())


def _end_metadata(
    verdict: RunVerdict,
    judgements: list[Judgement],
    unreached: list[str],
    unsafe: list[Signal],
    failures: list[str],
) -> dict[str, Any]:
    return {
        "verdict": verdict.value,
        "expectations": [msgspec.to_builtins(judgement) for judgement in judgements],
        "unreached": unreached,
        "unsafe": [signal.path for signal in unsafe],
        "failures": failures,
    }
