"""`testbed new`: a bench of one's own to start from, a first test of a bench, types for editors."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from testbed.errors import UsageError

from .bench import read_bench

_SCAFFOLD = Path(__file__).parent / "scaffold"


def new(
    what: Annotated[
        str,
        typer.Argument(
            metavar="DIR|test|stubs",
            help="Where to make a bench (empty or new); or: a first test of a bench, stubs of its types",
        ),
    ],
    file: Annotated[
        Path | None,
        typer.Argument(metavar="[FILE]", help="Where the test or the stubs go; default: by the bench's name"),
    ] = None,
    bench: Annotated[
        Path, typer.Option(metavar="BENCH", help="The bench file that test and stubs are made of")
    ] = Path("bench.yaml"),
) -> None:
    """Make a bench that runs at once with nothing plugged in; or a test of a bench, or types for editors.

    A folder that is to be called test or stubs is written ./test.
    """
    if what == "test":
        _write_test(bench, file)
    elif what == "stubs":
        _write_stubs(bench, file)
    elif file is not None:
        raise UsageError(f"{what}: a new bench is made of nothing but its folder", f"leave out {file}")
    else:
        _make_bench(Path(what))


def _make_bench(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not an empty folder", "give another name")
    try:
        for target in _copy(folder):
            typer.echo(str(target))
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}", "give another place") from error
    quoted, bench = (shlex.quote(str(path)) for path in (folder, folder / "bench.yaml"))
    typer.echo(f"\nnow run:\n  testbed run {bench} --emulate all --for 10s\n  pytest {quoted}")


def _write_test(bench_file: Path, file: Path | None) -> None:
    from testbed.session.authoring import module_name, write_bench_test

    bench = read_bench(bench_file)
    file = file or Path(f"test_{module_name(bench.name)}.py")
    if file.exists():
        raise UsageError(f"{file} exists already, and no test is ever overwritten", "give another name")
    _write(file, write_bench_test(bench, bench_file, file))
    quoted = (shlex.quote(str(path)) for path in (file, bench_file))
    typer.echo("{}\n\nnow run:\n  pytest {} --bench {} --hil virtual".format(file, *quoted))


def _write_stubs(bench_file: Path, file: Path | None) -> None:
    from testbed.session.authoring import bench_class, module_name, write_stub

    bench = read_bench(bench_file)
    file = file or Path(f"{module_name(bench.name)}.pyi")
    if file.suffix != ".pyi":
        raise UsageError(
            f"{file}: types for editors stand in a file that ends in .pyi", f"write {file.stem}.pyi"
        )
    _write(file, write_stub(bench))  # made from the bench file alone: written anew whenever that changes
    name = bench_class(bench)
    typer.echo(f"{file}\n\nin a test:\n  if TYPE_CHECKING:\n      from {file.stem} import {name}")
    typer.echo(f"\n  async def test_it(bench: {name}) -> None:")


def _write(file: Path, text: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}", "give another file") from error


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
