"""An FMU of FMI 2.0 for co-simulation: adds up its input; ends at 100, says so when it fails."""

from pythonfmu import DefaultExperiment, Fmi2Causality, Fmi2Slave, Fmi2Variability, Integer, Real


class Counter(Fmi2Slave):
    author = ""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.rate = 0.0
        self.gain = 2.0
        self.level = 1.0
        self.steps = 0
        self.default_experiment = DefaultExperiment(step_size=0.5)
        fixed = {"causality": Fmi2Causality.parameter, "variability": Fmi2Variability.fixed}
        whole = {"causality": Fmi2Causality.output, "variability": Fmi2Variability.discrete}
        self.register_variable(Real("rate", causality=Fmi2Causality.input))
        self.register_variable(Real("gain", **fixed))
        self.register_variable(Real("level", causality=Fmi2Causality.output))
        self.register_variable(Integer("steps", **whole))

    def do_step(self, current_time, step_size):
        if self.rate < 0:
            raise ValueError("the rate is below 0")
        self.level += self.gain * self.rate * step_size
        self.steps += 1
        return True
