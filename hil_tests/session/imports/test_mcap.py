"""MCAP recordings: our own exports come back whole, of other tools the numbers become signals."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import duration_pb2, timestamp_pb2, type_pb2, wrappers_pb2
from google.protobuf.struct_pb2 import Struct
from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, IndexType, Writer
from mcap_protobuf.schema import register_schema

from testbed.errors import DamagedInput, UsageError
from testbed.session.exports import write_mcap
from testbed.session.file import SessionReader, stream_digest
from testbed.session.imports import CsvOptions, open_mcap, open_recording, write_session
from testbed.signals import Event, Level, Quality

from ..exports.whole import contents, whole_session

Fill = Callable[[Any], None]


def mcap(folder: Path, fill: Fill, **options: Any) -> Path:
    """Write an MCAP file as another tool would, with the mcap library alone."""
    path = folder / "robot.mcap"
    with path.open("wb") as file:
        writer = Writer(file, **options)
        writer.start("", "another tool")
        fill(writer)
        writer.finish()
    return path


def json_messages(topic: str, *messages: object) -> Fill:
    """Write messages as JSON, one a nanosecond."""

    def fill(writer: Any) -> None:
        schema = writer.register_schema("thing", "jsonschema", b'{"type": "object"}')
        channel = writer.register_channel(topic, "json", schema)
        for time_ns, message in enumerate(messages):
            writer.add_message(channel, time_ns, json.dumps(message).encode(), time_ns)

    return fill


def protobuf_messages(topic: str, *messages: Any) -> Fill:
    """Write protobuf messages of one type, one a nanosecond."""

    def fill(writer: Any) -> None:
        channel = writer.register_channel(topic, "protobuf", register_schema(writer, type(messages[0])))
        for time_ns, message in enumerate(messages):
            writer.add_message(channel, time_ns, message.SerializeToString(), time_ns)

    return fill


def read(path: Path) -> list[tuple[str, int, float]]:
    """Return (signal, time, value) of each sample."""
    source = open_mcap(path)
    paths = [signal.path for signal in source.signals]
    return [(paths[each.signal], each.time_ns, each.value) for each in source.records()]  # type: ignore[union-attr]


# Our own --------------------------------------------------------------------------------------------


async def test_our_own_export_becomes_the_same_session_again(tmp_path):
    session = await whole_session(tmp_path / "friday.session")
    with SessionReader(session) as reader, (tmp_path / "friday.mcap").open("wb") as file:
        write_mcap(reader, file)
    imported = write_session(
        open_mcap(tmp_path / "friday.mcap"), tmp_path / "friday.mcap", tmp_path / "again"
    )
    assert contents(tmp_path / "again") == contents(session)
    with SessionReader(session) as reader, SessionReader(tmp_path / "again") as again:
        assert stream_digest(reader) == stream_digest(again)
    assert imported.as_dict() | {"session": "", "start_ns": 0, "end_ns": 0} == {
        "session": "", "signals": 3, "samples": 7, "frames": 5, "commands": 3, "events": 3, "cycles": 4,
        "twin_states": 2, "start_ns": 0, "end_ns": 0, "left_out": [],
    }  # fmt: skip


async def test_the_metadata_of_the_session_stays_as_its_origin(tmp_path):
    session = await whole_session(tmp_path / "friday.session")
    with SessionReader(session) as reader, (tmp_path / "friday.mcap").open("wb") as file:
        write_mcap(reader, file)
        origin = reader.meta()
    write_session(open_mcap(tmp_path / "friday.mcap"), tmp_path / "friday.mcap", tmp_path / "again")
    with SessionReader(tmp_path / "again") as again:
        meta = again.meta()
    assert meta["origin"] == origin
    assert (meta["mode"], meta["verdict"], meta["bench"]) == ("import", "imported", "rig")


# Of other tools -------------------------------------------------------------------------------------


def test_numbers_in_json_become_signals_of_their_topic(tmp_path):
    message = {"pose": {"x": 1.5, "ok": True, "name": "arm"}, "joints": [0.1, 0.2], "none": None}
    assert read(mcap(tmp_path, json_messages("/robot/arm", message, {"pose": {"x": 2}}))) == [
        ("robot_arm.pose_x", 0, 1.5),
        ("robot_arm.pose_ok", 0, 1.0),
        ("robot_arm.joints_0", 0, 0.1),
        ("robot_arm.joints_1", 0, 0.2),
        ("robot_arm.pose_x", 1, 2.0),
    ]


def test_a_message_that_is_a_number_is_called_value(tmp_path):
    assert read(mcap(tmp_path, json_messages("temp", 21.5, -3))) == [
        ("temp.value", 0, 21.5),
        ("temp.value", 1, -3.0),
    ]


def test_a_long_list_is_no_set_of_signals(tmp_path):
    fill = json_messages("/lidar", {"ranges": [0.0] * 360, "rate": 10})
    assert read(mcap(tmp_path, fill)) == [("lidar.rate", 0, 10.0)]


def test_nan_is_a_sample_without_a_value(tmp_path):
    (sample,) = open_mcap(mcap(tmp_path, json_messages("/a", {"x": math.nan}))).records()
    assert (sample.quality, sample.reason) == (Quality.BAD, "the recording holds no number here")  # type: ignore[union-attr]


def test_numbers_in_protobuf_become_signals_and_unset_ones_do_not(tmp_path):
    field = type_pb2.Field(kind=type_pb2.Field.TYPE_BOOL, number=7, name="text", packed=True)
    found = {name: value for name, _, value in read(mcap(tmp_path, protobuf_messages("/f", field)))}
    assert found == {
        "f.kind": 8.0, "f.cardinality": 0.0, "f.number": 7.0, "f.oneof_index": 0.0, "f.packed": 1.0,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (timestamp_pb2.Timestamp(seconds=3, nanos=500_000_000), {"t.value": 3.5}),
        (duration_pb2.Duration(seconds=-1), {"t.value": -1.0}),
        (wrappers_pb2.Int64Value(value=-(2**40)), {"t.value": -(2.0**40)}),
        (Struct(fields={}), {}),
    ],
)
def test_times_wrappers_and_maps(tmp_path, message, expected):
    path = mcap(tmp_path, protobuf_messages("/t", message))
    assert {name: value for name, _, value in read(path)} == expected


def test_two_topics_never_share_a_signal(tmp_path):
    def fill(writer: Any) -> None:
        json_messages("/a/b", {"x": 1})(writer)
        json_messages("/a_b", {"x": 2})(writer)

    assert sorted(read(mcap(tmp_path, fill))) == [("a_b.x", 0, 1.0), ("a_b.x_2", 0, 2.0)]


def test_foxglove_logs_become_events(tmp_path):
    from foxglove_schemas_protobuf.Log_pb2 import Log

    fill = protobuf_messages("/log", Log(level=Log.FATAL, message="broken", name="arm"), Log(message="?"))
    assert list(open_mcap(mcap(tmp_path, fill)).records()) == [
        Event(0, Level.ERROR, "arm", "log", "broken"),
        Event(1, Level.INFO, "", "log", "?"),
    ]


def test_what_cannot_be_read_is_named_and_the_rest_comes_in(tmp_path):
    def fill(writer: Any) -> None:
        json_messages("/a", {"x": 1})(writer)
        channel = writer.register_channel("/camera", "cdr", writer.register_schema("img", "ros2msg", b""))
        writer.add_message(channel, 5, b"\0\0", 5)

    source = open_mcap(mcap(tmp_path, fill))
    assert source.left_out == ("/camera: cdr messages: only JSON and protobuf are read",)
    assert len(list(source.records())) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"index_types": IndexType.NONE, "use_summary_offsets": False, "use_statistics": False,
         "repeat_channels": False, "repeat_schemas": False},
        {"use_chunking": False},
        {"compression": CompressionType.LZ4, "chunk_size": 64},
        {"compression": CompressionType.NONE},
    ],
)  # fmt: skip
def test_files_without_index_chunks_or_compression_are_read_too(tmp_path, options):
    fill = json_messages("/a", *({"x": number} for number in range(50)))
    assert read(mcap(tmp_path, fill, **options)) == [("a.x", number, float(number)) for number in range(50)]


def test_a_recording_without_a_number_says_so_and_leaves_nothing_behind(tmp_path):
    path = mcap(tmp_path, json_messages("/a", {"x": "text"}))
    with pytest.raises(DamagedInput, match="holds no record that could be imported"):
        write_session(open_mcap(path), path, tmp_path / "a.session")
    assert [each.name for each in tmp_path.iterdir()] == ["robot.mcap"]


def test_a_time_that_no_session_can_hold_is_told_with_its_channel(tmp_path):
    def fill(writer: Any) -> None:
        channel = writer.register_channel("/a", "json", 0)
        writer.add_message(channel, 2**63, b"1", 2**63)

    with pytest.raises(DamagedInput, match="a message on /a at 9223372036854775808 ns lies before 1970"):
        read(mcap(tmp_path, fill))


def test_options_of_csv_are_refused(tmp_path):
    path = mcap(tmp_path, json_messages("/a", 1))
    with pytest.raises(UsageError, match="is MCAP, and options of CSV were given"):
        open_recording(path, CsvOptions(time="t"))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_damaged_input(tmp_path, share):
    path = mcap(tmp_path, json_messages("/a", *range(500)))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(DamagedInput, match=r"robot\.mcap: is no whole MCAP file") as caught:
        read(path)
    assert "mcap recover" in str(caught.value)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=5))
def test_flipped_bytes_are_read_or_damaged_input_and_nothing_else(tmp_path_factory, flips):
    path = mcap(tmp_path_factory.mktemp("mcap"), json_messages("/a", *({"x": each} for each in range(30))))
    content = bytearray(path.read_bytes())
    for at, byte in flips:
        content[at % len(content)] = byte
    path.write_bytes(content)
    try:
        read(path)
    except DamagedInput as error:
        assert str(path) in str(error)  # noqa: PT017  (both ends are right: read, or damaged)
