"""Runs a suite of a user in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from hil_tests.session.compare.memory import RIG
from testbed.session.file import SessionReader


class Suite:
    """A folder with one file of tests."""

    def __init__(self, folder: Path, text: str, bench: Path = RIG) -> None:
        self.folder = folder
        self.bench = bench
        self.write(text)

    def write(self, text: str) -> None:
        (self.folder / "test_suite.py").write_text(text)
        (self.folder / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")

    def run(self, *arguments: str | Path, hil: str | None = "virtual") -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "pytest", "-q", "-W", "error", *map(str, arguments)]
        if hil is not None:
            command += ["--bench", str(self.bench), "--hil", hil]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, cwd=self.folder, timeout=100
        )

    def outcomes(self, *arguments: str | Path, hil: str = "virtual") -> dict[str, str]:
        """Run it and return what became of each test, as the report says."""
        done = self.run(*arguments, "--hil-report", "report.json", hil=hil)
        report = self.folder / "report.json"
        assert report.exists(), done.stdout + done.stderr
        told = json.loads(report.read_text())["tests"]
        return {each["name"].rpartition("::")[2]: each["outcome"] for each in told}

    def session(self, name: str, folder: str = "sessions") -> SessionReader:
        return SessionReader(self.folder / folder / f"test_suite.{name}.session")

    def meta(self, name: str, folder: str = "sessions") -> dict[str, Any]:
        with self.session(name, folder) as session:
            return session.meta()

    def junit(self, name: str = "junit.xml") -> dict[str, dict[str, str]]:
        """Return the properties of each test in a JUnit file."""
        cases = ElementTree.parse(self.folder / name).iter("testcase")  # noqa: S314  (pytest wrote it)
        return {
            str(case.get("name")): {
                str(each.get("name")): str(each.get("value")) for each in case.iter("property")
            }
            for case in cases
        }
