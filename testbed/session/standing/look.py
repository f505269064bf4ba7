"""Finds out of a session how every twin stands, now or at its end.

Twins nest: signals in their device, devices in the bench. What is wrong with a part is told of all that it
is a part of, and of nothing else: a sensor that lies makes its own device doubtful, not the one it looks at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from testbed.bench import Bench, Device, Twin
from testbed.session.file import SessionReader
from testbed.session.memory import learned
from testbed.signals import Command, Event, Outcome, Quality, Signal

from .lasting import lasting
from .stands import BenchStand, DeviceStand, Health, Lasting, SignalStand, Wanted

_OPENS = {"offline": "link", "degraded": "signals", "misfit": "model", "disagrees": "word"}
"""Kinds of events that tell of something wrong, and what it is wrong with."""

_CLOSES = {
    "online": ("link", "signals"), "whole": ("signals",), "agrees": ("word",),
    **dict.fromkeys(("fits", "version", "unclear", "rejected", "rolled-back"), ("model",)),
}  # fmt: skip


@dataclass
class _Told:
    """What events leave open, by who they are about: what is wrong, and the text that told it."""

    open: dict[str, dict[str, str]] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        about = self.open.setdefault(event.source, {})
        if event.kind in _OPENS:
            about[_OPENS[event.kind]] = event.text
        for what in _CLOSES.get(event.kind, ()):
            about.pop(what, None)

    def of(self, source: str) -> dict[str, str]:
        return self.open.get(source, {})


def standing(session: SessionReader, bench: Bench) -> BenchStand:
    """Return how everything stands by the newest that a session holds; it may still be recorded."""
    looked = _Look(session, bench)
    devices = tuple(looked.device(device) for device in bench.devices.values())
    health, why = _worst((each.health, f"{each.name}: {each.why}") for each in devices)
    return BenchStand(bench.name, session.last_ns() or session.span()[0], health, why, devices)


class _Look:
    """What the parts are judged by."""

    def __init__(self, session: SessionReader, bench: Bench) -> None:
        self._session = session
        self._bench = bench
        self._recorded = {signal.path: signal.id for signal in session.signals}
        self._newest = session.newest()
        self._desired, self._confirmed = session.last_commands()
        self._told = _Told()
        for event in session.events():
            self._told.hear(event)
        self._sigmas: dict[str, str] = {}
        self._changed: dict[str, str] = {}
        self._versions: dict[str, int] = {}
        for name, twin in bench.twins.items():
            self._read(name, twin)

    def _read(self, name: str, twin: Twin) -> None:
        if twin.model is None:
            return
        self._sigmas |= {each.signal.path: each.sigma.path for each in twin.model.sensors}
        versions = learned(self._session, name, twin.model).versions
        self._versions[name] = 1 + len(versions)
        for version in versions:
            whose = version.name if version.of_sensor else name
            self._changed.pop(whose, None)
            if not version.taken_back:
                self._changed[whose] = str(version)

    def device(self, device: Device) -> DeviceStand:
        """Return how a device stands."""
        twin = self._bench.twins[device.name]
        signals = tuple(self._signal(signal) for signal in device.signals.values())
        lasts = tuple(lasting(self._session, twin))
        parts = [(each.health, f"{each.signal.name}: {each.why}") for each in signals]
        health, why = _worst((*self._own(device.name, lasts), *parts))
        return DeviceStand(
            device.name,
            twin.level.value,
            "" if twin.model is None else twin.model.kind,
            self._versions.get(device.name, 1),
            lasts,
            health,
            why,
            signals,
        )

    def _own(self, name: str, lasts: Sequence[Lasting]) -> Iterator[tuple[Health, str]]:
        told = self._told.of(name)
        if "link" in told:
            yield Health.BAD, told["link"]
        for what in ("signals", "model"):
            if what in told:
                yield Health.DOUBTFUL, told[what]
        for each in lasts:
            if each.worn:
                yield Health.DOUBTFUL, str(each)
        if name in self._changed:
            yield Health.CHANGED, self._changed[name]

    def _signal(self, signal: Signal) -> SignalStand:
        number = self._recorded.get(signal.path, -1)
        newest = self._newest.get(number)
        value, time_ns, quality = math.nan, 0, Quality.BAD
        if newest is not None:
            value, time_ns, quality = newest.sample.value, newest.sample.time_ns, newest.sample.quality
        desired, confirmed = self._desired.get(number), self._confirmed.get(number)
        refusal = ""
        if desired is not None and desired.outcome not in (Outcome.ACKNOWLEDGED, Outcome.SUPERSEDED):
            refusal = desired.reason or desired.outcome.value
        health, why = _worst(self._judged(signal, number, quality, refusal, known=newest is not None))
        return SignalStand(
            signal, value, time_ns, quality, self._sigma(signal.path), _wanted(desired), _wanted(confirmed),
            refusal, health, why,
        )  # fmt: skip

    def _judged(
        self, signal: Signal, number: int, quality: Quality, refusal: str, *, known: bool
    ) -> Iterator[tuple[Health, str]]:
        told = self._told.of(signal.path)
        if refusal:
            yield Health.DOUBTFUL, f"could not be applied: {refusal}"
        if not known and not signal.writable:
            yield Health.BAD, "no sample yet"
        elif known and quality is not Quality.GOOD:
            reasons = self._session.reasons(number)[1]
            why = reasons[-1] if reasons else quality.word
            yield Health.BAD if quality is Quality.BAD else Health.DOUBTFUL, why
        if "word" in told:
            yield Health.DOUBTFUL, told["word"]
        if signal.path in self._changed:
            yield Health.CHANGED, self._changed[signal.path]

    def _sigma(self, path: str) -> float:
        newest = self._newest.get(self._recorded.get(self._sigmas.get(path, ""), -1))
        return math.nan if newest is None else newest.sample.value


def _worst(parts: Iterator[tuple[Health, str]] | tuple[tuple[Health, str], ...]) -> tuple[Health, str]:
    """Return the worst, and why; the first of several that are alike."""
    health, why = Health.GOOD, ""
    for each, reason in parts:
        if each > health:
            health, why = each, reason
    return health, why


def _wanted(command: Command | None) -> Wanted | None:
    if command is None:
        return None
    return Wanted(command.wanted, command.done_ns or command.time_ns, command.requester)
