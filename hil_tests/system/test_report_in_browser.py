"""The report of the demo bench's own tests, in a real browser: what matters is there, and drawn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hil_tests.support.browser import title_in_browser

from .processes import ROOT

HERE = Path(__file__).parent
PROBE = """
const text = (query) => [...document.querySelectorAll(query)].map((each) => each.textContent);
const inked = (chart) => {
  const canvas = chart.ctx.canvas;
  return chart.ctx.getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value > 0);
};
(async () => {
  document.querySelectorAll("article.run > details").forEach((each) => { each.open = true; });
  const wanted = data.tests.reduce((sum, test) => sum + (test.run ? test.run.charts.length : 0), 0);
  // Charts are drawn as they come into view.
  const later = () => new Promise((done) => setTimeout(done, 100));
  for (let turn = 0; turn < 100 && charts.length < wanted; turn++) await later();
  document.title = JSON.stringify({
    verdict: text("h1 #verdict")[0], counts: text("#counts")[0], tests: text("#tests td").join(" | "),
    shown: charts.length, drawn: charts.filter(inked).length,
    matrix: text("#requirements td").join(" | "), sweeps: text("#sweeps h3"), page: document.body.textContent,
  });
})();
"""


@pytest.mark.needs_system("chromium")
def test_the_report_of_the_bench_specification_shows_what_matters(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(HERE / "test_rig.py")]
    command += ["--hil", "virtual", "--session-dir", str(tmp_path / "sessions"), "--hil-report", str(file)]
    command += ["--hil-requirements", str(HERE / "requirements.md")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert done.returncode == 0, done.stdout
    file.write_text(file.read_text().replace("</body>", f"<script>{PROBE}</script></body>"))
    found = json.loads(title_in_browser(file, tmp_path / "profile"))
    assert (found["verdict"], found["counts"]) == ("passed", "8 tests: 8 passed")
    assert found["drawn"] == found["shown"] > 50
    for told in ("test_a_pulled_cable_is_told_at_once_and_mends_itself", "K"):
        assert told in found["tests"]
    assert [
        name for name in ("RIG-1", "RIG-2", "RIG-3", "RIG-4", "RIG-5") if name not in found["matrix"]
    ] == []
    assert "test_it_holds_its_temperature_however_far_the_vent_is_open" in found["sweeps"][0]
    for told in ("rise time", "its cable is pulled", "loop hold", "thermal-rig", "settles at 60 degC"):
        assert told in found["page"], told
