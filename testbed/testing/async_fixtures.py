"""Fixtures written as `async def`, for tests that have a bench: they run on its loop, in its time."""

from __future__ import annotations

import inspect
from typing import Any, cast

import pytest


def set_up(fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest) -> Any:
    """Return the value of an async fixture; one that yields is finished on the same loop."""
    stand = request.getfixturevalue("hil_stand")
    func: Any = fixturedef.func
    given = {name: request.getfixturevalue(name) for name in fixturedef.argnames}
    if request.instance is not None and "self" in inspect.signature(func).parameters:
        func = func.__get__(request.instance)
    if inspect.iscoroutinefunction(fixturedef.func):
        value = stand.ground.call(func(**given))
    else:
        generator = func(**given)
        value = stand.ground.call(_first(generator))
        request.addfinalizer(lambda: stand.ground.call(_finish(generator, fixturedef.argname)))
    fixturedef.cached_result = (value, fixturedef.cache_key(cast(Any, request)), None)
    return value


async def _first(generator: Any) -> Any:
    return await anext(generator)


async def _finish(generator: Any, name: str) -> None:
    async for _ in generator:
        raise RuntimeError(f"the fixture {name} yielded twice")
