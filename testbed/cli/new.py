"""`testbed new DIR`: a bench, a profile and a test of one's own to start from."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from testbed.errors import UsageError

_SCAFFOLD = Path(__file__).parent / "scaffold"


def new(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to make it; must be empty or new.")],
) -> None:
    """Make a bench that runs at once with nothing plugged in: a bench file, a profile, a test."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder", "give another name")
    try:
        for target in _copy(folder):
            typer.echo(str(target))
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}", "give another place") from error
    quoted, bench = (shlex.quote(str(path)) for path in (folder, folder / "bench.yaml"))
    typer.echo(f"\nnow run:\n  testbed run {bench} --emulate all --for 10s\n  pytest {quoted}")


def _copy(folder: Path) -> Iterator[Path]:
    for source in sorted(_SCAFFOLD.rglob("*")):
        if source.is_dir() or "__pycache__" in source.parts:
            continue
        # The test is shipped as .txt, so that no test runner collects it inside the package.
        target = folder / source.relative_to(_SCAFFOLD).with_suffix(
            ".py" if source.suffix == ".txt" else source.suffix
        )
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(source.read_text().replace("my-bench", folder.resolve().name))
        yield target
