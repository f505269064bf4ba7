"""The options of our pytest plugin, and what they mean together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed.errors import TestbedError, UsageError

if TYPE_CHECKING:
    from testbed.bench import Bench

MODES = ("real", "emulated", "virtual", "replay")

_BENCHES = pytest.StashKey[dict[Path, "Bench"]]()
_NAME = "bench.yaml"


def add_options(parser: pytest.Parser) -> None:
    """Add them."""
    group = parser.getgroup("testbed", "hardware in the loop")
    group.addoption(
        "--bench",
        metavar="FILE",
        action="append",
        type=Path,
        default=[],
        help="The bench file that tests run on; of several, each test takes the first that it is for.",
    )
    group.addoption(
        "--hil",
        choices=MODES,
        default="virtual",
        help="Where: real devices, emulated ones, virtual time (the default), a recording of the test.",
    )
    group.addoption(
        "--session-dir",
        metavar="DIR",
        type=Path,
        default=Path("sessions"),
        help="Where the session of each test is recorded, and found for --hil replay (default: sessions).",
    )
    group.addoption("--seed", type=int, help="Seed of noise and chance (default: the bench's).")
    group.addoption(
        "--hil-faults",
        choices=("yes", "no"),
        default="yes",
        help="Whether tests may break emulated devices; with no, those that want to are blocked.",
    )
    group.addoption(
        "--hil-patience",
        metavar="TIME",
        default="15 s",
        help="How long a device may take to be there, on top of three of its periods (default: 15 s).",
    )
    group.addoption("--hil-strict", action="store_true", help="A blocked test is a failed one.")
    group.addoption(
        "--hil-limits",
        metavar="FILE",
        type=Path,
        help="Limits of measurements by their names (.csv or .yaml); they go before those in a test.",
    )


def check_options(config: pytest.Config) -> None:
    """Raise pytest's UsageError for what cannot be."""
    for file in config.getoption("--bench"):
        if not file.is_file():
            raise pytest.UsageError(f"--bench {file}: there is no such file")
    seed = config.getoption("--seed")
    if seed is not None and seed < 0:
        raise pytest.UsageError(f"--seed {seed}: a seed is 0 or more")
    patience_of(config)
    if config.getoption("--hil-limits") is not None:
        from .measuring import limits_of

        try:
            limits_of(config)
        except UsageError as error:
            raise pytest.UsageError(f"--hil-limits: {error}") from None


def patience_of(config: pytest.Config) -> float:
    """Return how long a device may take to be there, in seconds; raises pytest's UsageError."""
    text: str = config.getoption("--hil-patience")
    if text == "15 s":
        return 15.0  # units take a third of a second to load, and few need them
    from testbed.bench.units import seconds

    try:
        value = seconds(text)
    except ValueError as error:
        raise pytest.UsageError(f"--hil-patience {text}: {error}") from None
    if not 0 < value < 1e6:
        raise pytest.UsageError(f"--hil-patience {text}: is no time that could be waited for")
    return value


def bench_for(item: pytest.Item, wanted: str | None) -> Bench | None:
    """Return the bench that a test runs on; None when it is for none of those given. Raises UsageError.

    Where none is given it is the nearest bench.yaml: beside the test, or in a folder above within the
    root of all tests.
    """
    config = item.config
    files: list[Path] = config.getoption("--bench") or _nearest(item.path, config.rootpath)
    if not files:
        hint = f"add: --bench FILE, or name it {_NAME} and put it beside the test"
        raise UsageError("this test runs on a bench, and none is given", hint)
    loaded = config.stash.setdefault(_BENCHES, {})
    for file in files:
        if file not in loaded:
            loaded[file] = _load(file)
        if wanted in (None, loaded[file].name):
            return loaded[file]
    return None


def _nearest(test: Path, root: Path) -> list[Path]:
    folders = [each for each in test.parents if each == root or root in each.parents]
    return [file for each in folders if (file := each / _NAME).is_file()][:1]


def _load(file: Path) -> Bench:
    import asyncio
    import os

    from testbed.bench import load_bench
    from testbed.session.verify import verify

    try:
        bench = load_bench(file, os.environ)
        asyncio.run(verify(bench))
    except TestbedError as error:
        raise UsageError(f"--bench {file}: {error}") from None
    return bench
