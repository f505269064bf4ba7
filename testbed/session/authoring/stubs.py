"""Writes what an editor and a type checker need to know a bench: its devices and their signals, by name."""

from __future__ import annotations

import json
import keyword
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from .text import in_docstring, is_attribute

if TYPE_CHECKING:
    from testbed.bench import Bench
    from testbed.signals import Signal

_IMPORTED = ("BenchHandle", "DeviceHandle", "ReadableSignal", "WritableSignal", "Literal")

_HEAD = '''"""The bench {name}, for editors and type checkers; made by: testbed new stubs --bench {file}"""

from typing import Literal, overload

from testbed.testing import BenchHandle, DeviceHandle, ReadableSignal, WritableSignal'''


def module_name(bench: str) -> str:
    """Return what the stub of a bench is called when it is imported."""
    name = re.sub(r"\W+", "_", bench).strip("_").lower() or "bench"
    return f"bench_{name}" if name[0].isdigit() or keyword.iskeyword(name) else name


def write_stub(bench: Bench) -> str:
    """Return the text of a stub (.pyi) with a class for each device and one for the bench.

    Names that cannot be attributes in Python are known to bench["..."] only.
    """
    signals: dict[str, list[Signal]] = {}
    for signal in bench.signals:
        signals.setdefault(signal.device, []).append(signal)
    whole = bench_class(bench)
    taken = {*_IMPORTED, whole}
    classes = {device: class_name(device, taken) for device in signals}
    parts = [_HEAD.format(name=in_docstring(bench.name), file=in_docstring(bench.file))]
    for device, of in signals.items():
        members = [(each.name, _kind(each), _told(each)) for each in of]
        parts.append("\n".join(_class(classes[device], "DeviceHandle", members)))
    devices = [(device, classes[device], "") for device in signals]
    parts.append("\n".join(_class(whole, "BenchHandle", devices)))
    return "\n\n".join(parts) + "\n"


def bench_class(bench: Bench) -> str:
    """Return what the class of a bench is called in its stub."""
    return class_name(bench.name, set(_IMPORTED))


def class_name(name: str, taken: set[str]) -> str:
    """Return a class name in camel case that is not taken yet, and take it."""
    base = "".join(word.capitalize() for word in re.split(r"[\W_]+", name)) or "Bench"
    base = f"_{base}" if base[0].isdigit() else base
    found, count = base, 1
    while found in taken or keyword.iskeyword(found):
        count += 1
        found = f"{base}{count}"
    taken.add(found)
    return found


def _class(name: str, base: str, members: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Yield a class; members are (name, type, what it is), as attributes and by name in brackets."""
    listed = list(members)
    yield f"class {name}({base}):"
    for member, kind, told in listed:
        if not is_attribute(member):
            continue
        yield "    @property"
        yield f"    def {member}(self) -> {kind}:" + ("" if told else " ...")
        if told:
            yield f'        """{told}"""'
    for member, kind, _ in listed:
        if len(listed) > 1:
            yield "    @overload"
        yield f"    def __getitem__(self, name: Literal[{json.dumps(member)}]) -> {kind}: ..."


def _kind(signal: Signal) -> str:
    return "WritableSignal" if signal.writable else "ReadableSignal"


def _told(signal: Signal) -> str:
    limits = f", {signal.limits[0]:g} to {signal.limits[1]:g}" if signal.limits else ""
    return in_docstring(
        f"{signal.title or signal.name}{f' in {signal.unit}' if signal.unit else ''}{limits}."
    )
