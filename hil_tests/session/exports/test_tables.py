"""JSON lines and Parquet: every record with its names and units, in time order."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from testbed.errors import UsageError
from testbed.session.exports import Format, Kind, check_kinds, export, parquet
from testbed.session.file import SessionReader

from ..recording import record
from .whole import CYCLES, EVENTS, FRAMES, SAMPLES, T0, TWIN_STATES, whole_session


def written(session: Path, to: Format, *kinds: Kind) -> io.BytesIO:
    file = io.BytesIO()
    with SessionReader(session) as reader:
        export(reader, file, to, kinds)
    file.seek(0)
    return file


def lines(session: Path, *kinds: Kind) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(session, Format.JSONL, *kinds)]


async def test_json_lines_hold_every_record_in_time_order(tmp_path):
    found = lines(await whole_session(tmp_path / "a.session"))
    times = [line["time_ns"] for line in found]
    assert times == sorted(times)
    counts = {
        kind: sum(line["record"] == kind for line in found)
        for kind in ("sample", "frame", "command", "event", "cycle", "twin-state")
    }
    assert counts == {
        "sample": len(SAMPLES), "frame": len(FRAMES), "command": 3, "event": len(EVENTS),
        "cycle": len(CYCLES), "twin-state": len(TWIN_STATES),
    }  # fmt: skip


async def test_a_line_of_each_kind_says_what_was_recorded(tmp_path):
    found = lines(await whole_session(tmp_path / "a.session"))
    assert found[0] == {
        "record": "sample", "time_ns": T0, "device": "probe", "signal": "temperature", "value": 21.5,
        "unit": "degC", "quality": "good", "reason": "",
    }  # fmt: skip
    for line in (
        {"record": "frame", "time_ns": T0 + 1, "device": "probe", "direction": "tx", "data": "4d4541533f0a"},
        {
            "record": "command", "time_ns": T0, "device": "heater", "signal": "duty", "value": 40.0,
            "unit": "%", "requester": "loop hold", "priority": "command", "verdict": "allowed",
            "outcome": "acknowledged", "reason": "", "deadline_ns": T0 + 1_000_000_000, "cause_ns": T0,
            "sent_ns": T0 + 5, "done_ns": T0 + 9,
        },
        {
            "record": "event", "time_ns": T0 + 3, "level": "warning", "source": "probe", "kind": "offline",
            "text": "two\nlines",
        },
        {
            "record": "cycle", "time_ns": T0 + 6000, "loop": "hold", "lateness_ns": 0, "age_ns": None,
            "latency_ns": None, "acknowledged_ns": None, "overrun": False, "acted_safe": True,
            "setpoint": None, "measured": None, "output": None, "p": None, "i": None, "d": None,
        },
        {"record": "twin-state", "time_ns": T0 + 7, "device": "heater", "values": {"air": 21.5, "load": 0}},
    ):  # fmt: skip
        assert line in found


async def test_json_has_null_where_there_is_no_number(tmp_path):
    session = await whole_session(tmp_path / "a.session")
    values = [line["value"] for line in lines(session, Kind.SAMPLES) if line["signal"] == "temperature"]
    assert values == [21.5, -0.0, 0.1 + 0.2, None, None, 5e-324]


async def test_json_lines_hold_only_what_was_asked_for(tmp_path):
    found = lines(await whole_session(tmp_path / "a.session"), Kind.EVENTS, Kind.CYCLES)
    assert {line["record"] for line in found} == {"event", "cycle"}


async def test_parquet_holds_every_sample_exactly(tmp_path):
    table = pq.read_table(written(await whole_session(tmp_path / "a.session"), Format.PARQUET))
    assert [(field.name, str(field.type)) for field in table.schema] == [
        ("time_ns", "int64"),
        ("device", "dictionary<values=string, indices=int32, ordered=0>"),
        ("signal", "dictionary<values=string, indices=int32, ordered=0>"),
        ("value", "double"),
        ("unit", "dictionary<values=string, indices=int32, ordered=0>"),
        ("quality", "dictionary<values=string, indices=int32, ordered=0>"),
        ("reason", "dictionary<values=string, indices=int32, ordered=0>"),
    ]
    rows = [row for row in table.to_pylist() if row["signal"] == "temperature"]
    recorded = [sample for sample in SAMPLES if sample.signal == 0]
    assert [row["time_ns"] for row in rows] == [sample.time_ns for sample in recorded]
    assert [repr(row["value"]) for row in rows] == [
        "None" if math.isnan(sample.value) else repr(sample.value) for sample in recorded
    ]
    assert [row["quality"] for row in rows] == [sample.quality.word for sample in recorded]
    assert [row["reason"] for row in rows] == [sample.reason for sample in recorded]
    assert {row["unit"] for row in rows} == {"degC"}


async def test_parquet_carries_metadata_and_signals(tmp_path):
    session = await whole_session(tmp_path / "a.session")
    metadata = pq.read_schema(written(session, Format.PARQUET)).metadata
    with SessionReader(session) as recorded:
        assert json.loads(metadata[b"testbed.session"]) == recorded.meta()
    assert [each["name"] for each in json.loads(metadata[b"testbed.signals"])] == [
        "temperature",
        "duty",
        "running",
    ]


@pytest.mark.parametrize("kind", Kind)
async def test_parquet_has_a_table_of_every_kind_with_the_rows_of_json_lines(tmp_path, kind):
    session = await whole_session(tmp_path / "a.session")
    rows = pq.read_table(written(session, Format.PARQUET, kind)).to_pylist()
    expected = lines(session, kind)
    for row, line in zip(rows, expected, strict=True):
        del line["record"]
        if kind is Kind.FRAMES:
            line["data"] = bytes.fromhex(line["data"])
        if kind is Kind.TWIN_STATES:
            row["values"] = dict(row["values"])
        if row.get("value") == math.inf:
            line["value"] = math.inf  # which JSON cannot say
        assert row == line


async def test_parquet_is_written_a_row_group_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet, "_ROW_GROUP", 2)
    file = written(await whole_session(tmp_path / "a.session"), Format.PARQUET)
    groups = pq.ParquetFile(file).metadata
    assert [groups.row_group(at).num_rows for at in range(groups.num_row_groups)] == [2, 2, 2, 1]


async def test_a_kind_without_records_is_an_empty_table(tmp_path):
    session = tmp_path / "a.session"
    async with record(session):
        pass
    table = pq.read_table(written(session, Format.PARQUET, Kind.EVENTS))
    assert (table.num_rows, table.column_names) == (0, ["time_ns", "level", "source", "kind", "text"])


@pytest.mark.parametrize(
    ("to", "kinds", "told"),
    [
        (Format.CSV, [Kind.FRAMES], "csv has no choice of what"),
        (Format.MCAP, [Kind.SAMPLES], "mcap has no choice"),
        (Format.PARQUET, [Kind.FRAMES, Kind.EVENTS], "one table of one kind"),
    ],
)
def test_what_a_format_cannot_hold_is_refused(to, kinds, told):
    with pytest.raises(UsageError, match=told):
        check_kinds(to, kinds)


async def test_every_format_tells_the_time_reached_which_never_goes_back(tmp_path):
    session = await whole_session(tmp_path / "a.session")
    for to in Format:
        reached: list[int] = []
        with SessionReader(session) as reader, (tmp_path / "out").open("wb") as file:
            export(reader, file, to, progress=reached.append)
        assert reached, to
        assert reached == sorted(reached)
        assert reached[0] >= T0
