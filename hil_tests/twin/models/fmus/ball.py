"""An FMU of FMI 3.0 for model exchange: a ball that bounces, so that it has events."""

from pythonfmu3 import (
    Float64,
    Fmi3Causality,
    Fmi3Initial,
    Fmi3SlaveBase,
    Fmi3UpdateDiscreteStatesResult,
    Fmi3Variability,
    ModelExchange,
)


class Ball(Fmi3SlaveBase, ModelExchange):
    author = ""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.time = 0.0
        self.height = 1.0
        self.speed = 0.0
        self.fall = 0.0
        self.pull = -9.81
        self.bounce = 0.7
        out = {"causality": Fmi3Causality.output, "variability": Fmi3Variability.continuous}
        local = {"causality": Fmi3Causality.local, "variability": Fmi3Variability.continuous}
        fixed = {"causality": Fmi3Causality.parameter, "variability": Fmi3Variability.fixed}
        time = Float64("time", causality=Fmi3Causality.independent, variability=Fmi3Variability.continuous)
        self.register_variable(time)
        exact = {**out, "initial": Fmi3Initial.exact, "start": 0}
        self.register_variable(Float64("height", **exact), has_event_indicator=True)
        self.register_variable(Float64("fall", **local, derivative=1))
        self.register_variable(Float64("speed", **exact))
        self.register_variable(Float64("pull", **local, derivative=3))
        self.register_variable(Float64("bounce", **fixed))

    def get_continuous_state_derivatives(self):
        self.fall = self.speed
        return [self.speed, self.pull]

    def get_event_indicators(self):
        return [self.height]

    def update_discrete_states(self):
        result = Fmi3UpdateDiscreteStatesResult()
        if self.height <= 0 and self.speed < 0:
            self.height, self.speed = 1e-12, -self.bounce * self.speed
            result.valuesOfContinuousStatesChanged = True
        return result
