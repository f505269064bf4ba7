"""A node's own metrics, or those of one device behind it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from testbed.clock import Ticker
from testbed.emulators.base import EmulatedDevice
from testbed.protocols.sparkplug import Metric, SparkplugPlan
from testbed.protocols.sparkplug.payload import number_of, typed
from testbed.protocols.sparkplug.profile import MetricRoute
from testbed.protocols.sparkplug.topics import edge_address

if TYPE_CHECKING:
    from .edge import EdgeNode

_LOOK_S = 0.1  # how often it looks for changes


class Member:
    """Says its metrics at their rate, or as they change; takes commands and says what became of them.

    Its plug is that of the device: pulled, the node tells its death. That of a node cuts its power.
    """

    def __init__(self, emulated: EmulatedDevice, first_alias: int, node: EdgeNode) -> None:
        self.name = emulated.device.name
        self.plugged = True
        self._plan = SparkplugPlan.of(emulated.device.profile)
        self._device_id = edge_address(self.name, emulated.device.wire).device
        self._store = emulated.store
        self._limits = {name: signal.limits for name, signal in emulated.device.signals.items()}
        self._node = node
        written = {route.metric: route for route in self._plan.commands.values()}
        self.metrics: dict[str, MetricRoute] = {**written, **self._plan.readings}
        self._aliases = {name: first_alias + count for count, name in enumerate(self.metrics)}
        self._said: dict[str, object] = {}

    def plug(self) -> None:
        """Be there again."""
        if not self._device_id:
            self._node.switch(True)
        elif not self.plugged:
            self.plugged = True
            self._node.say("DBIRTH", self._device_id, self.all_metrics())

    def unplug(self) -> None:
        """Be gone."""
        if not self._device_id:
            self._node.switch(False)
        elif self.plugged:
            self.plugged = False
            self._node.say("DDEATH", self._device_id, ())

    def all_metrics(self) -> tuple[Metric, ...]:
        """Return every metric with name, alias and type, as a birth tells them."""
        metrics = tuple(self._metric(name, route) for name, route in self.metrics.items())
        self._said = {each.name: each.value for each in metrics}
        return metrics

    def start(self, device_id: str) -> list[Ticker]:
        """Begin to say its metrics; the caller cancels the tickers."""
        clock, kind = self._node.context.clock, "DDATA" if device_id else "NDATA"
        periods = {route.period_s for route in self._plan.readings.values()}
        return [
            clock.every(round((period_s or _LOOK_S) * 1e9), partial(self._say, kind, device_id, period_s))
            for period_s in sorted(periods)
        ]

    def command(self, device_id: str, metric: Metric) -> None:
        """Take a command by the name of its metric; what it cannot do, it leaves and says so."""
        route = next((each for each in self._plan.commands.values() if each.metric == metric.name), None)
        if route is None or not self.plugged:
            self._node.context.log(f"{self.name}: no command for {metric.name!r} is taken")
            return
        try:
            # Hosts may leave the type out of a command: it is that of the birth.
            value = number_of(typed(metric.value, route.datatype)) * route.scale
        except ValueError as error:
            self._node.context.log(f"{self.name}: {metric.name}: {error}")
            return
        limits = self._limits[route.signal]
        if limits is None or limits[0] <= value <= limits[1]:
            self._store.command(route.signal, value)
            if (reading := self._plan.readings.get(metric.name)) is not None:
                self._store.set(reading.signal, value)
        self._node.say("DDATA" if device_id else "NDATA", device_id, (self._short(metric.name),))

    def _say(self, kind: str, device_id: str, period_s: float) -> None:
        if not self.plugged:
            return
        metrics = [
            self._short(name) for name, route in self._plan.readings.items() if route.period_s == period_s
        ]
        if not period_s:
            names = {alias: name for name, alias in self._aliases.items()}
            metrics = [each for each in metrics if self._said.get(names[each.alias or 0]) != each.value]
            self._said.update({names[each.alias or 0]: each.value for each in metrics})
        if metrics:
            self._node.say(kind, device_id, tuple(metrics))

    def _metric(self, name: str, route: MetricRoute) -> Metric:
        return route.metric_for(self._store.read(route.signal), self._node.now_ms(), self._aliases[name])

    def _short(self, name: str) -> Metric:
        """Return a metric as data have it: by its alias."""
        whole = self._metric(name, self.metrics[name])
        return Metric("", whole.value, whole.datatype, whole.alias, whole.timestamp_ms)
