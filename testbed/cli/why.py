"""`testbed why`: the chain behind one command or sample."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from .output import print_json, stdout
from .sessions import AsJson, SessionName

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

    from testbed.session.why import Step

Question = Annotated[
    str,
    typer.Argument(
        metavar="SIGNAL@TIME",
        help="TIME: +12.3s since the start, 14:03:07 or 2026-11-23T14:03:07Z (UTC)",
    ),
]


def why(session: SessionName, question: Question, as_json: AsJson = False) -> None:
    """Explain the last command to a signal, or its last sample, up to a time.

    The bytes, the sample, the twin's view, the loop's terms, the guard's reason, the bytes written.
    """
    from testbed.session.file import SessionReader, find_session
    from testbed.session.file.rows import finite
    from testbed.session.why import explain, read_question

    with SessionReader(find_session(session)) as reader:
        signal, time_ns = read_question(question, reader)
        found = explain(reader, signal, time_ns)
    with stdout():
        if as_json:
            print_json(finite({"session": str(reader.path), **found.as_dict()}))
            return
        from .tables import make_console

        make_console().print(_tree(found))


def _tree(step: Step) -> Tree:
    from rich.tree import Tree

    tree = Tree(_label(step), guide_style="dim")
    for each in step.steps:
        tree.children.append(_tree(each))
    return tree


def _label(step: Step) -> Text:
    from rich.text import Text

    if not step.detail:
        return Text(step.text)
    return Text.assemble(step.text, "\n", (step.detail, "dim"))
