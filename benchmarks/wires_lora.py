"""LoRaWAN: a day of a whole network in virtual time, and payloads beside pycayennelpp.

The day is a run like any other: three devices, their frames on the air, two gateways, the network server,
the drivers, the recording. The heap only calls back as often, and is the most that any virtual clock could
reach in Python.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.table import Row, print_table
from benchmarks.virtual import _heap, _per_call, _run
from testbed.bench import Bench, load_bench
from testbed.protocols.lorawan.lpp import LPP_TYPES, LppField, LppLayout

DAY = 86_400
DAY_TARGET = 20.0  # s
_DECODES = 3_000
_PEER = "pycayennelpp"
_BENCH = """\
bench: fields
devices:
  near: {profile: ./station.yaml, wire: "chirpstack+mqtt://broker:1883/1/70b3d57ed0000001"}
  far: {profile: ./station.yaml, wire: "chirpstack+mqtt://broker:1883/1/70b3d57ed0000002"}
  joins: {profile: ./station.yaml, wire: "ttn+mqtt://broker:1883/app1/joins"}
lorawan:
  gateways: {roof: {at: [0, 0]}, hill: {at: [2000, 500]}}
  devices:
    near: {at: [150, 0]}
    far: {at: [6000, 1000]}
    joins: {at: [900, 900], activation: otaa, confirmed: true}
"""
_PROFILE = """\
profile: station
protocol: lorawan
data_rate: SF9
signals:
  temperature: {uplink: 1, lpp: temperature, channel: 1, unit: degC, access: notify, rate: 0.0166667 Hz}
  humidity: {uplink: 1, lpp: humidity, channel: 2, unit: "%", access: notify, rate: 0.0166667 Hz}
"""


def measure(quick: bool = False) -> list[Row]:
    """Measure a day (a tenth of one when it has to be quick) and payloads."""
    with tempfile.TemporaryDirectory(prefix="testbed-") as folder:
        return [_day(Path(folder), DAY // 10 if quick else DAY), _payloads(3 if quick else 9)]


def _day(folder: Path, seconds: int) -> Row:
    taken, calls = _run(_fields(folder), folder, seconds)
    share = DAY / seconds
    return Row(
        "3 LoRaWAN devices, 2 gateways, an uplink a minute each, a day in virtual time", taken * share, "s",
        "bare heapq, as many calls", _per_call(_heap, calls) * calls * share,
        f"under {DAY_TARGET:g}", taken * share < DAY_TARGET,
    )  # fmt: skip


def _fields(folder: Path) -> Bench:
    (folder / "station.yaml").write_text(_PROFILE)
    file = folder / "fields.yaml"
    file.write_text(_BENCH)
    return load_bench(file, {})


def _payloads(rounds: int) -> Row:
    from cayennelpp import LppFrame

    names = ("temperature", "humidity", "barometer", "illuminance")
    fields = tuple(
        LppField(name, number, LPP_TYPES[name], "", LPP_TYPES[name].numbers[""].scale)
        for number, name in enumerate(names)
    )
    layout = LppLayout(1, fields)
    payload = layout.encode({"temperature": 21.5, "humidity": 40.0, "barometer": 1013.2, "illuminance": 500})
    ours, theirs = [], []
    for _ in range(rounds):
        theirs.append(_rate(lambda: [each.value for each in LppFrame.from_bytes(payload)]))
        ours.append(_rate(lambda: layout.decode(payload)))
    own, peer = statistics.median(ours), statistics.median(theirs)
    return Row("Cayenne LPP, four values read", own, "1/s", _PEER, peer, "at least 1x", own >= peer)


def _rate(read: Callable[[], object]) -> float:
    began = time.perf_counter()
    for _ in range(_DECODES):
        read()
    return _DECODES / (time.perf_counter() - began)


if __name__ == "__main__":
    print_table(measure())
