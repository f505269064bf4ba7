"""Makes the pictures of docs/twin.md from sessions of the demo bench: python -m tools.twin_pictures."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np

from hil_tests.support.plant_changes import fault
from hil_tests.support.wrong_commands import CASES, attack
from testbed.bench import Bench, PlannedFault, TwinLevel, load_bench
from testbed.session.file import SessionReader
from testbed.session.virtual import run_virtually
from testbed.session.whatif import rebuild
from testbed.twin.models import model_class
from testbed.twin.models.fmu import fmu_model
from testbed.twin.predict import futures

ROOT = Path(__file__).resolve().parents[1]
BENCH, IMAGES = ROOT / "benches" / "thermal-rig.yaml", ROOT / "docs" / "images"
FMU = ROOT / "benches" / "chamber-fmu"
Curve = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Write the six pictures."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "testbed"})
    mpl.rcParams.update({"font.size": 9, "axes.grid": True})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _picture("twin-estimation", _estimation, _run(folder / "a.session", 30.0))
        _picture("twin-update", _update, _run(folder / "b.session", 110.0, fault("chamber", "heater_weak")))
        told = _run(folder / "s.session", 75.0, fault("chamber", "heater_weak"), level=TwinLevel.SIMULATION)
        with SessionReader(folder / "b.session") as integrated:
            _picture("twin-levels", partial(_levels, integrated), told)
        _picture("twin-models", _models, folder / "s.session")
        _picture("twin-prediction", _prediction, _run(folder / "c.session", 60.0))
    with tempfile.TemporaryDirectory() as name:
        attack(CASES["full power"], Path(name))
        _picture("twin-ahead", _ahead, Path(name) / "a.session")


def _run(path: Path, seconds: float, *faults: PlannedFault, level: TwinLevel = TwinLevel.INTEGRATED) -> Path:
    run_virtually(_bench(faults, level), path, seconds, seed=0, tell=lambda event: None)
    return path


def _bench(faults: tuple[PlannedFault, ...], level: TwinLevel) -> Bench:
    text = BENCH.read_text()
    if level is TwinLevel.SIMULATION:  # which may not ask
        text = re.sub(r"\n      excite: .*", "", text.replace("level: integrated", "level: simulation"))
    return replace(load_bench(BENCH, {}, text=text), faults=faults)


def _picture(name: str, draw: Callable[[SessionReader], None], path: Path) -> None:
    with SessionReader(path) as session:
        plt.figure(figsize=(8.0, 3.0))
        draw(session)
        plt.xlabel("s")
        plt.legend(loc="best")
        plt.tight_layout()
        plt.savefig(IMAGES / f"{name}.svg", metadata={"Date": None, "Creator": None})
        plt.close()


def _curve(session: SessionReader, path: str, least: float = 0.3) -> Curve:
    start, last = session.span()[0], -least
    times, values = [], []
    for sample in session.samples([session.signal(path).id]):
        at = (sample.time_ns - start) / 1e9
        if at - last >= least and sample.value == sample.value:
            times.append(at)
            values.append(sample.value)
            last = at
    return np.array(times), np.array(values)


def _models(session: SessionReader) -> None:
    """Draw the heat-up of the chamber: as measured, by our model, and by an FMU that is made from C."""
    at, measured = _curve(session, "probe.temperature", 0.0)
    duty, fan = _curve(session, "chamber.heater_duty", 0.0), _curve(session, "fan.speed", 0.0)
    vent = _curve(session, "vent.position", 0.0)
    begin, end = 2.0, 30.0
    grid = np.arange(begin, end, 0.1)
    plt.plot(at, measured, color="0.6", lw=3, label="probe.temperature, measured")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "chamber.fmu"
        subprocess.run([sys.executable, ROOT / "tools" / "build-fmu", FMU, "-o", file], check=True)
        own, other = model_class("thermal")({}), fmu_model(file)
        for name, model, style in (("thermal", own, "C0"), ("fmu", other, "C3--")):
            inputs = [each.name for each in model.INPUTS]
            state = model.begin((float(np.interp(begin, at, measured)), 22.0), (0.0,) * len(inputs))
            told = []
            for now in grid:
                known = {"heater_duty": duty, "fan_speed": fan, "vent_position": vent}
                given = tuple(float(np.interp(now, *known[each])) for each in inputs)
                told.append(float(model.output(state, given)[0]))
                state = model.step(state, given, 0.1)
            plt.plot(grid, told, style, label=f"model: {name}, from what is measured at {begin:g} s on")
    plt.xlim(0, end)
    plt.ylabel("degC")


def _levels(integrated: SessionReader, simulation: SessionReader) -> None:
    """Draw what both do about the same weak heater: one asks the device, one may not."""
    for session, name, color in ((simulation, "simulation", "C1"), (integrated, "integrated", "C0")):
        start = session.span()[0]
        cycles = [(each.time_ns - start, each.setpoint) for each in session.cycles("hold")]
        plt.plot(
            [time / 1e9 for time, _ in cycles], [setpoint for _, setpoint in cycles], color=color,
            lw=2 if name == "simulation" else 1, label=f"setpoint of the loop hold, level: {name}",
        )  # fmt: skip
        heights = {"misfit": 60.7, "asks": 60.5, "cause": 60.3} if name == "integrated" else {"misfit": 59.75}
        for event in session.events():
            at = (event.time_ns - start) / 1e9
            if event.kind in heights and at < 75:
                plt.text(at - 0.1, heights[event.kind], event.kind, color=color, ha="right")
                plt.plot([at], [heights[event.kind] + 0.03], "o", ms=3, color=color)
    plt.axvline(60, ls=":", color="0.5")
    plt.xlim(55, 75)
    plt.ylim(59.5, 61.3)
    plt.ylabel("degC")


def _estimation(session: SessionReader) -> None:
    at, residual = _curve(session, "probe.temperature_residual", 0.0)
    when, sigma = _curve(session, "probe.temperature_sigma", 0.0)
    reach = 2 * np.interp(at, when, sigma)
    plt.fill_between(at, -reach, reach, alpha=0.3, label="95 % that is expected")
    plt.plot(at, residual, ".", ms=3, color="C3", label="probe.temperature less what was expected")
    plt.ylim(-0.4, 0.4)
    plt.ylabel("K")


def _update(session: SessionReader) -> None:
    start = session.span()[0]
    believed = [
        ((each.time_ns - start) / 1e9, each.values.get("heater_power", 500.0))
        for each in session.twin_states()
        if each.device == "chamber"
    ]
    truth = [(0, 500.0), (60, 500.0), (60, 400.0), (110, 400.0)]
    plt.plot(*zip(*truth, strict=True), color="0.5", label="heater_power of the plant")
    plt.plot(*zip(*believed, strict=True), color="C0", label="as the twin believes")
    heights = {"misfit": 470, "asks": 458, "cause": 446, "version": 434}
    for event in session.events():
        if event.kind in heights:
            at = (event.time_ns - start) / 1e9
            plt.axvline(at, ls=":", color="C3")
            plt.text(
                at + 0.3, 470 - 12 * ["misfit", "asks", "cause", "version"].index(event.kind), event.kind
            )
    plt.xlim(50, 110)
    plt.ylim(380, 520)
    plt.ylabel("W")


def _prediction(session: SessionReader) -> None:
    start = session.span()[0]
    at, measured = _curve(session, "probe.temperature")
    plt.plot(at[at > 5], measured[at > 5], color="0.5", label="probe.temperature, measured")
    rebuilt = rebuild(session, load_bench(BENCH, {}), "chamber", start + 12_000_000_000)
    for duty in (0.0, 15.0, 30.0):
        (future,) = futures(rebuilt.twin, 48.0, [{"chamber.heater_duty": duty}])
        values, sigmas = future.values["probe.temperature"], future.sigmas["probe.temperature"]
        (line,) = plt.plot(
            12 + future.times, values, label=f"if chamber.heater_duty were {duty:g} % from 12 s on"
        )
        plt.fill_between(
            12 + future.times, values - 2 * sigmas, values + 2 * sigmas, alpha=0.3, color=line.get_color()
        )
    plt.ylabel("degC")


def _ahead(session: SessionReader) -> None:
    plt.plot(*_curve(session, "chamber.temperature"), color="C3", label="chamber.temperature, degC")
    plt.axhline(84.0, ls="--", color="C3", label="never above 84 degC")
    plt.plot(
        *_curve(session, "chamber.heater_duty", 0.1), color="C0", lw=1,
        label="chamber.heater_duty that goes out, %, where 100 % is asked for",
    )  # fmt: skip
    plt.xlim(0, 20)


if __name__ == "__main__":
    main()
