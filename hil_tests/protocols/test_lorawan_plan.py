"""What a LoRaWAN profile may say; every mistake names its line."""

from pathlib import Path

import pytest

from testbed.bench.problems import BenchFileError
from testbed.bench.profile import SHIPPED, load_profile
from testbed.protocols.lorawan.plan import Plan, read_plan

HEAD = "profile: p\nprotocol: lorawan\ndata_rate: {data_rate}\nsignals:\n"
POSITION = '  position: {uplink: 2, type: uint8, unit: "%", access: notify, rate: 0.25 Hz}\n'
OPENING = '  opening: {downlink: 10, type: uint8, unit: "%", access: write, limits: [0, 100], safe: 0}\n'


def plan_of(folder: Path, signals: str, data_rate: str = "SF7") -> Plan:
    file = folder / "p.yaml"
    file.write_text(HEAD.format(data_rate=data_rate) + signals)
    return read_plan(load_profile(file))


def test_the_shipped_valve_sends_two_bytes_every_four_seconds_which_is_lawful() -> None:
    plan = read_plan(load_profile(SHIPPED / "lorawan" / "vent-valve.yaml"))
    assert plan.uplinks[2].size == 2
    assert plan.periods == {2: 4.0}
    assert plan.downlinks["opening"].f_port == 10
    assert plan.data_rate == 5
    assert plan.uplink_duty == pytest.approx(0.046336 / 4)
    assert plan.uplink_duty < plan.duty_cycle == pytest.approx(0.016)


def test_too_many_uplinks_are_refused_with_the_arithmetic_and_the_lawful_interval(tmp_path: Path) -> None:
    with pytest.raises(BenchFileError) as caught:
        plan_of(tmp_path, POSITION, "SF12")
    text = str(caught.value)
    assert "p.yaml:5:" in text
    assert "1 + 13 bytes at SF12 take 1155 ms every 4 s" in text
    assert "28.88% of the air, 1.60% is allowed" in text
    assert "at most every 72.2 s" in text


def test_a_shielded_box_may_send_as_often_as_it_likes(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, POSITION, "SF12\nduty_cycle: 100 %")
    assert plan.duty_cycle == 1.0


@pytest.mark.parametrize(
    ("signals", "words"),
    [
        (POSITION.replace("uplink: 2", "uplink: 224"), "less than or equal to 223"),
        (POSITION.replace("uplink: 2", "uplink: 2, downlink: 3"), "either uplink"),
        (POSITION.replace("uplink: 2", "uplnk: 2"), "did you mean 'uplink'"),
        (POSITION.replace("type: uint8", "type: uint9"), "uint16"),
        (POSITION.replace("rate: 0.25 Hz", "title: x"), "has no rate"),
        (POSITION.replace("uplink: 2", "uplink: 2, scale: 0"), "greater than 0"),
        (POSITION.replace("access: notify", "access: write, safe: 0"), "downlink signals are write"),
        (OPENING.replace("access: write, limits: [0, 100], safe: 0", "access: notify"), "uplink signals"),
        (OPENING + OPENING.replace("opening", "other"), "already carries another command"),
        (POSITION.replace("type: uint8", "bit: 3, lpp: gps"), "one of type .* got bit and lpp"),
        (POSITION.replace("type: uint8, ", ""), "one of type .* got none"),
        (POSITION.replace("type: uint8", "bit: 3, byte_order: little"), "byte_order is no key"),
        (POSITION.replace("type: uint8", "lpp: temprature"), "no Cayenne LPP type"),
        (POSITION.replace("type: uint8", "lpp: gps"), "number: latitude or longitude or altitude"),
        (POSITION.replace("type: uint8", "lpp: humidity, number: x"), "no number, it has one"),
        (POSITION.replace("type: uint8", "lpp: temperature"), "lpp temperature: .* another quantity"),
        (POSITION.replace("type: uint8", "lpp: command"), "write downlink"),
        (OPENING.replace("type: uint8", "lpp: humidity"), "write downlink"),
        (POSITION.replace("type: uint8", 'type: uint8, preset: "00"'), "preset belongs to a downlink"),
        (OPENING.replace("type: uint8", 'type: uint8, preset: "0x1"'), "bytes in hexadecimal"),
        (POSITION + POSITION.replace("position: ", "b: ").replace("type: uint8", "lpp: switch"), "not both"),
        (
            POSITION.replace("type: uint8", "lpp: humidity")
            + POSITION.replace("type: uint8", "lpp: humidity").replace("position", "other"),
            "channel 0 humidity is another signal's",
        ),
        (
            POSITION.replace("type: uint8", "bit: 4, width: 4")
            + POSITION.replace("type: uint8", "bit: 7").replace("position", "other"),
            "bits 7 to 7 overlap position",
        ),
        (POSITION + POSITION.replace("position", "other"), "bytes 0 to 0 overlap position"),
        (
            POSITION + POSITION.replace("position", "other").replace("uplink: 2", "uplink: 2, offset: 1")
            .replace("0.25", "0.1"),
            "one rate",
        ),
        (POSITION.replace("0.25 Hz", "1 Hz"), "no room for the window"),
        (POSITION.replace("uplink: 2", "uplink: 2, offset: 241, type: uint16").replace(", type: uint8", ""),
         "243 bytes are too many, SF7 carries 242"),
    ],
)  # fmt: skip
def test_a_profile_that_cannot_be_is_refused_at_its_line(tmp_path: Path, signals: str, words: str) -> None:
    with pytest.raises(BenchFileError, match=words) as caught:
        plan_of(tmp_path, signals, "SF7\nduty_cycle: 100 %")
    assert "p.yaml:" in str(caught.value)


def test_an_unknown_data_rate_shows_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(BenchFileError, match="SF12"):
        plan_of(tmp_path, POSITION, "SF6")


def test_a_cayenne_value_comes_in_the_signals_unit_and_commands_share_a_port(tmp_path: Path) -> None:
    signals = (
        "  warm: {uplink: 1, lpp: temperature, channel: 3, unit: K, access: notify, rate: 0.1 Hz}\n"
        "  open: {downlink: 99, lpp: command, channel: 1, unit: '%', access: write, safe: 0}\n"
        "  lamp: {downlink: 99, lpp: command, channel: 2, unit: '', access: write, safe: 0}\n"
    )
    plan = plan_of(tmp_path, signals)
    assert plan.uplinks[1].decode(bytes.fromhex("03 67 0110")) == pytest.approx({"warm": 300.35})
    assert plan.commanded(99, bytes.fromhex("02 0064 01 1388 ff")) == {"open": 50.0, "lamp": 1.0}
    with pytest.raises(ValueError, match="channel 2"):
        plan.commanded(99, bytes.fromhex("07 0064 ff"))
    with pytest.raises(ValueError, match="no command has fPort 7"):
        plan.commanded(7, b"")


def test_commands_with_presets_share_a_port(tmp_path: Path) -> None:
    signals = (
        '  period: {downlink: 85, type: uint16, byte_order: little, offset: 2, preset: "ff 03", unit: s,'
        " access: write, safe: 60}\n"
        '  relay: {downlink: 85, bit: 23, preset: "ff 08 00", unit: "", access: write, safe: 0}\n'
    )
    plan = plan_of(tmp_path, signals)
    assert plan.commanded(85, bytes.fromhex("ff 03 2c 01")) == {"period": 300.0}
    assert plan.commanded(85, bytes.fromhex("ff 08 01")) == {"relay": 1.0}
