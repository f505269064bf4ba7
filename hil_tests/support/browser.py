"""A real browser, without a window and without a network."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path


def title_in_browser(page: Path, profile: Path) -> str:
    """Return the title of a page once its scripts have run, in a browser that reaches no other host."""
    chromium = shutil.which("chromium")
    assert chromium is not None
    done = subprocess.run(
        [
            chromium, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
            "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1200,20000",
            "--virtual-time-budget=60000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True, encoding="utf-8", timeout=100, check=True,
    )  # fmt: skip
    title = re.search(r"<title>(.*?)</title>", done.stdout)
    assert title is not None, done.stderr
    return title[1].replace("&quot;", '"')
