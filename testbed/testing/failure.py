"""What a failed expectation tells: what came and when, the last good sample, the device, where to look."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from datetime import UTC, datetime

from testbed.clock import NS
from testbed.session.results import ExpectationVerdict, Judgement
from testbed.signals import Sample, Signal

from .quantities import show
from .scene import Scene
from .sketch import Trail, sketch

_WORDS = {ExpectationVerdict.BLOCKED: "nothing to judge: ", ExpectationVerdict.UNDECIDED: "undecided: "}


class ExpectationFailed(AssertionError):
    """An expectation of a test did not hold; `judgement` holds what it came to."""

    def __init__(self, message: str, judgement: Judgement) -> None:
        super().__init__(message)
        self.judgement = judgement


def tell_failure(scene: Scene, judgement: Judgement, trail: Trail, signal: Signal | None) -> str:
    """Return the message."""
    return "\n".join(_lines(scene, judgement, trail, signal))


def _lines(scene: Scene, found: Judgement, trail: Trail, signal: Signal | None) -> Iterator[str]:
    yield found.text
    came = f"{_WORDS.get(found.verdict, '')}{found.detail or found.verdict.value}"
    if found.verdict is ExpectationVerdict.UNDECIDED and scene.ended:
        came += f" ({scene.ended})"
    yield f"  came       {came}"
    if found.margin is not None:
        yield f"  margin     {show(found.margin, found.unit)}"
    at_ns = found.at_ns if found.at_ns is not None else scene.clock.now()
    yield f"  when       {(at_ns - scene.started_ns) / 1e9:.3f} s after the test began, in {scene.mode} mode"
    if signal is not None:
        yield f"  last good  {_last_good(scene, trail.newest_good, signal, at_ns)}"
        yield f"  device     {_device(scene, signal)}"
        lines = sketch(trail, found.low, found.high, scene.started_ns, at_ns)
        if lines:
            yield (
                f"  {signal.path}" + (f" in {signal.unit}" if signal.unit else "") + ", seconds of the test:"
            )
            yield from (f"  {line}".rstrip() for line in lines)
    yield f"  look       {_look(scene, found, at_ns)}"


def _last_good(scene: Scene, sample: Sample | None, signal: Signal, at_ns: int) -> str:
    sample = sample or scene.parts.mirror.readings[signal.id].good
    if sample is None:
        return "none, ever"
    age = (at_ns - sample.time_ns) / 1e9
    return f"{show(sample.value, signal.unit)}, " + (f"{age:.3g} s before" if age > 0 else "at that moment")


def _device(scene: Scene, signal: Signal) -> str:
    driver = scene.parts.drivers.get(signal.device)
    if driver is None:
        return f"{signal.device} takes no part in this run"
    newest = scene.parts.mirror.readings[signal.id].last
    told = f"; {signal.path} is {newest.quality.word}" + (f": {newest.reason}" if newest.reason else "")
    return f"{signal.device} is {driver.state.value} on {driver.device.wire}{told}"


def _look(scene: Scene, found: Judgement, at_ns: int) -> str:
    session = str(scene.path)
    if not found.signal:
        return shlex.join(["testbed", "show", session])
    second, part = divmod(at_ns, NS)
    moment = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return shlex.join(["testbed", "why", session, f"{found.signal}@{moment}.{part:09d}Z"])
