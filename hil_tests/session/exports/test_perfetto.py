"""A Perfetto trace, read back with Perfetto's own messages: slices nest, times are exact."""

from __future__ import annotations

import io
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as protos

from testbed.session.exports import write_perfetto
from testbed.session.file import SessionReader

from ..recording import record
from .whole import T0, whole_session


@dataclass
class Slice:
    name: str
    begin_ns: int
    end_ns: int = -1
    inner: list[str] = field(default_factory=list)
    arguments: dict[str, Any] = field(default_factory=dict)


class Trace:
    """What the page would show: tracks by group and name, with their slices, counts and instants."""

    def __init__(self, session: Path) -> None:
        file = io.BytesIO()
        with SessionReader(session) as reader:
            write_perfetto(reader, file)
        self.packets = protos.Trace.FromString(file.getvalue()).packet
        self.tracks: dict[int, tuple[str, str]] = {}
        self.units: dict[tuple[str, str], str] = {}
        self.slices: dict[tuple[str, str], list[Slice]] = defaultdict(list)
        self.instants: dict[tuple[str, str], list[Slice]] = defaultdict(list)
        self.counts: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
        self._open: dict[int, list[Slice]] = defaultdict(list)
        for packet in self.packets:
            if packet.HasField("track_descriptor"):
                self._describe(packet.track_descriptor)
            elif packet.HasField("track_event"):
                self._happen(packet.timestamp, packet.track_event)
        assert not any(self._open.values()), "every slice ends"

    def _describe(self, descriptor: Any) -> None:
        assert descriptor.uuid not in self.tracks
        group = self.tracks[descriptor.parent_uuid][1] if descriptor.parent_uuid else ""
        self.tracks[descriptor.uuid] = (group, descriptor.name)
        self.units[group, descriptor.name] = descriptor.counter.unit_name

    def _happen(self, time_ns: int, event: Any) -> None:
        key, stack = self.tracks[event.track_uuid], self._open[event.track_uuid]
        arguments = {each.name: getattr(each, each.WhichOneof("value")) for each in event.debug_annotations}
        if event.type == protos.TrackEvent.TYPE_SLICE_BEGIN:
            assert not stack or stack[-1].begin_ns <= time_ns
            if stack:
                stack[-1].inner.append(event.name)
            stack.append(Slice(event.name, time_ns, arguments=arguments))
        elif event.type == protos.TrackEvent.TYPE_SLICE_END:
            ended = stack.pop()
            ended.end_ns = time_ns
            assert ended.begin_ns <= ended.end_ns
            self.slices[key].append(ended)
        elif event.type == protos.TrackEvent.TYPE_COUNTER:
            self.counts[key].append((time_ns, event.double_counter_value))
        else:
            self.instants[key].append(Slice(event.name, time_ns, arguments=arguments))


async def test_a_cycle_lasts_from_its_sample_to_the_acknowledgement_and_holds_its_parts(tmp_path):
    trace = Trace(await whole_session(tmp_path / "a.session"))
    whole, late, safe = (each for each in trace.slices["loops", "hold"] if each.arguments)
    assert (whole.name, whole.begin_ns, whole.end_ns) == ("cycle", T0 + 1500, T0 + 10_500)
    assert whole.inner == ["sample waits", "compute and write", "acknowledge"]
    assert whole.arguments == {
        "lateness_us": 0.0,
        "age_us": 0.5,
        "sample_to_actuation_us": 1.5,
        "sample_to_acknowledged_us": 9.0,
        "setpoint": 60.0,
        "measured": 21.5,
        "output": 40.0,
        "p": 1.5,
        "i": -0.0,
        "overrun": False,
    }
    assert late.arguments["overrun"] is True
    assert late.inner == ["sample waits", "compute and write"]
    assert (safe.name, safe.begin_ns, safe.end_ns) == ("acted safe", T0 + 6000, T0 + 6000)


async def test_cycles_that_overlap_stand_on_tracks_of_their_own_with_one_name(tmp_path):
    path = tmp_path / "a.session"
    async with record(path) as writer:
        for number in range(5):  # each is acknowledged after two more have begun
            writer.cycles("slow").add(T0 + number * 1000, 0, 0, 10, 2500, 0)
    trace = Trace(path)
    assert len(trace.slices["loops", "slow"]) == 5 * 3
    assert sum(key == ("loops", "slow") for key in trace.tracks.values()) == 3


async def test_lateness_is_a_counter_in_microseconds(tmp_path):
    trace = Trace(await whole_session(tmp_path / "a.session"))
    assert trace.counts["lateness", "hold"] == [(T0 + 2000, 0.0), (T0 + 4000, 0.1), (T0 + 6000, 0.0)]
    assert trace.units["lateness", "hold"] == "us"


async def test_a_command_is_a_slice_and_one_that_was_never_settled_an_instant(tmp_path):
    trace = Trace(await whole_session(tmp_path / "a.session"))
    done, refused = (each for each in trace.slices["commands", "heater.duty"] if each.arguments)
    assert (done.name, done.begin_ns, done.end_ns) == ("acknowledged", T0, T0 + 9)
    assert done.inner == ["on the wire"]
    assert done.arguments["requester"] == "loop hold"
    assert (refused.name, refused.arguments["reason"]) == ("refused", "not a number")
    assert [each.name for each in trace.instants["commands", "heater.duty"]] == ["expired"]


async def test_events_are_instants_by_their_source(tmp_path):
    trace = Trace(await whole_session(tmp_path / "a.session"))
    assert [(each.begin_ns, each.name) for each in trace.instants["events", "probe"]] == [
        (T0 + 1, "online"),
        (T0 + 3, "offline"),
    ]
    assert trace.instants["events", "run"][0].arguments == {"level": "error", "text": ""}


async def test_the_traces_clock_is_utc(tmp_path):
    session = await whole_session(tmp_path / "a.session")
    first = Trace(session).packets[0]
    with SessionReader(session) as reader:
        start_ns, _ = reader.span()
    assert {clock.clock_id: clock.timestamp for clock in first.clock_snapshot.clocks} == {
        protos.BUILTIN_CLOCK_BOOTTIME: start_ns,
        protos.BUILTIN_CLOCK_REALTIME: start_ns,
    }
