"""The process that plays recorded devices beside a run: started, told when to begin, asked what it saw."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from testbed.errors import TestbedError
from testbed.session.emulation import Emulation, ready_line, stop_process

from .script_parting import ScriptParting

_LINE_LIMIT = 1 << 24  # bytes; a divergence shows the frames that differ
_END_TIMEOUT = 10.0  # s


class Playing:
    """Recorded devices that wait to be started."""

    def __init__(self, process: asyncio.subprocess.Process, emulation: Emulation) -> None:
        self.emulation = emulation
        self.partings: list[ScriptParting] = []
        """Where the controller left the recording, as far as it has been told."""
        self.skipped: dict[str, int] = {}
        """How many recorded requests each device was not asked, where that is allowed; known at the end."""
        self._process = process
        self._ended = False
        # Heard all the time: a full pipe would hold up the players.
        self._hearing = asyncio.create_task(self._hear_all(), name="hear the played devices")

    def start(self, at_ns: int) -> None:
        """Begin with the recording at `at_ns` of session time."""
        self._order({"start_ns": at_ns})

    async def end(self) -> None:
        """Stop playing and hear the rest; raises TestbedError when the process is gone or silent."""
        self._order({"stop": True})
        await asyncio.wait((self._hearing,), timeout=_END_TIMEOUT)
        if not self._ended:
            raise TestbedError("the played devices ended without a word; see the lines above")

    async def close(self) -> None:
        """Hear nothing more."""
        self._hearing.cancel()
        await asyncio.gather(self._hearing, return_exceptions=True)

    async def _hear_all(self) -> None:
        assert self._process.stdout is not None  # noqa: S101  (asked for as a pipe)
        async for line in self._process.stdout:
            self._hear(json.loads(line))

    def _hear(self, told: dict[str, Any]) -> None:
        if "skipped" in told:
            self.skipped, self._ended = told["skipped"], True
        else:
            self.partings.append(ScriptParting.of_dict(told))

    def _order(self, order: dict[str, Any]) -> None:
        assert self._process.stdin is not None  # noqa: S101  (asked for as a pipe)
        with contextlib.suppress(OSError):  # it is gone, which `end` finds out
            self._process.stdin.write(json.dumps(order).encode() + b"\n")


@contextlib.asynccontextmanager
async def playing(recording: Path, names: list[str]) -> AsyncIterator[Playing]:
    """Run `testbed play` beside us while the block runs; it ends with us, even if we are killed."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "testbed", "play", str(recording), "--only", ",".join(names),
        "--json", "--leash",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        limit=_LINE_LIMIT,
    )  # fmt: skip
    try:
        played = Playing(process, await ready_line(process))
        try:
            yield played
        finally:
            await played.close()
    finally:
        await stop_process(process)
