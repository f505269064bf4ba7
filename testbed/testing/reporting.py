"""The part of our pytest plugin that writes the report of a run: --hil-report, --hil-requirements.

What it needs of a test travels in pytest's `user_properties`, which reach the main process under xdist
and JUnit XML alike: "session" (path of the recorded session), "requirement" (an id), "parameter NAME",
"blocked" (why a test could not be carried out).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from testbed.errors import TestbedError, UsageError

from .gathered import TestRun
from .requirements import MARKER as VERIFIES
from .requirements import requirements_of
from .sweep import MARKER as SWEPT
from .sweep import parameters_of, short

if TYPE_CHECKING:
    from testbed.session.report import Report, Requirement

_NAME = "testbed-reporter"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add our options."""
    group = parser.getgroup("testbed", "hardware in the loop")
    group.addoption(
        "--hil-report",
        metavar="FILE",
        action="append",
        type=Path,
        default=[],
        help="Write a report of the run: .html (a page that needs nothing else) or .json; may be repeated.",
    )
    group.addoption(
        "--hil-requirements",
        metavar="FILE",
        type=Path,
        help="A list of requirements (.md or .csv): the report traces them to tests (@verifies).",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Know our markers; in the main process, gather what there is to report."""
    for marker in (VERIFIES, SWEPT):
        config.addinivalue_line("markers", marker)
    listed = _listed(config.getoption("--hil-requirements"))
    if listed is not None:
        config.stash[_LISTED] = listed
    files: list[Path] = config.getoption("--hil-report")
    for file in files:
        if file.suffix.lower() not in (".html", ".json"):
            raise pytest.UsageError(f"--hil-report {file}: ends neither in .html nor in .json")
    if files and not hasattr(config, "workerinput"):  # a worker of xdist reports to the main process
        config.pluginmanager.register(Reporter(files, listed or []), _NAME)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Note what each test verifies and was given; a malformed marker is a usage error."""
    known = {each.id for each in config.stash.get(_LISTED, [])}
    for item in items:
        try:
            ids = requirements_of(item)
            if known:
                _check_known(ids, known)
        except UsageError as error:
            raise pytest.UsageError(f"{item.nodeid}: {error}") from None
        item.user_properties += [("requirement", each) for each in ids]
        # Plain values only: under xdist they travel from process to process.
        given = parameters_of(item).items()
        item.user_properties += [(f"parameter {name}", _plain(value)) for name, value in given]


class Reporter:
    """Gathers what came of each test and writes it at the end."""

    def __init__(self, files: list[Path], listed: list[Requirement]) -> None:
        self._files = files
        self._listed = listed
        self._runs: list[TestRun] = []
        self._open: dict[str, TestRun] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take one phase of one test; each set-up begins a run, so that repeated tests are told apart."""
        if report.when == "setup" or report.nodeid not in self._open:
            self._open[report.nodeid] = TestRun(report.nodeid)
            self._runs.append(self._open[report.nodeid])
        self._open[report.nodeid].add(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Count a file that cannot be collected as failed: nobody would miss its tests."""
        if report.failed:
            run = TestRun(report.nodeid or "collection")
            run.failed = True
            run.messages.append(report.longreprtext)
            self._runs.append(run)

    def pytest_terminal_summary(self, terminalreporter: Any, config: pytest.Config) -> None:
        """Write the report and say where it is."""
        from testbed.session.report import Report

        problems: list[str] = []
        report = Report(_title(config), [run.entry(problems) for run in self._runs], self._listed)
        for file in self._files:
            try:
                _write(report, file)
            except TestbedError as error:
                problems.append(str(error))
            else:
                terminalreporter.write_line(f"report: {file}")
        for problem in problems:
            terminalreporter.write_line(f"report: {problem}", red=True)


_LISTED = pytest.StashKey[list["Requirement"]]()


def _listed(file: Path | None) -> list[Requirement] | None:
    if file is None:
        return None
    from testbed.session.report import read_requirements

    try:
        return read_requirements(file)
    except UsageError as error:
        raise pytest.UsageError(f"--hil-requirements: {error}") from None


def _check_known(ids: list[str], known: set[str]) -> None:
    for each in ids:
        if each not in known:
            from testbed.bench import nearest

            raise UsageError(
                f"verifies {each!r}, which the list of requirements has not", nearest(each, known)
            )


def _plain(value: Any) -> int | float | str:
    return value if isinstance(value, (int, float, str)) else short(value)


def _title(config: pytest.Config) -> str:
    return f"Tests of {config.rootpath.name}"


def _write(report: Report, file: Path) -> None:
    from testbed.session.report import write_html, write_json

    if file.suffix.lower() == ".html":
        write_html(report, file)
    else:
        write_json(report, file)
