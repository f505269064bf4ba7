"""Makes the pictures of docs/control.md from benches in virtual time: python -m tools.control_pictures."""

from __future__ import annotations

import tempfile
from pathlib import Path

from testbed.bench import Bench, load_bench
from testbed.session.run import Run
from testbed.session.tuning import Tuning, Wishes
from testbed.session.tuning_picture import draw_experiment
from testbed.session.virtual import run_virtually

ROOT = Path(__file__).resolve().parents[1]
BENCH, IMAGES = ROOT / "benches" / "thermal-rig.yaml", ROOT / "docs" / "images"


def main() -> None:
    """Write the pictures."""
    with tempfile.TemporaryDirectory() as name:
        bench = load_bench(BENCH, {})
        (IMAGES / "control-relay.svg").write_text(_relay(bench, Path(name)), encoding="utf-8")


def _relay(bench: Bench, folder: Path) -> str:
    tuning, runs = Tuning(bench, "hold", Wishes()), list[Run]()
    run_virtually(
        tuning.bench, folder / "tune.session", 600.0, seed=0, tell=lambda event: None,
        begun=lambda run, clock: runs.append(run),
        assembled=lambda parts: tuning.attach(parts, runs[0].stop),
    )  # fmt: skip
    reads, writes = (f"{each.path} ({each.unit})" for each in (tuning.loop.reads, tuning.loop.writes))
    return draw_experiment(tuning.moments, tuning.loop.setpoint, reads, writes, "A relay experiment")


if __name__ == "__main__":
    main()
