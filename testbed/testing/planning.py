"""Finds out what a test is to run on, and opens it; a test that cannot be carried out is blocked here."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from testbed.bench import Bench
from testbed.errors import TestbedError

from . import markers
from .blocked import block
from .grounds import GROUNDS, Ground, ReplayGround
from .lock import bench_lock
from .naming import new_path, node_of, recorded
from .options import bench_for, patience_of
from .outcome import Told
from .repeating import NUMBER
from .requirements import requirements_of
from .stand import DeviceNotThere, Stand
from .sweep import parameters_of

_REPLAY = "replay"
_LOCKED = ("real", "emulated")


def opened(item: pytest.Function) -> Stand:
    """Return the bench of a test, running; raises UsageError, TestbedError."""
    __tracebackhide__ = True
    wanted = markers.needs_of(item)
    ground = _replay(item) if item.config.getoption("--hil") == _REPLAY else _run(item, wanted)
    needs = [name.partition("/")[0] for name in wanted] or list(ground.bench.devices)
    told = Told(node_of(item), parameters=parameters_of(item), requirements=requirements_of(item))
    budgets = list(markers.budgets_of(item))
    stand = Stand(ground, told, needs, patience=patience_of(item.config), budgets=budgets)
    try:
        if ground.mode in _LOCKED:
            stand.hold(bench_lock(ground.bench.file))
        item.user_properties.append(("session", str(ground.path)))
        stand.open()
    except DeviceNotThere as error:
        told.message = str(error)
        _close(stand)
        block(item, str(error))
    except BaseException:
        _close(stand)
        raise
    return stand


def _close(stand: Stand) -> None:
    with contextlib.suppress(TestbedError):  # why it could not be opened is what matters
        stand.close()


def _run(item: pytest.Function, wanted: list[str]) -> Ground:
    """Return where the test runs anew."""
    folder: Path = item.config.getoption("--session-dir")
    name = markers.bench_of(item)
    bench = bench_for(item, name)
    if bench is None:
        pytest.skip(f"it is for the bench {name}")
    for each in wanted:
        _check_need(item, bench, each)
    seed: int | None = item.config.getoption("--seed")
    number = item.stash.get(NUMBER, 0)
    kind = GROUNDS[item.config.getoption("--hil")]
    return kind(bench, new_path(folder, node_of(item)), (bench.seed if seed is None else seed) + number)


def _replay(item: pytest.Function) -> Ground:
    """Return where the newest recording of the test is replayed."""
    folder: Path = item.config.getoption("--session-dir")
    found = recorded(folder, node_of(item))
    if not found:
        block(item, f"there is no recording of it in {folder}; record one with --hil real or emulated")
    return ReplayGround(found[0], new_path(folder / _REPLAY, node_of(item)))


def _check_need(item: pytest.Function, bench: Bench, name: str) -> None:
    device, _, feature = name.partition("/")
    if device not in bench.devices or (feature and not _has(bench, device, feature)):
        block(item, f"it needs {name}, which the bench {bench.name} has not")


def _has(bench: Bench, device: str, feature: str) -> bool:
    """Return whether a device has a feature: a twin with a model, firmware, or a signal of that name."""
    if feature == "twin":
        return device in bench.twins and bench.twins[device].model is not None
    if feature == "firmware":
        return bench.devices[device].firmware is not None
    return feature in bench.devices[device].signals
