"""An MCAP export, read back with the mcap library and its protobuf support: all that was recorded."""

from __future__ import annotations

import json
import struct
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from mcap.reader import make_reader
from mcap_protobuf.decoder import DecoderFactory

from testbed.control.terms import NO_TERMS, Terms
from testbed.session.exports import write_mcap
from testbed.session.exports.messages import FIELDS, message_class
from testbed.session.file import SessionReader
from testbed.session.file.columns import SampleColumn
from testbed.session.file.store import Batch, Store
from testbed.signals import Level, Quality, Sample

from ..recording import RIG
from .whole import ATTACHMENTS, CYCLES, EVENTS, FRAMES, SAMPLES, T0, TWIN_STATES, commands, whole_session

DOCS = Path(__file__).parents[3] / "docs" / "exports.md"


def exported(session: Path) -> Path:
    path = session.with_suffix(".mcap")
    with SessionReader(session) as reader, path.open("wb") as file:
        write_mcap(reader, file)
    return path


def read(path: Path) -> list[tuple[Any, Any, Any, Any]]:
    """Return (schema, channel, message, decoded) of every message, in the order of log time."""
    with path.open("rb") as file:
        return list(make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages())


def terms(cycle: list[Any]) -> Terms:
    """Return what the controller reckoned in a cycle of CYCLES."""
    return cycle[6] if len(cycle) > 6 else NO_TERMS


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


async def test_every_sample_has_its_time_value_quality_and_reason(tmp_path):
    found = [
        (channel.topic, message.log_time, bits(decoded.value), decoded.quality, decoded.reason)
        for schema, channel, message, decoded in read(exported(await whole_session(tmp_path / "a.session")))
        if schema.name == "testbed.Sample"
    ]
    assert sorted(found) == sorted(
        (
            f"/{RIG[each.signal].device}/{RIG[each.signal].name}",
            each.time_ns,
            bits(each.value),
            each.quality,
            each.reason,
        )
        for each in SAMPLES
    )


async def test_every_other_record_is_there(tmp_path):
    by_schema: dict[str, list[tuple[Any, ...]]] = {}
    for schema, channel, message, decoded in read(exported(await whole_session(tmp_path / "a.session"))):
        fields = [getattr(decoded, field.name) for field in decoded.DESCRIPTOR.fields]
        by_schema.setdefault(schema.name, []).append((channel.topic, message.log_time, *fields))
    assert sorted(by_schema["testbed.Frame"]) == sorted(
        (f"/testbed/frames/{device}", time_ns, direction, data) for device, time_ns, direction, data in FRAMES
    )
    assert sorted(map(repr, by_schema["testbed.Command"])) == sorted(
        repr(
            (
                "/testbed/commands/heater/duty",
                each.time_ns,
                each.value,
                each.requester,
                each.priority.name,
                str(each.verdict),
                str(each.outcome),
                each.reason,
                each.deadline_ns,
                each.cause_ns,
                each.sent_ns,
                each.done_ns,
            )
        )
        for each in commands()
    )
    assert sorted(map(repr, by_schema["testbed.Cycle"])) == sorted(
        repr((f"/testbed/cycles/{loop}", *cycle[:5], bool(cycle[5] & 1), bool(cycle[5] & 2), *terms(cycle)))
        for loop, *cycle in CYCLES
    )
    assert [(topic, time_ns, dict(values)) for topic, time_ns, values in by_schema["testbed.TwinState"]] == [
        (f"/testbed/twins/{device}", time_ns, values) for device, time_ns, values in TWIN_STATES
    ]
    levels = {Level.INFO: 2, Level.WARNING: 3, Level.ERROR: 4}
    for (_, time_ns, stamp, level, text, name, file, line), event in zip(
        by_schema["foxglove.Log"], EVENTS, strict=True
    ):
        assert (time_ns, stamp.ToNanoseconds()) == (event.time_ns, event.time_ns)
        assert (level, text, name, file, line) == (
            levels[event.level],
            event.text,
            event.source,
            event.kind,
            0,
        )


async def test_messages_stand_in_time_order_and_are_counted_by_channel(tmp_path):
    path = exported(await whole_session(tmp_path / "a.session"))
    with path.open("rb") as file:
        reader = make_reader(file)
        as_written = [message.log_time for _, _, message in reader.iter_messages(log_time_order=False)]
        assert as_written == sorted(as_written)
        summary = reader.get_summary()
        probe = next(each.id for each in summary.channels.values() if each.topic == "/probe/temperature")
        sequences = [
            message.sequence for _, channel, message in reader.iter_messages() if channel.id == probe
        ]
        assert sequences == list(range(6))
        assert summary.statistics.message_count == len(as_written)
        assert (summary.statistics.message_start_time, summary.statistics.message_end_time) == (
            T0,
            T0 + 1_000_000_001,
        )


async def test_a_channel_tells_its_signal_also_when_there_is_no_sample_of_it(tmp_path):
    path = exported(await whole_session(tmp_path / "a.session"))
    with path.open("rb") as file:
        channels = make_reader(file).get_summary().channels.values()
    by_topic = {channel.topic: channel.metadata for channel in channels}
    assert by_topic["/probe/temperature"] == {
        "device": "probe",
        "signal": "temperature",
        "unit": "degC",
        "title": "air in the chamber",
        "access": "read",
        "period_ns": "100000000",
    }
    assert by_topic["/heater/duty"]["safe"] == "0.0"
    assert (by_topic["/heater/duty"]["low"], by_topic["/heater/duty"]["high"]) == ("0.0", "100.0")


async def test_attachments_and_metadata_come_along(tmp_path):
    session = await whole_session(tmp_path / "a.session")
    with exported(session).open("rb") as file:
        reader = make_reader(file)
        assert {each.name: each.data for each in reader.iter_attachments()} == ATTACHMENTS
        (metadata,) = reader.iter_metadata()
    with SessionReader(session) as recorded:
        assert {key: json.loads(value) for key, value in metadata.metadata.items()} == recorded.meta()


def test_the_fields_of_a_message_are_those_of_the_documented_proto_file():
    text = DOCS.read_text()
    for name, fields in FIELDS.items():
        listed = [field.name for field in message_class(name).DESCRIPTOR.fields]
        assert listed == list(fields)
        assert f"message {name} {{" in text
        for number, field in enumerate(listed, 1):
            assert f" {field} = {number};" in text, (name, field)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2), st.integers(0, 2**62), st.floats(width=64), st.sampled_from(Quality), st.text()
        )
    )
)
def test_any_samples_survive_bit_for_bit(drawn):
    columns = [SampleColumn(number) for number in range(3)]
    for signal, time_ns, value, quality, reason in drawn:
        columns[signal].add(Sample(signal, time_ns, value, quality, reason if reason.isascii() else ""))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.session")
        store = Store(path)
        store.create(RIG, {"started_ns": 0}, {})
        store.write(Batch([chunk for column in columns if (chunk := column.take())]))
        store.close()
        with SessionReader(path) as session:
            recorded = [
                (each.time_ns, bits(each.value), each.quality, each.reason) for each in session.samples()
            ]
        found = [
            (message.log_time, bits(decoded.value), decoded.quality, decoded.reason)
            for _, _, message, decoded in read(exported(path))
        ]
    assert sorted(found) == sorted(recorded)
