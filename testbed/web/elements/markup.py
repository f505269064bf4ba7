"""HTML and SVG as a tree: all text is escaped when it is written, so none can become markup."""

from __future__ import annotations

from xml.etree.ElementTree import Element, tostring

from nicegui import ui


def h(tag: str, *children: Element | str | None, **attributes: object) -> Element:
    """Return an element; `class_` is class, other underscores are hyphens, None leaves an attribute out."""
    element = Element(
        tag,
        {
            key.rstrip("_").replace("_", "-"): str(value)
            for key, value in attributes.items()
            if value is not None
        },
    )
    last: Element | None = None
    for child in children:
        if child is None:
            continue
        if isinstance(child, str):
            if last is None:
                element.text = (element.text or "") + child
            else:
                last.tail = (last.tail or "") + child
        else:
            element.append(child)
            last = child
    return element


def show(element: Element) -> ui.html:
    """Put the element on the page."""
    return ui.html(tostring(element, encoding="unicode", method="html"), sanitize=False)
