"""`testbed replay --virtual`: the real drivers fed the recorded bytes, twins and loops run anew."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from testbed.bench import Bench
from testbed.clock import NS, VirtualClock, run_virtual
from testbed.emulators.played import dialect_of
from testbed.links.played import Divergence, PlayedOpener, Script
from testbed.session.assembly import Assembly
from testbed.session.file import SessionReader
from testbed.session.metadata import about_host
from testbed.session.recorded import on_recorded_wires, recorded_bench
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
    recording: Path,
    path: Path,
    *,
    bench: Bench | None = None,
    tell: Tell = lambda event: None,
    begun: Callable[[VirtualClock], None] = lambda clock: None,
) -> Replay:
    """Replay a recording in virtual time into a new session at `path`.

    `bench` is another one to try against the recorded world (its devices must be recorded), by default
    the recorded one. Raises DamagedInput when the recording lacks what a replay needs, UsageError for a
    bench with devices that it does not hold.
    """
    with SessionReader(recording) as session, tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        meant = recorded_bench(session, Path(folder)) if bench is None else on_recorded_wires(bench, session)
        return _replay(session, meant, path, tell, begun)


def _replay(
    session: SessionReader, bench: Bench, path: Path, tell: Tell, begun: Callable[[VirtualClock], None]
) -> Replay:
    meta = session.meta()
    start_ns, stopped_ns = span_of(session)
    partings: list[ScriptParting] = []
    scripts = {
        name: Script(
            raw_frames(session, name),
            dialect_of(device),
            end_ns=stopped_ns,
            diverged=partial(_note, partings, name),
        )
        for name, device in bench.devices.items()
    }
    about = about_host(bench)

    async def main(clock: VirtualClock) -> RunVerdict:
        def assembled(parts: Assembly) -> None:
            ask_again(session, bench, clock, parts.commander)
            begun(clock)

        run = Run(
            bench, path, seed=meta.get("seed", 0), emulated=_emulated(meta), tell=tell,
            absent=meta.get("absent"), assembled=assembled,
            setting=Setting.virtual(
                clock,
                lambda name: PlayedOpener(scripts[name], clock.input_at),
                about,
                "replay",
                session.ticks(),
            ),
        )  # fmt: skip
        verdict = await run.run((stopped_ns - start_ns) / NS)
        for script in scripts.values():
            script.finish(min(clock.now(), session.span()[1]))
        return verdict

    verdict = run_virtual(main, start_ns, session.holdups())
    return Replay(path, start_ns, verdict, sorted(partings, key=lambda each: each.divergence.time_ns))


def _note(partings: list[ScriptParting], device: str, divergence: Divergence) -> None:
    partings.append(ScriptParting(device, divergence))


def _emulated(meta: dict[str, Any]) -> list[str]:
    return [name for name, told in meta["devices"].items() if told.get("emulated")]
