"""Modbus/TCP: 50 registers with a hole after each, read in as few requests as the profile allows.

Both sides are our driver's line and readings, in a process of their own, against the bare device of
benchmarks/devices.py: with `max_gap: 1` all stand in one read, without it each is a read of its own, of which
one or eight are in flight at a time.

    python -m benchmarks.wires_modbus_merging GAP INFLIGHT PORT SECONDS   is one such client
"""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from benchmarks.modbus_ends import Reads
from benchmarks.table import Row, print_table
from benchmarks.wires_modbus import Result, client_result

_COUNT = 50
_SIGNALS = "".join(
    f"  s{number}: {{input: {number}, type: uint16, rate: 1 Hz}}\n" for number in range(0, 2 * _COUNT, 2)
)


def measure(quick: bool = False) -> list[Row]:
    """Measure all three, in turns."""
    rounds, seconds = (1, 1.0) if quick else (5, 2.0)
    kinds = {"merged": ("1", "1"), "eight": ("0", "8"), "one": ("0", "1")}
    results: dict[str, list[Result]] = {kind: [] for kind in kinds}
    for _ in range(rounds):
        for kind, told in kinds.items():
            results[kind].append(client_result("benchmarks.wires_modbus_merging", *told, seconds=seconds))
    rate = {kind: statistics.median(each.rate for each in found) for kind, found in results.items()}
    cpu = {kind: statistics.median(each.cpu for each in found) for kind, found in results.items()}
    what = f"{_COUNT} scattered registers in one read"
    each = "a read for each"
    return [
        Row(f"{what}: samples", rate["merged"], "1/s", each, rate["one"]),
        Row("  the same", rate["merged"], "1/s", f"{each}, 8 in flight", rate["eight"]),
        Row(f"{what}: CPU per sample", cpu["merged"], "us", each, cpu["one"]),
        Row("  the same", cpu["merged"], "us", f"{each}, 8 in flight", cpu["eight"]),
    ]


async def client(gap: int, inflight: int, port: int, seconds: float) -> None:
    """Poll all registers as fast as the device answers; what is counted are samples."""
    from testbed.bench import load_bench
    from testbed.clock import SystemClock
    from testbed.drivers.modbus.exchanges import Poll
    from testbed.drivers.modbus.medium import Medium
    from testbed.drivers.modbus.opening import open_line
    from testbed.drivers.modbus.readings import Readings, plan_polls
    from testbed.links import SystemOpener, Wires, no_tap
    from testbed.protocols.modbus import layout_of, modbus_wire

    with tempfile.TemporaryDirectory() as folder:
        profile = f"profile: scattered\nprotocol: modbus\nmax_gap: {gap}\nsignals:\n{_SIGNALS}"
        (Path(folder) / "scattered.yaml").write_text(profile)
        bench = Path(folder) / "bench.yaml"
        wire = f"modbus+tcp://127.0.0.1:{port}?unit=1&inflight={inflight}"
        bench.write_text(f'bench: b\ndevices:\n  dut: {{profile: scattered.yaml, wire: "{wire}"}}\n')
        device = load_bench(bench, {}).devices["dut"]
    clock, reads = SystemClock(), Reads(seconds)

    class Again(Poll):
        def arrived(self, time_ns: int, pdu: bytes) -> None:
            super().arrived(time_ns, pdu)
            self.tick()

    def publish(sample: object) -> None:
        reads.count += 1

    def publish_bad(*told: object) -> None:
        raise RuntimeError(f"no value came: {told}")

    wires, medium = Wires(SystemOpener(), clock, no_tap), Medium(clock, inflight)
    line = await open_line(device.wire, modbus_wire(device.wire), medium, clock, wires, lambda reason: None)
    for plan in plan_polls(device, layout_of(device.profile)):
        Again(line, plan, Readings(device, plan, publish, publish_bad)).tick()
    await reads.print()
    line.close("the end")
    clock.close()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        import uvloop

        gap, inflight, port, seconds = sys.argv[1:]
        uvloop.run(client(int(gap), int(inflight), int(port), float(seconds)))
    else:
        print_table(measure())
