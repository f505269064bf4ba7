"""Outcomes as JUnit XML, which CI servers show (https://github.com/testmoapp/junitxml)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from testbed.session.xml_text import plain

from .outcome import CaseVerdict, Outcome

_SUITE = "testbed replay"
_ELEMENTS = {
    CaseVerdict.DIVERGED: "failure",
    CaseVerdict.DAMAGED: "error",
    CaseVerdict.BROKEN: "error",
}


def write_junit(outcomes: Sequence[Outcome], file: Path) -> None:
    """Write a test suite with a test case for each outcome: diverged is a failure, the rest an error."""
    elements = [_ELEMENTS[outcome.verdict] for outcome in outcomes if not outcome.same]
    totals = {
        "name": _SUITE,
        "tests": str(len(outcomes)),
        "failures": str(elements.count("failure")),
        "errors": str(elements.count("error")),
        "time": f"{sum(outcome.seconds for outcome in outcomes):.3f}",
    }
    suites = ElementTree.Element("testsuites", totals)
    suite = ElementTree.SubElement(suites, "testsuite", totals)
    for outcome in outcomes:
        seconds = f"{outcome.seconds:.3f}"
        case = ElementTree.SubElement(
            suite, "testcase", {"classname": _SUITE, "name": plain(outcome.name), "time": seconds}
        )
        if not outcome.same:
            text = plain(outcome.text)
            told = {"message": (text.splitlines() or [""])[0], "type": outcome.verdict.value}
            ElementTree.SubElement(case, _ELEMENTS[outcome.verdict], told).text = text
    ElementTree.indent(suites)
    ElementTree.ElementTree(suites).write(file, encoding="utf-8", xml_declaration=True)
