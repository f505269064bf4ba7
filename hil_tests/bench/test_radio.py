"""The bench file's `lorawan`: where things are, and what cannot be."""

from pathlib import Path

import pytest

from testbed.bench import BenchFileError, load_bench

HEAD = """\
bench: field
devices:
  vent: {profile: lorawan/vent-valve, wire: "chirpstack+mqtt://b:1883/1/70b3d57ed0000001"}
  probe: {profile: scpi/thermometer, wire: "serial:///dev/ttyUSB0"}
"""


def write(folder: Path, lorawan: str) -> Path:
    file = folder / "bench.yaml"
    file.write_text(HEAD + lorawan)
    return file


def test_without_a_word_there_is_one_gateway_and_every_device_is_near(tmp_path: Path) -> None:
    spec = load_bench(write(tmp_path, ""), {}).lorawan
    assert list(spec.gateways) == ["gateway"]
    assert spec.node("vent").at == (300, 0)


def test_gateways_and_devices_have_their_places(tmp_path: Path) -> None:
    text = (
        "lorawan:\n  exponent: 3.5\n  gateways: {roof: {at: [0, 10], loss: 3}}\n"
        "  devices: {vent: {at: [500, 0], activation: otaa, adr: false}}\n"
    )
    spec = load_bench(write(tmp_path, text), {}).lorawan
    assert (spec.gateways["roof"].at, spec.gateways["roof"].loss, spec.exponent) == ((0, 10), 3, 3.5)
    vent = spec.node("vent")
    assert (vent.at, vent.activation, vent.adr, vent.confirmed) == ((500, 0), "otaa", False, False)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("lorawan: {devices: {vnt: {at: [1, 0]}}}", 5, "no LoRaWAN device is called 'vnt'.*vent"),
        ("lorawan: {devices: {probe: {at: [1, 0]}}}", 5, "no LoRaWAN device is called 'probe'"),
        ("lorawan: {gateways: {}}", 5, "at least 1"),
        ("lorawan: {gateways: {roof: {at: [1]}}}", 5, "at"),
        ("lorawan: {exponent: 0.5}", 5, "greater than 1"),
        ("lorawan: {devices: {vent: {activation: otta}}}", 5, "otaa"),
        ("lorawan: {devices: {vent: {los: 3}}}", 5, "did you mean 'loss'"),
    ],
)
def test_what_cannot_be_is_told_with_its_place(tmp_path: Path, text: str, line: int, words: str) -> None:
    with pytest.raises(BenchFileError, match=words) as caught:
        load_bench(write(tmp_path, text + "\n"), {})
    assert f"bench.yaml:{line}:" in str(caught.value)
