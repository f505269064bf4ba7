"""A small rig of signals and a session recorded in real time, for the tests of the session file."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

from testbed.clock import SystemClock
from testbed.session.file import SessionWriter
from testbed.signals import Access, Signal

RIG = [
    Signal(0, "probe", "temperature", "degC", period_ns=100_000_000, title="air in the chamber"),
    Signal(1, "heater", "duty", "%", Access.WRITE, limits=(0.0, 100.0), slew=50.0, safe=0.0),
    Signal(2, "fan", "running", access=Access.NOTIFY),
]


@contextlib.asynccontextmanager
async def record(
    path: Path,
    *,
    metadata: Mapping[str, Any] | None = None,
    attachments: Mapping[str, bytes] | None = None,
    end: Mapping[str, Any] | None = None,
    on_failure: Callable[[str], None] | None = None,
) -> AsyncIterator[SessionWriter]:
    """Record RIG; by default a failure fails the test and the run ends with the verdict passed."""
    failures: list[str] = []
    clock = SystemClock()
    writer = SessionWriter(
        path,
        clock,
        RIG,
        metadata=metadata or {},
        attachments=attachments or {},
        on_failure=on_failure or failures.append,
    )
    try:
        writer.start()
        try:
            yield writer
        finally:
            writer.close({"verdict": "passed", "expectations": [], **(end or {})})
    finally:
        clock.close()
    assert not failures
