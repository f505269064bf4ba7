"""The sessions of a folder, by name: nothing outside that folder can be asked for."""

from __future__ import annotations

import asyncio
import tempfile
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from testbed.bench import Bench, BenchFileError, FaultyBench, load_bench
from testbed.errors import TestbedError, UsageError
from testbed.session.file import SUFFIX, UNFINISHED, Entry, SessionReader, list_sessions, summarize
from testbed.signals import Signal

T = TypeVar("T")
_KEPT = 64
"""Answers about sessions that are kept: listing a full folder again must not open every file."""


class NoSuchSession(UsageError):
    """No session of that name stands in the folder."""


@dataclass(frozen=True)
class About:
    """What a page has to know of a session before it draws; `bench` is None when it cannot be read."""

    name: str
    meta: dict[str, Any]
    signals: list[Signal]
    bench: Bench | None

    @property
    def verdict(self) -> str:
        """The verdict, UNFINISHED while it runs."""
        return str(self.meta.get("verdict", UNFINISHED))

    @property
    def running(self) -> bool:
        """Whether it has not ended (or was killed)."""
        return "verdict" not in self.meta

    def of(self, device: str) -> list[Signal]:
        """Return the signals of one device."""
        return [signal for signal in self.signals if signal.device == device]


class Archive:
    """Reads sessions in threads, so that a slow disk holds up nobody else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: OrderedDict[tuple[object, ...], Any] = OrderedDict()

    def path(self, name: str) -> Path:
        """Return the file of a session; raises NoSuchSession for any other name."""
        if name not in {path.stem for path in self.folder.glob(f"*{SUFFIX}")}:
            raise NoSuchSession(f"there is no session {name!r} here")
        return self.folder / f"{name}{SUFFIX}"

    async def entries(self) -> list[Entry]:
        """Return all sessions, the newest first."""
        state = tuple(sorted((path.name, _state(path)) for path in self.folder.glob(f"*{SUFFIX}")))
        return await self._keep(("entries", state), lambda: list_sessions(self.folder))

    async def about(self, name: str) -> About:
        """Return what a session is; raises NoSuchSession, DamagedInput."""
        path = self.path(name)
        return await self._keep(("about", name, _state(path)), lambda: _about(name, path))

    async def summary(self, name: str) -> dict[str, Any]:
        """Return the summary of a session (see `summarize`)."""
        path = self.path(name)
        return await self._keep(("summary", name, _state(path)), lambda: summarize(path))

    async def read(self, name: str, question: Callable[[SessionReader], T]) -> T:
        """Ask a session in a thread."""
        path = self.path(name)

        def ask() -> T:
            with SessionReader(path) as reader:
                return question(reader)

        return await asyncio.to_thread(ask)

    async def _keep(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        if key in self._kept:
            self._kept.move_to_end(key)
            kept: T = self._kept[key]
            return kept
        made = await asyncio.to_thread(make)
        self._kept[key] = made
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return made


def _state(path: Path) -> tuple[int, ...]:
    """Return what changes whenever a session does, in its file or in the log beside it."""
    found: list[int] = []
    for file in (path, path.with_name(f"{path.name}-wal")):
        try:
            stat = file.stat()
        except OSError:
            continue
        found += (stat.st_mtime_ns, stat.st_size)
    return tuple(found)


def _about(name: str, path: Path) -> About:
    with SessionReader(path) as reader:
        return About(name, reader.meta(), reader.signals, _bench(reader))


def _bench(reader: SessionReader) -> Bench | None:
    """Return the bench as the session's attachments declare it; secrets are not there, and not needed."""
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        bench: Path | None = None
        for name in reader.attachments():
            kind, _, rest = name.partition("/")
            if (
                kind not in ("bench", "profiles")
                or ".." in rest.split("/")
                or not rest.endswith((".yaml", ".yml"))
            ):
                continue
            file = Path(folder, "profiles", rest) if kind == "profiles" else Path(folder, rest)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(reader.attachment(name))
            bench = file if kind == "bench" else bench
        if bench is None:
            return None
        try:
            return load_bench(bench, _Anything())
        except FaultyBench as error:
            return error.partial
        except (BenchFileError, TestbedError):
            return None


class _Anything(defaultdict[str, str]):
    """An environment in which every variable is set, to nothing that matters."""

    def __init__(self) -> None:
        super().__init__(lambda: "0")

    def __contains__(self, key: object) -> bool:
        return True
