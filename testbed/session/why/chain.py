"""Follows a command or a sample back to the bytes that it came from, and on to those that it caused."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from testbed.bench import Bench, Loop
from testbed.errors import TestbedError, UsageError
from testbed.session.describe import Interpreter
from testbed.session.evidence import frame_of_sample
from testbed.session.file import SessionReader
from testbed.session.recorded import recorded_bench
from testbed.signals import Command, Quality, Sample, Signal

from .actuation import guard_step, settled_step, written_steps
from .reckoning import cycle_step, twin_step
from .records import Given, command_at, cycle_at, events_at, first_ns, sample_at
from .steps import Step, frame_step
from .words import clock_text, duration_text, value_text

_SAFE_STATE = "safe state"  # who asks for the safe values when a run ends
_NEAR_NS = 1_000_000_000  # what was told this shortly before a command may be its reason


def explain(session: SessionReader, signal: Signal, time_ns: int) -> Step:
    """Return the chain behind the last command to a signal, or its last sample, at or before a time.

    Raises UsageError when the first comes later.
    """
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        try:
            bench = recorded_bench(session, Path(folder))
        except TestbedError:  # it can be read without, only then nobody knows which loop reads what
            bench = None
        chain = _Chain(session, bench)
        found = chain.command(signal, time_ns) if signal.writable else chain.sample_of(signal, time_ns)
    if found is None:
        raise _too_early(session, signal, time_ns)
    return found


def _too_early(session: SessionReader, signal: Signal, time_ns: int) -> UsageError:
    what = "command to" if signal.writable else "sample of"
    first = first_ns(session, signal)
    if first is None:
        return UsageError(f"{session.path} holds no {what} {signal.path}")
    since_start = (first - session.span()[0]) / 1e9
    asked = f"{signal.path}@+{since_start:.9f}s"
    return UsageError(
        f"no {what} {signal.path} up to {clock_text(time_ns)} UTC", f"ask for the first: {asked}"
    )


class _Chain:
    """Makes the steps; without a bench, what only that tells is left out and said to be unknown."""

    def __init__(self, session: SessionReader, bench: Bench | None) -> None:
        self._session = session
        self._bench = bench
        self._wires = Interpreter(session)
        self._start = session.span()[0]

    # Samples ----------------------------------------------------------------------------------

    def sample_of(self, signal: Signal, time_ns: int) -> Step | None:
        """Return the chain of the last sample at or before a time."""
        sample = sample_at(self._session, signal, time_ns)
        if sample is None:
            return None
        step = self._sample(signal, sample)
        view = twin_step(self._session, self._bench, signal, sample.time_ns)
        step.steps += [view] if view else []
        return step

    def _sample(self, signal: Signal, sample: Sample) -> Step:
        reason = f": {sample.reason}" if sample.reason else ""
        text = f"{signal.path} was {value_text(sample.value, signal)} ({sample.quality.word}{reason})"
        facts = {
            "signal": signal.path,
            "value": sample.value,
            "unit": signal.unit,
            "quality": sample.quality.word,
            "reason": sample.reason,
            **self._when(sample.time_ns),
        }
        step = Step("sample", f"{text} {self._at(sample.time_ns)}", facts=facts)
        step.steps += self._bytes(signal, sample)
        return step

    def _bytes(self, signal: Signal, sample: Sample) -> list[Step]:
        if signal.writable or self._is_twins(signal) or self._taker(signal):
            return []
        evidence = frame_of_sample(self._wires, signal.device, signal.name, sample.time_ns)
        if evidence is None:
            return [Step("bytes", f"no bytes had come from {signal.device} by then")]
        if evidence.about is None and sample.quality is Quality.BAD:
            text = f"no bytes brought it; the last ones from {signal.device}"
        elif evidence.about is None:
            text = f"the last bytes from {signal.device} before it"
        else:
            text = "it came as"
        return [frame_step("bytes", text, evidence, self._when(evidence.frame.time_ns))]

    def _is_twins(self, signal: Signal) -> bool:
        return self._bench is not None and signal.path in self._bench.said_by_twins

    # Commands ---------------------------------------------------------------------------------

    def command(self, signal: Signal, time_ns: int) -> Step | None:
        """Return the chain of the last command at or before a time."""
        given = command_at(self._session, signal, time_ns)
        if given is None:
            return None
        command = given.command
        step = Step("command", self._given(signal, command), self._history(signal, given), self._facts(given))
        loop = self._loop(command)
        step.steps += self._causes(command, loop)
        view = twin_step(self._session, self._bench, loop.reads if loop else signal, command.time_ns, signal)
        step.steps += [view] if view else []
        if loop is not None and command.cause_ns:
            cycle = cycle_at(self._session, loop.name, command.time_ns)
            step.steps.append(cycle_step(loop, cycle))
        step.steps.append(guard_step(signal, command))
        if (taker := self._taker(signal)) is not None and command.sent_ns:
            step.steps.append(Step("settled", f"the loop {taker} holds to it from then on"))
            return step
        written, answer = written_steps(self._wires, signal, command, self._when)
        step.steps += written
        step.steps.append(settled_step(command, answer, self._when))
        return step

    def _taker(self, signal: Signal) -> str | None:
        """Return the loop whose setpoint a signal is."""
        loop = self._bench.setpoints.get(signal.path) if self._bench else None
        return None if loop is None else loop.name

    def _given(self, signal: Signal, command: Command) -> str:
        value = value_text(command.value, signal)
        done = {"acknowledged": "was set to", "refused": "was not set to"}.get(command.outcome, "was told")
        return f"{signal.path} {done} {value} by {command.requester} {self._at(command.time_ns)}"

    def _history(self, signal: Signal, given: Given) -> str:
        if given.since is not given.command:
            return f"the same as since {self._at(given.since.time_ns).removeprefix('at ')}"
        if given.before is None:
            return "the first command to it"
        ago = duration_text(given.command.time_ns - given.before.time_ns)
        return f"{value_text(given.before.value, signal)} before, {ago} earlier by {given.before.requester}"

    def _facts(self, given: Given) -> dict[str, Any]:
        command = given.command
        return {
            "signal": self._session.signals[command.signal].path,
            "value": command.value,
            "unit": self._session.signals[command.signal].unit,
            "requester": command.requester,
            "priority": command.priority.name.lower(),
            "verdict": command.verdict,
            "outcome": command.outcome,
            "reason": command.reason,
            "before": given.before.value if given.before else None,
            "since_s": (given.since.time_ns - self._start) / 1e9,
            **self._when(command.time_ns),
        }

    def _loop(self, command: Command) -> Loop | None:
        """Return the loop that asked for a command, or for whose stale sample it was given."""
        loops = self._bench.loops.values() if self._bench else ()
        asker = command.requester.partition(":")[0]
        return next((loop for loop in loops if asker == f"loop {loop.name}"), None)

    def _causes(self, command: Command, loop: Loop | None) -> list[Step]:
        if command.cause_ns and loop is None:
            return [
                Step(
                    "sample",
                    f"a sample {self._at(command.cause_ns)} led to it; of which signal is not recorded",
                )
            ]
        steps = []
        if not command.cause_ns:
            end = ", as at the end of every run" if command.requester == _SAFE_STATE else ""
            steps.append(Step("asked", f"{command.requester} asked for it{end}; no sample led to it"))
            steps += self._told(command, loop)
        if loop is not None:
            sample = sample_at(self._session, self._own(loop.reads), command.cause_ns or command.time_ns)
            steps += [self._sample(self._own(loop.reads), sample)] if sample else []
        return steps

    def _told(self, command: Command, loop: Loop | None) -> list[Step]:
        """Return what was told shortly before a command of those that have to do with it."""
        signal = self._session.signals[command.signal]
        concerned = {"run", signal.device, signal.path}
        concerned |= {loop.name, loop.reads.device} if loop else set()
        return [
            Step(
                "told",
                f"shortly before: {event.text.splitlines()[0]}",
                facts={"source": event.source, "kind": event.kind, **self._when(event.time_ns)},
            )
            for event in events_at(self._session, command.time_ns - _NEAR_NS, command.time_ns)
            if event.source in concerned and event.text
        ]

    def _own(self, signal: Signal) -> Signal:
        """Return the session's signal of that path; a bench may number them otherwise."""
        return self._session.signal(signal.path)

    # Times ------------------------------------------------------------------------------------

    def _at(self, time_ns: int) -> str:
        return f"at {clock_text(time_ns)} UTC ({(time_ns - self._start) / 1e9:+.6f} s)"

    def _when(self, time_ns: int) -> dict[str, Any]:
        return {"time_ns": time_ns, "time_s": (time_ns - self._start) / 1e9, "utc": clock_text(time_ns)}
