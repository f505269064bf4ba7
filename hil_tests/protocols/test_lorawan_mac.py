"""MAC commands, data rate adaptation, bands: what LoRaWAN 1.0.4, its region and ChirpStack say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testbed.protocols.lorawan.adr import HISTORY, AdrEngine, RadioSettings, stepped
from testbed.protocols.lorawan.eu868 import DutyCycle, band_of
from testbed.protocols.lorawan.mac import (
    Cid,
    DevStatusAns,
    LinkAdrAns,
    LinkAdrReq,
    LinkCheckAns,
    MacCommand,
    join_commands,
    split_commands,
)


def test_link_adr_req_is_that_of_the_specification() -> None:
    # L2 1.0.4, section 5.3: DataRate_TXPower, ChMask low byte first, Redundancy
    request = LinkAdrReq(data_rate=5, tx_power=2, channels=0x00FF, control=0, nb_trans=1)
    assert join_commands([request.command()]).hex() == "0352ff0001"
    assert LinkAdrReq.of(request.command()) == request


@given(st.integers(0, 15), st.integers(0, 15), st.integers(0, 0xFFFF), st.integers(0, 7), st.integers(0, 15))
def test_link_adr_req_survives_the_air(rate: int, power: int, channels: int, control: int, nb: int) -> None:
    request = LinkAdrReq(rate, power, channels, control, nb)
    assert LinkAdrReq.of(request.command()) == request


@pytest.mark.parametrize("bits", range(8))
def test_link_adr_ans_is_accepted_when_all_of_it_is(bits: int) -> None:
    answer = LinkAdrAns.of(MacCommand(Cid.LINK_ADR, bytes((bits,))))
    assert answer.command().body == bytes((bits,))
    assert answer.accepted == (bits == 7)


@given(st.integers(0, 255), st.integers(-32, 31))
def test_device_status_survives_the_air(battery: int, margin: int) -> None:
    answer = DevStatusAns(battery, margin)
    assert DevStatusAns.of(answer.command()) == answer


def test_commands_are_told_apart_by_the_way_they_go() -> None:
    answers = [DevStatusAns(255, 7).command(), MacCommand(Cid.LINK_CHECK)]
    assert split_commands(join_commands(answers), uplink=True) == answers
    requests = [MacCommand(Cid.DEV_STATUS), LinkCheckAns(20, 3).command()]
    assert split_commands(join_commands(requests), uplink=False) == requests
    assert LinkCheckAns.of(requests[1]) == LinkCheckAns(20, 3)


@pytest.mark.parametrize(
    ("text", "words"), [("02070180", "0x80 at byte 3 is unknown"), ("0352ff00", "cut"), ("ff", "unknown")]
)
def test_an_unknown_or_cut_command_is_told_with_its_place(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        split_commands(bytes.fromhex(text), uplink=False)


# chirpstack/src/adr/default.rs, test_get_ideal_tx_power_index_and_dr: steps, power, DR; expected DR, power
@pytest.mark.parametrize(
    ("steps", "power", "rate", "expected"),
    [
        (0, 1, 3, (3, 1)),
        (1, 1, 4, (5, 1)),
        (1, 1, 5, (5, 2)),
        (2, 1, 3, (5, 1)),
        (2, 1, 4, (5, 2)),
        (2, 1, 5, (5, 3)),
        (2, 5, 5, (5, 5)),
        (-1, 1, 5, (5, 0)),
        (-1, 0, 4, (4, 0)),
        (-10, 0, 4, (4, 0)),
    ],
)
def test_steps_are_those_of_chirpstack(steps: int, power: int, rate: int, expected: tuple[int, int]) -> None:
    assert stepped(steps, rate, power, least_power=5) == expected


def test_a_device_that_is_heard_well_becomes_fast_and_then_quiet() -> None:
    engine = AdrEngine()
    engine.heard(0, 5.0, 0)
    assert engine.settings(RadioSettings(0)) == (5, 0, 1)  # 5 - -20 - 10 = 15 dB: five steps
    engine.heard(1, 9.0, 0)
    assert engine.settings(RadioSettings(5)) == (5, 2, 1)  # 9 - -7.5 - 10 = 6.5 dB


def test_power_is_given_back_after_a_whole_history_alone() -> None:
    engine = AdrEngine()
    for number in range(HISTORY - 1):
        engine.heard(number, -6.0, 3)
    assert engine.settings(RadioSettings(5, 3)) == (5, 3, 1)
    engine.heard(HISTORY - 1, -6.0, 3)
    assert engine.settings(RadioSettings(5, 3)) == (5, 1, 1)  # -6 - -7.5 - 10 = -8.5 dB: two steps back


def test_losses_make_it_say_everything_more_often() -> None:
    engine = AdrEngine()
    for number in range(HISTORY):
        engine.heard(2 * number, 3.0, 0)
    assert engine.settings(RadioSettings(5)).nb_trans == 3


def test_each_band_has_an_hour_of_its_own() -> None:
    duty = DutyCycle()
    assert (band_of(868_100_000).name, band_of(867_100_000).name, band_of(869_525_000).name) == (
        "M",
        "L",
        "P",
    )
    assert duty.take(0, 868_100_000, 36.0)
    assert not duty.take(0, 868_300_000, 0.1)  # the same band
    assert duty.take(0, 867_100_000, 0.1)
    assert duty.take(0, 869_525_000, 360.0)  # 10 %
    assert not duty.allows(3_599_999_999_999, 868_100_000, 0.1)
    assert duty.take(3_600_000_000_000, 868_100_000, 0.1)
    with pytest.raises(ValueError, match=r"868\.65 MHz is in no band"):
        band_of(868_650_000)
