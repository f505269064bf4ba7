"""The fixtures of our pytest plugin; each test that takes one has a bench and a session of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import pytest
from _pytest.outcomes import Failed  # pytest.fail.Exception, which type checkers do not know

from testbed.errors import TestbedError, UsageError

from .blocked import block

if TYPE_CHECKING:
    from .faults import FaultsHandle
    from .handles import AnyBench, AnyDevice
    from .measuring import Measure
    from .physics import PlantHandle
    from .stand import Stand
    from .subjects import SessionHandle, TwinHandle

STAND = pytest.StashKey["Stand"]()


@pytest.fixture
def bench(hil_stand: Stand) -> AnyBench:
    """Return the running bench by its devices: bench["chamber"].setpoint or bench.chamber.setpoint."""
    return hil_stand.bench


@pytest.fixture
def session(hil_stand: Stand) -> SessionHandle:
    """Return the session that records this test."""
    from .subjects import SessionHandle

    return SessionHandle(hil_stand.scene)


@pytest.fixture
def device(bench: AnyBench) -> Callable[[str], AnyDevice]:
    """Return a function that gives a device by its name."""
    return bench.__getitem__


@pytest.fixture
def twin(hil_stand: Stand) -> Callable[[str], TwinHandle]:
    """Return a function that gives the twin of a device by the device's name."""
    from .subjects import twin_of

    return lambda name: twin_of(hil_stand.scene, name)


@pytest.fixture
def faults(hil_stand: Stand, request: pytest.FixtureRequest) -> FaultsHandle:
    """Return what breaks devices on purpose and mends them."""
    from .faults import FaultsHandle

    if request.config.getoption("--hil-faults") == "no":
        block(request.node, "it breaks devices, and --hil-faults no was given")
    return FaultsHandle(hil_stand.scene, hil_stand.ground, partial(block, request.node))


@pytest.fixture
def plant(hil_stand: Stand, request: pytest.FixtureRequest) -> PlantHandle:
    """Return the physics behind the emulated devices; only in virtual time it is within reach."""
    from .physics import PlantHandle

    found = hil_stand.ground.plant
    if found is None:
        block(request.node, f"it needs the plant, which is out of reach in {hil_stand.ground.mode} mode")
    return PlantHandle(found)


@pytest.fixture
def measure(hil_stand: Stand, request: pytest.FixtureRequest) -> Measure:
    """Return a function that notes a named number with its unit and its limits."""
    from .measuring import Measure

    return Measure(hil_stand.scene, request.config)


@pytest.fixture
def hil_stand(request: pytest.FixtureRequest) -> Iterator[Stand]:
    """Run the bench of one test, from before its other fixtures to after them."""
    item = request.node
    with _told_shortly():
        from .planning import opened

        stand = opened(item)
    item.stash[STAND] = stand
    try:
        yield stand
    finally:
        del item.stash[STAND]
        with _told_shortly():
            stand.close()
        _tell_measured(item, stand)


def _tell_measured(item: pytest.Function, stand: Stand) -> None:
    if stand.scene.measurements:
        from .measuring import properties
        from .naming import node_of, recorded
        from .repeating import MEASURED

        past = recorded(stand.ground.path.parent, node_of(item))
        item.stash[MEASURED] = list(stand.scene.measurements)
        item.user_properties += properties(stand.scene.measurements, past)


@contextlib.contextmanager
def _told_shortly() -> Iterator[None]:
    """Tell errors of ours as they are meant to be read, without where in our code they were noticed."""
    __tracebackhide__ = True
    try:
        yield
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None
    except TestbedError as error:
        raise Failed(str(error), pytrace=False) from None
