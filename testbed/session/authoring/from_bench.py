"""A first test of a bench: what its file expects, one test each."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from testbed.bench import Bench, Expectation, ExpectationKind
from testbed.bench.units import difference_unit

from .text import function_name, handle, in_docstring, quantity

EXPECT = "from testbed.testing import expect"

_DURING = 30.0  # s for which something must stay so, where the bench file says: always

_HEAD = '''"""{title}

pytest {file} --bench {bench_file} --hil virtual
"""

{imports}'''


def head(title: str, file: Path, bench_file: Path, *imports: str) -> str:
    """Return the beginning of a test file."""
    given = {"title": title, "file": file, "bench_file": bench_file}
    safe = {key: in_docstring(value) for key, value in given.items()}
    return _HEAD.format(**safe, imports="\n".join(imports or (EXPECT,)))


def write_bench_test(bench: Bench, bench_file: Path, file: Path) -> str:
    """Return the text of a test file with a test for each expectation of a bench."""
    parts = [head(f"What the bench {bench.name} promises.", file, bench_file)]
    taken: set[str] = set()
    parts += ["\n".join(_test(each, taken)) for each in bench.expectations]
    if not bench.expectations:
        parts.append("\n".join(_example(bench)))
    return "\n\n\n".join(parts) + "\n"


def _test(expectation: Expectation, taken: set[str]) -> Iterator[str]:
    words = {
        ExpectationKind.STAYS: "stays",
        ExpectationKind.SETTLES: "settles",
        ExpectationKind.REACHES: "rises",
    }
    base = name = function_name(expectation.signal, words.get(expectation.kind, "is good"))
    count = 1
    while name in taken:
        count += 1
        name = f"{base}_{count}"
    taken.add(name)
    yield f"async def {name}(bench):"
    yield f'    """{in_docstring(expectation.text)}"""'
    if expectation.after:
        yield f'    await bench.sleep("{expectation.after:g} s")'
    yield f"    await expect({handle(expectation.signal)}).{_call(expectation)}"


def _call(each: Expectation) -> str:
    during = f'during="{_DURING:g} s"'
    within = f'within="{each.within:g} s"' if math.isfinite(each.within) else f'within="{_DURING:g} s"'
    if each.kind is ExpectationKind.SETTLES:
        middle, half = (each.low + each.high) / 2, (each.high - each.low) / 2
        tolerance = quantity(float(f"{half:.6g}"), difference_unit(each.unit))
        return f"to_settle({middle:.12g}, {within}, tolerance={tolerance})"
    if each.kind is ExpectationKind.REACHES:
        return f"to_reach(at_least={each.low:.12g}, {within})"
    if each.kind is ExpectationKind.GOOD:
        return f"to_stay_good({during})"
    if math.isinf(each.low):
        return f"to_stay_below({each.high:.12g}, {during})"
    if math.isinf(each.high):
        return f"to_stay_above({each.low:.12g}, {during})"
    return f"to_stay_between({each.low:.12g}, {each.high:.12g}, {during})"


def _example(bench: Bench) -> Iterator[str]:
    signal = next((each for each in bench.signals if not each.writable), None)
    if signal is not None:
        yield f"async def {function_name(signal.path, 'is good')}(bench):"
        yield f'    await expect({handle(signal.path)}).to_stay_good(during="{_DURING:g} s")'
