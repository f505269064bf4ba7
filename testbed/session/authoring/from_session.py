"""A first test from what a person did in a session: the same commands, and what followed each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from testbed.bench.units import difference_unit
from testbed.clock import NS
from testbed.errors import UsageError
from testbed.session.file import SessionReader
from testbed.session.report.charts import Parts
from testbed.signals import Command, Event, Outcome, Quality, Signal

from .from_bench import head
from .reaction import Reaction, reaction
from .text import function_name, handle, in_docstring, number, quantity, round_up, rounded

_MACHINES = ("loop ", "configure", "safe state")
_TOGETHER_NS = NS // 2  # commands this close to each other were one thing to do
_WITH_REFUSALS = ("import pytest", "", "from testbed.testing import CommandNotDone, expect")
_MOST = 3  # signals that are expected to follow one thing that was done
_PATIENCE = 1.5  # times the time that it took


class Measured(NamedTuple):
    """The good samples of a signal that a device measured."""

    signal: Signal
    times: NDArray[np.int64]
    values: NDArray[np.float64]


class Step(NamedTuple):
    """Something a person did, until the next thing (or the end)."""

    commands: list[Command]
    since_ns: int
    until_ns: int


def write_session_test(session: SessionReader, file: Path) -> str:
    """Return the text of a test file that does what a person did, and expects what came of it.

    Raises UsageError for a session in which no person (or test) gave a command.
    """
    steps = list(_steps(session))
    if not steps:
        raise UsageError(
            f"{session.path}: nobody gave a command in this session",
            "record one with: testbed record BENCH --as-test FILE",
        )
    meta = session.meta()
    faults = [event for event in session.events() if event.kind.startswith("fault-")]
    lines = [
        f"async def {function_name(session.path.stem)}(bench):",
        f'    """As recorded in {in_docstring(session.path.name)}."""',
    ]
    measured = list(_measured(session))
    for step in steps:
        lines += _lines(session, step, faults, measured)
    refused = any(_refused(command) for step in steps for command in step.commands)
    imports = _WITH_REFUSALS if refused else ()
    bench_file = Path(str(meta.get("bench_file", "bench.yaml")))
    title = f"What followed when the bench {meta.get('bench')} was run by hand."
    return head(title, file, bench_file, *imports) + "\n\n\n" + "\n".join(lines) + "\n"


def _steps(session: SessionReader) -> Iterator[Step]:
    given = [each for each in session.commands() if not each.requester.startswith(_MACHINES)]
    groups: list[list[Command]] = []
    for command in given:
        if groups and command.time_ns - groups[-1][-1].time_ns <= _TOGETHER_NS:
            groups[-1].append(command)
        else:
            groups.append([command])
    stopped_ns = session.meta().get("stopped_ns")
    end_ns = stopped_ns if isinstance(stopped_ns, int) else session.span()[1]
    ends = [*(group[0].time_ns for group in groups[1:]), end_ns]
    for group, until_ns in zip(groups, ends, strict=False):  # without groups there is an end all the same
        yield Step(group, group[-1].time_ns, until_ns)


def _lines(
    session: SessionReader, step: Step, faults: Sequence[Event], measured: Sequence[Measured]
) -> Iterator[str]:
    for command in step.commands:
        signal = session.signals[command.signal]
        unit = f', "{signal.unit}"' if signal.unit else ""
        give = f"await {handle(signal.path)}.set({number(command.value)}{unit})"
        if _refused(command):
            yield f"    with pytest.raises(CommandNotDone):  # {' '.join(command.reason.split())}"
            yield f"        {give}"
        else:
            yield f"    {give}"
    for event in faults:
        if step.since_ns <= event.time_ns < step.until_ns:
            after = (event.time_ns - step.since_ns) / NS
            yield f"    # {after:.1f} s later in the recording: {' '.join(event.text.split())}"
    followed = sorted(_reactions(measured, step), key=lambda each: -abs(each[1].change) / each[1].tolerance)
    for signal, found in followed[:_MOST]:
        yield f"    await expect({handle(signal.path)}).{_settle(signal, found)}"
    if not followed:
        seconds = (step.until_ns - step.since_ns) / NS
        yield f"    # nothing that was measured came to rest elsewhere within {seconds:.1f} s"


def _refused(command: Command) -> bool:
    return command.outcome not in (Outcome.ACKNOWLEDGED, Outcome.SUPERSEDED)


def _settle(signal: Signal, found: Reaction) -> str:
    within = round_up(max(found.seconds * _PATIENCE, 0.1), 2)
    tolerance = quantity(found.tolerance, difference_unit(signal.unit))
    return f'to_settle({rounded(found.value, found.tolerance)}, within="{within:g} s", tolerance={tolerance})'


def _measured(session: SessionReader) -> Iterator[Measured]:
    """Yield what devices measured, where it was good."""
    derived = Parts.of(session).derived
    for signal in session.signals:
        if signal.writable or signal.path in derived:
            continue
        times, values, qualities = session.series(signal.id)
        column = np.array(values)
        good = (np.frombuffer(qualities, np.uint8) == Quality.GOOD) & np.isfinite(column)
        yield Measured(signal, np.array(times)[good], column[good])


def _reactions(measured: Iterable[Measured], step: Step) -> Iterator[tuple[Signal, Reaction]]:
    for signal, times, values in measured:
        earlier = values[times <= step.since_ns]
        within = (times > step.since_ns) & (times < step.until_ns)
        if not len(earlier) or not within.any():
            continue
        found = reaction((times[within] - step.since_ns) / NS, values[within], float(earlier[-1]))
        if found is not None:
            yield signal, found
