"""The recorded devices of a session, held at the far ends of wires and played to whoever comes."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from testbed.bench import Bench
from testbed.clock import Clock
from testbed.emulators import Ready
from testbed.emulators.bench import Failed
from testbed.emulators.places import Places
from testbed.emulators.played import PlayedDevice, Player, dialect_of, live_rules, play_devices
from testbed.links.played import Divergence, Script
from testbed.session.file import SessionReader

from .recording import offered_by, raw_frames, span_of
from .script_parting import ScriptParting


class Stage:
    """Plays the named devices of a recorded bench; `parted` hears where a controller leaves them.

    Raises DamagedInput when the session cannot be replayed, UsageError for a protocol that nobody plays.
    """

    def __init__(
        self,
        session: SessionReader,
        bench: Bench,
        names: Iterable[str],
        clock: Clock,
        parted: Callable[[ScriptParting], None],
    ) -> None:
        self.unable: dict[str, str] = {}
        """Devices that cannot be played, and why."""
        self._span = span_of(session)
        self._session = session
        self._bench = bench
        self._clock = clock
        self._parted = parted
        self._devices = [self._device(name) for name in names]

    @property
    def lasting_ns(self) -> int:
        """How long the recording lasts, to its very end."""
        start_ns, end_ns = self._session.span()
        return end_ns - start_ns

    async def hold(self, places: Places, ready: Ready, failed: Failed) -> None:
        """Hold the far ends of the wires until cancelled; each device is told of once."""

        def unable(name: str, reason: str) -> None:
            self.unable[name] = reason
            failed(name, reason)

        await play_devices(self._devices, self._clock, places, ready, unable)

    def start(self, at_ns: int) -> None:
        """Begin with the recording at a time of the clock; call it once all devices were told of."""
        for each in self._playable():
            each.player.start(self._span[0], at_ns)

    def stop(self) -> dict[str, int]:
        """End; returns for each device how many recorded requests were left out, where that is allowed.

        Raises the fault of a player that could not play on.
        """
        for each in self._playable():
            if each.player.fault is not None:
                raise each.player.fault
            each.player.stop()
        return {each.device.name: each.player.skipped for each in self._playable()}

    def _playable(self) -> list[PlayedDevice]:
        return [each for each in self._devices if each.device.name not in self.unable]

    def _device(self, name: str) -> PlayedDevice:
        device = self._bench.devices[name]

        def diverged(divergence: Divergence) -> None:
            self._parted(ScriptParting(name, divergence))

        script = Script(
            raw_frames(self._session, name),
            dialect_of(device),
            end_ns=self._span[1],
            diverged=diverged,
            rules=live_rules(device, self._looped(name)),
        )
        return PlayedDevice(device, Player(script, self._clock), offered_by(self._session, name))

    def _looped(self, device: str) -> set[str]:
        """Return the names of a device's signals that loops command."""
        loops = self._bench.loops.values()
        return {loop.writes.name for loop in loops if loop.writes.device == device}
