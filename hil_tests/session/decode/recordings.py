"""Recordings of one real driver on its real wire, as a run makes them, and what decoding them gives."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

from hil_tests.support import DriverLog, eventually
from testbed.bench import load_bench
from testbed.clock import SystemClock
from testbed.drivers import DriverContext, LinkState, driver_class
from testbed.links import Direction
from testbed.session.decode import Decoding, bench_of, decode_session
from testbed.session.file import Frame, SessionReader, SessionWriter
from testbed.session.file.checks import seal
from testbed.session.metadata import attachments, start_metadata
from testbed.signals import Quality, Sample


@dataclass
class RecordedLog(DriverLog):
    """A driver's log that is recorded too."""

    writer: SessionWriter | None = None

    def context(self) -> DriverContext:
        """Return a context that writes everything down here and in the session."""
        context = super().context()
        assert self.writer is not None
        writer, record = self.writer, self.writer.tap("dut")

        def publish(sample: Sample) -> None:
            writer.sample(sample)
            context.publish(sample)

        def tap(time_ns: int, direction: Direction, data: bytes) -> None:
            record(time_ns, direction, data)
            context.tap(time_ns, direction, data)

        return replace(context, publish=publish, tap=tap)


@contextlib.asynccontextmanager
async def recorded(
    path: Path, profile: str, wire: object, *, wait_online: bool = True
) -> AsyncIterator[RecordedLog]:
    """Record to `path` the driver of `dut` at `wire`; `profile` is a shipped name or a profile's text."""
    if "\n" in profile:
        file = path.with_suffix(".profile.yaml")
        file.write_text(profile)
        profile = file.name
    bench_file = path.with_suffix(".yaml")
    bench_file.write_text(f'bench: decoding\ndevices:\n  dut: {{profile: {profile}, wire: "{wire}"}}\n')
    bench = load_bench(bench_file, {})
    device, clock = bench.devices["dut"], SystemClock()
    writer = SessionWriter(
        path,
        clock,
        bench.signals,
        metadata=start_metadata(bench, {}, "real", [], 0),
        attachments=attachments(bench, {}, 0),
        on_failure=lambda reason: None,
    )
    log = RecordedLog(clock, writer=writer)
    driver = log.driver = driver_class(device.profile.protocol)(device, log.context())
    writer.start()
    task = asyncio.create_task(driver.run())
    try:
        if wait_online:
            await eventually(lambda: driver.state is LinkState.ONLINE or task.done(), "the driver online")
        yield log
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        writer.close({"verdict": "passed"})
        clock.close()
    assert writer.path.exists()


def decoded(path: Path, profiles: Path | None = None) -> Decoding:
    """Decode a session by its own bench, or by changed profiles."""
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder, SessionReader(path) as session:
        return decode_session(session, bench_of(session, Path(folder), None, profiles))


def the_same(path: Path, log: DriverLog) -> None:
    """Check that a recording decodes to all that its bytes said, and to nothing else."""
    result = decoded(path)
    assert result.first is None
    device = result.devices["dut"]
    assert device.frames == len(log.frames)
    assert device.compared + device.not_from_bytes == len(log.samples)
    assert device.decoded == device.compared > 0


def bad_reasons(log: DriverLog) -> list[str]:
    """Return why signals had no value, in order."""
    return [sample.reason for sample in log.samples if sample.quality is Quality.BAD]


def frames_of(path: Path, device: str = "dut") -> list[Frame]:
    """Return the recorded frames of a device."""
    with SessionReader(path) as session:
        return list(session.frames(device))


def flip_bit(path: Path, wanted: Frame, byte: int, bit: int = 0) -> None:
    """Flip one bit of one recorded frame in a file that is whole all the same: its checksums are right."""
    before = 0
    passed = frames_of(path, wanted.device)
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        database.row_factory = sqlite3.Row
        for row in database.execute(
            "SELECT * FROM frames WHERE device = ? ORDER BY id", (wanted.device,)
        ).fetchall():
            inside = passed[before : before + row["n"]]
            before += row["n"]
            if wanted in inside:
                data = bytearray(row["data"])
                data[sum(len(frame.data) for frame in inside[: inside.index(wanted)]) + byte] ^= 1 << bit
                values = {**dict(row), "data": bytes(data)}
                del values["crc"]
                sealed = dict(zip(row.keys(), seal("frames", *values.values()), strict=True))
                database.execute(
                    "UPDATE frames SET data = ?, crc = ? WHERE id = ?",
                    (sealed["data"], sealed["crc"], row["id"]),
                )
                return
    raise AssertionError("no such frame")
