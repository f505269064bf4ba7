"""`testbed replay --wire`: the recording is played on real wires at 1x, and the unmodified run drives it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from testbed.bench import Bench
from testbed.clock import NS, Clock
from testbed.session.assembly import Assembly
from testbed.session.compare import Findings
from testbed.session.file import SessionReader
from testbed.session.memory import memory_of
from testbed.session.recorded import recorded_bench
from testbed.session.run import Run, RunVerdict, Tell
from testbed.session.setting import Setting
from testbed.session.verify import verify

from .heard import compare_heard, departs
from .playing import Playing, playing
from .recording import check_frames, span_of
from .script_parting import ScriptParting
from .stimuli import ask_again

_AHEAD_NS = 250_000_000
"""How far the run is ahead of the recording: whoever listens early misses nothing, and what is asked early
waits for its recorded answer. Shorter than any protocol's patience."""

_EARLY_NS = 500_000_000  # how much earlier than recorded a run may stop and still have been a whole one

Begun = Callable[[Run, Clock], None]

Choose = Callable[[SessionReader, Path], Bench]
"""Returns the bench to run, given the session and a folder for its files."""


@dataclass(frozen=True)
class WireReplay:
    """What came of it; the replayed run is a session of its own at `path`."""

    path: Path
    start_ns: int
    """When the recording began."""
    verdict: RunVerdict
    partings: list[ScriptParting]
    """Where the controller asked for something else than it did in the recording, in time order."""
    skipped: dict[str, int]
    """By device, polls and cycles that were left out, as a busy machine does."""
    failed: dict[str, str]
    """Devices that could not be played, and why."""
    heard: dict[str, Findings]
    """By signal, how what the devices said compares with the recording."""
    complete: bool
    """Whether it lasted as long as the recording; it does not when it is interrupted or something crashes."""
    recording_failure: str

    @property
    def same(self) -> bool:
        """Whether the controller did and heard what it did and heard in the recording, from start to end."""
        departed = self.partings or self.failed or any(map(departs, self.heard.values()))
        return self.complete and not departed


async def replay_on_wires(
    recording: Path,
    path: Path,
    *,
    choose: Choose = recorded_bench,
    tell: Tell = lambda event: None,
    begun: Begun = lambda run, clock: None,
) -> WireReplay:
    """Replay a recording on real wires, for as long as it lasted, into a new session at `path`.

    `choose` gives the bench to run, by default the recorded one. `begun` is called once, before anything
    happens. Raises DamagedInput when the recording lacks what a replay needs, UsageError for a bench with
    devices that it does not hold, BenchFileError for one that is wrong.
    """
    with SessionReader(recording) as session, tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        meant = choose(session, Path(folder))
        await verify(meant)
        absent = dict(session.meta().get("absent") or {})
        span_ns = span_of(session)
        names = [name for name in meant.devices if name not in absent]
        check_frames(session, names)
        async with playing(recording, names) as played:
            rewired = played.emulation.rewire(meant)
            _load_libraries(rewired)
            ran = _Replayed(session, rewired, path, played, tell)
            run = ran.prepare({**absent, **played.emulation.failed})
            begun(run, ran.clock)
            verdict = await run.run((span_ns[1] - span_ns[0] + _AHEAD_NS) / NS)
            await played.end()
    complete, partings = _until_the_end(played.partings, path, span_ns, ran.played_ns)
    signals = _told_by(meant, {*absent, *played.emulation.failed})
    return WireReplay(
        path, span_ns[0], verdict, partings, played.skipped, played.emulation.failed,
        compare_heard(recording, path, ran.played_ns, signals), complete, run.recording_failure,
    )  # fmt: skip


class _Replayed:
    """The run, and when the recording began to be played to it."""

    def __init__(self, session: SessionReader, bench: Bench, path: Path, played: Playing, tell: Tell) -> None:
        self.played_ns = 0
        self._session = session
        self._bench = bench
        self._path = path
        self._played = played
        self._tell = tell
        self._setting = replace(Setting.real(bench), mode="replay")
        self.clock: Clock = self._setting.clock

    def prepare(self, absent: Mapping[str, str]) -> Run:
        names = [name for name in self._bench.devices if name not in absent]
        return Run(
            self._bench, self._path, seed=self._session.meta().get("seed", 0), emulated=names,
            tell=self._tell, absent=absent, setting=self._setting, assembled=self._assembled,
            memory=memory_of(self._session),
        )  # fmt: skip

    def _assembled(self, parts: Assembly) -> None:
        self.played_ns = self.clock.now() + _AHEAD_NS
        later_ns = self.played_ns - self._session.span()[0]
        ask_again(self._session, self._bench, self.clock, parts, later_ns)
        self._played.start(self.played_ns)


def _until_the_end(
    partings: list[ScriptParting], path: Path, span_ns: tuple[int, int], played_ns: int
) -> tuple[bool, list[ScriptParting]]:
    """Return whether the run was a whole one, and where it parted, in time order.

    What a run does when it ends too early, safe values first of all, the recording holds for later.
    """
    with SessionReader(path) as session:
        stopped_ns = span_of(session)[1] - played_ns + span_ns[0]
    complete = stopped_ns > span_ns[1] - _EARLY_NS
    told = sorted(partings, key=lambda each: each.divergence.time_ns)
    return complete, [each for each in told if complete or each.divergence.time_ns < stopped_ns]


def _told_by(bench: Bench, absent: set[str]) -> list[str]:
    """Return the paths of what the played devices tell; what they are told is a matter of the partings."""
    return [
        signal.path
        for name, device in bench.devices.items()
        for signal in device.signals.values()
        if name not in absent and not signal.writable
    ]


def _load_libraries(bench: Bench) -> None:
    """Load what the links need before they are opened: loading holds up everybody, and answers are late."""
    schemes = {device.wire.scheme for device in bench.devices.values()}
    if "ble" in schemes:
        import testbed.links.gatt
    if any(scheme.endswith("mqtt") for scheme in schemes):
        import testbed.links.mqtt  # noqa: F401
