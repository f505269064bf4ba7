"""What a session's bytes say, whatever of it is known: profiles, wires, marks, bytes of any kind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from testbed.bench.profile import SHIPPED
from testbed.clock import NS
from testbed.links import Direction
from testbed.protocols.meaning import Meaning
from testbed.session.describe import Interpreter, meaning_text
from testbed.session.evidence import frame_of_sample, frames_of_command
from testbed.session.file import Frame, SessionReader

from .recording import record

T0 = 1_763_000_000 * NS
FAN = "profiles/cobs/fan-driver.yaml"
TOLD = {"profile": "cobs/fan-driver", "wire": "serial:///dev/ttyACM0"}


async def a_session(path: Path, devices: Any, **attachments: bytes) -> Path:
    attached = {FAN: (SHIPPED / "cobs" / "fan-driver.yaml").read_bytes(), **attachments}
    async with record(path, metadata={"devices": devices}, attachments=attached):
        pass
    return path


def frame(data: bytes, direction: Direction = Direction.RX) -> Frame:
    return Frame(T0, "fan", direction, data)


TELEMETRY = bytes.fromhex("08 01 08 ef 58 08 44 a6 03 12 4f 00")


async def test_a_device_is_understood_by_the_profile_in_its_session(tmp_path):
    with SessionReader(await a_session(tmp_path / "a.session", {"fan": TOLD})) as session:
        ((meaning,),) = Interpreter(session).describe("fan", [frame(TELEMETRY)])
    assert meaning.text == "telemetry 0x01 seq 8: speed 545.39 rpm, current 0.166 A"


@pytest.mark.parametrize(
    ("devices", "why"),
    [
        ({}, "does not hold the device's profile"),
        (None, "does not hold the device's profile"),
        ({"fan": "odd"}, "does not hold the device's profile"),
        ({"fan": {**TOLD, "profile": "cobs/gone"}}, "does not hold the device's profile"),
        ({"fan": {**TOLD, "profile": "odd"}}, "nobody describes 'telepathy'"),
    ],
)
async def test_what_nobody_understands_is_shown_in_hexadecimal_with_the_reason(tmp_path, devices, why):
    odd = b"profile: odd\nprotocol: telepathy\nsignals: {mood: {unit: ''}}\n"
    path = await a_session(tmp_path / "a.session", devices, **{"profiles/odd.yaml": odd})
    with SessionReader(path) as session:
        ((meaning,),) = Interpreter(session).describe("fan", [frame(b"\x01\x02")])
    assert meaning.text.startswith("not understood: ")
    assert why in meaning.text
    assert meaning.text.endswith(": 01 02")


async def test_a_new_link_owes_nothing_to_the_one_before(tmp_path):
    with SessionReader(await a_session(tmp_path / "a.session", {"fan": TOLD})) as session:
        told = Interpreter(session).describe(
            "fan",
            [
                frame(TELEMETRY[:5]),
                frame(b"cable pulled", Direction.LOST),
                frame(b"", Direction.OPEN),
                frame(TELEMETRY),
            ],
        )
    assert [meaning_text(each) for each in told] == [
        "5 bytes of a frame that is not complete yet",
        "link lost: cable pulled",
        "link opened",
        "telemetry 0x01 seq 8: speed 545.39 rpm, current 0.166 A",
    ]


class Line:
    """Frames of a device that say which signal they are about: `name=value` in its data."""

    def __init__(self, *frames: tuple[int, Direction, bytes]) -> None:
        self._frames = [Frame(time_ns, "dev", direction, data) for time_ns, direction, data in frames]

    def frames(self, device: str):
        return iter(self._frames)

    def describe(self, device: str, frames):
        return [[_meaning(frame)] for frame in frames]


def _meaning(frame: Frame):
    name, _, number = frame.data.decode().partition("=")
    fields = {"transaction": int(number)} if number else {}
    return Meaning(0, len(frame.data), frame.data.decode(), fields, {name: 1.0} if name else {})


RX, TX = Direction.RX, Direction.TX


def test_the_frame_of_a_sample_is_the_last_that_names_its_signal():
    line = Line((1, RX, b"speed"), (2, TX, b"speed"), (3, RX, b"other"), (9, RX, b"speed"))
    found = frame_of_sample(line, "dev", "speed", 5)
    assert found is not None
    assert found.frame.time_ns == 1
    unnamed = frame_of_sample(line, "dev", "mood", 5)
    assert unnamed is not None
    assert (unnamed.frame.time_ns, unnamed.about) == (3, None)
    assert frame_of_sample(line, "dev", "speed", 0) is None


def test_the_frames_of_a_command_are_the_first_that_sets_its_signal_and_the_answer_to_it():
    line = Line(
        (1, TX, b"duty=6"), (5, TX, b"other=7"), (6, TX, b"duty=8"),
        (7, RX, b"x=7"), (8, RX, b"x=8"), (9, RX, b"x=9"),
    )  # fmt: skip
    written, answer = frames_of_command(line, "dev", "duty", 4, 9)
    assert written is not None
    assert answer is not None
    assert (written.frame.time_ns, answer.frame.time_ns) == (6, 8)
    assert frames_of_command(line, "dev", "duty", 20, 30) == (None, None)


def test_where_only_order_tells_the_answer_is_the_last_frame_before_the_outcome():
    line = Line((6, TX, b"duty"), (7, RX, b"done"), (20, RX, b"later"))
    written, answer = frames_of_command(line, "dev", "duty", 4, 10)
    assert written is not None
    assert answer is not None
    assert answer.frame.data == b"done"
