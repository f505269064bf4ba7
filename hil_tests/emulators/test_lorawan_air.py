"""The air: who hears whom, and what two frames at a time do to each other."""

from __future__ import annotations

import random

import pytest

from testbed.clock import NS, VirtualClock, run_virtual
from testbed.emulators.lorawan.air import Air, Reception, Signal, Spot
from testbed.protocols.lorawan.eu868 import REQUIRED_SNR

HERE = Spot(0.0, 0.0)
CHANNEL, OTHER = 868_100_000, 868_300_000


class Gateway:
    spot = HERE
    hears_uplinks = True

    def __init__(self) -> None:
        self.frames: list[bytes] = []
        self.receptions: list[Reception] = []

    def begins(self, signal: Signal) -> bool:
        return True

    def heard(self, signal: Signal, reception: Reception) -> None:
        self.frames.append(signal.phy)
        self.receptions.append(reception)


def heard_of(*frames: tuple[float, Spot, bytes, int, int], fading: float = 0.0) -> tuple[list[bytes], int]:
    """Return what a gateway hears of frames (start in s, from where, bytes, channel, SF), and collisions."""

    async def main(clock: VirtualClock) -> tuple[list[bytes], int]:
        air, gateway = Air(clock, random.Random(1), 2.7, fading), Gateway()
        air.join(gateway)
        began_ns = clock.now()
        for start, spot, phy, channel, factor in frames:
            await clock.sleep(max(began_ns + start * NS - clock.now(), 0) / NS)
            air.transmit(spot, phy, channel, factor, 14.0, uplink=True)
        await clock.sleep(5)
        return gateway.frames, air.collisions

    return run_virtual(main)


A, B = b"a" * 20, b"b" * 20
NEAR, FAR = Spot(100.0, 0.0), Spot(0.0, 900.0)


def test_of_two_frames_at_once_the_louder_one_is_captured() -> None:
    assert heard_of((0, NEAR, A, CHANNEL, 7), (0.01, FAR, B, CHANNEL, 7)) == ([A], 1)


def test_of_two_frames_as_loud_none_is_heard() -> None:
    assert heard_of((0, FAR, A, CHANNEL, 7), (0.01, FAR, B, CHANNEL, 7)) == ([], 2)


def test_other_channels_and_other_spreading_factors_do_not_disturb() -> None:
    assert heard_of((0, FAR, A, CHANNEL, 7), (0.01, FAR, B, OTHER, 7)) == ([A, B], 0)
    assert heard_of((0, FAR, A, CHANNEL, 7), (0.01, FAR, B, CHANNEL, 8)) == ([A, B], 0)


def test_a_frame_that_ends_while_the_next_one_s_preamble_begins_spoils_only_itself() -> None:
    took = 0.056576  # 20 bytes at SF7; the first 3 symbols of a preamble are 3 ms
    assert heard_of((0, FAR, A, CHANNEL, 7), (took - 0.002, FAR, B, CHANNEL, 7)) == ([B], 1)
    assert heard_of((0, FAR, A, CHANNEL, 7), (took + 0.001, FAR, B, CHANNEL, 7)) == ([A, B], 0)


@pytest.mark.parametrize("factor", REQUIRED_SNR)
def test_each_spreading_factor_reaches_as_far_as_its_snr(factor: int) -> None:
    # 14 dBm - 31.2 dB - 27 log10(d) + 117 dBm = the SNR that it needs
    reach = 10 ** ((14 - 31.2 + 117 - REQUIRED_SNR[factor]) / 27)
    assert heard_of((0, Spot(0.99 * reach, 0.0), A, CHANNEL, factor))[0] == [A]
    assert heard_of((0, Spot(1.01 * reach, 0.0), A, CHANNEL, factor))[0] == []


def test_at_the_edge_fading_decides_from_frame_to_frame() -> None:
    reach = 10 ** ((14 - 31.2 + 117 + 7.5) / 27)
    frames = [(0.2 * number, Spot(reach, 0.0), bytes((number,)) * 9, CHANNEL, 7) for number in range(200)]
    heard, collisions = heard_of(*frames, fading=3.0)
    assert 60 < len(heard) < 140
    assert collisions == 0


def test_walls_take_their_part() -> None:
    reach = 10 ** ((14 - 31.2 + 117 + 7.5) / 27)
    assert heard_of((0, Spot(reach / 2, 0.0, loss=9.0), A, CHANNEL, 7))[0] == []
    assert heard_of((0, Spot(reach / 2, 0.0, loss=8.0), A, CHANNEL, 7))[0] == [A]
