"""What a session came to: verdict, expectations, signals, loops, and the files it was made from."""

from __future__ import annotations

from typing import Any
from xml.etree.ElementTree import Element

from fastapi import Request
from nicegui import ui

from testbed.web.elements import h, show
from testbed.web.house import House

from .shell import about_session, shell, visitor_of


def add(house: House) -> None:
    """Add the page /s/NAME/report."""

    @ui.page("/s/{name}/report")
    async def page(request: Request, name: str) -> None:
        about = await about_session(house, name)
        if about is None:
            return
        summary = await house.archive.summary(name)
        with shell(house, visitor_of(request), about, "Report"):
            _card(None, _verdict(summary, about.meta))
            _card("Expectations", _expectations(summary["expectations"]))
            with ui.element("div").classes("two"):
                _card("Signals", _signals(summary["signals"]))
                with ui.element("div").style("display:grid;gap:16px"):
                    _card("Loops", _loops(summary["loops"]))
                    _card("Commands, events, frames", _counts(summary))


def _card(title: str | None, content: Element) -> None:
    with ui.element("section").classes("card"):
        if title:
            show(h("h2", title))
        show(h("div", content, class_="scroll"))


def _verdict(summary: dict[str, Any], meta: dict[str, Any]) -> Element:
    facts = {
        "started": summary["started"],
        "lasted": f"{summary['duration_s']:.1f} s",
        "mode": meta.get("mode", "real"),
        "seed": meta.get("seed", ""),
        "testbed": meta.get("testbed", ""),
        "commit": str(meta.get("git_commit") or "")[:10],
    }
    return h(
        "div",
        h(
            "h1",
            f"{summary['bench']}: ",
            h("span", summary["verdict"], class_="word", data_is=summary["verdict"]),
        ),
        h(
            "dl",
            *(h("div", h("dt", key), h("dd", str(value))) for key, value in facts.items()),
            class_="facts",
        ),
    )


def _expectations(expectations: list[dict[str, Any]]) -> Element:
    rows = [
        [each["text"], h("span", each["verdict"], class_="word", data_is=each["verdict"]),
         number(each.get("margin")), each.get("unit") or "", each.get("detail") or ""]
        for each in expectations
    ]  # fmt: skip
    return table(("expectation", "verdict", "margin", "", ""), rows)


def _signals(signals: dict[str, Any]) -> Element:
    rows = [
        [path, number(each["last"]), each["unit"], each["quality"], str(each["count"])]
        for path, each in signals.items()
    ]
    return table(("signal", "last", "", "quality", "samples"), rows)


def _loops(loops: dict[str, Any]) -> Element:
    rows = [
        [name, str(each["cycles"]), str(each["overruns"]),
         *(_duration(each[key][share]) for key in ("lateness_us", "latency_us") for share in ("p50", "p99"))]
        for name, each in loops.items()
    ]  # fmt: skip
    heads = ("loop", "cycles", "overruns", "late p50", "p99", "to actuation p50", "p99")
    return table(heads, rows)


def _counts(summary: dict[str, Any]) -> Element:
    rows = [
        [f"{what[:-1]} {name}" if what != "frames" else f"frames of {name}", str(count)]
        for what in ("commands", "events", "frames")
        for name, count in summary[what].items()
    ]
    return table(("", "count"), rows)


def table(heads: tuple[str, ...], rows: list[list[Any]]) -> Element:
    """Return a table; columns of numbers stand to the right."""
    numeric = [_numeric(cell) for cell in rows[0]] if rows else [False] * len(heads)
    head = h(
        "tr",
        *(
            h("th", each, class_="num" if number else None)
            for each, number in zip(heads, numeric, strict=True)
        ),
    )
    body = [
        h("tr", *(h("td", cell, class_="num" if _numeric(cell) else None) for cell in row)) for row in rows
    ]
    return h("table", h("thead", head), h("tbody", *body), class_="list")


def _numeric(cell: object) -> bool:
    return isinstance(cell, str) and cell[:1] in "0123456789-\u2013" and cell != ""


def _duration(us: float | None) -> str:
    if us is None:
        return "\u2013"
    scale, unit = (1, "\u00b5s") if us < 1e3 else (1e3, "ms") if us < 1e6 else (1e6, "s")
    return f"{us / scale:.3g} {unit}"


def number(value: float | None) -> str:
    """Return a number with four digits, a dash for none."""
    return "\u2013" if value is None else f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
