"""Makes the pictures of docs/control.md from benches in virtual time: python -m tools.control_pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt

from hil_tests.control.benches import cycles, run_bench
from hil_tests.control.test_model_loops import BENCH as THERMAL
from testbed.bench import Bench, load_bench
from testbed.session.run import Run
from testbed.session.tuning import Tuning, Wishes
from testbed.session.tuning_picture import draw_experiment
from testbed.session.virtual import run_virtually

ROOT = Path(__file__).resolve().parents[1]
BENCH_TEXT = (
    f"{THERMAL}faults: [{{device: chamber, fault: heater_weak, at: 60 s, parameters: {{share: 0.4}}}}]\n"
)
CONTROLLERS = {
    "on-off": "{on_off: {output_on: 40 %, output_off: 0 %, hysteresis: 1 K}}",
    "PID": "{pid: {kp: 17, ki: 2}}",
    "LQR": "{lqr: {error: 0.5 K, effort: 20 %, integral: 3 s}}",
    "MPC": "{mpc: {error: 0.5 K, effort: 20 %, integral: 3 s, horizon: 3 s}}",
}
BENCH, IMAGES = ROOT / "benches" / "thermal-rig.yaml", ROOT / "docs" / "images"


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as name:
        bench = load_bench(BENCH, {})
        (IMAGES / "control-relay.svg").write_text(_relay(bench, Path(name)), encoding="utf-8")
        _step(Path(name))


def _relay(bench: Bench, folder: Path) -> str:
    tuning, runs = Tuning(bench, "hold", Wishes(), {}), list[Run]()
    run_virtually(
        tuning.bench, folder / "tune.session", 600.0, seed=0, tell=lambda event: None,
        begun=lambda run, clock: runs.append(run),
        assembled=lambda parts: tuning.attach(parts, runs[0].stop),
    )  # fmt: skip
    reads, writes = (f"{each.path} ({each.unit})" for each in (tuning.loop.reads, tuning.loop.writes))
    return draw_experiment(tuning.moments, tuning.loop.setpoint, reads, writes, "A relay experiment")


def _step(folder: Path) -> None:
    mpl.use("svg")
    mpl.rcParams.update(
        {"svg.fonttype": "none", "svg.hashsalt": "testbed", "font.size": 9, "axes.grid": True}
    )
    _, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(8.0, 5.0))
    for name, controller in CONTROLLERS.items():
        (folder / name).mkdir()
        found = cycles(run_bench(folder / name, BENCH_TEXT.replace("CONTROLLER", controller), 90.0), "hold")
        times = [at for at, _ in found]
        above.plot(times, [cycle.measured for _, cycle in found], label=name, lw=1)
        below.plot(times, [cycle.output for _, cycle in found], label=name, lw=1)
    above.plot(times, [45.0 for _ in times], "k--", lw=0.7)
    above.set_ylabel("probe.temperature (degC)")
    below.set_ylabel("chamber.heater_duty (%)")
    below.set_xlabel("s")
    above.legend(loc="lower right")
    plt.tight_layout()
    plt.savefig(IMAGES / "control-step.svg", metadata={"Date": None, "Creator": None})
    plt.close()


if __name__ == "__main__":
    main()
