"""Tests as JUnit XML, with margins, measurements and sessions as properties (what pytest calls the same)."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from testbed.errors import UsageError
from testbed.session.results import TestOutcome
from testbed.session.xml_text import plain

from .entry import Entry
from .report import Report

_ELEMENTS = {
    TestOutcome.FAILED: "failure",
    TestOutcome.BLOCKED: "error",  # it says nothing about what was tested, but it must not look like a pass
    TestOutcome.SKIPPED: "skipped",
}


def write_junit(report: Report, file: Path) -> None:
    """Write the report; raises UsageError when the file cannot be written."""
    counts = report.counts
    totals = {
        "name": plain(report.title),
        "tests": str(len(report.entries)),
        "failures": str(counts[TestOutcome.FAILED]),
        "errors": str(counts[TestOutcome.BLOCKED]),
        "skipped": str(counts[TestOutcome.SKIPPED]),
        "time": f"{sum(entry.result.seconds for entry in report.entries):.3f}",
    }
    suites = ElementTree.Element("testsuites", {k: v for k, v in totals.items() if k != "skipped"})
    suite = ElementTree.SubElement(suites, "testsuite", totals)
    for entry in report.entries:
        _add(suite, entry)
    ElementTree.indent(suites)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        ElementTree.ElementTree(suites).write(file, encoding="utf-8", xml_declaration=True)
    except OSError as error:
        hint = "give another file with --junit"
        raise UsageError(f"cannot write {file}: {error.strerror}", hint) from error


def _add(suite: ElementTree.Element, entry: Entry) -> None:
    result = entry.result
    module, _, name = result.name.rpartition("::")
    file, _, group = module.partition("::")
    classname = f"{file.removesuffix('.py')}::{group}".rstrip(":").replace("::", ".").replace("/", ".")
    told = {"classname": plain(classname or "testbed"), "name": plain(name), "time": f"{result.seconds:.3f}"}
    case = ElementTree.SubElement(suite, "testcase", told)
    properties = ElementTree.SubElement(case, "properties")
    for key, value in _properties(entry):
        ElementTree.SubElement(properties, "property", {"name": plain(key), "value": plain(value)})
    if result.outcome in _ELEMENTS:
        text = plain("\n".join([*entry.failures, result.message]).strip())
        message = {"message": (text.splitlines() or [""])[0], "type": result.outcome.value}
        ElementTree.SubElement(case, _ELEMENTS[result.outcome], message).text = text


def _properties(entry: Entry) -> list[tuple[str, str]]:
    found = [] if entry.session is None else [("session", str(entry.session))]
    found += [("requirement", name) for name in entry.result.requirements]
    found += [(f"parameter {name}", str(value)) for name, value in entry.result.parameters.items()]
    for each in entry.result.measurements:
        found.append((each.name, f"{each.value!r} {each.unit}".rstrip()))
    for margin in entry.margins:
        found.append((f"margin of {margin.what}", f"{margin.value!r} {margin.unit}".rstrip()))
    return found
