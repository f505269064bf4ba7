"""Our pytest plugin: options, marks, outcomes, how async tests run. It imports nothing heavy at start."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from testbed.errors import UsageError

from . import markers
from .blocked import PROPERTY, is_blocked
from .fixtures import STAND, bench, device, faults, hil_stand, measure, plant, session, twin
from .options import add_options, check_options
from .repeating import repeat

if TYPE_CHECKING:
    from .stand import Stand

__all__ = ["bench", "device", "faults", "hil_stand", "measure", "plant", "session", "twin"]

_OWNERS = ("asyncio", "anyio", "trio")

# Whoever inherits the contract of drivers wants its assertions as telling as those of a test module.
pytest.register_assert_rewrite("testbed.testing.contract")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Know our marks; refuse options that cannot be."""
    for line in markers.LINES:
        config.addinivalue_line("markers", line)
    check_options(config)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse malformed marks before anything runs."""
    for item in items:
        try:
            markers.check(item)
        except UsageError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from None


# How tests run ----------------------------------------------------------------------------------


def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """Run a test that is to be repeated until it is known well enough."""
    goal = markers.repetition_of(item)
    return None if goal is None else repeat(item, nextitem, goal)


@pytest.hookimpl(specname="pytest_pyfunc_call", wrapper=True)
def pytest_pyfunc_call_noted(pyfuncitem: pytest.Function) -> Iterator[None]:
    """Let the session of a test know what came of it."""
    __tracebackhide__ = True
    stand = pyfuncitem.stash.get(STAND, None)
    if stand is None:
        return (yield)
    from .outcome import noted

    with noted(stand):
        return (yield)


@pytest.hookimpl
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run an `async def` test: on the loop of its bench, or without one on a loop of its own."""
    __tracebackhide__ = True
    test = pyfuncitem.obj
    if not inspect.iscoroutinefunction(test) or any(map(pyfuncitem.get_closest_marker, _OWNERS)):
        return None
    names = inspect.signature(test).parameters
    given: dict[str, Any] = {name: pyfuncitem.funcargs[name] for name in names if name in pyfuncitem.funcargs}
    stand: Stand | None = pyfuncitem.stash.get(STAND, None)
    if stand is not None:
        stand.call(lambda: test(**given))
        return True
    import asyncio

    with asyncio.Runner() as runner:
        runner.run(test(**given))
    return True


@pytest.hookimpl(tryfirst=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
    """Set up an `async def` fixture of a test with a bench on the bench's loop."""
    func = fixturedef.func
    if not (inspect.iscoroutinefunction(func) or inspect.isasyncgenfunction(func)):
        return None
    if fixturedef.scope != "function" or "hil_stand" not in request.fixturenames:
        return None
    from .async_fixtures import set_up

    return set_up(fixturedef, request)


# What is told -----------------------------------------------------------------------------------


def pytest_report_teststatus(report: Any) -> tuple[str, str, Any] | None:
    """Count blocked tests apart."""
    if isinstance(report, pytest.TestReport) and is_blocked(report):
        return "blocked", "B", ("BLOCKED", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say why tests were blocked, and what was measured."""
    reports = terminalreporter.getreports("blocked")
    if reports:
        terminalreporter.section("blocked: could not be carried out")
        for report in reports:
            reasons = [str(value) for name, value in report.user_properties if name == PROPERTY]
            terminalreporter.write_line(f"{report.nodeid}: {'; '.join(reasons)}")
    from .measuring import summary

    summary(terminalreporter)
