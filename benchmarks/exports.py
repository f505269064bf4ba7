"""How fast a session of a million samples is exported, in samples a second of CPU.

Peers write the same numbers from memory, with nothing to read, sort or decode: the mcap library's writer
fed with messages that are encoded already, and pyarrow fed with columns that it has already.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from testbed.session.exports import Format, export
from testbed.session.file import SessionReader
from testbed.session.file.columns import SampleColumn
from testbed.session.file.store import Batch, Store
from testbed.signals import Sample, Signal

from .table import Row, print_table

SIGNALS = 50
TARGET = 100_000
START = 1_763_000_000_000_000_000
_STEP = 1_000_000  # ns: 1000 samples/s of each signal
_COMMIT = 250  # samples of a signal in a chunk


def measure(quick: bool = False) -> list[Row]:
    count = 200_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = _session(folder / "million.session", count // SIGNALS)
        rates = {to: count / _cpu(lambda to=to: _export(session, folder / f"ours.{to}", to)) for to in Format}
        mcap = count / _cpu(lambda: _plain_mcap(folder / "peer.mcap", count))
        parquet = count / _cpu(lambda: _plain_parquet(folder / "peer.parquet", count))
    peers = {
        Format.MCAP: ("the library's writer, ready messages", mcap),
        Format.PARQUET: ("pyarrow, ready columns", parquet),
    }
    return [
        Row(
            f"export of {count:,} samples to {to}",
            rates[to],
            "samples/s",
            *peers.get(to, ("", None)),
            *((f"at least {TARGET:,}", rates[to] >= TARGET) if to in peers else ("", None)),
        )
        for to in (Format.MCAP, Format.PARQUET, Format.JSONL, Format.CSV)
    ]


def _session(path: Path, steps: int) -> Path:
    signals = [Signal(number, f"d{number % 5}", f"s{number}", "V") for number in range(SIGNALS)]
    store = Store(path)
    store.create(signals, {"started_ns": START}, {})
    columns = [SampleColumn(number) for number in range(SIGNALS)]
    for first in range(0, steps, _COMMIT):
        for step in range(first, min(first + _COMMIT, steps)):
            for signal, column in enumerate(columns):
                column.add(Sample(signal, START + step * _STEP, _value(step)))
        store.write(Batch([chunk for column in columns if (chunk := column.take())]))
    store.finish({"verdict": "passed"})
    store.close()
    return path


def _export(session: Path, path: Path, to: Format) -> None:
    with SessionReader(session) as reader, path.open("wb") as file:
        export(reader, file, to)


def _plain_mcap(path: Path, count: int) -> None:
    from mcap.writer import Writer

    from testbed.session.exports.messages import message_class

    message = message_class("Sample")(value=0.1).SerializeToString()
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start()
        channels = [writer.register_channel(f"/d/s{number}", "protobuf", 0) for number in range(SIGNALS)]
        for number in range(count):
            time_ns = START + number // SIGNALS * _STEP
            writer.add_message(channels[number % SIGNALS], time_ns, message, time_ns, number // SIGNALS)
        writer.finish()


def _plain_parquet(path: Path, count: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    def texts(words: list[str]) -> pa.Array:
        indices = pa.array([number % len(words) for number in range(count)], pa.int32())
        return pa.DictionaryArray.from_arrays(indices, words)

    table = pa.table(
        {
            "time_ns": pa.array([START + number // SIGNALS * _STEP for number in range(count)], pa.int64()),
            "device": texts([f"d{number}" for number in range(5)]),
            "signal": texts([f"s{number}" for number in range(SIGNALS)]),
            "value": pa.array([_value(number // SIGNALS) for number in range(count)], pa.float64()),
            "unit": texts(["V"]),
            "quality": texts(["good"]),
            "reason": texts([""]),
        }
    )
    pq.write_table(table, path, row_group_size=1 << 16, compression="zstd")


def _value(step: int) -> float:
    return step % 997 * 0.1


def _cpu(work: Callable[[], None]) -> float:
    before = time.process_time()
    work()
    return time.process_time() - before


if __name__ == "__main__":
    print_table(measure())
