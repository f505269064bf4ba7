"""A model that fails takes neither the run nor the guard with it."""

from __future__ import annotations

from hil_tests.twin.guard.test_ahead import HEATER, Guarded
from hil_tests.twin.test_live import DUTY, FAST, SLOW, SOON, SPEED
from testbed.bench import Foresight, TwinModel
from testbed.signals import Level
from testbed.twin import LiveTwin
from testbed.twin.models import Components, ModelFailed
from testbed.twin.models.thermal import ThermalModel
from testbed.twin.predict import Outlook


class Limited(ThermalModel):
    """Knows nothing of air above a limit."""

    limit = 1000.0

    def leap(self, state: Components, *rest: object) -> object:  # type: ignore[override]
        later, slope = super().leap(state, *rest)  # type: ignore[arg-type]
        if later[0] > self.limit:
            raise ModelFailed(f"air of {later[0]:.0f} degC\nis too warm")
        return later, slope


class Beside(Guarded):
    def follow(self) -> None:
        self.model = Limited({})
        spec = TwinModel(
            "thermal", self.sensors, {"heater_duty": DUTY, "fan_speed": SPEED}, {}, {},
            foresees=(Foresight("", 0, 45.0, True, SOON, SOON),),
        )  # fmt: skip
        self.twin = LiveTwin(spec, self.model, self.latest.__getitem__, self.said.append, self.events.append)
        self.outlook = Outlook(self.twin, self.said.append, lambda at, state: None)


def test_what_it_cannot_foretell_is_told_once_and_it_goes_on_following() -> None:
    beside = Beside().run(10)
    beside.model.limit = beside.plant.output("air_temperature") + 3.0
    beside.run(3)
    (event,) = beside.events
    assert (event.level, event.kind) == (Level.WARNING, "model-failed")
    assert event.text.startswith("the twin of chamber: nothing is foretold: air of")
    assert beside.of(FAST.residual)[-1].time_ns == beside.time_ns


def test_where_it_cannot_follow_it_says_so_and_says_nothing_more() -> None:
    beside = Beside().run(10)
    beside.model.limit = beside.plant.output("air_temperature") + 1.0
    beside.run(10)
    lost = beside.events[-1]
    assert (lost.level, lost.kind) == (Level.ERROR, "model-failed")
    assert lost.text.startswith("the twin of chamber: the model has failed: air of")
    assert beside.of(SLOW.prediction)[-1].time_ns < beside.time_ns
    assert not beside.twin.foretells(0)


def test_what_its_model_cannot_tell_does_not_pass_the_guard() -> None:
    beside = Beside().run(10)
    beside.model.limit = beside.plant.output("air_temperature") + 5.0
    finding = beside.guard(limit=500.0).look(HEATER, beside.command(100.0), beside.time_ns)
    assert finding is not None
    assert "100 % would lead to what its model cannot tell (air of" in finding.reason
    assert 0.0 <= finding.nearest < 100.0
