"""The run in numbers for Prometheus; names and units follow its conventions (base units, _total)."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from testbed.session.control_messages import Standing
from testbed.session.file import UNFINISHED

from .followed import Followed
from .timing import Histogram

_QUALITIES = {"good": 0, "uncertain": 1, "bad": 2}


def metrics_text(session: Followed | None, name: str, standing: Standing | None) -> bytes:
    """Return the text exposition of the run in `session` (None: there is none)."""
    registry = CollectorRegistry()
    registry.register(_Collected(list(_metrics(session, name, standing))))
    return generate_latest(registry)


class _Collected:
    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _metrics(session: Followed | None, name: str, standing: Standing | None) -> Iterator[Metric]:
    up = GaugeMetricFamily("testbed_up", "Whether a run is being recorded", labels=["session"])
    up.add_metric([name], float(session is not None and session.ended_as == UNFINISHED))
    yield up
    if session is not None:
        yield from _signals(session)
        yield from _loops(session)
    if standing is not None:
        held = GaugeMetricFamily("testbed_held_actuators", "Actuators in the hands of people")
        held.add_metric([], len(standing.held))
        yield held
        yield from _process(standing.pid)


def _signals(session: Followed) -> Iterator[Metric]:
    value = GaugeMetricFamily("testbed_signal_value", "Newest value, in its unit", labels=["signal", "unit"])
    quality = GaugeMetricFamily(
        "testbed_signal_quality", "Of the newest sample: 0 good, 1 uncertain, 2 bad", labels=["signal"]
    )
    time_s = GaugeMetricFamily(
        "testbed_signal_time_seconds", "When the newest sample came", labels=["signal"]
    )
    total = CounterMetricFamily("testbed_samples", "Samples recorded", labels=["signal"])
    units = {signal.path: signal.unit for signal in session.signals}
    for path, (time_ms, number, word, _) in sorted(session.shown.items()):
        if number is not None:
            value.add_metric([path, units[path]], number)
        quality.add_metric([path], _QUALITIES[word])
        time_s.add_metric([path], time_ms / 1e3)
        total.add_metric([path], session.totals.get(path, 0))
    yield from (value, quality, time_s, total)


def _loops(session: Followed) -> Iterator[Metric]:
    cycles = CounterMetricFamily("testbed_loop_cycles", "Cycles of a loop", labels=["loop"])
    overruns = CounterMetricFamily(
        "testbed_loop_overruns", "Cycles that came while a command was on its way", labels=["loop"]
    )
    safe = CounterMetricFamily(
        "testbed_loop_acted_safe", "Times that a loop drove its actuator safe", labels=["loop"]
    )
    late = HistogramMetricFamily("testbed_loop_lateness_seconds", "Start after its due time", labels=["loop"])
    latency = HistogramMetricFamily(
        "testbed_loop_latency_seconds", "From a sample's arrival to the command acknowledged", labels=["loop"]
    )
    for name, timing in sorted(session.timings.items()):
        cycles.add_metric([name], timing.cycles)
        overruns.add_metric([name], timing.overruns)
        safe.add_metric([name], timing.acted_safe)
        late.add_metric([name], _buckets(timing.lateness), timing.lateness.total_us / 1e6)
        latency.add_metric([name], _buckets(timing.latency), timing.latency.total_us / 1e6)
    yield from (cycles, overruns, safe, late, latency)


def _buckets(histogram: Histogram) -> list[tuple[str, float]]:
    """Return the same decades of ends for all times: buckets that come and go cannot be added up."""
    counts = histogram.counts
    ends = range(0, 71, 5)  # 1 us to 10 s, two a decade
    found = [
        (f"{10 ** (end / 10 - 6):.6g}", float(sum(n for bin_, n in counts.items() if bin_ <= end)))
        for end in ends
    ]
    return [*found, ("+Inf", float(counts.total()))]


def _process(pid: int) -> Iterator[Metric]:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return
    cpu = CounterMetricFamily("testbed_controller_cpu_seconds", "CPU time of the controller")
    cpu.add_metric([], (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
    memory = GaugeMetricFamily("testbed_controller_resident_bytes", "Memory of the controller")
    memory.add_metric([], int(fields[21]) * os.sysconf("SC_PAGE_SIZE"))
    threads = GaugeMetricFamily("testbed_controller_threads", "Threads of the controller")
    threads.add_metric([], int(fields[17]))
    yield from (cpu, memory, threads)
