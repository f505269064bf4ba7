"""The emulated LoRaWAN network from the air to the broker and back, in virtual time."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from hil_tests.support.lorawan_field import Field, chirpstack, in_the_field, seconds, things_stack, valve
from testbed.clock import NS
from testbed.emulators.lorawan.air import Signal
from testbed.emulators.lorawan.settings import DeviceSettings
from testbed.protocols.lorawan.eu868 import BANDS, RX2_FREQUENCY, band_of
from testbed.protocols.lorawan.frames import address_of
from testbed.protocols.lorawan.mac import Cid, DevStatusAns, LinkAdrAns, LinkAdrReq, MacCommand

ROOFS = {"roof": {"at": [0, 0]}, "yard": {"at": [500, 0]}, "hill": {"at": [0, 2000], "loss": 3}}


def run(seconds_: float) -> Any:
    async def main(field: Field) -> None:
        await field.run(seconds_)

    return main


# Uplinks ------------------------------------------------------------------------------------------


def test_a_frame_that_three_gateways_hear_is_one_uplink_with_three_receptions() -> None:
    field = in_the_field(run(200), chirpstack("vent", valve()), lorawan={"gateways": ROOFS})
    ups = field.of("up")
    assert [up["fCnt"] for up in ups] == [0, 1, 2, 3]
    assert len(field.uplinks.signals) == 4
    for up in ups:
        assert len({each["gatewayId"] for each in up["rxInfo"]}) == 3
        snr = [each.get("snr", 0) for each in up["rxInfo"]]
        assert snr == sorted(snr, reverse=True)


def test_beyond_a_spreading_factor_s_reach_nothing_comes_and_the_counter_shows_the_gaps() -> None:
    far = {"devices": {"vent": {"at": [12_000, 0], "adr": False}}, "fading": 0}
    assert in_the_field(run(600), chirpstack("vent", valve("SF7")), lorawan=far).of("up") == []
    assert len(in_the_field(run(600), chirpstack("vent", valve("SF12")), lorawan=far).of("up")) == 10
    edge = {"devices": {"vent": {"at": [12_000, 0], "adr": False}}, "fading": 6}
    counters = [
        up["fCnt"] for up in in_the_field(run(6000), chirpstack("vent", valve("SF8")), lorawan=edge).of("up")
    ]
    assert 0 < len(counters) < 100
    assert any(later - earlier > 1 for earlier, later in pairwise(counters))


def test_many_devices_on_eight_channels_collide_and_the_louder_ones_come_through() -> None:
    devices = [chirpstack(f"d{number}", valve("SF12", 20.0)) for number in range(20)]
    places = {each.name: {"at": [100 * number + 50, 0], "adr": False} for number, each in enumerate(devices)}
    field = in_the_field(run(600), *devices, lorawan={"devices": places})
    sent = len(field.uplinks.signals)
    came = {name: len(field.of("up", name)) for name in places}
    assert field.network.collisions > 50
    assert sum(came.values()) < 0.8 * sent
    assert sum(came[f"d{number}"] for number in range(5)) > sum(
        came[f"d{number}"] for number in range(15, 20)
    )


def test_a_frame_that_is_played_again_is_refused_and_told() -> None:
    async def main(field: Field) -> None:
        await field.run(190)
        for old in (field.uplinks.signals[-1], field.uplinks.signals[0]):
            replay(field, old)
            await field.run(5)
        await field.run(50)

    field = in_the_field(main, chirpstack("vent", valve()))
    assert [up["fCnt"] for up in field.of("up")] == [0, 1, 2, 3, 4]
    assert [log["code"] for log in field.of("log")] == ["UPLINK_F_CNT_RETRANSMISSION", "UPLINK_F_CNT_RESET"]
    assert {log["level"] for log in field.of("log")} == {"WARNING"}


def replay(field: Field, old: Signal, phy: bytes | None = None) -> None:
    spot = field.member().device.node.spot
    field.network._air.transmit(spot, phy or old.phy, old.frequency, old.spreading_factor, 14.0, uplink=True)


def test_a_frame_that_was_changed_on_the_air_is_nobody_s() -> None:
    async def main(field: Field) -> None:
        await field.run(70)
        old = field.uplinks.signals[-1]
        forged = old.phy[:-5] + bytes((old.phy[-5] ^ 1,)) + old.phy[-4:]
        replay(field, old, forged)
        await field.run(10)

    field = in_the_field(main, chirpstack("vent", valve()))
    assert [up["fCnt"] for up in field.of("up")] == [0, 1]


def test_the_counter_goes_on_beyond_its_sixteen_bits() -> None:
    async def main(field: Field) -> None:
        member = field.member()
        member.device.node._session.sent = 65_534
        member.session.session.received.last = 65_533
        await field.run(200)

    field = in_the_field(main, chirpstack("vent", valve()))
    assert [up["fCnt"] for up in field.of("up")] == [65_534, 65_535, 65_536, 65_537]
    assert [address_of(each.phy)[1] for each in field.uplinks.signals] == [65_534, 65_535, 0, 1]


# Joining ------------------------------------------------------------------------------------------

OTAA = {"devices": {"vent": {"activation": "otaa"}}}


def test_a_device_joins_before_it_sends_and_has_the_address_that_it_was_given() -> None:
    field = in_the_field(run(60), chirpstack("vent", valve()), lorawan=OTAA)
    (join,) = field.of("join")
    assert [up["devAddr"] for up in field.of("up")] == [join["devAddr"]]
    request, first = field.uplinks.signals[:2]
    accept = field.downlinks.signals[0]
    assert accept.start_ns - request.end_ns == 5 * NS
    assert (len(request.phy), len(accept.phy)) == (23, 17)
    assert first.start_ns > accept.end_ns


def test_a_join_request_that_is_played_again_is_refused() -> None:
    async def main(field: Field) -> None:
        await field.run(20)
        replay(field, field.uplinks.signals[0])
        await field.run(60)

    field = in_the_field(main, chirpstack("vent", valve()), lorawan=OTAA)
    assert len(field.of("join")) == 1
    assert len(field.of("up")) == 2


def test_a_device_that_is_not_heard_asks_again_until_it_is() -> None:
    async def main(field: Field) -> None:
        field.context.plugs["gateway/gateway"].unplug()
        await field.run(60)
        assert field.of("join") == []
        field.context.plugs["gateway/gateway"].plug()
        await field.run(60)

    field = in_the_field(main, chirpstack("vent", valve()), lorawan=OTAA)
    assert len(field.of("join")) == 1
    assert len([each for each in field.uplinks.signals if len(each.phy) == 23]) > 3


# Data rates ---------------------------------------------------------------------------------------


def rates(field: Field) -> list[int]:
    return [each.spreading_factor for each in field.uplinks.signals]


def test_the_network_makes_a_near_device_fast_and_a_far_one_no_faster_than_it_can_be() -> None:
    def factors(distance: float) -> list[int]:
        lorawan = {"devices": {"vent": {"at": [distance, 0]}}, "fading": 0}
        return rates(in_the_field(run(3000), chirpstack("vent", valve("SF12")), lorawan=lorawan))

    near, far = factors(300), factors(6_000)
    assert (near[0], near[1], near[-1]) == (12, 7, 7)
    assert far[0] == 12
    assert 8 <= far[-1] <= 11


def test_a_device_that_may_not_adapt_stays_as_it_is() -> None:
    lorawan = {"devices": {"vent": {"adr": False}}}
    field = in_the_field(run(600), chirpstack("vent", valve("SF10")), lorawan=lorawan)
    assert set(rates(field)) == {10}
    assert {up["adr"] for up in field.of("up")} == {False}
    assert field.downlinks.signals == []


def test_a_near_device_becomes_quiet() -> None:
    field = in_the_field(run(1200), chirpstack("vent", valve()))
    gateway = field.network._gateways[0]
    levels = [each.levels[gateway] for each in field.uplinks.signals]
    assert levels[-1] < levels[0] - 8


def test_a_device_that_nobody_answers_asks_and_then_becomes_louder_and_slower() -> None:
    async def main(field: Field) -> None:
        await field.run(120)
        field.context.plugs["gateway/gateway"].unplug()
        await field.run(60 * 200)

    field = in_the_field(main, chirpstack("vent", valve()))
    factors = rates(field)
    asks = [bool(each.phy[5] & 0x40) for each in field.uplinks.signals]
    assert not any(asks[:60])
    assert all(asks[70:])
    # Of its uplinks without an answer the 96th has its power back, the 128th, 160th and 192nd are slower.
    assert (factors[95], factors[132], factors[-1]) == (7, 8, 10)


# Downlinks ----------------------------------------------------------------------------------------


def test_a_downlink_goes_out_a_second_after_an_uplink_on_its_channel() -> None:
    async def main(field: Field) -> None:
        await field.run(70)
        field.command(b"\x42")
        await field.run(70)

    field = in_the_field(main, chirpstack("vent", valve()), lorawan={"devices": {"vent": {"adr": False}}})
    (down,) = field.downlinks.signals
    up = field.uplinks.signals[2]
    assert (down.start_ns - up.end_ns, down.frequency) == (NS, up.frequency)
    assert field.emulated["vent"].store.read("opening") == 33.0
    assert field.of("ack")[0]["acknowledged"] is True
    assert field.uplinks.signals[3].start_ns - down.end_ns < NS  # its acknowledgement does not wait


def test_when_the_uplink_s_band_is_spent_the_second_window_is_used() -> None:
    async def main(field: Field) -> None:
        await field.run(70)
        (gateway,) = field.network._server._gateways.values()
        for band in BANDS:
            if band.name in "LM":
                assert gateway.duty.take(field.clock.now(), band.low, 36.0)
        field.command(b"\x42")
        await field.run(70)

    field = in_the_field(main, chirpstack("vent", valve()), lorawan={"devices": {"vent": {"adr": False}}})
    (down,) = field.downlinks.signals
    assert (down.frequency, down.spreading_factor) == (RX2_FREQUENCY, 12)
    assert down.start_ns - field.uplinks.signals[2].end_ns == 2 * NS
    assert field.emulated["vent"].store.read("opening") == 33.0
    assert field.of("txack")[0]["txInfo"]["frequency"] == RX2_FREQUENCY


def test_a_downlink_that_no_gateway_may_send_fails() -> None:
    async def main(field: Field) -> None:
        await field.run(70)
        (gateway,) = field.network._server._gateways.values()
        for band in BANDS:
            gateway.duty.take(field.clock.now(), band.low, band.duty * 3600)
        field.command(b"\x42", "i-7")
        await field.run(70)

    field = in_the_field(main, chirpstack("vent", valve()), lorawan={"devices": {"vent": {"adr": False}}})
    assert field.downlinks.signals == []
    (log,) = field.of("log")
    assert (log["level"], log["code"]) == ("ERROR", "DOWNLINK_GATEWAY")
    assert log["context"] == {"queue_item_id": "i-7"}


def test_two_devices_at_once_share_one_gateway_s_transmitter() -> None:
    async def main(field: Field) -> None:
        await field.run(70)
        for name in ("a", "b"):
            field.command(b"\x42", name=name, item=f"i-{name}")
        await field.run(200)

    devices = [chirpstack(name, valve()) for name in ("a", "b")]
    field = in_the_field(main, *devices)
    spans = sorted((each.start_ns, each.end_ns) for each in field.downlinks.signals)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert [field.emulated[name].store.read("opening") for name in "ab"] == [33.0, 33.0]


def test_a_confirmed_uplink_is_sent_again_until_it_is_acknowledged_and_counts_once() -> None:
    async def main(field: Field) -> None:
        await field.run(100)  # all is well: one transmission each
        assert len(field.uplinks.signals) == 2
        field.context.plugs["gateway/gateway"].unplug()
        await field.run(100)
        field.context.plugs["gateway/gateway"].plug()
        await field.run(120)

    lorawan = {"devices": {"vent": {"confirmed": True, "adr": False}}}
    field = in_the_field(main, chirpstack("vent", valve()), lorawan=lorawan)
    numbers = [address_of(each.phy)[1] for each in field.uplinks.signals]
    assert numbers[:2] == [0, 1]
    assert 5 <= numbers.count(2) <= 8
    counters = [up["fCnt"] for up in field.of("up")]
    assert counters == sorted(set(counters))
    assert {up["confirmed"] for up in field.of("up")} == {True}


# The law ------------------------------------------------------------------------------------------


def test_no_sender_exceeds_any_band_s_duty_cycle_in_any_hour() -> None:
    # What the plan allows at most: 46.336 ms in 2.9 s are 1.598 % of the time.
    field = in_the_field(run(1.3 * 3600), chirpstack("vent", valve("SF7", 2.9, duty_cycle="1.6 %")))
    assert len(field.uplinks.signals) > 1_600
    for band in BANDS:
        mine = [each for each in field.uplinks.signals if band_of(each.frequency) is band]
        for first, signal in enumerate(mine):
            hour = [each for each in mine[first:] if each.start_ns < signal.start_ns + 3600 * NS]
            assert sum(map(seconds, hour)) <= band.duty * 3600 + 1e-6


# The Things Stack ---------------------------------------------------------------------------------


def test_the_things_stack_prints_what_the_things_network_prints() -> None:
    # Keys and shapes of messages that The Things Network sent in 2023 and 2024; what is 0 is left out.
    field = in_the_field(run(70), things_stack("vent", valve()))
    first, second = field.of("up")
    assert list(first) == ["end_device_ids", "correlation_ids", "received_at", "uplink_message"]
    assert list(first["end_device_ids"]) == [
        "device_id",
        "application_ids",
        "dev_eui",
        "join_eui",
        "dev_addr",
    ]
    assert first["end_device_ids"]["dev_eui"] == "70B3D57ED0000001"
    assert first["end_device_ids"]["application_ids"] == {"application_id": "app1"}
    assert "f_cnt" not in first["uplink_message"]
    assert list(second["uplink_message"]) == [
        "session_key_id", "f_port", "f_cnt", "frm_payload", "rx_metadata", "settings", "received_at",
        "consumed_airtime", "network_ids",
    ]  # fmt: skip
    settings = second["uplink_message"]["settings"]
    lora = {"bandwidth": 125_000, "spreading_factor": 7, "coding_rate": "4/5"}
    assert settings["data_rate"] == {"lora": lora}
    assert settings["frequency"].startswith("86")
    assert settings["frequency"].isdigit()
    (reception,) = second["uplink_message"]["rx_metadata"]
    assert reception["gateway_ids"]["gateway_id"] == f"eui-{reception['gateway_ids']['eui'].lower()}"
    assert reception["time"].endswith("Z")
    assert len(reception["time"]) == len("2024-05-28T15:04:16.235688Z")
    assert len(second["received_at"]) == len("2024-05-28T15:04:16.476227608Z")
    assert second["uplink_message"]["consumed_airtime"].endswith("s")


def test_the_things_stack_tries_a_confirmed_downlink_again_until_it_is_acknowledged() -> None:
    async def deaf(field: Field) -> None:
        node = field.member().device.node
        node.begins = lambda signal: False
        await field.run(70)
        field.command(b"\x42", "i-1")
        await field.run(130)
        del node.begins
        await field.run(130)

    field = in_the_field(deaf, things_stack("vent", valve()), lorawan={"devices": {"vent": {"adr": False}}})
    told = [kind for _, kind, _ in field.events if kind.startswith("down/")]
    assert told == [
        "down/queued",
        "down/sent",
        "down/nack",
        "down/sent",
        "down/nack",
        "down/sent",
        "down/ack",
    ]
    about = field.of("down/ack")[0]
    assert about["correlation_ids"] == ["testbed:i-1"]
    assert about["downlink_ack"]["correlation_ids"] == ["testbed:i-1"]
    assert about["downlink_ack"]["frm_payload"] == "Qg=="
    assert field.emulated["vent"].store.read("opening") == 33.0


def test_the_things_stack_gives_back_every_correlation_id_that_it_was_given() -> None:
    async def main(field: Field) -> None:
        topic = "v3/app1@ttn/devices/vent/down/push"
        first = {"f_port": 10, "frm_payload": "Qg==", "correlation_ids": ["mine", "yours"]}
        field.link.publish(topic, json.dumps({"downlinks": [first, {"f_port": 10}]}).encode())
        await field.run(10)

    named, unnamed = in_the_field(main, things_stack("vent", valve())).of("down/queued")
    assert named["downlink_queued"]["correlation_ids"] == named["correlation_ids"] == ["mine", "yours"]
    (made,) = unnamed["correlation_ids"]
    assert made.startswith("as:downlink:0")


# A day --------------------------------------------------------------------------------------------


def test_a_day_of_three_devices_passes_in_seconds() -> None:
    devices = [chirpstack(name, valve("SF9", 300.0)) for name in ("a", "b", "c")]
    places = {"a": {"at": [200, 0]}, "b": {"at": [0, 2500]}, "c": {"at": [4500, 0], "activation": "otaa"}}
    field = in_the_field(run(86_400), *devices, lorawan={"gateways": ROOFS, "devices": places})
    came = {name: len(field.of("up", name)) for name in "abc"}
    assert came["a"] == 288
    assert 230 < min(came.values()) <= max(came.values()) == 288


@pytest.mark.parametrize("seed", [1, 2])
def test_chance_comes_from_the_seed_alone(seed: int) -> None:
    one, two = (in_the_field(run(600), chirpstack("vent", valve()), seed=seed).events for _ in range(2))
    assert one == two


# The device ---------------------------------------------------------------------------------------


def test_when_the_hour_s_air_is_spent_an_acknowledgement_rides_on_the_next_regular_uplink() -> None:
    def until_acknowledged(duty: str) -> float:
        async def main(field: Field) -> None:
            await field.run(9)
            field.command(b"\x42")
            await field.run(12)

        valved = chirpstack("vent", valve("SF7", 4.0, duty_cycle=duty))
        field = in_the_field(main, valved, lorawan={"devices": {"vent": {"adr": False}}})
        (down,) = field.downlinks.signals
        after = next(each for each in field.uplinks.signals if each.start_ns > down.end_ns)
        assert after.phy[5] & 0x20
        return (after.start_ns - down.end_ns) / NS

    assert until_acknowledged("1.6 %") < 0.6
    assert until_acknowledged("1.159 %") > 2  # regular uplinks take 1.1584 % of the air


@pytest.mark.parametrize(
    ("request_", "accepted"),
    [
        (LinkAdrReq(5, 2, 0x00FF), True),
        (LinkAdrReq(15, 15, 0x0007, nb_trans=0), True),
        (LinkAdrReq(0, 0, 0, control=6), True),
        (LinkAdrReq(6, 0, 0x00FF), False),
        (LinkAdrReq(5, 8, 0x00FF), False),
        (LinkAdrReq(5, 0, 0), False),
        (LinkAdrReq(5, 0, 0xFF00), False),
    ],
)
def test_a_device_does_all_that_a_link_adr_req_asks_or_nothing(request_: LinkAdrReq, accepted: bool) -> None:
    settings = DeviceSettings(3, payload=20, adr=True)
    answer = settings.obey(request_.command(), 0.0)
    assert answer is not None
    assert LinkAdrAns.of(answer).accepted is accepted
    wanted = (5, 2) if request_.data_rate == 5 else (0, 0) if request_.data_rate == 0 else (3, 0)
    assert settings.radio[:2] == (wanted if accepted else (3, 0))


def test_a_device_refuses_a_data_rate_that_cannot_carry_its_payloads() -> None:
    settings = DeviceSettings(5, payload=100, adr=True)
    answer = settings.obey(LinkAdrReq(2, 0, 0x00FF).command(), 0.0)
    assert answer is not None
    assert LinkAdrAns.of(answer) == LinkAdrAns(power=True, data_rate=False, channels=True)


def test_a_device_tells_how_it_hears_and_follows_no_other_channels() -> None:
    settings = DeviceSettings(5, payload=2, adr=True)
    assert settings.obey(MacCommand(Cid.DEV_STATUS), 6.6) == DevStatusAns(255, 7).command()
    assert settings.obey(MacCommand(Cid.NEW_CHANNEL, bytes(5)), 0.0) == MacCommand(Cid.NEW_CHANNEL, b"\0")
    assert settings.obey(MacCommand(Cid.TX_PARAM_SETUP, b"\0"), 0.0) is None  # not in this region
