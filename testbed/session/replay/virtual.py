"""`testbed replay --virtual`: the real drivers fed the recorded bytes, twins and loops run anew."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from testbed.bench import Bench
from testbed.clock import NS, Timer, VirtualClock, run_virtual
from testbed.emulators.played import dialect_of
from testbed.links.played import Asked, Divergence, PlayedOpener, Rules, Script
from testbed.session.assembly import Assembly
from testbed.session.file import SessionReader
from testbed.session.memory import memory_of
from testbed.session.metadata import about_host
from testbed.session.run import Run, RunVerdict, Tell
from testbed.session.setting import Setting

from .recording import raw_frames, span_of
from .script_parting import ScriptParting
from .stimuli import ask_again


@dataclass(frozen=True)
class Replay:
    """What came of it; the replayed run is a session of its own at `path`."""

    path: Path
    start_ns: int
    verdict: RunVerdict
    partings: list[ScriptParting]
    """Where drivers asked for something else than they did in the recording, in time order."""


def replay_virtually(
    session: SessionReader,
    bench: Bench,
    path: Path,
    *,
    changed: bool = False,
    tell: Tell = lambda event: None,
    begun: Callable[[VirtualClock], None] = lambda clock: None,
) -> Replay:
    """Replay a recording in virtual time, through `bench`, into a new session at `path`.

    With a `changed` bench the recorded devices take what its controllers command for what they were
    commanded then: what differs is told by comparing the commands. Raises DamagedInput when the recording
    lacks what a replay needs, VirtualTimeError for what cannot be in virtual time.
    """
    start_ns, stopped_ns = span_of(session)
    about = about_host(bench)
    held: list[Playback] = []

    async def main(clock: VirtualClock) -> RunVerdict:
        playback = Playback(session, bench, path, clock, about, changed=changed, tell=tell, begun=begun)
        held.append(playback)
        verdict = await playback.run.run((stopped_ns - start_ns) / NS)
        if playback.run.refused is not None:
            raise playback.run.refused
        playback.finish()
        return verdict

    verdict = run_virtual(main, start_ns, session.holdups())
    partings = sorted(held[0].partings, key=lambda each: each.divergence.time_ns)
    return Replay(path, start_ns, verdict, partings)


class Playback:
    """A recording and the run that hears it, in virtual time; `run` is to be run by the owner.

    Commands of requesters in `but` are not given again. `assembled` and `closing` are those of Run.
    """

    def __init__(
        self,
        session: SessionReader,
        bench: Bench,
        path: Path,
        clock: VirtualClock,
        about: Mapping[str, Any],
        *,
        changed: bool = False,
        tell: Tell = lambda event: None,
        begun: Callable[[VirtualClock], None] = lambda clock: None,
        but: Collection[str] = (),
        assembled: Callable[[Assembly], None] = lambda parts: None,
        closing: Callable[[dict[str, Any]], dict[str, Any]] = lambda ended: ended,
    ) -> None:
        self.partings: list[ScriptParting] = []
        self._clock, self._end_ns = clock, session.span()[1]
        meta, (_, stopped_ns) = session.meta(), span_of(session)
        overtaken = session.overtaken()
        self._scripts = {
            name: Script(
                raw_frames(session, name),
                dialect_of(device),
                end_ns=stopped_ns,
                diverged=partial(_note, self.partings, name),
                rules=Rules(fits=_anything) if changed else None,
            )
            for name, device in bench.devices.items()
        }

        def ready(parts: Assembly) -> None:
            ask_again(session, bench, clock, parts, but=but)
            begun(clock)
            assembled(parts)

        self.run = Run(
            bench, path, seed=meta.get("seed", 0), emulated=_emulated(meta), tell=tell,
            absent=meta.get("absent"), assembled=ready, closing=closing, memory=memory_of(session),
            setting=Setting.virtual(
                clock,
                lambda name: PlayedOpener(self._scripts[name], partial(_play_at, clock, overtaken, name)),
                about,
                "replay",
                session.ticks(),
            ),
        )  # fmt: skip

    def finish(self) -> None:
        """Note what the recorded devices were not asked."""
        for script in self._scripts.values():
            script.finish(min(self._clock.now(), self._end_ns))


def _anything(asked: Asked, others: Sequence[Asked], held_ns: int) -> bool:
    """Let any command to a place stand for the recorded one."""
    return True


def _play_at(
    clock: VirtualClock,
    overtaken: Mapping[tuple[str, int], int],
    device: str,
    time_ns: int,
    callback: Callable[[], None],
) -> Timer:
    """Call back at the time of a recorded frame, or when its turn came after younger ones of others."""
    return clock.input_at(overtaken.get((device, time_ns), time_ns), callback)


def _note(partings: list[ScriptParting], device: str, divergence: Divergence) -> None:
    partings.append(ScriptParting(device, divergence))


def _emulated(meta: dict[str, Any]) -> list[str]:
    return [name for name, told in meta["devices"].items() if told.get("emulated")]
