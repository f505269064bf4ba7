"""Headless Chromium, as Debian ships it, in the hands of Playwright."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
_SLOW_MS = 20_000
expect.set_options(timeout=_SLOW_MS)


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def opened(browser: Browser, address: str, **context: object) -> Iterator[Page]:
    """Open a page; fails when it met an error or asked another server for anything."""
    problems: list[str] = []
    with browser.new_context(**context) as made:  # type: ignore[arg-type]
        page = made.new_page()
        page.set_default_timeout(_SLOW_MS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "request", lambda request: problems.append(request.url) if foreign(request.url, address) else None
        )
        page.goto(address)
        yield page
    assert problems == []


def foreign(url: str, address: str) -> list[str]:
    """Return a request that leaves the page's own server."""
    return [url] if url.startswith("http") and url.split("/")[2] != address.split("/")[2] else []


def picture(page: Page, name: str) -> None:
    """Keep a picture of the page where TESTBED_SCREENSHOTS says, if it does."""
    folder = os.environ.get("TESTBED_SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder, f"{name}.png"), full_page=True)
